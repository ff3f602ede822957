//! The issuer: its secret, its tokens, and the page they are used from.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::Failure;

/// The issuer's identifier.
pub(crate) const ISSUER: &str = "https://id.example.com";

/// The audience of its tokens.
pub(crate) const AUDIENCE: &str = "admitone";

/// The page that mints and connects.
pub(crate) const ORIGIN: &str = "https://app.example.com";

/// What the issuer signs with; it guards nothing.
pub(crate) const SECRET: &str = "6f1d7c0a5b8e4f2390ab17c4d6e8f1023b5d7f9081a2c3e4f506172839405162";

/// The claims of an access token (RFC 9068) of an hour for the subject with this number.
pub(crate) fn claims(number: usize) -> Result<Value, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": format!("user-{number}"), "client_id": "bench",
        "iat": now, "exp": now + 3600, "jti": format!("token-{number}"), "scope": "chat",
        "email": format!("user-{number}@example.com"),
    }))
}

/// An access token with these claims, by the secret.
pub(crate) fn access(number: usize) -> Result<String, Failure> {
    let encode = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", encode(json!({ "alg": "HS256", "typ": "at+jwt" })), encode(claims(number)?));
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?.chain_update(&signed).finalize();
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.into_bytes())))
}
