//! Every algorithm, with its keys in every place where they may be.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::{Value, json};

use crate::client::soon;
use crate::idp::Idp;
use crate::tokens::{FOLDER, claims_with};
use crate::upstream::Upstream;
use crate::world::{Lines, World};

const SECRET: [u8; 64] = *b"a secret of sixty-four bytes, which is what HS512 wants at least";

const SECRETS: [&str; 3] = ["HS256", "HS384", "HS512"];
const PUBLIC: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// An algorithm with a key of its own, or the secret.
struct Signer {
    algorithm: &'static str,
    pair: Option<KeyPair>,
}

impl Signer {
    fn all() -> Vec<Self> {
        let secrets = SECRETS.map(|algorithm| Self { algorithm, pair: None });
        secrets.into_iter().chain(PUBLIC.map(Self::with_a_pair)).collect()
    }

    fn with_a_pair(algorithm: &'static str) -> Self {
        let kind = match algorithm {
            "ES256" => &rcgen::PKCS_ECDSA_P256_SHA256,
            "ES384" => &rcgen::PKCS_ECDSA_P384_SHA384,
            "EdDSA" => &rcgen::PKCS_ED25519,
            _ => &rcgen::PKCS_RSA_SHA256,
        };
        Self { algorithm, pair: Some(KeyPair::generate_for(kind).expect("a key pair")) }
    }

    fn places(&self) -> &'static [&'static str] {
        match self.pair {
            None => &["secret_file", "jwks_file"],
            Some(_) => &["public_key_file", "jwks_file", "jwks_url", "discovery"],
        }
    }

    fn sign(&self, issuer: &str) -> String {
        let key = match &self.pair {
            None => EncodingKey::from_secret(&SECRET),
            Some(pair) => {
                let pem = pair.serialize_pem();
                let read = match &self.algorithm[..2] {
                    "ES" => EncodingKey::from_ec_pem(pem.as_bytes()),
                    "Ed" => EncodingKey::from_ed_pem(pem.as_bytes()),
                    _ => EncodingKey::from_rsa_pem(pem.as_bytes()),
                };
                read.expect("a private key")
            }
        };
        let algorithm = self.algorithm.parse().expect("an algorithm");
        let header = Header { typ: Some("at+jwt".to_owned()), kid: Some("one".to_owned()), ..Header::new(algorithm) };
        jsonwebtoken::encode(&header, &claims_with("ada", json!({ "iss": issuer })), &key).expect("a token")
    }

    fn jwks(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = |crv: &str, raw: &[u8]| {
            let (x, y) = raw[1..].split_at(raw.len() / 2);
            json!({ "kty": "EC", "crv": crv, "x": text(x), "y": text(y) })
        };
        let raw = self.pair.as_ref().map(KeyPair::public_key_raw).unwrap_or_default();
        let mut key = match self.algorithm {
            "ES256" => point("P-256", raw),
            "ES384" => point("P-384", raw),
            "EdDSA" => json!({ "kty": "OKP", "crv": "Ed25519", "x": text(raw) }),
            _ if raw.is_empty() => json!({ "kty": "oct", "k": text(&SECRET) }),
            // RFC 8017: a sequence of a modulus of 2048 bits, with a zero before it, and the usual exponent.
            _ => json!({ "kty": "RSA", "n": text(&raw[9..265]), "e": text(&raw[267..]) }),
        };
        key["alg"] = self.algorithm.into();
        key["kid"] = "one".into();
        json!({ "keys": [key] })
    }
}

/// An issuer with one algorithm and its key in one place.
struct Issuer<'s> {
    signer: &'s Signer,
    place: &'static str,
    identifier: String,
}

impl Issuer<'_> {
    /// Puts the key where the lines say that it is.
    fn lines(&self, idp: &Idp) -> String {
        let Self { signer, place, identifier } = self;
        let (path, file) = (format!("/{}/{place}", signer.algorithm), format!("{}-{place}", signer.algorithm));
        let jwks = signer.jwks().to_string();
        let (content, line) = match *place {
            "secret_file" => (SECRET.to_vec(), format!("{place} = \"{file}\"")),
            "public_key_file" => {
                let pem = signer.pair.as_ref().map(KeyPair::public_key_pem);
                (pem.expect("a public key").into_bytes(), format!("{place} = \"{file}\""))
            }
            "jwks_file" => (jwks.clone().into_bytes(), format!("{place} = \"{file}\"")),
            "jwks_url" => (Vec::new(), format!("{place} = \"{}\"", idp.url(&path))),
            _ => (Vec::new(), format!("{place} = true")),
        };
        if content.is_empty() {
            idp.says(&path, 200, &jwks);
            let document = json!({ "issuer": identifier, "jwks_uri": idp.url(&path) });
            idp.says(&format!("{path}/.well-known/openid-configuration"), 200, document);
        } else {
            let mut options = OpenOptions::new();
            let opened = options.create(true).truncate(true).write(true).mode(0o600).open(FOLDER.join(&file));
            opened.expect("a file").write_all(&content).expect("its content");
        }
        let name = file.to_ascii_lowercase().replace('_', "-");
        let remote = if content.is_empty() { "allowed_networks = [\"127.0.0.1\"]\n" } else { "" };
        format!(
            "[[issuers]]\nname = \"{name}\"\nissuer = \"{identifier}\"\naudience = \"admitone\"\nalgorithms = \"{}\"\n{remote}{line}\n",
            signer.algorithm
        )
    }
}

/// The status of a mint, once the issuer's keys have come.
async fn status(world: &World, token: &str) -> u16 {
    soon("the issuer's keys", async {
        loop {
            match world.ask_for_ticket(token, "{}").await.status {
                503 => tokio::time::sleep(Duration::from_millis(20)).await,
                status => return status,
            }
        }
    })
    .await
}

#[tokio::test]
async fn s8_every_algorithm_logs_in_by_keys_from_every_place_and_by_no_other_algorithm() {
    let (idp, upstream, signers) = (Idp::start().await, Upstream::echo().await, Signer::all());
    let mut issuers = Vec::new();
    for signer in &signers {
        for place in signer.places() {
            let identifier = idp.url(&format!("/{}/{place}", signer.algorithm));
            issuers.push(Issuer { signer, place, identifier });
        }
    }
    let unlimited = "failed_logins_per_minute_per_address = 0\nmints_per_minute_per_address = 0";
    let lines: String = issuers.iter().map(|issuer| issuer.lines(&idp)).collect();
    let end = format!("[limits]\n{unlimited}\n{lines}");
    let world = World::with(Lines { end: &end, ..Lines::default() }, &upstream.url()).await;

    for issuer in &issuers {
        let Issuer { signer, place, identifier } = issuer;
        assert_eq!(status(&world, &signer.sign(identifier)).await, 201, "{} by {place}", signer.algorithm);
        let others = signers.iter().filter(|other| other.algorithm != signer.algorithm);
        for other in others {
            let refused = status(&world, &other.sign(identifier)).await;
            assert_eq!(refused, 401, "{} in the place of {} by {place}", other.algorithm, signer.algorithm);
        }
        println!("{:5}  {place}", signer.algorithm);
    }
    assert_eq!(issuers.len(), SECRETS.len() * 2 + PUBLIC.len() * 4);
}
