//! The compact form of a signed token (RFC 7515 §7.1), read strictly and before anything in it is believed.

use std::collections::HashMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use super::jwt::LoginError;

/// Longest token accepted, in bytes.
pub(super) const MAX_TOKEN_BYTES: usize = 16 * 1024;

const MAX_KEY_ID_BYTES: usize = 256;

/// A token taken apart; nothing in it is verified.
pub(super) struct Jws<'t> {
    pub(super) header: Object,
    pub(super) claims: Object,
    pub(super) signing_input: &'t [u8],
    pub(super) signature: Vec<u8>,
}

impl<'t> Jws<'t> {
    pub(super) fn parse(token: &'t str) -> Result<Self, LoginError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(LoginError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(NOT_THREE_PARTS)?;
        let (header, claims) = signing_input.split_once('.').ok_or(NOT_THREE_PARTS)?;
        if claims.contains('.') {
            return Err(NOT_THREE_PARTS);
        }
        let header = Object::decode(header, "its header is not one JSON object in unpadded base64url")?;
        check_header(&header)?;
        Ok(Self {
            header,
            claims: Object::decode(claims, "its claims are not one JSON object in unpadded base64url")?,
            signing_input: signing_input.as_bytes(),
            signature: decode(signature).ok_or(LoginError::Malformed("its signature is not unpadded base64url"))?,
        })
    }
}

const NOT_THREE_PARTS: LoginError = LoginError::Malformed("it has not three parts separated by dots");

/// Refuses what changes how the token is to be read; hints at keys (`jku`, `jwk`, `x5u`, `x5c`) are ignored.
fn check_header(header: &Object) -> Result<(), LoginError> {
    if header.has("crit") || header.has("b64") {
        return Err(LoginError::CriticalHeader);
    }
    match header.get("kid") {
        None => Ok(()),
        Some(Value::String(kid)) if kid.len() <= MAX_KEY_ID_BYTES => Ok(()),
        Some(_) => Err(LoginError::Malformed("its `kid` is not a string of at most 256 bytes")),
    }
}

fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

/// A JSON object in which no member is repeated.
pub(super) struct Object(HashMap<String, Value>);

impl Object {
    fn decode(part: &str, problem: &'static str) -> Result<Self, LoginError> {
        let json = decode(part).ok_or(LoginError::Malformed(problem))?;
        serde_json::from_slice(&json).map_err(|_| LoginError::Malformed(problem))
    }

    pub(super) fn get(&self, member: &str) -> Option<&Value> {
        self.0.get(member)
    }

    pub(super) fn has(&self, member: &str) -> bool {
        self.0.contains_key(member)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object without repeated members")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut members = HashMap::new();
        while let Some((member, value)) = map.next_entry::<String, Value>()? {
            if members.insert(member, value).is_some() {
                return Err(A::Error::custom("a repeated member"));
            }
        }
        Ok(Object(members))
    }
}
