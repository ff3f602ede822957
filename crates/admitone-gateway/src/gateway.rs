//! The one place that wires: a configuration becomes a running gateway.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use admitone::admission::Admission;
use admitone::authn::{IssuerError, Verifier};
use admitone::close::CloseCode;
use admitone::revocation::memory::MemoryRevocations;
use admitone::sessions::Sessions;
use admitone::store::memory::{MemoryLimits, MemoryTicketStore};
use admitone::ticket::keys::{KeyError, TicketKeys};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{self, Config};
use crate::http::App;
use crate::http::server::Server;
use crate::routes::Routes;
use crate::upstream::Upstream;

/// How long requests that are under way may take after the drain.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

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
    max_connections: usize,
    drain: Duration,
}

impl Listening {
    fn of(server: &config::Server) -> Self {
        Self {
            tls: server.tls.as_ref().map(|tls| tls.server.clone()),
            header_timeout: server.header_timeout,
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
        Self::on(listeners, config)
    }

    /// Uses listeners that are bound already, whatever the configuration says of addresses.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn on(listeners: Vec<TcpListener>, config: Config) -> Result<Self, StartError> {
        let addresses: Vec<SocketAddr> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let first = addresses.first().copied().unwrap_or(config.server.listen[0]);
        let listening = Listening::of(&config.server);
        let app = Arc::new(wire(config, first)?);
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
            router: self.app.router(),
            tls: self.listening.tls,
            header_timeout: self.listening.header_timeout,
            places: Arc::new(Semaphore::new(self.listening.max_connections)),
            tasks: self.app.tasks.clone(),
            shutdown: end.clone(),
        };
        for listener in self.listeners {
            self.app.tasks.spawn(server.clone().serve(listener));
        }
        let following = self.app.clone();
        let follower = tokio::spawn(async move { following.sessions.follow().await });

        shutdown.await;
        drain(&self.app, self.listening.drain).await;
        end.cancel();
        self.app.tasks.close();
        // What does not end by then is dropped with the runtime.
        let _ = tokio::time::timeout(LAST_REQUESTS, self.app.tasks.wait()).await;
        follower.abort();
    }
}

async fn drain(app: &App, over: Duration) {
    app.draining.store(true, Ordering::Relaxed);
    tracing::info!(sessions = app.sessions.count(), seconds = over.as_secs(), "draining");
    app.sessions.close_gradually(CloseCode::Draining, over).await;
    tracing::info!("drained");
}

fn wire(config: Config, bound: SocketAddr) -> Result<App, StartError> {
    let revocations = Arc::new(MemoryRevocations::default());
    let limits = MemoryLimits { total: config.store.max_tickets, per_subject: config.store.max_tickets_per_subject };
    let store = Arc::new(MemoryTicketStore::new(limits, revocations.clone()));
    let routes = Routes::new(&config);
    let keys = config.tickets.keys.map_or_else(TicketKeys::random, Ok)?;
    Ok(App {
        admission: Admission::new(keys, store, revocations.clone()),
        sessions: Sessions::new(revocations.clone()),
        revocations,
        verifier: Verifier::new(config.issuers)?,
        routes,
        upstreams: config.routes.into_iter().map(upstream).collect(),
        public_url: config.server.public_url_on(bound),
        trusted_proxies: config.server.trusted_proxies,
        default_ttl: config.tickets.ttl,
        service_permission: config.tickets.service_permission,
        draining: AtomicBool::new(false),
        tasks: TaskTracker::new(),
    })
}

fn upstream(route: config::Route) -> (Arc<str>, Upstream) {
    let path = Arc::from(route.path.as_str());
    (path, Upstream::new(route.upstream, route.upstream_tls, route.connect_timeout, route.upgrade_timeout))
}
