//! A client that says exactly what a test makes it say.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

/// How long anything may take before its test fails.
const LIMIT: Duration = Duration::from_secs(10);

/// What must happen before [`LIMIT`].
pub(super) async fn soon<T>(what: &str, happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, happens).await.unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}"))
}

/// A request, line by line.
#[derive(Clone)]
pub(super) struct Request {
    start: String,
    lines: Vec<(String, String)>,
    body: String,
}

impl Request {
    pub(super) fn new(start: &str) -> Self {
        let request = Self { start: start.to_owned(), lines: Vec::new(), body: String::new() };
        request.with("Host", "chat.example.com")
    }

    pub(super) fn post(path: &str) -> Self {
        Self::new(&format!("POST {path}"))
    }

    /// A sound upgrade without `Origin` and credential.
    pub(super) fn upgrade(target: &str) -> Self {
        Self::new(&format!("GET {target}"))
            .with("Connection", "Upgrade")
            .with("Upgrade", "websocket")
            .with("Sec-WebSocket-Version", "13")
            .with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.lines.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.lines.retain(|(known, _)| known != name);
        self
    }

    pub(super) fn origin(self, origin: &str) -> Self {
        self.with("Origin", origin)
    }

    pub(super) fn bearer(self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    pub(super) fn protocols(self, protocols: &str) -> Self {
        self.with("Sec-WebSocket-Protocol", protocols)
    }

    /// As the SDK offers it.
    pub(super) fn ticket(self, ticket: &str) -> Self {
        self.protocols(&format!("admitone.v1, admitone.refused, admitone.ticket.{ticket}"))
    }

    pub(super) fn json(self, body: &str) -> Self {
        Self { body: body.to_owned(), ..self.with("Content-Type", "application/json") }
    }

    fn text(&self) -> String {
        let mut text = format!("{} HTTP/1.1\r\n", self.start);
        for (name, value) in &self.lines {
            write!(text, "{name}: {value}\r\n").expect("a string");
        }
        if !self.body.is_empty() {
            write!(text, "Content-Length: {}\r\n", self.body.len()).expect("a string");
        }
        text + "\r\n" + &self.body
    }
}

/// The head of an answer, and its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// The only header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} stands twice");
        value
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The problem's code, once it is seen to be a whole problem.
    pub(super) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        let problem = self.json();
        let code = problem["code"].as_str().expect("a code").to_owned();
        assert_eq!(problem["type"], format!("urn:admitone:problem:{code}"));
        assert_eq!(problem["status"], self.status);
        code
    }
}

/// One connection.
pub(super) struct Connection {
    io: DuplexStream,
    read: Vec<u8>,
}

impl Connection {
    pub(super) fn over(io: DuplexStream) -> Self {
        Self { io, read: Vec::new() }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) {
        soon("the server reads", self.io.write_all(bytes)).await.expect("a write");
    }

    /// Reads more; false at the end.
    async fn more(&mut self) -> bool {
        soon("the server writes or ends", self.io.read_buf(&mut self.read)).await.is_ok_and(|read| read > 0)
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.read.split_off(length);
        std::mem::replace(&mut self.read, rest)
    }

    /// The answer to one request.
    pub(super) async fn ask(&mut self, request: &Request) -> Answer {
        self.send(request.text().as_bytes()).await;
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(self.more().await, "ended without an answer: {:?}", String::from_utf8_lossy(&self.read));
        };
        let head = String::from_utf8(self.take(end)).expect("an ASCII head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        while self.read.len() < length {
            assert!(self.more().await, "ended within a body");
        }
        answer.body = self.take(length);
        answer
    }

    /// Sends a text and reads the same bytes back.
    pub(super) async fn echo(&mut self, text: &str) {
        self.send(text.as_bytes()).await;
        self.reads(text.as_bytes()).await;
    }

    /// Reads exactly this next.
    pub(super) async fn reads(&mut self, bytes: &[u8]) {
        while self.read.len() < bytes.len() {
            assert!(self.more().await, "ended before {bytes:?}");
        }
        assert_eq!(self.take(bytes.len()), bytes);
    }

    /// Reads a Close: its code and reason, and that nothing is behind it.
    pub(super) async fn close(&mut self) -> (u16, String) {
        while self.more().await {}
        let read = std::mem::take(&mut self.read);
        let (head, payload) = read.split_at(2);
        assert_eq!(head, [0x88, payload.len() as u8], "one Close and nothing else: {read:?}");
        let (code, reason) = payload.split_at(2);
        (u16::from_be_bytes([code[0], code[1]]), String::from_utf8(reason.to_vec()).expect("a UTF-8 reason"))
    }

    /// Waits for the end, without a Close.
    pub(super) async fn ends(&mut self) {
        while self.more().await {}
        assert_eq!(self.read, b"", "nothing more");
    }
}
