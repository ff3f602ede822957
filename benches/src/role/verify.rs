//! The library alone, on one thread: tokens become logins, beside the signature's own price and another JWT crate.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use admitone::authn::{Algorithm, ClaimNames, JwtIssuer, TokenKind, Verifier, VerifyingKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, Validation};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::keys::{Crypto, Pair};
use crate::machine::Watch;
use crate::rounds::median;
use crate::token::{AUDIENCE, ISSUER, claims};

/// Operations between two looks at the clock.
const CHUNK: usize = 20;

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
        let token = pair.sign(&claims(1)?)?;
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
