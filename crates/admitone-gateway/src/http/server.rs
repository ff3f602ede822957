//! Accepts connections and hands their requests over.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::Peer;
use super::io::ClientIo;

/// Most bytes of a request's head: the longest token that is read, and room for the rest.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Most header lines of a request.
const MAX_HEADERS: usize = 100;

/// How long to wait when the system has no descriptor left for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How connections are taken in, the same for every listener.
#[derive(Clone)]
pub struct Server {
    /// What answers.
    pub router: Router,
    /// What answers when every place is taken.
    pub when_full: Router,
    /// TLS, where this process ends it.
    pub tls: Option<Arc<ServerConfig>>,
    /// How long a TLS handshake, and each request's head, may take.
    pub header_timeout: Duration,
    /// How many connections may be open at once.
    pub places: Arc<Semaphore>,
    /// How many more may ask for the node's health, or be told that it is full.
    pub reserve: Arc<Semaphore>,
    /// The connections' tasks.
    pub tasks: TaskTracker,
    /// Ends the listeners and the idle connections.
    pub shutdown: CancellationToken,
}

impl Server {
    /// Accepts until the shutdown.
    pub async fn serve(self, listener: TcpListener) {
        let server = Arc::new(self);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = server.shutdown.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => server.take_in(stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Past the limit only health is told, so that a full node is not taken for a dead one, and the others are told why not.
    fn take_in(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let (place, router) = match self.places.clone().try_acquire_owned() {
            Ok(place) => (Ok(place), &self.router),
            Err(_) => (self.reserve.clone().try_acquire_owned(), &self.when_full),
        };
        match place {
            Ok(place) => {
                self.tasks.spawn(self.clone().handle(stream, peer, place, router.clone()));
            }
            Err(_) => tracing::warn!("the connection limit is reached: a connection was dropped"),
        }
    }

    async fn handle(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit, router: Router) {
        // Only latency is lost where the option is not supported.
        let _ = stream.set_nodelay(true);
        let io = match &self.tls {
            None => ClientIo::plain(stream, place),
            Some(config) => {
                let accepting = TlsAcceptor::from(config.clone()).accept(stream);
                match tokio::time::timeout(self.header_timeout, accepting).await {
                    Ok(Ok(stream)) => ClientIo::tls(stream, place),
                    _ => return tracing::debug!("a TLS handshake failed"),
                }
            }
        };
        self.answer(io, Peer(peer), router).await;
    }

    async fn answer(&self, io: ClientIo, peer: Peer, router: Router) {
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            router.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .half_close(false)
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}
