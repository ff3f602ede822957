//! The operators' listener: metrics, live sessions, revoking, the rollout, draining, and the events as they happen.
//!
//! It has a port of its own and shares nothing with the public one: whoever reaches the public listener reaches none of
//! this. Every caller has to know the secret, whatever address they come from.

mod events;
mod fields;
mod guard;
mod login;
mod page;
mod revoke;
mod rollout;
pub mod server;
mod sessions;
mod status;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::http::App;
use crate::http::present::Present;
use crate::rejection::Rejection;

use login::Logins;

/// Event streams that may be open at once.
const MOST_FOLLOWERS: usize = 16;

/// What the operators' listener answers with.
#[derive(Debug)]
pub struct Admin {
    present: Arc<Present>,
    secret: config::AdminSecret,
    /// Every `Host` that is answered, and the origin of its pages.
    hosts: Vec<Host>,
    is_https: bool,
    logins: Logins,
    followers: Arc<Semaphore>,
    /// Begins the shutdown.
    drain: CancellationToken,
    /// Ends the streams.
    ending: CancellationToken,
}

#[derive(Debug)]
struct Host {
    name: String,
    origin: String,
}

/// What the listener needs of the gateway's life.
#[derive(Clone, Debug)]
pub struct Lifeline {
    /// Cancelled here to begin the shutdown.
    pub drain: CancellationToken,
    /// Cancelled by the gateway when everything is to end.
    pub ending: CancellationToken,
}

impl Admin {
    fn app(&self) -> Arc<App> {
        self.present.app()
    }

    /// For listeners that are bound to `addresses`.
    #[must_use]
    pub fn new(present: Arc<Present>, config: config::Admin, addresses: &[SocketAddr], life: Lifeline) -> Self {
        let is_https = config.tls.is_some();
        let of_address = addresses.iter().flat_map(|address| {
            let localhost = address.ip().is_loopback().then(|| format!("localhost:{}", address.port()));
            std::iter::once(address.to_string()).chain(localhost)
        });
        let scheme = if is_https { "https" } else { "http" };
        let host = |name: String| Host { origin: format!("{scheme}://{name}"), name };
        Self {
            present,
            secret: config.secret,
            hosts: of_address.chain(config.hosts).map(host).collect(),
            is_https,
            logins: Logins::default(),
            followers: Arc::new(Semaphore::new(MOST_FOLLOWERS)),
            drain: life.drain,
            ending: life.ending,
        }
    }

    /// The answers.
    pub fn router(self: &Arc<Self>) -> Router {
        let guarded = Router::new()
            .route("/metrics", get(status::metrics))
            .route("/admin/api/status", get(status::status))
            .route("/admin/api/sessions", get(sessions::sessions))
            .route("/admin/api/revoke", post(revoke::revoke))
            .route("/admin/api/rollout", get(rollout::show).post(rollout::change))
            .route("/admin/api/close", post(sessions::close))
            .route("/admin/api/drain", post(status::drain))
            .route("/admin/api/events", get(events::events))
            .route("/admin/api/audit", get(events::recent))
            .route("/admin/logout", post(login::logout))
            .fallback(async || Rejection::NoSuchPath)
            .method_not_allowed_fallback(async || Rejection::Method)
            .layer(axum::middleware::from_fn_with_state(self.clone(), guard::check_caller));
        Router::new()
            .route("/admin/login", get(login::is_signed_in).post(login::login))
            .merge(page::router())
            .method_not_allowed_fallback(async || Rejection::Method)
            .merge(guarded)
            .layer(axum::middleware::from_fn_with_state(self.clone(), guard::check_request))
            .layer(axum::middleware::from_fn_with_state(self.clone(), guard::tell))
            .with_state(self.clone())
    }
}
