//! The server behind a route: dialled first, asked to upgrade only once a ticket has been redeemed.
//!
//! [`Upstream::dial`] opens TCP and TLS and writes not one byte of a request; [`Dialed::upgrade`] writes the request and
//! hands the connection out only for a 101 that answers exactly this request.

mod address;
mod answer;
mod io;
mod request;
mod resolve;
mod tls;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::Error as IoError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use admitone::admission::Authentic;
use admitone::sessions::Session;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

pub use address::{Address, AddressError};
pub use io::UpstreamIo;
pub use request::{HeaderLines, UpgradeHead};
pub use tls::{TlsConfigError, tls_config};

use resolve::Resolver;

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

/// Why an upstream that was reached did not upgrade. What it sent goes nowhere.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The upgrade timeout passed before the answer's head was complete.
    #[error("no answer to the upgrade within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// A complete answer, other than 101.
    #[error("answered the upgrade with {status}")]
    Refused {
        /// The answer's status.
        status: StatusCode,
    },
    /// An answer that is not HTTP, or a 101 that is not the answer to this request (RFC 6455 §4.1).
    #[error("bad answer to the upgrade: {why}")]
    BadAnswer {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The request's own parts cannot be written as HTTP; nothing was sent.
    #[error("the upgrade request cannot be written: {what} has a forbidden byte")]
    BadHead {
        /// The part at fault.
        what: &'static str,
    },
    /// The connection failed.
    #[error("the connection failed during the upgrade: {0}")]
    Io(#[from] IoError),
}

/// One upstream, and how long it may take. Shared by all connections of a route.
#[derive(Debug)]
pub struct Upstream {
    address: Arc<Address>,
    tls: Arc<ClientConfig>,
    resolver: Resolver,
    connect_timeout: Duration,
    upgrade_timeout: Duration,
}

impl Upstream {
    /// `connect_timeout` covers name resolution, TCP and TLS; `upgrade_timeout` runs from the request's first byte to the
    /// last of the answer's head. `tls` is used when the address says so.
    #[must_use]
    pub fn new(address: Address, tls: Arc<ClientConfig>, connect_timeout: Duration, upgrade_timeout: Duration) -> Self {
        let resolver = Resolver::new(address.host(), address.port());
        Self { address: Arc::new(address), tls, resolver, connect_timeout, upgrade_timeout }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Connects, without a byte of a request, for a credential that is genuine: a forged ticket costs no dial. Every address that the host's name has is tried in turn.
    ///
    /// # Errors
    /// [`DialError`], within the connect timeout.
    pub async fn dial(&self, _genuine: &Authentic) -> Result<Dialed, DialError> {
        let deadline = Instant::now() + self.connect_timeout;
        let late = |_| DialError::Timeout(self.connect_timeout);
        let addresses = timeout_at(deadline, self.resolver.addresses()).await.map_err(late)?;
        let addresses = addresses.map_err(DialError::Resolve)?;
        let tcp = match connect_any(&addresses, deadline).await {
            Ok(tcp) => tcp,
            Err(error) => {
                self.resolver.forget(&addresses);
                return Err(error.map_or_else(|| DialError::Timeout(self.connect_timeout), DialError::Connect));
            }
        };
        let io = match self.address.server_name() {
            None => UpstreamIo::Plain(tcp),
            Some(name) => {
                let handshake = TlsConnector::from(Arc::clone(&self.tls)).connect(name.clone(), tcp);
                let stream = timeout_at(deadline, handshake).await.map_err(late)?.map_err(DialError::Tls)?;
                UpstreamIo::Tls(Box::new(stream))
            }
        };
        Ok(Dialed { io, address: Arc::clone(&self.address), upgrade_timeout: self.upgrade_timeout })
    }
}

/// Tries the addresses in turn, each with an equal share of what is left of the time, so that one that answers nothing
/// does not use up the others'. `Err(None)` is a timeout.
async fn connect_any(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, Option<IoError>> {
    let mut last = None;
    for (index, address) in addresses.iter().enumerate() {
        let remaining = deadline.saturating_duration_since(Instant::now());
        // Names have a handful of addresses; a cast that saturates would only make shares smaller.
        let share = remaining / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        match timeout(share, connect(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = Some(error),
            Err(_) => {}
        }
    }
    Err(last)
}

async fn connect(address: SocketAddr) -> Result<TcpStream, IoError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
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
    /// [`UpgradeError`], within the upgrade timeout. The connection is gone then, and with it whatever the upstream sent
    /// behind its answer.
    pub async fn upgrade(mut self, head: &UpgradeHead<'_>, _redeemed: &Session) -> Result<Upgraded, UpgradeError> {
        let request = head.encode(&self.address)?;
        let exchange = answer::exchange(&mut self.io, &request, head.key);
        let (headers, ahead) = match timeout(self.upgrade_timeout, exchange).await {
            Ok(answered) => answered?,
            Err(_) => return Err(UpgradeError::Timeout(self.upgrade_timeout)),
        };
        Ok(Upgraded { io: self.io, headers, ahead })
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
