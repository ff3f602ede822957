//! A client's opening handshake (RFC 6455 §4.2.1), read before anything else is believed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Method, Version};

use crate::carrier::REFUSED;

/// Why a request opens no socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Not an upgrade to WebSocket version 13.
    #[error("not a WebSocket upgrade, version 13")]
    NotAnUpgrade,
    /// It breaks a rule of HTTP or WebSocket.
    #[error("{0}")]
    Broken(&'static str),
}

/// A client's opening handshake that keeps the rules of RFC 6455 §4.2.1.
#[derive(Debug)]
pub struct Handshake {
    /// `Sec-WebSocket-Key`.
    pub key: HeaderValue,
    /// As [`read_origin`] reads it.
    pub origin: Option<String>,
    /// The client can read a refusal from a Close.
    pub reads_refusals: bool,
}

impl Handshake {
    /// Of an upgrade over HTTP/1.1.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`].
    pub fn read(parts: &Parts) -> Result<Self, HandshakeError> {
        let headers = &parts.headers;
        if parts.method != Method::GET || !headers.contains_key(UPGRADE) {
            return Err(HandshakeError::NotAnUpgrade);
        }
        if parts.version != Version::HTTP_11 {
            return Err(HandshakeError::Broken("an upgrade needs HTTP/1.1"));
        }
        if !only(headers, &UPGRADE)?.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket")) {
            return Err(HandshakeError::Broken("Upgrade may only be websocket"));
        }
        if !lists(headers, &CONNECTION, "upgrade") {
            return Err(HandshakeError::Broken("Connection does not list Upgrade"));
        }
        if only(headers, &HOST)?.is_none() {
            return Err(HandshakeError::Broken("there is no Host"));
        }
        check_version_and_query(parts)?;
        if headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0") {
            return Err(HandshakeError::Broken("an upgrade has no body"));
        }
        Ok(Self::of(headers, read_key(headers)?))
    }

    /// Of an extended CONNECT (RFC 8441 §5.1) with this `:protocol`. It has no key: `key` is what an upstream is asked with.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`].
    pub fn read_extended(parts: &Parts, protocol: &str, key: HeaderValue) -> Result<Self, HandshakeError> {
        if !protocol.eq_ignore_ascii_case("websocket") {
            return Err(HandshakeError::Broken("`:protocol` may only be websocket"));
        }
        check_version_and_query(parts)?;
        if parts.headers.contains_key(CONTENT_LENGTH) {
            return Err(HandshakeError::Broken("an upgrade has no body"));
        }
        Ok(Self::of(&parts.headers, key))
    }

    fn of(headers: &HeaderMap, key: HeaderValue) -> Self {
        let reads_refusals = lists(headers, &SEC_WEBSOCKET_PROTOCOL, REFUSED);
        Self { key, origin: read_origin(headers), reads_refusals }
    }
}

/// What upgrades of every HTTP version have to keep to.
fn check_version_and_query(parts: &Parts) -> Result<(), HandshakeError> {
    if only(&parts.headers, &SEC_WEBSOCKET_VERSION)?.is_none_or(|version| version != "13") {
        return Err(HandshakeError::NotAnUpgrade);
    }
    check_query(parts)
}

/// Checks that an upstream may be asked with a request's query.
///
/// # Errors
///
/// [`HandshakeError::Broken`].
pub fn check_query(parts: &Parts) -> Result<(), HandshakeError> {
    if parts.uri.query().is_some_and(|query| !query.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(HandshakeError::Broken("the query has a character beyond visible ASCII: percent-encode it"));
    }
    Ok(())
}

fn read_key(headers: &HeaderMap) -> Result<HeaderValue, HandshakeError> {
    let key = only(headers, &SEC_WEBSOCKET_KEY)?.ok_or(HandshakeError::Broken("there is no Sec-WebSocket-Key"))?;
    match STANDARD.decode(key.as_bytes()) {
        Ok(bytes) if bytes.len() == 16 => Ok(key.clone()),
        _ => Err(HandshakeError::Broken("Sec-WebSocket-Key is not base64 of 16 bytes")),
    }
}

/// `Origin`; several lines read as one list (RFC 9110 §5.3), which is no origin that could be listed.
#[must_use]
pub fn read_origin(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(ORIGIN).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
    lines.map(Into::<String>::into).reduce(|list, line| list + ", " + &line)
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, HandshakeError> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next();
    if lines.next().is_some() {
        return Err(HandshakeError::Broken("a header that may stand once stands twice"));
    }
    Ok(first)
}

/// Whether a comma-separated header lists `wanted`, in any case.
#[must_use]
pub fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let mut elements = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    elements.any(|element| element.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
}
