//! What `admitone demo` runs: the gateway as `serve` runs it, and on loopback beside it an issuer for two canned people, an
//! agent chat as upstream, and the page.

pub mod chat;
mod id;
pub mod issuer;
mod page;
mod ports;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use http::HeaderValue;
use http::header::InvalidHeaderValue;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Config, Faults};
use crate::gateway::{Gateway, StartError, Ungoverned};
use chat::Pace;
use issuer::{AUDIENCE, GenerateError, Issuer};
use page::Page;

/// The path of the demo's only route.
const ROUTE: &str = "/chat";

/// How long a part may take to end by itself.
const ENDING: Duration = Duration::from_secs(1);

/// Why the demo did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// Its issuer logs anybody in, so nobody else may reach it.
    #[error("the demo listens on loopback only, and {0} is not a loopback address; use 127.0.0.1 or ::1")]
    NotLoopback(IpAddr),
    /// No port is free.
    #[error("the demo needs five free ports from {first} on, and found fewer: {error}")]
    Ports {
        /// The first that was tried.
        first: u16,
        /// The system's reason for the last.
        error: io::Error,
    },
    /// The issuer.
    #[error(transparent)]
    Issuer(#[from] GenerateError),
    /// The demo's own configuration.
    #[error("the demo's configuration: {0}")]
    Config(#[from] Faults),
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] StartError),
    /// An address does not fit into a header.
    #[error(transparent)]
    Header(#[from] InvalidHeaderValue),
}

impl DemoError {
    /// The exit status of the command: 2 when it was asked for something that it never does.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::NotLoopback(_) => 2,
            _ => 1,
        }
    }
}

/// Where the parts listen.
#[derive(Clone, Serialize)]
pub struct Addresses {
    /// The page: what a person opens.
    pub page: String,
    /// The gateway.
    pub gateway: String,
    /// The development issuer.
    pub issuer: String,
    /// The agent chat: a socket URL.
    pub upstream: String,
    /// The operators' page.
    pub admin: String,
    /// What it asks for; it lasts as long as the demo.
    pub admin_secret: String,
}

/// A demo that has its listeners and is ready to run.
pub struct Demo {
    addresses: Addresses,
    gateway: Gateway,
    issuer: (TcpListener, Issuer),
    chat: TcpListener,
    page: (TcpListener, Page),
    page_origin: HeaderValue,
}

impl Demo {
    /// Takes ports from `port` on, skipping busy ones; 0 takes any.
    ///
    /// # Errors
    ///
    /// [`DemoError`]; nothing is left listening.
    pub async fn start(host: IpAddr, port: u16) -> Result<Self, DemoError> {
        if !host.is_loopback() {
            return Err(DemoError::NotLoopback(host));
        }
        let [page, gateway, issuer, chat, admin] = ports::take(host, port).await?;
        let addresses = Addresses {
            page: origin(&page),
            gateway: origin(&gateway),
            issuer: origin(&issuer),
            upstream: origin(&chat).replacen("http", "ws", 1),
            admin: format!("{}/admin/", origin(&admin)),
            admin_secret: id::random(),
        };
        let identity = Issuer::generate(&addresses.issuer)?;
        let config = configuration(&addresses, identity.public_key_pem());
        let mut config = Config::parse(&config, "demo.toml", Path::new(""), [])?;
        config.admin = Some(config::Admin::on_loopback(&addresses.admin_secret));
        Ok(Self {
            page_origin: HeaderValue::from_str(&addresses.page)?,
            page: (page, Page::new(&addresses)?),
            gateway: Gateway::operated_on(vec![gateway], vec![admin], config).await?,
            issuer: (issuer, identity),
            chat,
            addresses,
        })
    }

    /// Where the parts listen.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Runs everything until `shutdown`.
    ///
    /// # Errors
    ///
    /// As the gateway's.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Ungoverned> {
        let end = CancellationToken::new();
        let (issuer_listener, issuer) = self.issuer;
        let (page_listener, page) = self.page;
        let ending = || end.clone().cancelled_owned();
        let issuer = axum::serve(issuer_listener, issuer.router(self.page_origin)).with_graceful_shutdown(ending());
        let page = axum::serve(page_listener, page.router()).with_graceful_shutdown(ending());
        let parts = [
            tokio::spawn(async { report(issuer.await) }),
            tokio::spawn(async { report(page.await) }),
            tokio::spawn(chat::serve(self.chat, Pace::Watchable, ending())),
        ];
        let ended = self.gateway.run(shutdown).await;
        end.cancel();
        for part in parts {
            let stop = part.abort_handle();
            if tokio::time::timeout(ENDING, part).await.is_err() {
                stop.abort();
            }
        }
        ended
    }
}

fn report(served: io::Result<()>) {
    if let Err(error) = served {
        tracing::error!(%error, "a part of the demo ended");
    }
}

fn origin(listener: &TcpListener) -> String {
    // A listener that was just bound has an address.
    let address = listener.local_addr().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
    format!("http://{address}")
}

/// What an operator would write for the same gateway.
fn configuration(addresses: &Addresses, public_key: &str) -> String {
    let Addresses { page, gateway, issuer, upstream, .. } = addresses;
    let listen = gateway.trim_start_matches("http://");
    format!(
        r#"
[server]
listen = "{listen}"
drain_seconds = 0

[log]
format = "text"

[[issuers]]
name = "development"
issuer = "{issuer}"
audience = "{AUDIENCE}"
algorithms = "ES256"
public_key = """
{public_key}"""

[[routes]]
path = "{ROUTE}"
upstream = "{upstream}{ROUTE}"
origins = ["{page}"]
jwt_fallback = "allow"
"#
    )
}
