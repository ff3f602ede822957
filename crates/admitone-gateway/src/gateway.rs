//! The one place that wires: a configuration becomes a running gateway.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use admitone::admission::Admission;
use admitone::authn::{IssuerError, Verifier};
use admitone::close::CloseCode;
use admitone::sessions::Sessions;
use admitone::ticket::keys::{KeyError, TicketKeys};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::assertion::{Assertions, SigningKey};
use crate::config::{self, Config, JwtFallback, RevocationGap, StoreKind, WebOrigin};
use crate::http::App;
use crate::http::readiness::Readiness;
use crate::http::server::Server;
use crate::keepalive::Keepalive;
use crate::limits::Limits;
use crate::logins::Logins;
use crate::metrics::Metrics;
use crate::routes::Routes;
use crate::stores::{StoreError, Stores};
use crate::upstream::{Sockets, Upstream};

/// Connections past the limit that are still answered: probes, and refusals.
const RESERVE: usize = 64;

/// Connections past an address's limit that are told so.
const REFUSALS: usize = 64;

/// How long requests that are under way may take after the drain.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

/// With `revocation_gap = "close"`: how long revocations may be silent before sessions are closed, and how long that takes.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);
const CLOSING_AFTER_SILENCE: Duration = Duration::from_secs(10);

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A listen address cannot be had.
    #[error("cannot listen on {address}: {error}{}", mend(.error))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        error: io::Error,
    },
    /// The ticket keys.
    #[error("ticket keys: {0}")]
    Keys(#[from] KeyError),
    /// The system gave no random bytes for the key that signs assertions.
    #[error("assertion key: the system gave no random bytes")]
    AssertionKey,
    /// The store.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// An issuer.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

fn mend(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => " (another program has this port: stop it, or choose another in server.listen)",
        io::ErrorKind::PermissionDenied => " (ports below 1024 need a privilege: choose a higher one)",
        io::ErrorKind::AddrNotAvailable => " (this machine does not have that address)",
        _ => "",
    }
}

/// A gateway that has its listeners and is ready to run.
#[derive(Debug)]
pub struct Gateway {
    app: Arc<App>,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    listening: Listening,
}

/// How connections are taken in and let go.
#[derive(Debug)]
struct Listening {
    tls: Option<Arc<ServerConfig>>,
    header_timeout: Duration,
    keepalive: Keepalive,
    max_connections: usize,
    drain: Duration,
}

impl Listening {
    fn of(server: &config::Server) -> Self {
        Self {
            tls: server.tls.as_ref().map(|tls| tls.server.clone()),
            header_timeout: server.header_timeout,
            keepalive: Keepalive::after(server.keepalive),
            max_connections: server.max_connections,
            drain: server.drain,
        }
    }
}

impl Gateway {
    /// Takes the configured addresses.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing is left listening.
    pub async fn bind(config: Config) -> Result<Self, StartError> {
        let mut listeners = Vec::with_capacity(config.server.listen.len());
        for &address in &config.server.listen {
            let bound = TcpListener::bind(address).await;
            listeners.push(bound.map_err(|error| StartError::Listen { address, error })?);
        }
        Self::on(listeners, config).await
    }

    /// Uses listeners that are bound already, whatever the configuration says of addresses.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn on(listeners: Vec<TcpListener>, config: Config) -> Result<Self, StartError> {
        let addresses: Vec<SocketAddr> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let first = addresses.first().copied().unwrap_or(config.server.listen[0]);
        let listening = Listening::of(&config.server);
        let app = Arc::new(wire(config, first).await?);
        Ok(Self { app, listeners, addresses, listening })
    }

    /// The addresses it listens on.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `shutdown`, then drains: not ready, live sockets closed over the drain time, and at the end nothing left.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let end = CancellationToken::new();
        let server = Server {
            app: self.app.clone(),
            router: self.app.router(),
            when_full: self.app.router_when_full(),
            when_over: self.app.router_when_over(),
            tls: self.listening.tls,
            header_timeout: self.listening.header_timeout,
            keepalive: self.listening.keepalive,
            places: Arc::new(Semaphore::new(self.listening.max_connections)),
            reserve: Arc::new(Semaphore::new(RESERVE)),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            tasks: self.app.tasks.clone(),
            shutdown: end.clone(),
        };
        for listener in self.listeners {
            self.app.tasks.spawn(server.clone().serve(listener));
        }
        let follower = tokio::spawn(follow_revocations(self.app.clone()));
        let app = self.app.clone();
        let lessee = tokio::spawn(async move { app.sessions.keep_leases().await });

        shutdown.await;
        drain(&self.app, self.listening.drain).await;
        end.cancel();
        self.app.tasks.close();
        // What does not end by then is dropped with the runtime.
        let _ = tokio::time::timeout(LAST_REQUESTS, self.app.tasks.wait()).await;
        follower.abort();
        lessee.abort();
    }
}

/// Closes what revocations cover, and, where that is wanted, everything while none could arrive.
async fn follow_revocations(app: Arc<App>) {
    match app.gap {
        RevocationGap::Keep => app.sessions.follow().await,
        RevocationGap::Close => {
            let close = app.sessions.close_when_cut_off(LONGEST_SILENCE, CLOSING_AFTER_SILENCE);
            tokio::join!(app.sessions.follow(), close);
        }
    }
}

async fn drain(app: &App, over: Duration) {
    app.draining.store(true, Ordering::Relaxed);
    tracing::info!(sessions = app.sessions.count(), seconds = over.as_secs(), "draining");
    app.sessions.close_gradually(CloseCode::Draining, over).await;
    tracing::info!("drained");
}

async fn wire(config: Config, bound: SocketAddr) -> Result<App, StartError> {
    let gap = match &config.store.kind {
        StoreKind::Redis(redis) => redis.revocation_gap,
        _ => RevocationGap::Keep,
    };
    let routes = Routes::new(&config);
    let any_fallback = config.routes.iter().any(|route| route.jwt_fallback != JwtFallback::Deny);
    let keys = config.tickets.keys.map_or_else(TicketKeys::random, Ok)?;
    let public_url = config.server.public_url_on(bound);
    let keepalive = Keepalive::after(config.server.keepalive);
    let assertions = assertions(config.assertion, &public_url)?;
    let metrics = Arc::new(Metrics::new());
    let stores = Stores::open(config.store, &keys).await?;
    let Stores { kind, tickets, revocations, directory } = stores.measured(&metrics);
    let (node, admission) = (node_name(bound), Admission::new(keys, tickets.clone(), revocations.clone()));
    Ok(App {
        admission: admission.on_node(&node).with_directory(directory.clone()),
        sessions: Sessions::new(revocations.clone()).listed_in(directory, &node),
        readiness: Readiness::new(kind, tickets, revocations.clone(), any_fallback),
        revocations,
        limits: Limits::new(&config.limits, &metrics),
        metrics,
        gap,
        logins: Logins::new(Verifier::new(config.issuers)?),
        routes,
        upstreams: config.routes.into_iter().map(|route| upstream(route, &keepalive)).collect(),
        assertions,
        public_url,
        trusted_proxies: config.server.trusted_proxies,
        default_ttl: config.tickets.ttl,
        service_permission: config.tickets.service_permission,
        draining: AtomicBool::new(false),
        tasks: TaskTracker::new(),
    })
}

/// The configured keys, or where assertions are wanted and there are none, one that nobody else has.
fn assertions(config: config::Assertion, public_url: &WebOrigin) -> Result<Option<Assertions>, StartError> {
    let mut keys = config.keys.into_iter();
    let first = match keys.next() {
        None if !config.is_wanted => return Ok(None),
        None => SigningKey::generate().map_err(|_| StartError::AssertionKey)?,
        Some(first) => first,
    };
    Ok(Some(Assertions::new(public_url.as_str(), first, keys.collect())))
}

/// A name that no other node has: random, as a restarted node is another one.
fn node_name(bound: SocketAddr) -> String {
    format!("{bound}-{:016x}", RandomState::new().hash_one(std::process::id()))
}

fn upstream(route: config::Route, keepalive: &Keepalive) -> (Arc<str>, Upstream) {
    let path = Arc::from(route.path.as_str());
    let upstream = Upstream::new(route.upstream, route.upstream_tls, route.connect_timeout, route.upgrade_timeout);
    let sockets = Sockets::new(route.bind_addresses, keepalive.clone());
    (path, upstream.and_at(route.more_upstreams).over(sockets))
}
