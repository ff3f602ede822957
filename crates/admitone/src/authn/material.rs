//! What a key is made of, checked before it verifies anything.

use std::ops::RangeInclusive;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Scheme};
use super::key::{KeyError, MAX_SECRET_BYTES};
use super::{der, weak};

/// Fewest and most bits of an RSA modulus.
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// Key material; each kind goes with algorithms of its own kind alone.
pub(super) enum Material {
    Secret(Zeroizing<Vec<u8>>),
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point in the form of SEC 1 §2.3.3.
    P256(Vec<u8>),
    /// A point in the form of SEC 1 §2.3.3.
    P384(Vec<u8>),
    /// A point in the form of RFC 8032 §5.1.2.
    Ed25519(Vec<u8>),
}

/// A key made ready for one algorithm.
#[derive(Clone)]
pub(super) enum Check {
    Mac(Box<hmac::Key>),
    Signature(ParsedPublicKey),
}

impl Material {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Secret(_) => "shared secret",
            Self::Rsa { .. } => "RSA",
            Self::P256(_) => "P-256",
            Self::P384(_) => "P-384",
            Self::Ed25519(_) => "Ed25519",
        }
    }

    /// Whether an algorithm needs this kind of key.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        matches!(
            (self, algorithm.scheme()),
            (Self::Secret(_), Scheme::Mac(_))
                | (Self::Rsa { .. }, Scheme::Rsa(_))
                | (Self::P256(_), Scheme::P256(_))
                | (Self::P384(_), Scheme::P384(_))
                | (Self::Ed25519(_), Scheme::Ed25519(_))
        )
    }

    /// The algorithms that it can be used with: those of its kind, and of a secret those whose hash is no longer.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let is_long_enough = |algorithm: &Algorithm| match self {
            Self::Secret(secret) => secret.len() >= algorithm.min_secret_bytes(),
            _ => true,
        };
        Algorithm::ALL.iter().copied().filter(|algorithm| self.fits(*algorithm)).filter(is_long_enough).collect()
    }

    /// Whether it may be a key at all, whatever the algorithm.
    pub(super) fn check(&self) -> Result<(), KeyError> {
        match self {
            Self::Secret(secret) => check_secret(secret),
            Self::Rsa { n, e } => check_rsa(n, e),
            Self::P256(point) if !is_uncompressed(point, 32) => Err(KeyError::Point(self.kind())),
            Self::P384(point) if !is_uncompressed(point, 48) => Err(KeyError::Point(self.kind())),
            Self::Ed25519(point) if !weak::is_sound_ed25519(point) => Err(KeyError::Point(self.kind())),
            Self::P256(_) | Self::P384(_) | Self::Ed25519(_) => Ok(()),
        }
    }

    pub(super) fn ready_for(&self, algorithm: Algorithm) -> Result<Check, KeyError> {
        let damaged = |_| KeyError::Point(self.kind());
        match (self, algorithm.scheme()) {
            (Self::Secret(secret), Scheme::Mac(_)) if secret.len() < algorithm.min_secret_bytes() => {
                Err(KeyError::ShortSecret(algorithm))
            }
            (Self::Secret(secret), Scheme::Mac(mac)) => Ok(Check::Mac(Box::new(hmac::Key::new(mac, secret)))),
            (Self::Rsa { n, e }, Scheme::Rsa(parameters)) => {
                let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters);
                key.map(Check::Signature).map_err(|_| KeyError::RsaNumbers)
            }
            (Self::P256(point), Scheme::P256(ecdsa)) | (Self::P384(point), Scheme::P384(ecdsa)) => {
                ParsedPublicKey::new(ecdsa, point).map(Check::Signature).map_err(damaged)
            }
            (Self::Ed25519(point), Scheme::Ed25519(eddsa)) => {
                ParsedPublicKey::new(eddsa, point).map(Check::Signature).map_err(damaged)
            }
            _ => Err(KeyError::WrongKind { key: self.kind(), algorithm }),
        }
    }
}

fn check_secret(secret: &[u8]) -> Result<(), KeyError> {
    if secret.len() > MAX_SECRET_BYTES {
        return Err(KeyError::LongSecret);
    }
    let is_pem = secret.windows(11).any(|window| window == b"-----BEGIN ");
    let is_ssh = secret.starts_with(b"ssh-") || secret.starts_with(b"ecdsa-sha2-");
    let is_json = serde_json::from_slice(secret)
        .is_ok_and(|value: serde_json::Value| value.is_object() || value.is_array() || value.is_string());
    if is_pem || is_ssh || is_json || der::is_document(secret) { Err(KeyError::SecretIsDocument) } else { Ok(()) }
}

fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), KeyError> {
    let bits = |number: &[u8]| number.first().map_or(0, |byte| number.len() * 8 - byte.leading_zeros() as usize);
    let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    if !RSA_BITS.contains(&bits(n)) {
        return Err(KeyError::RsaSize);
    }
    if !is_odd(n) || !is_odd(e) || !(2..=32).contains(&bits(e)) {
        return Err(KeyError::RsaNumbers);
    }
    if weak::is_roca(n) {
        return Err(KeyError::Roca);
    }
    Ok(())
}

fn is_uncompressed(point: &[u8], coordinate_bytes: usize) -> bool {
    point.len() == 1 + 2 * coordinate_bytes && point[0] == 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s8_a_point_is_whole_and_uncompressed() {
        type Of = fn(Vec<u8>) -> Material;
        for (of, length) in [(Material::P256 as Of, 65), (Material::P384 as Of, 97)] {
            let point = |first: u8, length: usize| of([vec![first], vec![7; length - 1]].concat());
            assert_eq!(point(4, length).check(), Ok(()));
            for odd in [point(4, length - 1), point(4, length + 1), point(2, length), point(2, length / 2 + 1)] {
                assert_eq!(odd.check(), Err(KeyError::Point(odd.kind())));
            }
        }
    }
}
