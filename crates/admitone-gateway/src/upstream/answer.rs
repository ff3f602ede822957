//! The answer to an upgrade request, and whether it is one.

use std::io::{Error as IoError, ErrorKind};

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{AnswerError, UpstreamIo};

/// The longest head of an answer, in bytes.
pub(super) const HEAD_LIMIT: usize = 16 * 1024;

/// The most headers in an answer.
pub(super) const HEADERS_LIMIT: usize = 100;

const READ: usize = 1024;

struct Head {
    version: Version,
    status: StatusCode,
    headers: HeaderMap,
}

/// Sends `request` and returns the headers of its 101, and what was read behind them.
pub(super) async fn exchange(
    io: &mut UpstreamIo,
    request: &[u8],
    key: &str,
) -> Result<(HeaderMap, Bytes), AnswerError> {
    io.write_all(request).await?;
    io.flush().await?;
    let mut read = BytesMut::with_capacity(READ);
    loop {
        read.reserve(READ);
        if io.read_buf(&mut read).await? == 0 {
            return Err(IoError::new(ErrorKind::UnexpectedEof, "it hung up before its answer was complete").into());
        }
        if let Some((length, head)) = parse(&read[..read.len().min(HEAD_LIMIT)])? {
            check(&head, key)?;
            let ahead = read.split_off(length);
            // An empty rest would keep the whole buffer.
            return Ok((head.headers, if ahead.is_empty() { Bytes::new() } else { ahead.freeze() }));
        }
        if read.len() >= HEAD_LIMIT {
            return Err(AnswerError::BadAnswer { why: "its head is longer than 16 KiB" });
        }
    }
}

/// The head at the beginning of `bytes` and its length; `None` while it is incomplete.
fn parse(bytes: &[u8]) -> Result<Option<(usize, Head)>, AnswerError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
    let mut answer = httparse::Response::new(&mut headers);
    let length = match answer.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(AnswerError::BadAnswer { why: "it has more than 100 headers" });
        }
        Err(_) => return Err(AnswerError::BadAnswer { why: "it is not HTTP/1.1" }),
    };
    let version = if answer.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(AnswerError::BadAnswer { why: "its status is not one of HTTP" })?;
    let headers = header_map(answer.headers).ok_or(AnswerError::BadAnswer { why: "a header is malformed" })?;
    Ok(Some((length, Head { version, status, headers })))
}

fn header_map(parsed: &[httparse::Header<'_>]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(parsed.len());
    for header in parsed {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_bytes(header.value).ok()?);
    }
    Some(headers)
}

/// RFC 6455 §4.1, the client's checks of the answer. Which subprotocol was offered is known to who asked only.
fn check(head: &Head, key: &str) -> Result<(), AnswerError> {
    let bad = |why| Err(AnswerError::BadAnswer { why });
    if head.status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(AnswerError::Refused { status: head.status });
    }
    if head.version != Version::HTTP_11 {
        return bad("its 101 is not HTTP/1.1");
    }
    if !has_token(&head.headers, &header::UPGRADE, "websocket") {
        return bad("its 101 does not upgrade to websocket");
    }
    if !has_token(&head.headers, &header::CONNECTION, "upgrade") {
        return bad("its 101 has no `Connection: upgrade`");
    }
    let mut accepts = head.headers.get_all(header::SEC_WEBSOCKET_ACCEPT).iter();
    match (accepts.next(), accepts.next()) {
        (Some(accept), None) if accept.as_bytes() == derive_accept_key(key.as_bytes()).as_bytes() => {}
        (Some(_), None) => return bad("its Sec-WebSocket-Accept is not of this request's key"),
        (None, _) => return bad("its 101 has no Sec-WebSocket-Accept"),
        (Some(_), Some(_)) => return bad("its 101 has more than one Sec-WebSocket-Accept"),
    }
    if head.headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().nth(1).is_some() {
        return bad("its 101 selects more than one subprotocol");
    }
    Ok(())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
}
