//! Keys of every algorithm, in the form of everybody who is measured.

use admitone::authn::{Algorithm, VerifyingKey};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    ED25519, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaKeyPair, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{DecodingKey, EncodingKey, Header};
use serde_json::Value;

use crate::Failure;

/// The longest secret that an HMAC needs.
const SECRET: [u8; 64] = [b'7'; 64];

/// What the crypto library itself verifies by.
pub(crate) enum Crypto {
    Mac(Box<hmac::Key>),
    Signature(ParsedPublicKey),
}

/// A fresh key pair or the secret, in everybody's form.
pub(crate) struct Pair {
    algorithm: Algorithm,
    private: EncodingKey,
    pub(crate) public: DecodingKey,
    pub(crate) key: VerifyingKey,
    pub(crate) crypto: Crypto,
    /// The public key; of an HMAC, the secret.
    pub(crate) file: Vec<u8>,
}

impl Pair {
    pub(crate) fn of(algorithm: Algorithm) -> Result<Self, Failure> {
        let p256 = (&ECDSA_P256_SHA256_FIXED_SIGNING, &ECDSA_P256_SHA256_FIXED as &dyn VerificationAlgorithm);
        let p384 = (&ECDSA_P384_SHA384_FIXED_SIGNING, &ECDSA_P384_SHA384_FIXED as &dyn VerificationAlgorithm);
        match algorithm {
            Algorithm::Hs256 => Self::secret(algorithm, hmac::HMAC_SHA256),
            Algorithm::Hs384 => Self::secret(algorithm, hmac::HMAC_SHA384),
            Algorithm::Hs512 => Self::secret(algorithm, hmac::HMAC_SHA512),
            Algorithm::Rs256 => Self::rsa(algorithm, &RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Rs384 => Self::rsa(algorithm, &RSA_PKCS1_2048_8192_SHA384),
            Algorithm::Rs512 => Self::rsa(algorithm, &RSA_PKCS1_2048_8192_SHA512),
            Algorithm::Ps256 => Self::rsa(algorithm, &RSA_PSS_2048_8192_SHA256),
            Algorithm::Ps384 => Self::rsa(algorithm, &RSA_PSS_2048_8192_SHA384),
            Algorithm::Ps512 => Self::rsa(algorithm, &RSA_PSS_2048_8192_SHA512),
            Algorithm::Es256 => Self::ecdsa(algorithm, p256),
            Algorithm::Es384 => Self::ecdsa(algorithm, p384),
            Algorithm::EdDsa => Self::ed25519(algorithm),
            other => Err(format!("{} has no key here yet", other.name()).into()),
        }
    }

    /// An access token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> Result<String, Failure> {
        let (typ, kid) = (Some("at+jwt".to_owned()), Some("key-1".to_owned()));
        let header = Header { typ, kid, ..Header::new(self.algorithm.name().parse()?) };
        Ok(jsonwebtoken::encode(&header, claims, &self.private)?)
    }

    fn secret(algorithm: Algorithm, mac: hmac::Algorithm) -> Result<Self, Failure> {
        Ok(Self {
            algorithm,
            file: SECRET.to_vec(),
            private: EncodingKey::from_secret(&SECRET),
            public: DecodingKey::from_secret(&SECRET),
            key: VerifyingKey::from_secret(&SECRET, &[algorithm])?,
            crypto: Crypto::Mac(Box::new(hmac::Key::new(mac, &SECRET))),
        })
    }

    fn rsa(algorithm: Algorithm, verification: &'static dyn VerificationAlgorithm) -> Result<Self, Failure> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let private = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", pair.as_der()?.as_ref()).as_bytes())?;
        let der = pair.public_key().as_der()?;
        let public = DecodingKey::from_rsa_pem(pem("PUBLIC KEY", der.as_ref()).as_bytes())?;
        Self::public(algorithm, private, public, verification, der.as_ref())
    }

    fn ecdsa(
        algorithm: Algorithm,
        (signing, verification): (&'static EcdsaSigningAlgorithm, &'static dyn VerificationAlgorithm),
    ) -> Result<Self, Failure> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(signing, &SystemRandom::new())?;
        let pair = EcdsaKeyPair::from_pkcs8(signing, pkcs8.as_ref())?;
        let der = pair.public_key().as_der()?;
        let public = DecodingKey::from_ec_pem(pem("PUBLIC KEY", der.as_ref()).as_bytes())?;
        Self::public(algorithm, EncodingKey::from_ec_der(pkcs8.as_ref()), public, verification, der.as_ref())
    }

    fn ed25519(algorithm: Algorithm) -> Result<Self, Failure> {
        let pair = Ed25519KeyPair::generate()?;
        let private = EncodingKey::from_ed_der(pair.to_pkcs8v1()?.as_ref());
        let der = pair.public_key().as_der()?;
        let public = DecodingKey::from_ed_pem(pem("PUBLIC KEY", der.as_ref()).as_bytes())?;
        Self::public(algorithm, private, public, &ED25519, der.as_ref())
    }

    fn public(
        algorithm: Algorithm,
        private: EncodingKey,
        public: DecodingKey,
        verification: &'static dyn VerificationAlgorithm,
        der: &[u8],
    ) -> Result<Self, Failure> {
        Ok(Self {
            algorithm,
            file: pem("PUBLIC KEY", der).into_bytes(),
            private,
            public,
            key: VerifyingKey::from_pem(&pem("PUBLIC KEY", der), &[algorithm])?,
            crypto: Crypto::Signature(ParsedPublicKey::new(verification, der)?),
        })
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}
