//! JSON Web Keys and sets of them (RFC 7517), read strictly: one bad key refuses the whole set.

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use super::json::{self, Object};
use super::key::{KeyError, VerifyingKey};
use super::material::Material;

/// Longest key or set accepted, in bytes.
pub const MAX_JWKS_BYTES: usize = 64 * 1024;

/// Most keys in a set, those that are skipped included.
pub const MAX_JWKS_KEYS: usize = 100;

/// Longest `kid` accepted, in bytes.
pub(super) const MAX_KEY_ID_BYTES: usize = 256;

/// Members that only a private key has (RFC 7518 §6.2.2 and §6.3.2; `priv` is that of newer key types).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"];

/// Who keys come from, and so what may be among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// Published by an issuer: public keys only.
    Published,
    /// A file of the operator's: public keys, or shared secrets, but never both together.
    Operator,
}

/// Why a key or a set is not used. Nothing of it is used then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// Too long to be read.
    #[error("it is longer than 65536 bytes")]
    TooLong,
    /// Neither a key nor a set.
    #[error("it is not one JSON object without repeated members that is a JWK (`kty`) or a JWK set (`keys`)")]
    Malformed,
    /// Too many keys.
    #[error("it has more than 100 keys")]
    TooManyKeys,
    /// A member of a key is absent, of another type, or not encoded as it has to be.
    #[error("key {key}: `{member}` is absent, or not what RFC 7517 and 7518 ask for")]
    Member {
        /// Which key, counted from 1.
        key: usize,
        /// Which member.
        member: &'static str,
    },
    /// A private key.
    #[error("key {key}: it is a private key (`{member}`); an issuer publishes public ones only")]
    PrivateKey {
        /// Which key, counted from 1.
        key: usize,
        /// The member that gives it away.
        member: &'static str,
    },
    /// A shared secret where only public keys belong, or beside public keys.
    #[error("key {key}: shared secrets (`oct`) stand neither in a published set nor beside public keys")]
    SharedSecret {
        /// Which key, counted from 1.
        key: usize,
    },
    /// `alg` is not one that a key of this kind can be used with.
    #[error("key {key}: its `alg` contradicts its `kty` or `crv`")]
    Contradiction {
        /// Which key, counted from 1.
        key: usize,
    },
    /// Two keys have the same `kid`.
    #[error("key {key}: an earlier key has the same `kid`")]
    RepeatedKeyId {
        /// Which key, counted from 1.
        key: usize,
    },
    /// The key is not usable.
    #[error("key {key}: {error}")]
    Key {
        /// Which key, counted from 1.
        key: usize,
        /// Why.
        error: KeyError,
    },
    /// Every key was skipped.
    #[error("no key is left that verifies signatures with a known algorithm")]
    NoUsableKey,
}

/// Reads a JWK or a JWK set.
///
/// Skipped, as RFC 7517 §5 wants it, are keys of a `kty`, `crv` or `alg` that is not known here, and keys that are not for
/// verifying (`use` other than `sig`, `key_ops` without `verify`).
pub(super) fn read(json: &[u8], source: KeySource) -> Result<Vec<VerifyingKey>, JwkError> {
    if json.len() > MAX_JWKS_BYTES {
        return Err(JwkError::TooLong);
    }
    let document = json::read_object(json).ok_or(JwkError::Malformed)?;
    let jwks = match (document.get("keys"), document.get("kty")) {
        (Some(Value::Array(keys)), None) => keys.iter().map(Value::as_object).collect::<Option<_>>(),
        (None, Some(_)) => Some(vec![&document]),
        _ => None,
    };
    let jwks: Vec<&Object> = jwks.ok_or(JwkError::Malformed)?;
    if jwks.len() > MAX_JWKS_KEYS {
        return Err(JwkError::TooManyKeys);
    }
    let jwks: Vec<Jwk<'_>> = jwks.into_iter().zip(1..).map(|(members, number)| Jwk { members, number }).collect();
    check_secrets(&jwks, source)?;
    let mut keys: Vec<VerifyingKey> = Vec::new();
    for jwk in &jwks {
        let Some(key) = jwk.read()? else { continue };
        if key.id().is_some() && keys.iter().any(|earlier| earlier.id() == key.id()) {
            return Err(JwkError::RepeatedKeyId { key: jwk.number });
        }
        keys.push(key);
    }
    if keys.is_empty() { Err(JwkError::NoUsableKey) } else { Ok(keys) }
}

/// Looks at every key, those included that are skipped: what is private was disclosed, whatever it was for.
fn check_secrets(jwks: &[Jwk<'_>], source: KeySource) -> Result<(), JwkError> {
    let is_public_somewhere = jwks.iter().any(|jwk| jwk.text("kty") != Ok(Some("oct")));
    for jwk in jwks {
        if let Some(member) = PRIVATE_MEMBERS.into_iter().find(|member| jwk.members.contains_key(*member)) {
            return Err(JwkError::PrivateKey { key: jwk.number, member });
        }
        let is_secret = jwk.members.contains_key("k") || jwk.text("kty") == Ok(Some("oct"));
        if is_secret && (source == KeySource::Published || is_public_somewhere) {
            return Err(JwkError::SharedSecret { key: jwk.number });
        }
    }
    Ok(())
}

/// One key of a set, counted from 1.
struct Jwk<'m> {
    members: &'m Object,
    number: usize,
}

impl Jwk<'_> {
    /// The key, or `None` when it is skipped; what is skipped is not looked at further.
    fn read(&self) -> Result<Option<VerifyingKey>, JwkError> {
        let kty = self.required_text("kty")?;
        let kid = self.text("kid")?;
        if kid.is_some_and(|kid| kid.len() > MAX_KEY_ID_BYTES) {
            return Err(self.wrong("kid"));
        }
        let algorithm = match self.text("alg")?.map(str::parse::<Algorithm>) {
            Some(Err(_)) => return Ok(None),
            Some(Ok(algorithm)) => Some(algorithm),
            None => None,
        };
        if !self.is_for_verifying()? {
            return Ok(None);
        }
        let Some(material) = self.material(kty)? else { return Ok(None) };
        let algorithms = match algorithm {
            Some(algorithm) if material.fits(algorithm) => vec![algorithm],
            Some(_) => return Err(JwkError::Contradiction { key: self.number }),
            None => material.algorithms(),
        };
        let key = VerifyingKey::new(kid, &material, &algorithms);
        key.map(Some).map_err(|error| JwkError::Key { key: self.number, error })
    }

    fn is_for_verifying(&self) -> Result<bool, JwkError> {
        let is_for_signatures = self.text("use")?.is_none_or(|usage| usage == "sig");
        let Some(operations) = self.members.get("key_ops") else { return Ok(is_for_signatures) };
        let operations = operations.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
        let operations: Vec<&str> = operations.ok_or_else(|| self.wrong("key_ops"))?;
        if operations.iter().enumerate().any(|(at, operation)| operations[..at].contains(operation)) {
            return Err(self.wrong("key_ops"));
        }
        Ok(is_for_signatures && operations.contains(&"verify"))
    }

    /// What the key is made of, or `None` for a type or curve that is not known here.
    fn material(&self, kty: &str) -> Result<Option<Material>, JwkError> {
        Ok(match kty {
            "RSA" => Some(Material::Rsa { n: self.natural("n")?, e: self.natural("e")? }),
            "EC" => match self.required_text("crv")? {
                "P-256" => Some(Material::P256(self.point(32)?)),
                "P-384" => Some(Material::P384(self.point(48)?)),
                _ => None,
            },
            "OKP" => match self.required_text("crv")? {
                "Ed25519" => Some(Material::Ed25519(self.bytes("x")?)),
                _ => None,
            },
            "oct" => Some(Material::Secret(Zeroizing::new(self.bytes("k")?))),
            _ => None,
        })
    }

    /// An uncompressed point; each coordinate has its full length (RFC 7518 §6.2.1.2).
    fn point(&self, coordinate_bytes: usize) -> Result<Vec<u8>, JwkError> {
        let mut point = vec![4];
        for member in ["x", "y"] {
            let coordinate = self.bytes(member)?;
            if coordinate.len() != coordinate_bytes {
                return Err(self.wrong(member));
            }
            point.extend(coordinate);
        }
        Ok(point)
    }

    /// A positive number in the fewest bytes (RFC 7518 §2, Base64urlUInt).
    fn natural(&self, member: &'static str) -> Result<Vec<u8>, JwkError> {
        let number = self.bytes(member)?;
        if matches!(number.first(), None | Some(0)) { Err(self.wrong(member)) } else { Ok(number) }
    }

    fn bytes(&self, member: &'static str) -> Result<Vec<u8>, JwkError> {
        URL_SAFE_NO_PAD.decode(self.required_text(member)?).map_err(|_| self.wrong(member))
    }

    fn required_text(&self, member: &'static str) -> Result<&str, JwkError> {
        self.text(member)?.ok_or_else(|| self.wrong(member))
    }

    fn text(&self, member: &'static str) -> Result<Option<&str>, JwkError> {
        let Some(value) = self.members.get(member) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.wrong(member))
    }

    const fn wrong(&self, member: &'static str) -> JwkError {
        JwkError::Member { key: self.number, member }
    }
}
