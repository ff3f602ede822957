//! Servers behind the gateway: they log every byte that they receive.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::client::{Io, soon};

/// What a server does after a request's head.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Upgrades, selecting a subprotocol or none, and echoes messages.
    Echoes(Option<&'static str>),
    /// Writes this, with the right accept key for `{accept}`, and reads on.
    Answers(&'static str),
    /// Upgrades, and then writes for as long as anybody takes it.
    Floods,
    /// Writes nothing.
    Hangs,
}

/// A 101 that answers any request; whoever sends it reads on and writes nothing.
pub(crate) const UPGRADES: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n";

/// What connections of the tests' own begin with.
const MARK: &str = "not the gateway, but ";

type Log = watch::Sender<Vec<Vec<u8>>>;

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Log>,
    hung_up: watch::Sender<bool>,
}

impl Upstream {
    pub(crate) async fn echo() -> Self {
        Self::that(Behaviour::Echoes(None)).await
    }

    pub(crate) async fn that(behaviour: Behaviour) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.expect("a port"), behaviour, None)
    }

    pub(crate) async fn with_tls(acceptor: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(listener, Behaviour::Echoes(None), Some(acceptor))
    }

    fn on(listener: TcpListener, behaviour: Behaviour, tls: Option<TlsAcceptor>) -> Self {
        let address = listener.local_addr().expect("its address");
        let seen: Arc<Log> = Arc::default();
        let hung_up = watch::Sender::new(false);
        let (log, ending) = (seen.clone(), hung_up.subscribe());
        tokio::spawn(async move {
            for index in 0.. {
                let (stream, _) = listener.accept().await.expect("a connection");
                log.send_modify(|seen| seen.push(Vec::new()));
                let received = Received { log: log.clone(), index };
                tokio::spawn(serve(stream, tls.clone(), behaviour.clone(), received, ending.clone()));
            }
        });
        Self { address, seen, hung_up }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/behind", self.address)
    }

    /// Drops every connection without a word.
    pub(crate) fn hang_up(&self) {
        self.hung_up.send_replace(true);
    }

    /// Waits until that is so of what each connection has received.
    pub(crate) async fn wait_for(&self, is_so: impl FnMut(&Vec<Vec<u8>>) -> bool) {
        self.seen.subscribe().wait_for(is_so).await.expect("a server");
    }

    /// What each connection has received, once that is so.
    pub(crate) async fn received(&self, what: &str, is_so: impl FnMut(&Vec<Vec<u8>>) -> bool) -> Vec<String> {
        let mut seen = self.seen.subscribe();
        let seen = soon(what, seen.wait_for(is_so)).await.expect("a server");
        seen.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// All that was received by now: a connection of our own comes behind all that the gateway had opened before.
    pub(crate) async fn received_by_now(&self) -> Vec<String> {
        let mut last = TcpStream::connect(self.address).await.expect("a connection");
        let mark = format!("{MARK}{}", last.local_addr().expect("its address"));
        last.write_all(mark.as_bytes()).await.expect("a write");
        let mut all = self.received("our mark", |all| all.iter().any(|one| one == mark.as_bytes())).await;
        all.retain(|one| !one.starts_with(MARK));
        all
    }

    /// The head of the only request there was.
    pub(crate) async fn only_request(&self) -> String {
        let mut all = self.received_by_now().await;
        assert_eq!(all.len(), 1, "one connection: {all:?}");
        all.remove(0)
    }
}

/// A port that refuses connections, until something listens there.
pub(crate) struct Closed {
    socket: TcpSocket,
    pub(crate) address: SocketAddr,
}

impl Closed {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        Self { address: socket.local_addr().expect("its address"), socket }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/behind", self.address)
    }

    pub(crate) fn open(self) -> Upstream {
        Upstream::on(self.socket.listen(16).expect("a listener"), Behaviour::Echoes(None), None)
    }
}

struct Received {
    log: Arc<Log>,
    index: usize,
}

impl Received {
    fn add(&self, bytes: &[u8]) {
        self.log.send_modify(|seen| seen[self.index].extend_from_slice(bytes));
    }
}

async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    behaviour: Behaviour,
    received: Received,
    mut ending: watch::Receiver<bool>,
) {
    let conversation = async {
        match tls {
            None => converse(stream, behaviour, received).await,
            Some(tls) => {
                if let Ok(stream) = tls.accept(stream).await {
                    converse(stream, behaviour, received).await;
                }
            }
        }
    };
    tokio::select! {
        () = conversation => {}
        _ = ending.wait_for(|ending| *ending) => {}
    }
}

async fn converse(mut stream: impl Io, behaviour: Behaviour, received: Received) {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|end| end == b"\r\n\r\n") {
            break end + 4;
        }
        let before = read.len();
        match stream.read_buf(&mut read).await {
            Ok(more) if more > 0 => received.add(&read[before..]),
            _ => return,
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    match behaviour {
        Behaviour::Hangs => {}
        Behaviour::Floods => {
            let message = [&[0x82, 126, 0x40, 0x00][..], &[0; 0x4000]].concat();
            let mut written = stream.write_all(UPGRADES.replace("{accept}", &accept(&head)).as_bytes()).await;
            while written.is_ok() {
                written = stream.write_all(&message).await;
            }
            return;
        }
        Behaviour::Answers(answer) => {
            let answer = answer.replace("{accept}", &accept(&head));
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
        Behaviour::Echoes(protocol) => {
            let protocol = protocol.map(|protocol| format!("Sec-WebSocket-Protocol: {protocol}\r\n\r\n"));
            let answer = UPGRADES.replace("{accept}", &accept(&head));
            let answer = answer.trim_end().to_owned() + "\r\n" + &protocol.unwrap_or_else(|| "\r\n".to_owned());
            if stream.write_all(answer.as_bytes()).await.is_ok() {
                echo(stream, read.split_off(end)).await;
            }
            return;
        }
    }
    let mut more = Vec::new();
    while matches!(stream.read_buf(&mut more).await, Ok(read) if read > 0) {
        received.add(&more);
        more.clear();
    }
}

async fn echo(stream: impl Io, ahead: Vec<u8>) {
    let mut socket = WebSocketStream::from_partially_read(stream, ahead, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

fn accept(head: &str) -> String {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let key = headers.find(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Key"));
    derive_accept_key(key.map(|(_, key)| key).unwrap_or_default().as_bytes())
}
