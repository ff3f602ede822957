//! The upstream, which keeps count of the upgrades that it is sent.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::ports;

/// How many upgrades there were of each session id, which is its ticket's from when that is minted.
type Upgrades = Arc<Mutex<HashMap<String, usize>>>;

pub(crate) struct Ledger {
    pub(crate) address: SocketAddr,
    upgrades: Upgrades,
    serving: JoinHandle<()>,
}

impl Ledger {
    pub(crate) async fn open() -> Self {
        // Nobody else is given this port while the ledger is gone.
        let listener = TcpListener::bind(("127.0.0.1", ports::claim())).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let upgrades = Upgrades::default();
        let serving = tokio::spawn(accept(listener, upgrades.clone()));
        Self { address, upgrades, serving }
    }

    /// It is gone, with all its connections, as by a kill -9; what it has counted stays known.
    pub(crate) async fn kill(&mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }

    /// Once it was killed: it listens again where it did.
    pub(crate) async fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("its own port");
        self.serving = tokio::spawn(accept(listener, self.upgrades.clone()));
    }

    pub(crate) fn upgrades(&self) -> HashMap<String, usize> {
        self.upgrades.lock().expect("no panic").clone()
    }
}

/// Its connections end with it.
async fn accept(listener: TcpListener, upgrades: Upgrades) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, upgrades.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: TcpStream, upgrades: Upgrades) {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        // A gateway that dialled for a ticket which it then refuses sends nothing.
        if !matches!(stream.read_buf(&mut read).await, Ok(more) if more > 0) {
            return;
        }
    }
    let head = String::from_utf8(read).expect("an ASCII head");
    let header = |wanted: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned())
    };
    let session_id = header("x-admitone-session-id").expect("the session's id");
    *upgrades.lock().expect("no panic").entry(session_id).or_default() += 1;
    let accept = derive_accept_key(header("sec-websocket-key").expect("a key").as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    // The session lasts until its client has gone.
    if stream.write_all(answer.as_bytes()).await.is_ok() {
        while matches!(stream.read(&mut [0; 64]).await, Ok(more) if more > 0) {}
    }
}
