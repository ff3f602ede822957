//! Issuers' private keys, for tests.

use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Algorithm;
use super::algorithm::Scheme;
use super::der;
use super::material::Material;

/// A private key or secret that signs with one algorithm.
pub(super) struct Signer {
    algorithm: Algorithm,
    key: Key,
}

enum Key {
    Secret(Vec<u8>),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(&'static RsaKeyPair),
}

/// One for all: making them takes long.
static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).expect("a key pair"));

impl Signer {
    pub(super) fn generate(algorithm: Algorithm) -> Self {
        let key = match algorithm.scheme() {
            Scheme::Mac(mac) => Key::Secret((0..=255).cycle().skip(7).take(mac.tag_len()).collect()),
            Scheme::Rsa(_) => Key::Rsa(&RSA),
            Scheme::P256(_) => {
                Key::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key pair"))
            }
            Scheme::P384(_) => {
                Key::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("a key pair"))
            }
            Scheme::Ed25519(_) => Key::Ed25519(Ed25519KeyPair::generate().expect("a key pair")),
        };
        Self { algorithm, key }
    }

    pub(super) fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Self {
        Self { algorithm, key: Key::Secret(secret.to_vec()) }
    }

    /// A token with any texts as header and payload, well-formed or not.
    pub(super) fn sign(&self, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.signature(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(super) fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Secret(secret) => {
                let Scheme::Mac(mac) = self.algorithm.scheme() else { panic!("a secret signs with HMAC") };
                hmac::sign(&hmac::Key::new(mac, secret), message).as_ref().to_vec()
            }
            Key::Ecdsa(pair) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Key::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(rsa_encoding(self.algorithm), &random, message, &mut signature).expect("a signature");
                signature
            }
        }
    }

    /// `SubjectPublicKeyInfo`; not of secrets.
    pub(super) fn public_key_der(&self) -> Vec<u8> {
        match &self.key {
            Key::Secret(_) => panic!("a secret has no public key"),
            Key::Ecdsa(pair) => pair.public_key().as_der().expect("a public key").as_ref().to_vec(),
            Key::Ed25519(pair) => pair.public_key().as_der().expect("a public key").as_ref().to_vec(),
            Key::Rsa(pair) => pair.public_key().as_der().expect("a public key").as_ref().to_vec(),
        }
    }

    /// The ECDSA private key.
    pub(super) fn pkcs8(&self) -> Vec<u8> {
        let Key::Ecdsa(pair) = &self.key else { panic!("not an ECDSA key") };
        pair.to_pkcs8v1().expect("a private key").as_ref().to_vec()
    }

    pub(super) fn public_key_pem(&self) -> String {
        pem("PUBLIC KEY", &self.public_key_der())
    }

    /// The JWK that verifies, without `kid`, `alg` and `use`; of a secret, the secret.
    pub(super) fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        if let Key::Secret(secret) = &self.key {
            return json!({"kty": "oct", "k": text(secret)});
        }
        match der::read_public_key(&self.public_key_der()).expect("a public key") {
            Material::Secret(_) => panic!("a secret has no public key"),
            Material::Rsa { n, e } => json!({"kty": "RSA", "n": text(&n), "e": text(&e)}),
            Material::P256(point) => {
                json!({"kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])})
            }
            Material::P384(point) => {
                json!({"kty": "EC", "crv": "P-384", "x": text(&point[1..49]), "y": text(&point[49..])})
            }
            Material::Ed25519(point) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(&point)}),
        }
    }
}

fn rsa_encoding(algorithm: Algorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &RSA_PSS_SHA256,
        Algorithm::Ps384 => &RSA_PSS_SHA384,
        Algorithm::Ps512 => &RSA_PSS_SHA512,
        other => panic!("{} is not RSA", other.name()),
    }
}

pub(super) fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}
