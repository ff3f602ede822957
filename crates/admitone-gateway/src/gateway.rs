//! The one place that wires: a configuration becomes a running gateway.

mod reload;
mod rollouts;
mod wiring;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use admitone::authn::IssuerError;
use admitone::close::CloseCode;
use admitone::ticket::keys::KeyError;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin::server::AdminServer;
use crate::admin::{Admin, Lifeline};
use crate::audit::{Event, What};
use crate::config::{self, Config, RevocationGap};
use crate::http::App;
use crate::http::present::{Present, Serving};
use crate::http::server::Server;
use crate::keepalive::Keepalive;
use crate::stores::StoreError;
use crate::summary;
use crate::traces::Sender;
use reload::{Reloading, Watched};
pub use rollouts::LockedOut;
use wiring::wire;

/// Connections past the limit that are still answered: probes, and refusals.
const RESERVE: usize = 64;

/// Connections past an address's limit that are told so.
const REFUSALS: usize = 64;

/// The pause between two beats: shorter than the limits of requests and dials.
const BEAT: Duration = Duration::from_millis(200);

/// How long requests that are under way may take after the drain.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

/// How long the last audit lines, and the last traces, may take to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// With `revocation_gap = "close"`: how long revocations may be silent before sessions are closed, and how long that takes.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);
const CLOSING_AFTER_SILENCE: Duration = Duration::from_secs(10);

/// Over how long sessions are closed that nothing governs any more, where the drain would take longer.
const CLOSING_UNGOVERNED: Duration = Duration::from_secs(1);

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A listen address cannot be had.
    #[error("cannot listen on {address}: {error}{}", mend(.key, .error))]
    Listen {
        /// The key that names it.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        error: io::Error,
    },
    /// The ticket keys.
    #[error("ticket keys: {0}")]
    Keys(#[from] KeyError),
    /// The audit file.
    #[error("the audit file cannot be opened: {0} (name a file in a folder that the gateway's user can write to)")]
    Audit(io::Error),
    /// The system gave no random bytes for the key that signs assertions.
    #[error("assertion key: the system gave no random bytes")]
    AssertionKey,
    /// The store.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// An issuer.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// A rollout that was kept.
    #[error(transparent)]
    Rollout(#[from] LockedOut),
}

/// A part that governs sessions has panicked: what it would have closed stays open, so the gateway ends.
#[derive(Debug, thiserror::Error)]
#[error(
    "a part that governs sessions has failed, as the panic before this line says: all sockets were closed (please report it)"
)]
pub struct Ungoverned;

fn mend(key: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(" (another program has this port: stop it, or choose another in {key})"),
        io::ErrorKind::PermissionDenied => " (ports below 1024 need a privilege: choose a higher one)".to_owned(),
        io::ErrorKind::AddrNotAvailable => " (this machine does not have that address)".to_owned(),
        _ => String::new(),
    }
}

/// A gateway that has its listeners and is ready to run.
#[derive(Debug)]
pub struct Gateway {
    app: Arc<App>,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    listening: Listening,
    admin: Option<Operators>,
    /// What posts traces, where there are any.
    traces: Option<Sender>,
    /// What reads the configuration again, where that is wanted.
    watched: Option<Watched>,
}

/// The operators' listener.
#[derive(Debug)]
struct Operators {
    config: config::Admin,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
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
            tls: server.tls.as_ref().map(config::Tls::offering_http_2),
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
        let listeners = bind("server.listen", &config.server.listen).await?;
        Self::on(listeners, config).await
    }

    /// Uses listeners that are bound already, whatever the configuration says of addresses.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn on(listeners: Vec<TcpListener>, config: Config) -> Result<Self, StartError> {
        let operated = match &config.admin {
            Some(admin) => bind("admin.listen", &admin.listen).await?,
            None => Vec::new(),
        };
        Self::operated_on(listeners, operated, config).await
    }

    /// The same, with those for operators bound too, where the configuration has an operators' listener.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn operated_on(
        listeners: Vec<TcpListener>,
        operated: Vec<TcpListener>,
        mut config: Config,
    ) -> Result<Self, StartError> {
        let addresses = addresses(&listeners);
        let first = addresses.first().copied().unwrap_or(config.server.listen[0]);
        let listening = Listening::of(&config.server);
        let admin = config.admin.take().map(|admin| Operators::on(operated, admin));
        let (app, traces) = wire(config, first, admin.is_some()).await?;
        Ok(Self { app: Arc::new(app), traces, listeners, addresses, listening, admin, watched: None })
    }

    /// Has the configuration read again from this file whenever it changes, or on SIGHUP, while the gateway runs. One that is
    /// wrong is refused as a whole; one that is right closes no socket. SIGHUP is heard from now on, on a runtime of tokio's.
    #[must_use]
    pub fn reloading(self, file: &Path) -> Self {
        Self { watched: Some(Watched::new(file)), ..self }
    }

    /// The addresses that operators are listened to on; none where there is no listener for them.
    #[must_use]
    pub fn admin_addresses(&self) -> &[SocketAddr] {
        self.admin.as_ref().map_or(&[], |admin| &admin.addresses)
    }

    /// The addresses it listens on.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `shutdown`, then drains: not ready, live sockets closed over the drain time, and at the end nothing left.
    ///
    /// # Errors
    ///
    /// [`Ungoverned`], after a drain of a second at most.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Ungoverned> {
        let (end, ordered) = (CancellationToken::new(), CancellationToken::new());
        let present = Arc::new(Present::new(Serving::new(self.app.clone(), self.listening.tls)));
        if let Some(admin) = self.admin {
            admin.serve(&present, Lifeline { drain: ordered.clone(), ending: end.clone() });
        }
        let server = Server {
            present: present.clone(),
            header_timeout: self.listening.header_timeout,
            keepalive: self.listening.keepalive,
            places: Arc::new(Semaphore::new(self.listening.max_connections)),
            reserve: Arc::new(Semaphore::new(RESERVE)),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            tasks: self.app.tasks.clone(),
            shutdown: end.clone(),
        };
        let posted = CancellationToken::new();
        let posting = self.traces.map(|traces| tokio::spawn(traces.run(posted.clone())));
        let mut governing = JoinSet::new();
        let app = self.app.clone();
        let keys = governing.spawn(async move { app.logins.follow_keys().await });
        governing.spawn(summary::keep_telling(present.clone()));
        if let Some(watched) = self.watched {
            governing.spawn(Reloading::new(watched, present, keys).run());
        }
        for listener in self.listeners {
            self.app.tasks.spawn(server.clone().serve(listener));
        }
        reopen_audit_on_hangup(&self.app);
        governing.spawn(beat());
        governing.spawn(follow_revocations(self.app.clone()));
        governing.spawn(self.app.control.clone().follow());
        governing.spawn(rollouts::follow(self.app.rollouts.clone()));
        let app = self.app.clone();
        governing.spawn(async move { app.sessions.keep_leases().await });

        let (ended, over) = tokio::select! {
            () = shutdown => (Ok(()), self.listening.drain),
            () = ordered.cancelled() => (Ok(()), self.listening.drain),
            lost = lost(&mut governing) => (Err(lost), self.listening.drain.min(CLOSING_UNGOVERNED)),
        };
        drain(&self.app, over).await;
        end.cancel();
        self.app.tasks.close();
        // What does not end by then is dropped with the runtime.
        let _ = tokio::time::timeout(LAST_REQUESTS, self.app.tasks.wait()).await;
        self.app.audit.flush(LAST_LINES).await;
        posted.cancel();
        if let Some(posting) = posting {
            // A receiver that does not answer holds nobody up.
            let _ = tokio::time::timeout(LAST_LINES, posting).await;
        }
        ended
    }
}

impl Operators {
    fn on(listeners: Vec<TcpListener>, config: config::Admin) -> Self {
        Self { addresses: addresses(&listeners), listeners, config }
    }

    fn serve(self, present: &Arc<Present>, life: Lifeline) {
        let (tls, ending) = (self.config.tls.as_ref().map(|tls| tls.server.clone()), life.ending.clone());
        let admin = Arc::new(Admin::new(present.clone(), self.config, &self.addresses, life));
        let server = AdminServer::new(admin.router(), tls, ending);
        for listener in self.listeners {
            present.app().tasks.spawn(server.clone().serve(listener));
        }
    }
}

async fn bind(key: &'static str, addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, StartError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for &address in addresses {
        let bound = TcpListener::bind(address).await;
        listeners.push(bound.map_err(|error| StartError::Listen { key, address, error })?);
    }
    Ok(listeners)
}

fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
}

/// Opens the audit file again whenever a hangup is signalled: whoever rotates it has moved it away by then.
fn reopen_audit_on_hangup(app: &Arc<App>) {
    match signal(SignalKind::hangup()) {
        Ok(mut hangups) => {
            let app = Arc::downgrade(app);
            tokio::spawn(async move {
                while hangups.recv().await.is_some() {
                    let Some(app) = app.upgrade() else { return };
                    app.audit.reopen();
                }
            });
        }
        Err(error) => tracing::warn!(%error, "cannot listen for hangups: the audit file is not opened again"),
    }
}

/// Wakes the timers a few times a second. A timer that is due before all others interrupts the wait for sockets, with a system
/// call and a wake-up; beside this one, the limits of requests and dials never are.
async fn beat() {
    let mut beat = tokio::time::interval(BEAT);
    loop {
        beat.tick().await;
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

/// Waits until one of them has panicked. One that a reload has replaced is not missed.
async fn lost(governing: &mut JoinSet<()>) -> Ungoverned {
    loop {
        match governing.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                tracing::error!(
                    "a part that governs sessions has panicked: all sockets are closed, and the gateway ends"
                );
                return Ungoverned;
            }
            Some(_) => {}
            None => return std::future::pending().await,
        }
    }
}

async fn drain(app: &App, over: Duration) {
    app.draining.store(true, Ordering::Relaxed);
    let sessions = app.sessions.count() as u64;
    tracing::info!(sessions, seconds = over.as_secs(), "draining");
    app.audit.tell_beside_log(&Event { count: Some(sessions), ..Event::new(What::Draining) });
    app.sessions.close_gradually(CloseCode::Draining, over).await;
    tracing::info!("drained");
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_governing_part_that_panics_is_missed_and_one_that_is_replaced_or_ends_is_not() {
        let mut governing = JoinSet::new();
        governing.spawn(pending());
        governing.spawn(ready(()));
        governing.spawn(pending()).abort();
        let mut lost = pin!(lost(&mut governing));
        tokio::task::yield_now().await;
        assert!(lost.as_mut().now_or_never().is_none());
    }

    #[tokio::test]
    async fn whoever_waits_hears_of_the_panic() {
        let mut governing = JoinSet::new();
        governing.spawn(pending());
        governing.spawn(async { panic!("on purpose") });
        let Ungoverned = lost(&mut governing).await;
    }
}
