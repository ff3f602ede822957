//! The server behind a route: dialled first, asked for anything only once a ticket has been redeemed.
//!
//! [`Upstream::dial`] opens TCP and TLS and writes not one byte of a request; [`Dialed::upgrade`] writes the request and
//! hands the connection out only for a 101 that answers exactly this request, [`Dialed::stream`] only for an event stream.

mod address;
mod answer;
mod io;
mod request;
mod resolve;
mod server;
mod sockets;
mod stream;
mod tls;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::Error as IoError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use admitone::admission::Authentic;
use admitone::sessions::Session;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

pub use address::{Address, AddressError};
pub use io::UpstreamIo;
pub use request::{HeaderLines, UpgradeHead};
pub use sockets::Sockets;
pub use stream::{Events, Streamed};
pub use tls::{TlsConfigError, tls_config};

use server::Server;

/// Why an upstream could not be reached. Nothing of a request has been sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The host's name did not resolve.
    #[error("the name does not resolve: {0}")]
    Resolve(#[source] IoError),
    /// No address took the connection; the last one's reason.
    #[error("no address takes a connection: {0}")]
    Connect(#[source] IoError),
    /// The TLS handshake failed, for instance because the certificate is not this host's.
    #[error("TLS: {0}")]
    Tls(#[source] IoError),
    /// The connect timeout passed.
    #[error("no connection within {} ms", .0.as_millis())]
    Timeout(Duration),
}

impl DialError {
    /// The word in metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Resolve(_) => "unresolved",
            Self::Connect(_) => "unreachable",
            Self::Tls(_) => "tls",
            Self::Timeout(_) => "timeout",
        }
    }
}

/// Why an upstream that was reached did not do what it was asked. What it sent goes nowhere.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The upgrade timeout passed before the answer's head was complete.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// A complete answer, other than the one that was asked for.
    #[error("answered with {status}")]
    Refused {
        /// The answer's status.
        status: StatusCode,
    },
    /// An answer that is not HTTP, a 101 that is not the answer to this request (RFC 6455 §4.1), or no event stream.
    #[error("bad answer: {why}")]
    BadAnswer {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The request's own parts cannot be written as HTTP; nothing was sent.
    #[error("the request cannot be written: {what} has a forbidden byte")]
    BadHead {
        /// The part at fault.
        what: &'static str,
    },
    /// The connection failed.
    #[error("the connection failed before the answer: {0}")]
    Io(#[from] IoError),
}

/// The server behind a route, or several that are alike, and how long it may take. Shared by all connections of a route.
#[derive(Debug)]
pub struct Upstream {
    /// At least one.
    servers: Vec<Server>,
    turn: AtomicUsize,
    tls: Arc<ClientConfig>,
    sockets: Sockets,
    connect_timeout: Duration,
    upgrade_timeout: Duration,
}

impl Upstream {
    /// `connect_timeout` covers name resolution, TCP and TLS; `upgrade_timeout` runs from the request's first byte to the
    /// last of the answer's head. `tls` is used when the address says so.
    #[must_use]
    pub fn new(address: Address, tls: Arc<ClientConfig>, connect_timeout: Duration, upgrade_timeout: Duration) -> Self {
        let (servers, turn) = (vec![Server::new(address)], AtomicUsize::default());
        Self { servers, turn, tls, sockets: Sockets::default(), connect_timeout, upgrade_timeout }
    }

    /// The same at more addresses: they are dialled in turn, and each in place of one that cannot be reached.
    #[must_use]
    pub fn and_at(mut self, addresses: impl IntoIterator<Item = Address>) -> Self {
        self.servers.extend(addresses.into_iter().map(Server::new));
        self
    }

    /// With connections made this way.
    #[must_use]
    pub fn over(self, sockets: Sockets) -> Self {
        Self { sockets, ..self }
    }

    /// Connects, without a byte of a request, for a credential that is genuine: a forged ticket costs no dial. Every server is
    /// tried, those that could just not be reached after the others, and every address that its name has.
    ///
    /// # Errors
    /// [`DialError`] of the last that was tried, within the connect timeout.
    pub async fn dial(&self, _genuine: &Authentic) -> Result<Dialed, DialError> {
        let deadline = Instant::now() + self.connect_timeout;
        let mut last = DialError::Timeout(self.connect_timeout);
        let in_turn = self.in_turn();
        for (index, server) in in_turn.iter().enumerate() {
            let remaining = deadline.saturating_duration_since(Instant::now());
            let share = remaining / u32::try_from(in_turn.len() - index).unwrap_or(u32::MAX);
            match self.dial_one(server, Instant::now() + share).await {
                Ok(io) => {
                    server.answered();
                    let address = Arc::clone(&server.address);
                    return Ok(Dialed { io, address, upgrade_timeout: self.upgrade_timeout });
                }
                Err(error) => {
                    server.failed();
                    last = error;
                }
            }
        }
        Err(last)
    }

    fn in_turn(&self) -> Vec<&Server> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % self.servers.len().max(1);
        let (before, from) = self.servers.split_at(first);
        let mut servers: Vec<&Server> = from.iter().chain(before).collect();
        servers.sort_by_key(|server| server.is_passed_over());
        servers
    }

    async fn dial_one(&self, server: &Server, deadline: Instant) -> Result<UpstreamIo, DialError> {
        let late = |_| DialError::Timeout(self.connect_timeout);
        let addresses = timeout_at(deadline, server.resolver.addresses()).await.map_err(late)?;
        let addresses = addresses.map_err(DialError::Resolve)?;
        let tcp = match self.sockets.connect_any(&addresses, deadline).await {
            Ok(tcp) => tcp,
            Err(error) => {
                server.resolver.forget(&addresses);
                return Err(error.map_or_else(|| DialError::Timeout(self.connect_timeout), DialError::Connect));
            }
        };
        let Some(name) = server.address.server_name() else { return Ok(UpstreamIo::Plain(tcp)) };
        let handshake = TlsConnector::from(Arc::clone(&self.tls)).connect(name.clone(), tcp);
        let stream = timeout_at(deadline, handshake).await.map_err(late)?.map_err(DialError::Tls)?;
        Ok(UpstreamIo::Tls(Box::new(stream)))
    }
}

/// A connection to an upstream that has seen nothing of the request yet.
pub struct Dialed {
    io: UpstreamIo,
    address: Arc<Address>,
    upgrade_timeout: Duration,
}

impl Dialed {
    /// Sends the upgrade request and reads the head of the answer. The session is the proof that what the request presented
    /// has been redeemed: no byte of it reaches an upstream before.
    ///
    /// # Errors
    /// [`AnswerError`], within the upgrade timeout. The connection is gone then, and with it whatever the upstream sent
    /// behind its answer.
    pub async fn upgrade(mut self, head: &UpgradeHead<'_>, _redeemed: &Session) -> Result<Upgraded, AnswerError> {
        let request = head.encode(&self.address)?;
        let exchange = answer::exchange(&mut self.io, &request, head.key);
        let (headers, ahead) = match timeout(self.upgrade_timeout, exchange).await {
            Ok(answered) => answered?,
            Err(_) => return Err(AnswerError::Timeout(self.upgrade_timeout)),
        };
        Ok(Upgraded { io: self.io, headers, ahead })
    }

    /// Asks for an event stream with `GET`, the client's `query` and these headers, and reads the head of the answer: the same
    /// proof, and the same limits.
    ///
    /// # Errors
    /// [`AnswerError`], within the upgrade timeout. The connection is gone then.
    pub async fn stream(
        self,
        query: Option<&str>,
        headers: &HeaderLines,
        _redeemed: &Session,
    ) -> Result<Streamed, AnswerError> {
        let request = stream::request(&self.address, query, headers)?;
        match timeout(self.upgrade_timeout, stream::exchange(self.io, request)).await {
            Ok(answered) => answered,
            Err(_) => Err(AnswerError::Timeout(self.upgrade_timeout)),
        }
    }
}

impl fmt::Debug for Dialed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialed").field("address", &self.address).finish_non_exhaustive()
    }
}

/// An upgraded connection.
pub struct Upgraded {
    /// The connection, behind the answer's head and `ahead`.
    pub io: UpstreamIo,
    /// The answer's headers.
    pub headers: HeaderMap,
    /// What was read behind the answer's head: the first bytes of the upstream's frames.
    pub ahead: Bytes,
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").field("ahead", &self.ahead.len()).finish_non_exhaustive()
    }
}
