//! How connections to upstreams are made.

use std::io::{Error, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::keepalive::Keepalive;

/// Connects, from which addresses of this machine and with which options.
#[derive(Debug, Default)]
pub struct Sockets {
    sources: Vec<IpAddr>,
    keepalive: Keepalive,
    turn: AtomicUsize,
}

impl Sockets {
    /// From `sources` in turn, those of the family that is connected to; without one, from any.
    #[must_use]
    pub fn new(sources: Vec<IpAddr>, keepalive: Keepalive) -> Self {
        Self { sources, keepalive, turn: AtomicUsize::default() }
    }

    /// Tries the addresses in turn, each with an equal share of what is left of the time, so that one that answers nothing
    /// does not use up the others'. `Err(None)` is a timeout.
    pub(super) async fn connect_any(
        &self,
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Result<TcpStream, Option<Error>> {
        let mut last = None;
        for (index, address) in addresses.iter().enumerate() {
            let remaining = deadline.saturating_duration_since(Instant::now());
            // Names have a handful of addresses; a cast that saturates would only make shares smaller.
            let share = remaining / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
            match timeout(share, self.connect(*address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = Some(error),
                Err(_) => {}
            }
        }
        Err(last)
    }

    async fn connect(&self, to: SocketAddr) -> Result<TcpStream, Error> {
        let sources: Vec<IpAddr> =
            self.sources.iter().copied().filter(|source| source.is_ipv4() == to.is_ipv4()).collect();
        let stream =
            if sources.is_empty() { TcpStream::connect(to).await? } else { self.connect_from(&sources, to).await? };
        stream.set_nodelay(true)?;
        self.keepalive.set_on(&stream);
        Ok(stream)
    }

    /// One source after another, as long as those before have no port left.
    async fn connect_from(&self, sources: &[IpAddr], to: SocketAddr) -> Result<TcpStream, Error> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut last = None;
        for at in 0..sources.len() {
            let source = sources[first.wrapping_add(at) % sources.len()];
            match connect_from(source, to).await {
                Err(error) if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable) => {
                    last = Some(error);
                }
                connected => return connected,
            }
        }
        Err(last.unwrap_or_else(|| ErrorKind::AddrNotAvailable.into()))
    }
}

async fn connect_from(source: IpAddr, to: SocketAddr) -> Result<TcpStream, Error> {
    let socket = if source.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Else a port that is in use toward one upstream would be taken toward all of them.
    socket.set_reuseaddr(true)?;
    socket.bind((source, 0).into())?;
    socket.connect(to).await
}
