//! Keys that verify, each bound to the algorithms that it may be used with.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use super::der;
use super::material::{Check, Material};

/// Longest shared secret accepted, in bytes.
pub(super) const MAX_SECRET_BYTES: usize = 4096;

/// Why key material is not a key for its algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No algorithm was named, so the key could verify nothing.
    #[error("a key needs at least one algorithm")]
    NoAlgorithm,
    /// The key cannot be used with an algorithm that was named.
    #[error("a {key} key cannot be used with {}; name only algorithms of its kind", algorithm.name())]
    WrongKind {
        /// What the key is.
        key: &'static str,
        /// The algorithm that needs another kind of key.
        algorithm: Algorithm,
    },
    /// The secret is shorter than the hash.
    #[error("a secret for {} must have at least {} bytes; make one with `openssl rand -hex 64`", .0.name(), .0.min_secret_bytes())]
    ShortSecret(Algorithm),
    /// The secret is too long to be one.
    #[error("a secret must have at most 4096 bytes; is it the right file?")]
    LongSecret,
    /// The secret is a PEM file, a JSON document or DER, which is never what an issuer signs with.
    #[error("a secret must be bare; this is a PEM, DER or JSON document, such as a public key that anybody has")]
    SecretIsDocument,
    /// The text holds a private key.
    #[error("this is a private key; only the public one is needed: `openssl pkey -in KEY -pubout`")]
    PrivateKey,
    /// Not exactly one PEM block labelled `PUBLIC KEY`.
    #[error("the key must be one PEM block that begins `-----BEGIN PUBLIC KEY-----`")]
    NotPublicKeyPem,
    /// A public key of another kind or curve, or not in DER.
    #[error("the public key must be RSA, P-256, P-384 or Ed25519")]
    UnknownKind,
    /// The modulus is too short or too long.
    #[error("an RSA key must have 2048 to 8192 bits")]
    RsaSize,
    /// The exponent is even, 1, or too large, or the modulus is even.
    #[error("the RSA key is damaged: modulus and exponent must be odd, the exponent 3 to 2^32")]
    RsaNumbers,
    /// The modulus has the structure of CVE-2017-15361, which lets anybody compute the private key.
    #[error("the RSA key is weak (ROCA, CVE-2017-15361): anybody can compute its private key; make a new one")]
    Roca,
    /// The point is compressed, of another length, not on the curve, or one that anybody can sign for.
    #[error("the {0} key is damaged: it is not an uncompressed point of the curve, or one of small order")]
    Point(&'static str),
}

/// A key, the algorithms that it verifies, and its `kid` where it has one.
#[derive(Clone)]
pub struct VerifyingKey {
    id: Option<Box<str>>,
    checks: Vec<(Algorithm, Check)>,
}

impl VerifyingKey {
    /// A secret shared with the issuer, used byte for byte: a trailing newline counts.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when an algorithm is no HMAC, when the secret is shorter than the hash of one of them, or is a PEM,
    /// DER or JSON document instead of a secret.
    pub fn from_secret(secret: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        Self::new(None, &Material::Secret(Zeroizing::new(secret.to_vec())), algorithms)
    }

    /// The issuer's public key: the text of a PEM file with one `PUBLIC KEY` block.
    ///
    /// # Errors
    ///
    /// [`KeyError`] for anything else: private keys, certificates, other kinds and curves than `algorithms` need, several
    /// blocks, damaged and weak keys.
    pub fn from_pem(pem: &str, algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        let der = public_key_der(pem)?;
        let key = der::read_public_key(&der).ok_or(KeyError::UnknownKind)?;
        Self::new(None, &key, algorithms)
    }

    pub(super) fn new(id: Option<&str>, material: &Material, algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        if algorithms.is_empty() {
            return Err(KeyError::NoAlgorithm);
        }
        material.check()?;
        let check = |algorithm: &Algorithm| Ok((*algorithm, material.ready_for(*algorithm)?));
        Ok(Self { id: id.map(Box::from), checks: algorithms.iter().map(check).collect::<Result<_, _>>()? })
    }

    /// Its `kid`; keys from a PEM file or a bare secret have none.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The algorithms that it verifies.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.checks.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Whether `signature`, in the form of RFC 7518 §3, is this key's over `message`; never with another algorithm than
    /// the key is bound to.
    #[must_use]
    pub fn accepts(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let check = self.checks.iter().find(|(bound, _)| *bound == algorithm);
        check.is_some_and(|(_, check)| match check {
            Check::Mac(key) => hmac::verify(key, message, signature).is_ok(),
            Check::Signature(key) => key.verify_sig(message, signature).is_ok(),
        })
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.algorithms().map(Algorithm::name).collect();
        write!(f, "VerifyingKey({:?}, {}, [redacted])", self.id, names.join(" "))
    }
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
