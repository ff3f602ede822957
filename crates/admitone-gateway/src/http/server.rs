//! Accepts connections and hands their requests over.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Peer;
use super::conversation::{Answers, Conversation, Limits, Standing};
use super::io::{ClientIo, Places};
use super::multiplexed;
use super::present::Present;
use crate::config::HTTP_2;
use crate::keepalive::Keepalive;

/// How long to wait when the system has no descriptor left for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How connections are taken in, the same for every listener.
#[derive(Clone)]
pub struct Server {
    /// What admits and answers, and by which certificate.
    pub present: Arc<Present>,
    /// How long a TLS handshake, and each request's head, may take.
    pub header_timeout: Duration,
    /// How a client that went away is noticed.
    pub keepalive: Keepalive,
    /// How many connections may be open at once.
    pub places: Arc<Semaphore>,
    /// How many more may ask for the node's health, or be told that it is full.
    pub reserve: Arc<Semaphore>,
    /// How many more may be told that their address has too many.
    pub refusals: Arc<Semaphore>,
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

    fn take_in(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        if let Some((places, standing)) = self.places(peer) {
            self.tasks.spawn(self.clone().handle(stream, Peer(peer), places, standing));
        }
    }

    /// Past the limit only health is told, so that a full node is not taken for a dead one, and the others are told why not. Of
    /// an address past its own limit so few are told that those who are within theirs keep their places.
    fn places(&self, peer: SocketAddr) -> Option<(Places, Standing)> {
        let of_address = match self.present.app().place_of_peer(Peer(peer)) {
            Ok(place) => place,
            Err(over) => {
                let refusal = self.refusals.clone().try_acquire_owned().ok()?;
                return Some((Places { _of_all: refusal, _of_address: None }, Standing::Over(over)));
            }
        };
        let (of_all, standing) = match self.places.clone().try_acquire_owned() {
            Ok(place) => (place, Standing::Admitted),
            Err(_) => match self.reserve.clone().try_acquire_owned() {
                Ok(place) => (place, Standing::Full),
                Err(_) => {
                    tracing::warn!("the connection limit is reached: a connection was dropped");
                    return None;
                }
            },
        };
        Some((Places { _of_all: of_all, _of_address: of_address }, standing))
    }

    async fn handle(self: Arc<Self>, stream: TcpStream, peer: Peer, places: Places, standing: Standing) {
        // Only latency is lost where the option is not supported.
        let _ = stream.set_nodelay(true);
        self.keepalive.set_on(&stream);
        let serving = self.present.load();
        let (io, speaks_http_2) = match &serving.tls {
            None => (ClientIo::plain(stream, places), false),
            Some(config) => match Box::pin(self.accept_tls(config.clone(), stream)).await {
                Some(stream) => {
                    let speaks_http_2 = stream.get_ref().1.alpn_protocol() == Some(HTTP_2);
                    (ClientIo::tls(stream, places), speaks_http_2)
                }
                None => return tracing::debug!("a TLS handshake failed"),
            },
        };
        let answers = Answers { present: self.present.clone(), serving, standing };
        let limits = Limits { header_timeout: self.header_timeout, shutdown: self.shutdown.clone() };
        let conversation = async {
            if speaks_http_2 {
                Box::pin(multiplexed::serve(io, peer, answers, self.places.clone(), &limits)).await;
            } else {
                Conversation::new(io, peer, answers).run(&limits).await;
            }
        };
        if AssertUnwindSafe(conversation).catch_unwind().await.is_err() {
            self.present.app().metrics.panicked();
        }
    }

    async fn accept_tls(&self, config: Arc<ServerConfig>, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let accepting = TlsAcceptor::from(config).accept(stream);
        tokio::time::timeout(self.header_timeout, accepting).await.ok()?.ok()
    }
}
