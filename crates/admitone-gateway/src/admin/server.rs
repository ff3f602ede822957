//! Accepts operators' connections.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::http::Peer;

/// How long a TLS handshake, and each request's head, may take.
const HEAD_LIMIT: Duration = Duration::from_secs(5);

/// Connections at once.
const PLACES: usize = 64;

/// How long to wait when the system has no descriptor left for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How operators' connections are taken in.
#[derive(Clone)]
pub struct AdminServer {
    router: Router,
    tls: Option<Arc<ServerConfig>>,
    places: Arc<Semaphore>,
    ending: CancellationToken,
}

impl AdminServer {
    /// Answers with `router` until `ending`.
    #[must_use]
    pub fn new(router: Router, tls: Option<Arc<ServerConfig>>, ending: CancellationToken) -> Self {
        Self { router, tls, places: Arc::new(Semaphore::new(PLACES)), ending }
    }

    /// Accepts until the end.
    pub async fn serve(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.ending.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Ok(place) = self.places.clone().try_acquire_owned() else { continue };
                    let server = self.clone();
                    tokio::spawn(async move {
                        server.handle(stream, Peer(peer)).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept an operator's connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn handle(self, stream: TcpStream, peer: Peer) {
        match self.tls.clone() {
            None => self.answer(stream, peer).await,
            Some(config) => {
                let accepting = TlsAcceptor::from(config).accept(stream);
                match tokio::time::timeout(HEAD_LIMIT, accepting).await {
                    Ok(Ok(stream)) => self.answer(stream, peer).await,
                    _ => tracing::debug!("an operator's TLS handshake failed"),
                }
            }
        }
    }

    async fn answer(self, io: impl AsyncRead + AsyncWrite + Send + Unpin, peer: Peer) {
        let service = service_fn(|mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            self.router.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .half_close(false)
            .serve_connection(TokioIo::new(io), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.ending.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "an operator's connection ended badly");
        }
    }
}
