//! The compact form of a signed token (RFC 7515 §7.1), read strictly and before anything in it is believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::json::{self, Object};
use super::jwk::MAX_KEY_ID_BYTES;
use super::keys::{KeySet, NoKey};

/// Longest token accepted, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Why a token's signature is not accepted. The texts hold nothing of the token, so that they can be logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// The token is too long to be read.
    #[error("the token is longer than 16384 bytes")]
    TooLong,
    /// The token is not a JWS in compact form.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// The header has `crit` or `b64`, which change how the token is to be read.
    #[error("the token's header has `crit` or `b64`, and no extension is supported")]
    CriticalHeader,
    /// The header names another algorithm than the accepted ones or than its key's, or none.
    #[error("the token's `alg` is not one that its issuer is configured with and its key is for")]
    Algorithm,
    /// None of the keys is meant.
    #[error("no known key has the token's `kid`, or none is for its `alg`")]
    UnknownKey,
    /// The token has no `kid`, or keys have none, and several of them are for its algorithm.
    #[error("the token does not say which of several keys it was signed with (`kid`)")]
    AmbiguousKey,
    /// The signature is not the key's.
    #[error("the token's signature is not by the issuer's configured key")]
    Signature,
}

impl JwsError {
    /// The label in metrics: one of a fixed set.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed(_) => "malformed",
            Self::CriticalHeader => "critical_header",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::AmbiguousKey => "ambiguous_key",
            Self::Signature => "signature",
        }
    }
}

/// Verifies a JWS in compact form by keys that are known beforehand, and gives its payload, whatever that is.
///
/// The header chooses among `keys` by `kid` and among `algorithms` by `alg`, and nothing else in it has an effect: keys that
/// it carries or points to (`jwk`, `jku`, `x5c`, `x5u`) are ignored. This is no login: no claim is looked at.
///
/// # Errors
///
/// [`JwsError`] says which rule refused the token.
pub fn verify(token: &[u8], keys: &KeySet, algorithms: &[Algorithm]) -> Result<Vec<u8>, JwsError> {
    let token = std::str::from_utf8(token).map_err(|_| NOT_THREE_PARTS)?;
    let jws = Jws::parse(token)?;
    jws.verify(keys, algorithms)?;
    Ok(jws.payload)
}

/// A token taken apart; nothing in it is verified.
pub(super) struct Jws<'t> {
    pub(super) header: Object,
    payload: Vec<u8>,
    signing_input: &'t [u8],
    signature: Vec<u8>,
}

impl<'t> Jws<'t> {
    pub(super) fn parse(token: &'t str) -> Result<Self, JwsError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwsError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(NOT_THREE_PARTS)?;
        let (header, payload) = signing_input.split_once('.').ok_or(NOT_THREE_PARTS)?;
        if payload.contains('.') {
            return Err(NOT_THREE_PARTS);
        }
        let header = decode(header).and_then(|json| json::read_object(&json));
        let header = header
            .ok_or(JwsError::Malformed("its header is not one JSON object in unpadded base64url, no member twice"))?;
        check_header(&header)?;
        Ok(Self {
            header,
            payload: decode(payload).ok_or(JwsError::Malformed("its payload is not unpadded base64url"))?,
            signing_input: signing_input.as_bytes(),
            signature: decode(signature).ok_or(JwsError::Malformed("its signature is not unpadded base64url"))?,
        })
    }

    /// The payload as claims; not verified either.
    pub(super) fn claims(&self) -> Result<Object, JwsError> {
        json::read_object(&self.payload)
            .ok_or(JwsError::Malformed("its claims are not one JSON object, no member twice"))
    }

    pub(super) fn verify(&self, keys: &KeySet, algorithms: &[Algorithm]) -> Result<(), JwsError> {
        let text = |member| self.header.get(member).and_then(Value::as_str);
        let algorithm = text("alg").and_then(|alg| alg.parse().ok());
        let algorithm = algorithm.filter(|algorithm| algorithms.contains(algorithm)).ok_or(JwsError::Algorithm)?;
        let key = keys.choose(text("kid"), algorithm).map_err(|none| match none {
            NoKey::Unknown => JwsError::UnknownKey,
            NoKey::Algorithm => JwsError::Algorithm,
            NoKey::Ambiguous => JwsError::AmbiguousKey,
        })?;
        if key.accepts(algorithm, self.signing_input, &self.signature) { Ok(()) } else { Err(JwsError::Signature) }
    }
}

const NOT_THREE_PARTS: JwsError = JwsError::Malformed("it has not three parts separated by dots");

/// Refuses what changes how the token is to be read; hints at keys (`jku`, `jwk`, `x5u`, `x5c`) are ignored.
fn check_header(header: &Object) -> Result<(), JwsError> {
    if header.contains_key("crit") || header.contains_key("b64") {
        return Err(JwsError::CriticalHeader);
    }
    match header.get("kid") {
        None => Ok(()),
        Some(Value::String(kid)) if kid.len() <= MAX_KEY_ID_BYTES => Ok(()),
        Some(_) => Err(JwsError::Malformed("its `kid` is not a string of at most 256 bytes")),
    }
}

fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
