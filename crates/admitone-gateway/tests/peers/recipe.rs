//! The configurations of `deploy/`, as they are but for addresses, each run by the program that it is for.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::soon;
use crate::proxy::{Kind, Proxy, named, nginx_with, place};
use crate::secure::{HOST, try_reach, write_pair};

macro_rules! deployed {
    ($file:literal) => {
        include_str!(concat!("../../../../deploy/", $file))
    };
}

/// The gateway's own part of forward-auth.
pub(crate) const GATEWAY: &str = deployed!("forward-auth/admitone.toml");

/// The same behind a proxy that passes sockets through.
pub(crate) const BEHIND_HAPROXY: &str = deployed!("in-front/admitone.toml");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recipe {
    Nginx,
    Caddy,
    Traefik,
    Envoy,
    Haproxy,
}

/// Where the parts of a recipe are in a test.
struct Places {
    listener: SocketAddr,
    gateway: SocketAddr,
    upstream: SocketAddr,
}

impl Recipe {
    /// Runs the program; the upstream is for those that ask the gateway, and do not pass sockets to it.
    pub(crate) async fn run(self, gateway: SocketAddr, upstream: SocketAddr) -> Proxy {
        let (listener, folder) = place(&format!("{self:?}-recipe"));
        write_pair(&folder);
        let command = self.command(&Places { listener, gateway, upstream }, &folder);
        let proxy = Proxy::start(listener, &folder, command).await;
        if self == Self::Traefik {
            soon("the routes are read", async {
                while asked(listener).await != Some(418) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            })
            .await;
        }
        proxy
    }

    fn command(self, places: &Places, folder: &Path) -> Command {
        let write = |name: &str, text: String| {
            std::fs::write(folder.join(name), text).expect("a file");
            folder.join(name)
        };
        let Places { listener, gateway, upstream } = places;
        let usual = [("127.0.0.1:8080", gateway.to_string()), ("127.0.0.1:9000", upstream.to_string())];
        match self {
            Self::Nginx => {
                let listen = ("listen 443 ssl", format!("listen {listener} ssl"));
                let http = changed(&changed(deployed!("forward-auth/nginx.conf"), &usual), &[listen]);
                Kind::Nginx.command(&write("nginx.conf", nginx_with(folder, &http)))
            }
            Self::Caddy => {
                let site = format!(
                    "https://{HOST}:{} {{\n\tbind {}\n\ttls {HOST}.pem {HOST}.key\n",
                    listener.port(),
                    listener.ip()
                );
                let site = changed(
                    &changed(deployed!("forward-auth/Caddyfile"), &usual),
                    &[("\napp.example.com {\n", format!("\n{site}"))],
                );
                let quiet = "{\n\tadmin off\n\tauto_https disable_redirects\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n}\n";
                Kind::Caddy.command(&write("Caddyfile", format!("{quiet}{site}")))
            }
            Self::Traefik => {
                // It listens before it has read its routes: one that answers by itself tells when it has.
                let ready = (
                    "  routers:\n",
                    "  routers:\n    ready:\n      rule: Path(`/ready`)\n      service: noop@internal\n      tls: {}\n"
                        .to_owned(),
                );
                let routes = changed(&changed(deployed!("forward-auth/traefik-routes.yml"), &usual), &[ready]);
                write("traefik-routes.yml", routes);
                let fixed = changed(deployed!("forward-auth/traefik.yml"), &[("\":443\"", listener.to_string())]);
                let quiet = "global:\n  checkNewVersion: false\n  sendAnonymousUsage: false\nlog:\n  level: ERROR\n";
                write("traefik.yml", format!("{fixed}{quiet}"));
                let mut command = Command::new(named("ADMITONE_TRAEFIK"));
                command.arg("--configFile=traefik.yml");
                command
            }
            Self::Envoy => {
                let places = [
                    (
                        "address: 0.0.0.0, port_value: 443",
                        format!("address: {}, port_value: {}", listener.ip(), listener.port()),
                    ),
                    ("port_value: 8080", format!("port_value: {}", gateway.port())),
                    ("port_value: 9000", format!("port_value: {}", upstream.port())),
                ];
                write("envoy.yaml", changed(deployed!("forward-auth/envoy.yaml"), &places));
                let mut command = Command::new(named("ADMITONE_ENVOY"));
                command.args(["-c", "envoy.yaml", "--disable-hot-restart", "--concurrency", "1", "-l", "error"]);
                command
            }
            Self::Haproxy => {
                let places = [("bind :443", format!("bind {listener}")), ("127.0.0.1:8080", gateway.to_string())];
                // An idle socket ends while a test waits for it.
                let idle = [
                    ("timeout tunnel 1h", "timeout tunnel 6s".to_owned()),
                    ("timeout client 30s", "timeout client 2s".to_owned()),
                    ("timeout server 30s", "timeout server 2s".to_owned()),
                ];
                let text = changed(&changed(deployed!("in-front/haproxy.cfg"), &places), &idle);
                Kind::Haproxy.command(&write("haproxy.cfg", text))
            }
        }
    }
}

/// What a proxy that may not be ready answers.
async fn asked(listener: SocketAddr) -> Option<u16> {
    let mut connection = try_reach(Ipv4Addr::LOCALHOST, listener).await.ok()?;
    let request = format!("GET /ready HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// The text with other places in it, each of which it has.
pub(crate) fn changed(text: &str, places: &[(&str, String)]) -> String {
    places.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the recipe has {from}");
        text.replace(from, to)
    })
}
