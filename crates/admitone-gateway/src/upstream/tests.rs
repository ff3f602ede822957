//! Dialling and upgrading against listeners on loopback.

mod dialling;
mod upgrading;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use admitone::admission::{Admission, Authentic};
use admitone::now::Now;
use admitone::principal::{Login, LoginStamp, Permissions, Principal};
use admitone::revocation::memory::MemoryRevocations;
use admitone::sessions::{Session, Sessions};
use admitone::store::memory::{MemoryLimits, MemoryTicketStore};
use admitone::ticket::keys::TicketKeys;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{Address, AnswerError, HeaderLines, UpgradeHead, Upgraded, Upstream, tls_config};

/// The key and accept value of RFC 6455 §1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// For what is meant to happen; nothing waits for it.
const AMPLE: Duration = Duration::from_secs(20);
/// For what is meant to run out.
const SHORT: Duration = Duration::from_millis(50);

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

/// A loopback address that nobody listens on.
async fn closed_port() -> SocketAddr {
    listen().await.1
}

fn plain(address: SocketAddr, upgrade_timeout: Duration) -> Upstream {
    let address = Address::new(false, &address.ip().to_string(), address.port(), "/chat").expect("an address");
    Upstream::new(address, tls_config(None).expect("built in"), AMPLE, upgrade_timeout)
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a whole head"));
    }
    String::from_utf8(head).expect("ASCII")
}

/// An upstream that reads one request head and answers with `pieces`, each in a segment of its own, and stays open. Its
/// result is the request.
async fn answering(pieces: Vec<Vec<u8>>) -> (SocketAddr, JoinHandle<(String, TcpStream)>) {
    let (listener, address) = listen().await;
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a TCP option");
        let request = read_head(&mut stream).await;
        for piece in pieces {
            // Refused in the middle of an answer, the gateway hangs up.
            if stream.write_all(&piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        (request, stream)
    });
    (address, answering)
}

/// A node where anybody is logged in: it makes the proofs that dialling and upgrading ask for.
struct Node {
    admission: Admission,
    sessions: Sessions,
}

impl Node {
    fn new() -> Self {
        let revocations = Arc::new(MemoryRevocations::default());
        let store = Arc::new(MemoryTicketStore::new(MemoryLimits::default(), revocations.clone()));
        let keys = TicketKeys::random().expect("random bytes");
        Self { admission: Admission::new(keys, store, revocations.clone()), sessions: Sessions::new(revocations) }
    }

    fn authentic(&self, now: Now) -> Authentic {
        let login = Login {
            principal: Principal::new("https://id.example.com", "ada", None).expect("a principal"),
            permissions: Permissions::default(),
            stamp: LoginStamp { issued_at: now.unix, sid: None, jti: None },
            expires_at: now.unix + 600,
        };
        self.admission.inspect_login(&login, "/chat", now).expect("nobody revoked it")
    }
}

/// A genuine credential of anybody's: the proof that an upstream may be dialled.
fn authentic() -> Authentic {
    Node::new().authentic(Now::read())
}

/// A session of anybody's: the proof that a request may be sent.
async fn session() -> Session {
    let (node, now) = (Node::new(), Now::read());
    let admitted = node.admission.redeem(node.authentic(now), AMPLE, now).await.expect("nobody revoked it");
    node.sessions.open(admitted, now).expect("nobody revoked it")
}

async fn upgrade(upstream: &Upstream) -> Result<Upgraded, AnswerError> {
    let headers = HeaderLines::new();
    let head = UpgradeHead { query: None, key: KEY, headers: &headers };
    upstream.dial(&authentic()).await.expect("it listens").upgrade(&head, &session().await).await
}

/// What comes of an upgrade that is answered with `answer`.
async fn upgrade_answered(answer: &str) -> Result<Upgraded, AnswerError> {
    let (address, _answering) = answering(vec![answer.as_bytes().to_vec()]).await;
    upgrade(&plain(address, AMPLE)).await
}
