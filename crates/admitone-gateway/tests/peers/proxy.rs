//! Real proxies on free ports of 127.0.0.1.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::client::soon;
use crate::ports;
use crate::tokens::FOLDER;

const NGINX: &str = "/usr/sbin/nginx";
const HAPROXY: &str = "/usr/sbin/haproxy";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
    Caddy,
}

/// A running proxy, ended with the test.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Proxy {
    /// Starts one before `server` and waits until it listens.
    pub(crate) async fn before(kind: Kind, server: SocketAddr) -> Self {
        Self::before_as(kind, server, str::to_owned).await
    }

    /// The same, with something changed in its configuration.
    pub(crate) async fn before_as(kind: Kind, server: SocketAddr, change: impl Fn(&str) -> String) -> Self {
        let (address, folder) = place(&format!("{kind:?}"));
        let configuration = folder.join("configuration");
        std::fs::write(&configuration, change(&kind.configuration(address, server, &folder))).expect("a file");
        Self::start(address, &folder, kind.command(&configuration)).await
    }

    /// Starts a program that listens at `address`, in its folder.
    pub(crate) async fn start(address: SocketAddr, folder: &Path, mut command: Command) -> Self {
        command.current_dir(folder).env("HOME", folder).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
        let proxy = Self { address, child };
        soon("the proxy listens", async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Kind {
    /// The program, reading this.
    pub(crate) fn command(self, configuration: &Path) -> Command {
        let (program, before): (PathBuf, &[&str]) = match self {
            Self::Nginx => (NGINX.into(), &["-e", "stderr", "-c"]),
            Self::Haproxy => (HAPROXY.into(), &["-q", "-db", "-f"]),
            Self::Caddy => (named("ADMITONE_CADDY"), &["run", "--adapter", "caddyfile", "--config"]),
        };
        let mut command = Command::new(program);
        command.args(before).arg(configuration);
        command
    }

    /// What such a proxy's own guide says for WebSockets, and no more.
    fn configuration(self, address: SocketAddr, server: SocketAddr, folder: &Path) -> String {
        match self {
            Self::Nginx => nginx(address, server, folder),
            Self::Haproxy => format!(
                "defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n  \
                 timeout tunnel 1h\n  option forwardfor\nfrontend front\n  bind {address}\n  default_backend back\n\
                 backend back\n  server one {server}\n"
            ),
            Self::Caddy => format!(
                "{{\n  admin off\n  auto_https off\n  persist_config off\n  log {{\n    level ERROR\n  }}\n}}\n\
                 http://:{} {{\n  bind {}\n  reverse_proxy {server}\n}}\n",
                address.port(),
                address.ip()
            ),
        }
    }
}

fn nginx(address: SocketAddr, server: SocketAddr, folder: &Path) -> String {
    nginx_with(
        folder,
        &format!(
            "  access_log off;\n  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}\n  \
             server {{\n    listen {address};\n    \
             location / {{\n      proxy_pass http://{server};\n      proxy_http_version 1.1;\n      \
             proxy_set_header Upgrade $http_upgrade;\n      proxy_set_header Connection $connection_upgrade;\n      \
             proxy_set_header Host $host;\n      \
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n    }}\n  }}\n"
        ),
    )
}

/// A whole configuration around what belongs into `http`, which keeps to the folder.
pub(crate) fn nginx_with(folder: &Path, http: &str) -> String {
    let folder = folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|name| format!("  {name}_temp_path {folder}/{name};\n")).concat();
    format!("daemon off;\nmaster_process off;\npid {folder}/pid;\nevents {{}}\nhttp {{\n{temporary}{http}}}\n")
}

/// The program that a variable names.
pub(crate) fn named(variable: &str) -> PathBuf {
    let named = std::env::var_os(variable);
    named.unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test --only peers`")).into()
}

/// A free address, and a folder for what listens there.
pub(crate) fn place(name: &str) -> (SocketAddr, PathBuf) {
    let port = ports::claim();
    let folder = FOLDER.join(format!("{name}-{port}"));
    std::fs::create_dir_all(&folder).expect("a folder of its own");
    ((Ipv4Addr::LOCALHOST, port).into(), folder)
}
