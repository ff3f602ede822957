//! Keys that verify, each bound to one algorithm.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;

/// Shortest HS256 secret accepted, in bytes: the size of the hash (RFC 7518 §3.2).
const MIN_HS256_SECRET_BYTES: usize = 32;

/// DER of a P-256 `SubjectPublicKeyInfo` up to the uncompressed point that ends it (RFC 5480 §2).
const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A signature algorithm (RFC 7518 §3.1) that an issuer can be pinned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256 and a shared secret.
    Hs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: &'static [Self] = &[Self::Hs256, Self::Es256];

    /// The name in a token's `alg` and in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Es256 => "ES256",
        }
    }

    const fn implementation(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
        }
    }
}

/// A name that is no [`Algorithm`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the algorithm must be HS256 or ES256, in capitals")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name).ok_or(UnknownAlgorithm)
    }
}

/// Why key material is not a key for the algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The secret is too short.
    #[error("an HS256 secret must have at least 32 bytes; make one with `openssl rand -hex 32`")]
    ShortSecret,
    /// The secret is a PEM file or a JSON document, which is never what an issuer signs with.
    #[error("an HS256 secret must be the bare secret; this is a PEM or JSON document, such as a public key")]
    SecretIsDocument,
    /// The file holds a private key.
    #[error("this is a private key; the gateway needs only the public one: `openssl pkey -in KEY -pubout`")]
    PrivateKey,
    /// Not exactly one PEM block labelled `PUBLIC KEY`.
    #[error("the key must be one PEM block that begins `-----BEGIN PUBLIC KEY-----`")]
    NotPublicKeyPem,
    /// A public key of another kind or curve, or a compressed point.
    #[error("an ES256 key must be a P-256 public key with an uncompressed point")]
    NotP256,
    /// The point is not on the curve.
    #[error("the P-256 key is damaged: its point is not on the curve")]
    NotOnCurve,
}

/// A key together with the one algorithm that it verifies.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl VerifyingKey {
    /// A secret shared with the issuer, used byte for byte: a trailing newline counts.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when the secret has fewer than 32 bytes, or is a PEM or JSON document instead of a secret.
    pub fn hs256(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < MIN_HS256_SECRET_BYTES {
            return Err(KeyError::ShortSecret);
        }
        if is_document(secret) {
            return Err(KeyError::SecretIsDocument);
        }
        Ok(Self { algorithm: Algorithm::Hs256, key: DecodingKey::from_secret(secret) })
    }

    /// The issuer's P-256 public key: the text of a PEM file with one `PUBLIC KEY` block.
    ///
    /// # Errors
    ///
    /// [`KeyError`] for anything else: private keys, certificates, other curves, several blocks, damaged keys.
    pub fn es256_pem(pem: &str) -> Result<Self, KeyError> {
        let der = public_key_der(pem)?;
        let point = der.strip_prefix(&P256_SPKI_PREFIX).filter(|point| point.len() == 65 && point[0] == 4);
        let point = point.ok_or(KeyError::NotP256)?;
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| KeyError::NotOnCurve)?;
        Ok(Self { algorithm: Algorithm::Es256, key: DecodingKey::from_ec_der(point) })
    }

    /// The algorithm that this key verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature`, in the form of RFC 7518 §3, is this key's over `message`.
    pub(super) fn accepts(&self, message: &[u8], signature: &Vec<u8>) -> bool {
        // The provider is named, not looked up: the looked-up one panics when an embedder's tree enables two.
        (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm.implementation(), &self.key)
            .is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({}, [redacted])", self.algorithm.name())
    }
}

fn is_document(secret: &[u8]) -> bool {
    let is_pem = secret.windows(11).any(|window| window == b"-----BEGIN ");
    let is_json = serde_json::from_slice(secret)
        .is_ok_and(|value: serde_json::Value| value.is_object() || value.is_array() || value.is_string());
    is_pem || is_json
}

fn public_key_der(pem: &str) -> Result<Vec<u8>, KeyError> {
    if pem.contains("PRIVATE KEY-----") {
        return Err(KeyError::PrivateKey);
    }
    let body = pem
        .trim()
        .strip_prefix("-----BEGIN PUBLIC KEY-----")
        .and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----"))
        .ok_or(KeyError::NotPublicKeyPem)?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).map_err(|_| KeyError::NotPublicKeyPem)
}
