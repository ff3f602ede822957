use admitone::carrier::REFUSED;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Method, Version};
use hyper::ext::Protocol;

use crate::rejection::Rejection;

/// A client's opening handshake that keeps the rules of RFC 6455 §4.2.1.
#[derive(Debug)]
pub(super) struct Handshake {
    pub(super) key: HeaderValue,
    pub(super) origin: Option<String>,
    /// The client can read a refusal from a Close.
    pub(super) reads_refusals: bool,
}

impl Handshake {
    /// Of an extended CONNECT (RFC 8441 §5.1), which has no key: the upstream's is made here.
    pub(super) fn read_extended(parts: &Parts, protocol: &Protocol) -> Result<Self, Rejection> {
        if !protocol.as_str().eq_ignore_ascii_case("websocket") {
            return Err(Rejection::Request("`:protocol` may only be websocket"));
        }
        check_version_and_query(parts)?;
        if parts.headers.contains_key(CONTENT_LENGTH) {
            return Err(Rejection::Request("an upgrade has no body"));
        }
        Self::of(&parts.headers, made_key()?)
    }

    fn of(headers: &HeaderMap, key: HeaderValue) -> Result<Self, Rejection> {
        let reads_refusals = lists(headers, &SEC_WEBSOCKET_PROTOCOL, REFUSED);
        Ok(Self { key, origin: read_origin(headers), reads_refusals })
    }

    pub(super) fn read(parts: &Parts) -> Result<Self, Rejection> {
        let headers = &parts.headers;
        if parts.method != Method::GET || !headers.contains_key(UPGRADE) {
            return Err(Rejection::NotAnUpgrade);
        }
        if parts.version != Version::HTTP_11 {
            return Err(Rejection::Request("an upgrade needs HTTP/1.1"));
        }
        if !only(headers, &UPGRADE)?.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket")) {
            return Err(Rejection::Request("Upgrade may only be websocket"));
        }
        if !lists(headers, &CONNECTION, "upgrade") {
            return Err(Rejection::Request("Connection does not list Upgrade"));
        }
        if only(headers, &HOST)?.is_none() {
            return Err(Rejection::Request("there is no Host"));
        }
        check_version_and_query(parts)?;
        if headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0") {
            return Err(Rejection::Request("an upgrade has no body"));
        }
        Self::of(headers, read_key(headers)?)
    }
}

/// What upgrades of every HTTP version have to keep to.
fn check_version_and_query(parts: &Parts) -> Result<(), Rejection> {
    if only(&parts.headers, &SEC_WEBSOCKET_VERSION)?.is_none_or(|version| version != "13") {
        return Err(Rejection::NotAnUpgrade);
    }
    check_query(parts)
}

/// A query that the upstream may be asked with.
pub(super) fn check_query(parts: &Parts) -> Result<(), Rejection> {
    if parts.uri.query().is_some_and(|query| !query.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(Rejection::Request("the query has a character beyond visible ASCII: percent-encode it"));
    }
    Ok(())
}

fn made_key() -> Result<HeaderValue, Rejection> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Rejection::Internal("there is no randomness"))?;
    HeaderValue::from_str(&STANDARD.encode(bytes)).map_err(|_| Rejection::Internal("a key is no header"))
}

fn read_key(headers: &HeaderMap) -> Result<HeaderValue, Rejection> {
    let key = only(headers, &SEC_WEBSOCKET_KEY)?.ok_or(Rejection::Request("there is no Sec-WebSocket-Key"))?;
    match STANDARD.decode(key.as_bytes()) {
        Ok(bytes) if bytes.len() == 16 => Ok(key.clone()),
        _ => Err(Rejection::Request("Sec-WebSocket-Key is not base64 of 16 bytes")),
    }
}

/// Several lines read as one list (RFC 9110 §5.3), which is no origin that could be listed.
pub(super) fn read_origin(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(ORIGIN).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
    lines.map(Into::<String>::into).reduce(|list, line| list + ", " + &line)
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Rejection> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next();
    if lines.next().is_some() {
        return Err(Rejection::Request("a header that may stand once stands twice"));
    }
    Ok(first)
}

/// Whether a comma-separated header lists `wanted`, in any case.
pub(super) fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let mut elements = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    elements.any(|element| element.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
}
