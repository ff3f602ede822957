//! The library alone, on one thread: tokens become logins, beside the signature's own price and another JWT crate.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use admitone::authn::{Algorithm, ClaimNames, JwtIssuer, TokenKind, Verifier, VerifyingKey};
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
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::machine::Watch;
use crate::rounds::median;
use crate::token::{AUDIENCE, ISSUER, claims};

/// Operations between two looks at the clock.
const CHUNK: usize = 20;

/// The longest secret that an HMAC needs.
const SECRET: [u8; 64] = [7; 64];

/// Nanoseconds of each operation, the median of the run's chunks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Round {
    /// A whole token: form, issuer, key, signature, claims.
    pub(crate) login: f64,
    /// The signature, through the library's key.
    pub(crate) key: f64,
    /// The signature, by the crypto library itself.
    pub(crate) crypto: f64,
    /// A whole token by `jsonwebtoken`, which checks less.
    pub(crate) peer: f64,
    /// Cores' worth of work by others meanwhile.
    pub(crate) others: f64,
}

/// What this role prints: the rounds of each algorithm.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Report {
    pub(crate) algorithms: Vec<(String, Vec<Round>)>,
}

pub(super) fn run(rounds: usize, time: Duration) -> Result<(), Failure> {
    let mut worlds: Vec<World> = Algorithm::ALL.iter().map(|own| World::new(*own)).collect::<Result<_, _>>()?;
    let mut algorithms: Vec<(String, Vec<Round>)> =
        Algorithm::ALL.iter().map(|algorithm| (algorithm.name().to_owned(), Vec::new())).collect();
    for number in 0..=rounds {
        for (world, (_, measured)) in worlds.iter_mut().zip(&mut algorithms) {
            let round = world.round(number, time)?;
            if number > 0 {
                measured.push(round);
            }
        }
    }
    println!("{}", serde_json::to_string(&Report { algorithms })?);
    Ok(())
}

/// One algorithm: its token and everything that verifies it.
struct World {
    token: String,
    message: Vec<u8>,
    signature: Vec<u8>,
    now: u64,
    algorithm: Algorithm,
    verifier: Verifier,
    key: VerifyingKey,
    crypto: Crypto,
    peer: (DecodingKey, Validation),
}

enum Crypto {
    Mac(Box<hmac::Key>),
    Signature(ParsedPublicKey),
}

/// The claims that a login is made of.
#[derive(Deserialize)]
struct PeerClaims {
    #[expect(dead_code, reason = "what is read has to be kept")]
    sub: String,
}

impl World {
    fn new(algorithm: Algorithm) -> Result<Self, Failure> {
        let pair = Pair::of(algorithm)?;
        let peer_algorithm = algorithm.name().parse()?;
        let header =
            Header { typ: Some("at+jwt".to_owned()), kid: Some("key-1".to_owned()), ..Header::new(peer_algorithm) };
        let token = jsonwebtoken::encode(&header, &claims(1)?, &pair.private)?;
        let (message, signature) = token.rsplit_once('.').ok_or("a token without a signature")?;
        let mut validation = Validation::new(peer_algorithm);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        let issuer = JwtIssuer {
            name: "bench".to_owned(),
            issuer: ISSUER.to_owned(),
            audiences: vec![AUDIENCE.to_owned()],
            algorithms: vec![algorithm],
            keys: pair.key.clone().into(),
            token_kind: TokenKind::Access { require_at_jwt: true },
            leeway_seconds: 30,
            claims: ClaimNames::default(),
        };
        Ok(Self {
            message: message.as_bytes().to_vec(),
            signature: URL_SAFE_NO_PAD.decode(signature)?,
            now: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
            algorithm,
            verifier: Verifier::new(vec![issuer])?,
            key: pair.key,
            crypto: pair.crypto,
            peer: (pair.public, validation),
            token,
        })
    }

    fn round(&mut self, number: usize, time: Duration) -> Result<Round, Failure> {
        let watch = Watch::begin(&[])?;
        let mut round = Round::default();
        for step in 0..4 {
            match (number + step) % 4 {
                0 => round.login = self.timed(time, |world| world.verifier.verify(&world.token, world.now).is_ok())?,
                1 => round.key = self.timed(time, Self::by_key)?,
                2 => round.crypto = self.timed(time, Self::by_crypto)?,
                _ => round.peer = self.timed(time, Self::by_peer)?,
            }
        }
        round.others = watch.others()?;
        Ok(round)
    }

    fn by_key(&self) -> bool {
        self.key.accepts(self.algorithm, &self.message, &self.signature)
    }

    fn by_crypto(&self) -> bool {
        match &self.crypto {
            Crypto::Mac(key) => hmac::verify(key, &self.message, &self.signature).is_ok(),
            Crypto::Signature(key) => key.verify_sig(&self.message, &self.signature).is_ok(),
        }
    }

    fn by_peer(&self) -> bool {
        jsonwebtoken::decode::<PeerClaims>(&self.token, &self.peer.0, &self.peer.1).is_ok()
    }

    fn timed(&self, time: Duration, accepts: impl Fn(&Self) -> bool) -> Result<f64, Failure> {
        let (begun, mut chunks) = (Instant::now(), Vec::new());
        while begun.elapsed() < time || chunks.is_empty() {
            let start = Instant::now();
            for _ in 0..CHUNK {
                if !accepts(std::hint::black_box(self)) {
                    return Err(format!("a good {} token was refused", self.algorithm.name()).into());
                }
            }
            chunks.push(start.elapsed().as_nanos() as f64 / CHUNK as f64);
        }
        Ok(median(chunks))
    }
}

/// A fresh key pair or the secret, in everybody's form.
struct Pair {
    private: EncodingKey,
    public: DecodingKey,
    key: VerifyingKey,
    crypto: Crypto,
}

impl Pair {
    fn of(algorithm: Algorithm) -> Result<Self, Failure> {
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

    fn secret(algorithm: Algorithm, mac: hmac::Algorithm) -> Result<Self, Failure> {
        Ok(Self {
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
