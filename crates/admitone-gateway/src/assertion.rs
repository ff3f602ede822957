//! Who was admitted, signed: for upstreams on networks where others could write headers too.
//!
//! An assertion is a JWS in compact form by Ed25519 (RFC 8037) that one upgrade carries. Upstreams verify it with the keys of
//! `/.well-known/jwks.json`.

use std::fmt;

use admitone::admission::Admitted;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Serialize;
use serde_json::json;

/// How long an assertion is good for.
const LIFETIME_SECONDS: u64 = 60;

/// Says what kind of JWT it is, so that none of another kind is taken for it (RFC 8725 §3.11).
const TYPE: &str = "admitone-assertion+jwt";

/// Why a file is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not PEM with a private key.
    #[error("the file has no unencrypted PEM block that begins with -----BEGIN PRIVATE KEY-----")]
    NotPem,
    /// A private key of another kind.
    #[error("the private key is not an Ed25519 key")]
    NotEd25519,
}

/// A private key, and the name by which its public half is found.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: String,
    id: String,
}

impl SigningKey {
    /// Reads PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| KeyError::NotPem)?;
        // Without the public half, which OpenSSL leaves out, there is nothing to compare.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der());
        pair.map(Self::new).map_err(|_| KeyError::NotEd25519)
    }

    /// Makes a key that nobody else has.
    ///
    /// # Errors
    ///
    /// [`Unspecified`] when the system gives no random bytes.
    pub fn generate() -> Result<Self, Unspecified> {
        Ed25519KeyPair::generate().map(Self::new)
    }

    fn new(pair: Ed25519KeyPair) -> Self {
        let public = URL_SAFE_NO_PAD.encode(pair.public_key());
        let id = thumbprint(&public);
        Self { pair, public, id }
    }

    /// The thumbprint of its public half (RFC 7638): the `kid`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// RFC 7638 §3 with the members of RFC 8037 §2, in their order.
fn thumbprint(public: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
}

/// Signs assertions, and tells what they are verified with.
#[derive(Debug)]
pub struct Assertions {
    issuer: String,
    first: SigningKey,
    /// Those that signed, or will sign.
    others: Vec<SigningKey>,
}

impl Assertions {
    /// Of the gateway that clients reach by `issuer`: the first key signs, all are told.
    #[must_use]
    pub fn new(issuer: &str, first: SigningKey, others: Vec<SigningKey>) -> Self {
        Self { issuer: issuer.to_owned(), first, others }
    }

    /// Says who was admitted to `route`, at `now` in Unix seconds.
    ///
    /// # Errors
    ///
    /// [`Unspecified`] when the system gives no random bytes.
    pub fn sign(&self, admitted: &Admitted, route: &str, now: u64) -> Result<String, Unspecified> {
        let mut id = [0; 16];
        aws_lc_rs::rand::fill(&mut id)?;
        let grant = admitted.grant();
        let claims = Claims {
            iss: &self.issuer,
            aud: route,
            sub: grant.principal.subject(),
            login_issuer: grant.principal.issuer(),
            email: grant.principal.email(),
            tenant: grant.principal.tenant(),
            permissions: grant.permissions.iter().collect(),
            sid: grant.login.sid.as_deref(),
            session_id: admitted.session_id().as_str(),
            method: admitted.method().name(),
            jti: &URL_SAFE_NO_PAD.encode(id),
            iat: now,
            exp: grant.login_expires_at.min(now + LIFETIME_SECONDS),
        };
        self.seal(&claims)
    }

    fn seal(&self, claims: &Claims<'_>) -> Result<String, Unspecified> {
        let header = json!({ "alg": "EdDSA", "typ": TYPE, "kid": self.first.id });
        let mut jws = URL_SAFE_NO_PAD.encode(header.to_string());
        jws.push('.');
        // Strings and numbers always serialise.
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims).unwrap_or_default(), &mut jws);
        let signature = self.first.pair.try_sign(jws.as_bytes())?;
        jws.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut jws);
        Ok(jws)
    }

    /// The public keys as a JWK Set (RFC 7517 §5).
    #[must_use]
    pub fn key_set(&self) -> String {
        let keys = std::iter::once(&self.first).chain(&self.others).map(|key| {
            json!({
                "kty": "OKP", "crv": "Ed25519", "x": key.public, "kid": key.id, "use": "sig", "alg": "EdDSA",
            })
        });
        json!({ "keys": keys.collect::<Vec<_>>() }).to_string()
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    login_issuer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    permissions: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    session_id: &'a str,
    method: &'a str,
    jti: &'a str,
    iat: u64,
    exp: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8037 A.1 as PKCS#8, without its public half.
    const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

    #[test]
    fn a_key_has_the_public_half_and_thumbprint_of_rfc_8037() {
        let key = SigningKey::from_pem(PEM.as_bytes()).expect("a key");
        assert_eq!(key.public, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let shown = format!("{key:?}");
        assert!(shown.contains(key.id()) && !shown.contains("pair"), "{shown}");
    }

    #[test]
    fn what_is_no_ed25519_key_is_refused() {
        let p256 = rcgen::KeyPair::generate().expect("a P-256 key");
        let refused = |pem: &str| SigningKey::from_pem(pem.as_bytes()).expect_err("no key");
        assert_eq!(refused(&p256.serialize_pem()), KeyError::NotEd25519);
        assert_eq!(refused(&p256.public_key_pem()), KeyError::NotPem);
        assert_eq!(refused("nothing"), KeyError::NotPem);
        assert_eq!(refused(&PEM.replace("VpezJ", "")), KeyError::NotEd25519);
    }

    #[test]
    fn every_key_is_told_and_nothing_of_its_private_half() {
        let keys = [SigningKey::generate().expect("a key"), SigningKey::from_pem(PEM.as_bytes()).expect("a key")];
        let [first, second] = keys;
        let ids = [first.id().to_owned(), second.id().to_owned()];
        let set = Assertions::new("https://gateway.example.com", first, vec![second]).key_set();
        let set: serde_json::Value = serde_json::from_str(&set).expect("JSON");
        for (key, id) in set["keys"].as_array().expect("a list").iter().zip(ids) {
            assert_eq!(key["kid"], id);
            assert!(key["d"].is_null() && key["kty"] == "OKP" && key["alg"] == "EdDSA", "{key}");
        }
    }
}
