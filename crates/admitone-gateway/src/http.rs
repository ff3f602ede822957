//! The public listener: what it answers, each request a function that reads top to bottom.

mod admit;
mod aliases;
mod answer;
mod backchannel;
pub(crate) mod body;
mod client;
mod connect;
mod conversation;
mod direct;
mod endpoint;
mod endpoints;
mod event_stream;
mod extended;
mod fields;
mod forward;
mod forwarded;
#[cfg(fuzzing)]
pub mod fuzzing;
mod handshake;
mod head;
mod headers;
mod health;
mod io;
mod key_set;
mod limiting;
mod login;
mod logout;
mod mint;
mod multiplexed;
mod openapi;
pub mod present;
mod problem;
mod public_config;
pub mod readiness;
mod refuse;
mod renew;
mod replay;
mod reply;
mod rollout;
pub mod server;
mod session;
mod session_record;
pub(crate) mod shadow;
mod shape;
pub(crate) mod telling;
mod tickets;
mod verify;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use admitone::admission::Admission;
use admitone::control::Control;
use admitone::now::Now;
use admitone::revocation::Revocations;
use admitone::rollout::Rollouts;
use admitone::sessions::Sessions;
use admitone::store::roster::Roster;
use axum::Router;
use axum::http::Version;
use axum::routing::get;
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use self::endpoint::Reach;
pub use self::forwarded::ForwardedError;
pub use self::head::HeadError;
use self::readiness::Readiness;
pub use self::telling::RequestNames;
use self::telling::Teller;
use crate::assertion::Assertions;
use crate::audit::Audit;
use crate::config::{Aliases, Network, RevocationGap, WebOrigin};
use crate::limits::{Limits, Over, Place};
use crate::logins::Logins;
use crate::metrics::Metrics;
use crate::rejection::Rejection;
use crate::routes::{Route, Routes};
use crate::traces::Traces;
use crate::upstream::Upstream;

/// All that requests are answered with. Made in one place, [`Gateway`](crate::gateway::Gateway).
pub struct App {
    /// Mints and redeems.
    pub admission: Arc<Admission>,
    /// What is live here.
    pub sessions: Arc<Sessions>,
    /// This node among the others: renews and closes wherever a session lives.
    pub control: Arc<Control>,
    /// Takes back.
    pub revocations: Arc<dyn Revocations>,
    /// Who gets tickets.
    pub rollouts: Arc<Rollouts>,
    /// Lets so many tickets be rehearsed at once.
    pub rehearsals: Arc<Semaphore>,
    /// Where nodes say how they are.
    pub roster: Arc<dyn Roster>,
    /// This node's name in records and audit lines.
    pub node: String,
    /// The first address that it listens on.
    pub bound: SocketAddr,
    /// What keeps tickets single across failovers, where the store is shared.
    pub fence: Option<&'static str>,
    /// Names for requests.
    pub request_names: Arc<RequestNames>,
    /// The identifiers of the configured issuers.
    pub issuers: Vec<String>,
    /// Who was connected, and why that ended.
    pub audit: Arc<Audit>,
    /// How long each step of a request took, where that is told.
    pub traces: Option<Arc<Traces>>,
    /// What is counted and timed.
    pub metrics: Arc<Metrics>,
    /// What becomes of open sessions while no revocation could reach them.
    pub gap: RevocationGap,
    /// What one address, subject or ticket may take.
    pub limits: Arc<Limits>,
    /// Who is logged in.
    pub logins: Arc<Logins>,
    /// Paths and policies.
    pub routes: Routes,
    /// Where each route's sockets lead, by path; nowhere, where only proxies ask.
    pub upstreams: HashMap<Arc<str>, Upstream>,
    /// Tells upstreams who was admitted, signed, where a route or the configuration says so.
    pub assertions: Option<Arc<Assertions>>,
    /// The origin that clients reach the gateway by.
    pub public_url: WebOrigin,
    /// The proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// How long tickets live by default.
    pub default_ttl: Duration,
    /// The wire of an older ticket system, where it is on.
    pub aliases: Option<Aliases>,
    /// The description of the endpoints, once somebody has asked for it.
    pub openapi: OnceLock<Bytes>,
    /// What a login has to hold to ask about other people's tickets.
    pub service_permission: Option<String>,
    /// What the gateway can do at the moment.
    pub readiness: Arc<Readiness>,
    /// Shutting down.
    pub draining: Arc<AtomicBool>,
    /// The connections' tasks, which a shutdown waits for.
    pub tasks: TaskTracker,
}

impl App {
    /// The answers of the public listener.
    pub fn router(self: &Arc<Self>) -> Router {
        // The layer goes around the refusal of other methods too, or it would answer preflights.
        let for_pages = endpoints::router(self, Reach::Pages)
            .method_not_allowed_fallback(async || Rejection::Method)
            .layer(axum::middleware::from_fn_with_state(self.clone(), limiting::logins))
            .layer(headers::cors(self));
        let for_servers = endpoints::router(self, Reach::Servers)
            .layer(axum::middleware::from_fn_with_state(self.clone(), limiting::logins));
        endpoints::router(self, Reach::Machines)
            .merge(for_servers)
            .method_not_allowed_fallback(async || Rejection::Method)
            .merge(for_pages)
            .fallback(connect::elsewhere)
            .layer(axum::middleware::from_fn_with_state(Teller::public(self), telling::endpoint))
            .layer(axum::middleware::map_response_with_state(self.clone(), headers::secure_response))
            .with_state(self.clone())
    }

    /// The answers when every place is taken: health, and refusals that end their connection.
    pub fn router_when_full(self: &Arc<Self>) -> Router {
        self.router_refusing(|| Rejection::Overloaded)
    }

    /// The answers to an address that has taken every place of its own.
    pub fn router_when_over(self: &Arc<Self>) -> Router {
        self.router_refusing(|| Over::CONNECTIONS.into())
    }

    fn router_refusing(self: &Arc<Self>, refusal: fn() -> Rejection) -> Router {
        Router::new()
            .fallback(async move || refusal())
            .layer(headers::cors(self))
            .route("/healthz", get(health::live))
            .route("/readyz", get(health::ready))
            .layer(axum::middleware::map_response(headers::last))
            .layer(axum::middleware::from_fn_with_state(Teller::public(self), telling::endpoint))
            .layer(axum::middleware::map_response_with_state(self.clone(), headers::secure_response))
            .with_state(self.clone())
    }

    /// The route at exactly this path that leads somewhere: one that only proxies ask about does not.
    fn route_with_upstream(&self, path: &str) -> Option<&Arc<Route>> {
        self.routes.find(path).filter(|route| self.upstreams.contains_key(&route.path))
    }

    /// Whether forwarding headers of the peer at `address` are believed.
    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }

    /// A place for a connection among those of its address; none for a proxy, which speaks for many.
    fn place_of_peer(&self, peer: Peer) -> Result<Option<Place>, Over> {
        let address = peer.0.ip();
        if self.trusts(address) { Ok(None) } else { self.limits.connection(address, Now::read().instant).map(Some) }
    }

    /// The same for a session whose connection has none for it: behind a proxy, where the address is known by what the proxy
    /// says, and where many of them share a connection.
    fn place_of_session(&self, peer: Peer, address: IpAddr, version: Version) -> Result<Option<Place>, Over> {
        let has_one = version != Version::HTTP_2 && !self.trusts(peer.0.ip());
        if has_one { Ok(None) } else { self.limits.connection(address, Now::read().instant).map(Some) }
    }

    fn check_not_draining(&self) -> Result<(), Rejection> {
        if self.draining.load(Ordering::Relaxed) { Err(Rejection::Draining) } else { Ok(()) }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("routes", &self.routes).field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

/// The other end of the TCP connection that a request came by.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);
