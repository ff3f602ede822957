//! A proxy that takes something out, changes it, or cuts what takes long.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

type Change = fn(&str) -> String;

/// What is done to what passes.
#[derive(Clone, Copy)]
pub(crate) struct Meddling {
    /// To a request's head.
    pub(crate) request: Change,
    /// To an answer's head.
    pub(crate) answer: Change,
    /// How long a connection lasts behind its answer's head.
    pub(crate) cut: Duration,
}

impl Meddling {
    pub(crate) const NONE: Self =
        Self { request: str::to_owned, answer: str::to_owned, cut: Duration::from_secs(3600) };
}

/// Listens before these servers, which take turns, connection by connection.
pub(crate) async fn meddle(servers: &[SocketAddr], meddling: Meddling) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let servers = servers.to_vec();
    tokio::spawn(async move {
        for server in servers.iter().cycle() {
            let (client, _) = listener.accept().await.expect("a connection");
            tokio::spawn(pass(client, *server, meddling));
        }
    });
    address
}

/// Both ends may go away at any time.
async fn pass(mut client: TcpStream, server: SocketAddr, meddling: Meddling) -> Option<()> {
    let mut server = TcpStream::connect(server).await.ok()?;
    let (head, rest) = head(&mut client).await?;
    server.write_all((meddling.request)(&head).as_bytes()).await.ok()?;
    server.write_all(&rest).await.ok()?;
    let (head, rest) = self::head(&mut server).await?;
    client.write_all((meddling.answer)(&head).as_bytes()).await.ok()?;
    client.write_all(&rest).await.ok()?;
    tokio::time::timeout(meddling.cut, copy_bidirectional(&mut client, &mut server)).await.ok()?.ok().map(drop)
}

async fn head(from: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            return Some((String::from_utf8(read).expect("ASCII"), rest));
        }
        if from.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}

/// A head without the lines of a header.
pub(crate) fn without(head: &str, name: &str) -> String {
    let is_other = |line: &&str| !line.to_ascii_lowercase().starts_with(&format!("{}:", name.to_ascii_lowercase()));
    head.split("\r\n").filter(is_other).collect::<Vec<_>>().join("\r\n")
}

pub(crate) fn is_upgrade(head: &str) -> bool {
    head.to_ascii_lowercase().contains("sec-websocket-key:")
}
