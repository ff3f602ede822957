//! An upgrade's handshake, and the key that an upstream is asked with where the client has none.

pub(super) use admitone::handshake::{Handshake, check_query, lists, read_origin};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::request::Parts;
use hyper::ext::Protocol;

use crate::rejection::Rejection;

/// Of an extended CONNECT (RFC 8441 §5.1).
pub(super) fn read_extended(parts: &Parts, protocol: &Protocol) -> Result<Handshake, Rejection> {
    Ok(Handshake::read_extended(parts, protocol.as_str(), made_key()?)?)
}

fn made_key() -> Result<HeaderValue, Rejection> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Rejection::Internal("there is no randomness"))?;
    HeaderValue::from_str(&STANDARD.encode(bytes)).map_err(|_| Rejection::Internal("a key is no header"))
}
