//! A client that says exactly what a test makes it say.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::ext::Protocol;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long anything may take before its test fails.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What must happen before [`LIMIT`].
pub(crate) async fn soon<T>(what: &str, happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, happens).await.unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}"))
}

/// What is promised within a second may take this long where two cores run all tests at once.
pub(crate) const PROMISED_SECOND: Duration = Duration::from_secs(3);

/// What the gateway promises to do within a second.
pub(crate) async fn within_a_second<T>(what: &str, happens: impl Future<Output = T>) -> T {
    let happened = tokio::time::timeout(PROMISED_SECOND, happens).await;
    happened.unwrap_or_else(|_| panic!("not within a second, nor within {PROMISED_SECOND:?}: {what}"))
}

/// The head of an HTTP answer, and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn parse(head: &str) -> Self {
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Self { status: status.expect("a status line"), headers, body: Vec::new() }
    }

    /// The only header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} stands twice");
        value
    }

    /// The other headers, in the order of their names.
    pub(crate) fn headers_but(&self, left_out: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let mut headers = self.headers.clone();
        headers.retain(|(name, _)| !left_out(name));
        headers.sort();
        headers
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The problem's code, once it is seen to be a whole problem.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        let problem = self.json();
        let code = problem["code"].as_str().expect("a code").to_owned();
        assert_eq!(problem["type"], format!("urn:admitone:problem:{code}"));
        assert_eq!(problem["status"], self.status);
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()));
        code
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

/// One connection.
pub(crate) struct Connection {
    stream: Box<dyn Io>,
    read: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.expect("a connection"))
    }

    pub(crate) fn over(stream: impl Io + 'static) -> Self {
        Self { stream: Box::new(stream), read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon("the gateway reads", self.stream.write_all(bytes.as_ref())).await.expect("a write");
    }

    /// Reads more; false at the end of the stream, however it ended.
    async fn more(&mut self) -> bool {
        let read = soon("the gateway writes or ends", self.stream.read_buf(&mut self.read)).await;
        matches!(read, Ok(read) if read > 0)
    }

    /// Reads one answer with its body.
    pub(crate) async fn answer(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|end| end == b"\r\n\r\n") {
                break end;
            }
            assert!(self.more().await, "ended without an answer: {:?}", String::from_utf8_lossy(&self.read));
        };
        let head = self.take(end + 4);
        let mut answer = Answer::parse(&String::from_utf8(head).expect("an ASCII head"));
        let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        while self.read.len() < length {
            assert!(self.more().await, "ended within a body");
        }
        answer.body = self.take(length);
        answer
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.read.split_off(length);
        std::mem::replace(&mut self.read, rest)
    }

    /// What was read already, else what comes next.
    pub(crate) async fn read_some(&mut self) -> Vec<u8> {
        if self.read.is_empty() {
            assert!(self.more().await, "ended");
        }
        std::mem::take(&mut self.read)
    }

    /// Reads one short frame of a server.
    pub(crate) async fn frame(&mut self) -> Frame {
        while self.read.len() < 2 || self.read.len() < 2 + usize::from(self.read[1]) {
            assert!(self.more().await, "ended within a frame: {:?}", self.read);
        }
        assert!(self.read[0] & 0x70 == 0 && self.read[1] < 126, "a short unmasked frame");
        let payload = self.take(2 + usize::from(self.read[1]));
        Frame { opcode: payload[0], payload: payload[2..].to_vec() }
    }

    /// Reads a Close: its code and reason.
    pub(crate) async fn close(&mut self) -> (u16, String) {
        let Frame { opcode, payload } = self.frame().await;
        assert_eq!(opcode, 0x88, "a Close: {payload:?}");
        let (code, reason) = payload.split_at(2);
        (u16::from_be_bytes([code[0], code[1]]), String::from_utf8(reason.to_vec()).expect("a UTF-8 reason"))
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send(masked(0x81, text.as_bytes())).await;
    }

    /// Sends a text and reads the same one back.
    pub(crate) async fn echo(&mut self, text: &str) {
        self.send_text(text).await;
        assert_eq!(self.frame().await, Frame { opcode: 0x81, payload: text.as_bytes().to_vec() });
    }

    /// Waits for the end; what came before it and was not read yet.
    pub(crate) async fn end(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.read)
    }
}

/// A short frame of a client.
pub(crate) fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x11, 0x22, 0x33, 0x44];
    let mut frame = vec![opcode, 0x80 | u8::try_from(payload.len()).expect("a short frame")];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A request, line by line.
#[derive(Clone)]
pub(crate) struct Request {
    start: String,
    lines: Vec<(String, String)>,
    body: String,
}

impl Request {
    pub(crate) fn new(start: &str) -> Self {
        Self { start: format!("{start} HTTP/1.1"), lines: Vec::new(), body: String::new() }.with("Host", "gateway.test")
    }

    /// A sound upgrade without `Origin` and credential.
    pub(crate) fn upgrade(target: &str) -> Self {
        Self::new(&format!("GET {target}"))
            .with("Connection", "Upgrade")
            .with("Upgrade", "websocket")
            .with("Sec-WebSocket-Version", "13")
            .with("Sec-WebSocket-Key", KEY)
    }

    pub(crate) fn post(target: &str) -> Self {
        Self::new(&format!("POST {target}"))
    }

    /// One more line.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.lines.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        let before = self.lines.len();
        self.lines.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        assert_ne!(self.lines.len(), before, "there was a {name}");
        self
    }

    pub(crate) fn replacing(self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    pub(crate) fn starting(mut self, start: &str) -> Self {
        start.clone_into(&mut self.start);
        self
    }

    pub(crate) fn json(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self.with("Content-Type", "application/json").with("Content-Length", &body.len().to_string())
    }

    pub(crate) fn with_body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn origin(self, origin: &str) -> Self {
        self.with("Origin", origin)
    }

    /// Offers the ticket as the SDK does, without being able to read refusals.
    pub(crate) fn ticket(self, ticket: &str) -> Self {
        self.with("Sec-WebSocket-Protocol", &format!("admitone.v1, admitone.ticket.{ticket}"))
    }

    /// Offers the ticket as the SDK does.
    pub(crate) fn readable_ticket(self, ticket: &str) -> Self {
        self.with("Sec-WebSocket-Protocol", &format!("admitone.v1, admitone.refused, admitone.ticket.{ticket}"))
    }

    /// The same over HTTP/2: an upgrade is an extended CONNECT (RFC 8441), and what HTTP/1.1 alone has is left out.
    pub(crate) fn over_http_2(&self) -> http::Request<Full<Bytes>> {
        let (method, rest) = self.start.split_once(' ').expect("a method");
        let target = rest.strip_suffix(" HTTP/1.1").expect("a version");
        let is_upgrade = self.lines.iter().any(|(name, _)| name == "Upgrade");
        let mut request = http::Request::new(Full::from(self.body.clone()));
        *request.uri_mut() = format!("https://gateway.test{target}").parse().expect("a URI");
        *request.method_mut() = if is_upgrade { http::Method::CONNECT } else { method.parse().expect("a method") };
        if is_upgrade {
            request.extensions_mut().insert(Protocol::from_static("websocket"));
        }
        for (name, value) in &self.lines {
            if !["Host", "Connection", "Upgrade", "Sec-WebSocket-Key"].contains(&name.as_str()) {
                let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
                request.headers_mut().append(name, http::HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
            }
        }
        request
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.lines {
            write!(text, "{name}: {value}\r\n").expect("memory");
        }
        format!("{text}\r\n{}", self.body)
    }
}
