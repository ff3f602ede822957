//! Answers as bytes of HTTP/1.1, each written at once.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, HttpBody as _};
use axum::response::Response;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderName, HeaderValue};
use http::{StatusCode, response};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// The longest body that is written together with its head.
const WHOLE_BODY: u64 = 64 * 1024;

/// How long a client may take to read what is written at once.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// An answer on its way.
pub(super) struct Answer {
    /// The head, and the body where its length is known and small.
    pub(super) bytes: Vec<u8>,
    /// What follows until the connection ends.
    pub(super) rest: Option<Body>,
}

impl Answer {
    /// `is_last` when the connection ends behind it, which an answer with an endless body always is.
    pub(super) async fn of(response: Response, is_last: bool) -> Result<Self, axum::Error> {
        Self::with_lines(response, &[], is_last).await
    }

    /// With more lines in its head, each written by [`line`].
    pub(super) async fn with_lines(response: Response, lines: &[u8], is_last: bool) -> Result<Self, axum::Error> {
        let (parts, body) = response.into_parts();
        let length = body.size_hint().exact().filter(|length| *length <= WHOLE_BODY);
        match length {
            Some(length) => {
                let mut bytes = head(&parts, Some(length), lines, is_last);
                if length > 0 {
                    bytes.extend_from_slice(&body.collect().await?.to_bytes());
                }
                Ok(Self { bytes, rest: None })
            }
            None => Ok(Self { bytes: head(&parts, None, lines, true), rest: Some(body) }),
        }
    }
}

/// What frames an answer is said here, whatever the headers say.
const FRAMING: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, DATE, http::header::TRANSFER_ENCODING];

fn head(parts: &response::Parts, length: Option<u64>, lines: &[u8], is_last: bool) -> Vec<u8> {
    // With room for the body: it is written together with the head.
    let body = length.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let mut head = Vec::with_capacity(1024 + lines.len() + body);
    status_line(&mut head, parts.status);
    head.extend_from_slice(lines);
    for (name, value) in parts.headers.iter().filter(|(name, _)| !FRAMING.contains(name)) {
        line(&mut head, name.as_str(), value.as_bytes());
    }
    if let Some(length) = length.filter(|_| parts.status != StatusCode::NO_CONTENT) {
        line(&mut head, "content-length", length.to_string().as_bytes());
    }
    if is_last || parts.headers.get(CONNECTION).is_some_and(|value| value == "close") {
        line(&mut head, "connection", b"close");
    }
    line(&mut head, "date", date().as_bytes());
    head.extend_from_slice(b"\r\n");
    head
}

/// The head of a 101 to WebSocket, with this accept key, this subprotocol and these headers.
pub(super) fn switching_protocols<'a>(
    accept: Option<&HeaderValue>,
    selected: Option<&str>,
    headers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
) -> Vec<u8> {
    let mut head = Vec::with_capacity(512);
    head.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n");
    if let Some(accept) = accept {
        line(&mut head, "sec-websocket-accept", accept.as_bytes());
    }
    if let Some(selected) = selected {
        line(&mut head, "sec-websocket-protocol", selected.as_bytes());
    }
    for (name, value) in headers {
        line(&mut head, name.as_str(), value.as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn status_line(head: &mut Vec<u8>, status: StatusCode) {
    head.extend_from_slice(b"HTTP/1.1 ");
    head.extend_from_slice(status.as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    head.extend_from_slice(b"\r\n");
}

pub(super) fn line(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        head.extend_from_slice(part);
    }
}

/// RFC 9110 §6.6.1.
fn date() -> String {
    httpdate::fmt_http_date(SystemTime::now().max(UNIX_EPOCH))
}

/// Writes all of it, to a client that takes it within [`TAKEN_WITHIN`].
pub(super) async fn write(io: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    write_within(TAKEN_WITHIN, io, bytes).await
}

/// The same, to a client that may take so long.
pub(super) async fn write_within(limit: Duration, io: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    let writing = async {
        io.write_all(bytes).await?;
        io.flush().await
    };
    tokio::time::timeout(limit, writing).await?
}
