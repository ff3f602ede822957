//! TCP keepalive: how a peer that went away without a word is noticed.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// How often a peer that answers no probe is asked before it counts as gone.
const PROBES: u32 = 4;

/// The keepalive of connections; none by default.
#[derive(Clone, Debug, Default)]
pub struct Keepalive(Option<TcpKeepalive>);

impl Keepalive {
    /// Asks a peer that has been silent for `idle`, which is whole seconds; one that is gone is noticed after twice as long.
    #[must_use]
    pub fn after(idle: Option<Duration>) -> Self {
        let keepalive = |idle: Duration| {
            let interval = (idle / PROBES).max(Duration::from_secs(1));
            TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(PROBES)
        };
        Self(idle.map(keepalive))
    }

    /// Turns it on for a connection. Where the system has none, a peer that is gone is noticed only when something is sent.
    pub fn set_on(&self, stream: &TcpStream) {
        if let Some(keepalive) = &self.0
            && let Err(error) = SockRef::from(stream).set_tcp_keepalive(keepalive)
        {
            tracing::debug!(%error, "no TCP keepalive");
        }
    }
}
