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
    launch(folder, |address| configuration(folder, address, "", &server(upstream, ""))).await
}

/// The same, and asks `authenticator` before each request, over connections that are kept.
pub(crate) async fn asking(
    folder: &Path,
    upstream: SocketAddr,
    authenticator: SocketAddr,
) -> Result<(Process, SocketAddr), Failure> {
    let asks = "auth_request /authenticate;\n            auth_request_set $subject $upstream_http_x_subject;\n            \
                proxy_set_header X-Subject $subject;";
    let rest = format!(
        r#"{}
        location = /authenticate {{
            internal;
            proxy_pass http://authenticator;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }}"#,
        server(upstream, asks)
    );
    let kept = format!("upstream authenticator {{ server {authenticator}; keepalive 32; }}");
    launch(folder, |address| configuration(folder, address, &kept, &rest)).await
}

async fn launch(folder: &Path, text: impl FnOnce(SocketAddr) -> String) -> Result<(Process, SocketAddr), Failure> {
    let address = free_port()?;
    let file = folder.join("nginx.conf");
    std::fs::write(&file, text(address))?;
    let errors = folder.join("nginx.log");
    let arguments = ["-e".as_ref(), errors.as_os_str(), "-c".as_ref(), file.as_os_str()];
    let mut process = Process::start(SERVER, Path::new(PROGRAM), arguments)?;
    process.listens(address).await.map_err(|error| format!("nginx: {error}"))?;
    Ok((process, address))
}

/// Proxies WebSockets.
fn server(upstream: SocketAddr, more: &str) -> String {
    format!(
        r#"location / {{
            {more}
            proxy_pass http://{upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
        }}"#
    )
}

/// The defaults, one process, no access log.
fn configuration(folder: &Path, address: SocketAddr, upstreams: &str, locations: &str) -> String {
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
    {upstreams}
    server {{
        listen {address};
        {locations}
    }}
}}
"#
    )
}
