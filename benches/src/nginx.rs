//! nginx as a peer: it proxies WebSockets and authenticates nobody.

use std::net::SocketAddr;
use std::path::Path;

use crate::Failure;
use crate::place::SERVER;
use crate::process::{Process, free_port};

/// Where Debian puts it.
pub(crate) const PROGRAM: &str = "/usr/sbin/nginx";

/// Starts it before `upstream`, with its files in `folder`.
pub(crate) async fn start(folder: &Path, upstream: SocketAddr) -> Result<(Process, SocketAddr), Failure> {
    let address = free_port()?;
    let file = folder.join("nginx.conf");
    std::fs::write(&file, configuration(folder, address, upstream))?;
    let errors = folder.join("nginx.log");
    let arguments = ["-e".as_ref(), errors.as_os_str(), "-c".as_ref(), file.as_os_str()];
    let mut process = Process::start(SERVER, Path::new(PROGRAM), arguments)?;
    process.listens(address).await.map_err(|error| format!("nginx: {error}"))?;
    Ok((process, address))
}

/// The defaults, one process, no access log.
fn configuration(folder: &Path, address: SocketAddr, upstream: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        r#"
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 18000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {address};
        location / {{
            proxy_pass http://{upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
        }}
    }}
}}
"#
    )
}
