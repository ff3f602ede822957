//! Names begin with the requirement that they cover: `s8` algorithm bound to the key, `s9` keys never fetched, `s10` typed
//! times, `s11` token kind, issuer and audience, `s12` identity, `s13` critical headers and duplicates, `s15` sender
//! constraints, `a20` mistyped claims.

mod claims;
mod explaining;
mod header;
mod keys;
mod parsing;
mod signature;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{ClaimNames, JwtIssuer, LoginError, TokenKind, Verifier};
use crate::authn::signer::{Signer, pem};
use crate::authn::{Algorithm, IssuerKeys, JwsError, KeySet, KeySource, VerifyingKey};
use crate::principal::Login;

const NOW: u64 = 1_800_000_000;
const LEEWAY: u64 = 30;
const ES_ISSUER: &str = "https://es.example";
const HS_ISSUER: &str = "https://hs.example";
const ID_ISSUER: &str = "https://id.example";
const LAX_ISSUER: &str = "https://lax.example";
const SECRET: &[u8] = b"an-hs256-secret-of-forty-bytes-at-least!";

static KEY: LazyLock<Signer> = LazyLock::new(|| Signer::generate(Algorithm::Es256));

fn issuer(issuer: &str, key: VerifyingKey, token_kind: TokenKind) -> JwtIssuer {
    JwtIssuer {
        name: "staff".to_owned(),
        issuer: issuer.to_owned(),
        audiences: vec!["chat".to_owned()],
        algorithms: key.algorithms().collect(),
        keys: key.into(),
        token_kind,
        leeway_seconds: LEEWAY,
        claims: ClaimNames::default(),
    }
}

fn es256() -> VerifyingKey {
    VerifyingKey::from_pem(&KEY.public_key_pem(), &[Algorithm::Es256]).expect("a P-256 public key")
}

fn hs256() -> VerifyingKey {
    VerifyingKey::from_secret(SECRET, &[Algorithm::Hs256]).expect("a long enough secret")
}

/// One issuer of every sort.
fn verifier() -> Verifier {
    let id = TokenKind::Id { client_id: "page".to_owned() };
    Verifier::new(vec![
        issuer(ES_ISSUER, es256(), TokenKind::Access { require_at_jwt: true }),
        issuer(HS_ISSUER, hs256(), TokenKind::Access { require_at_jwt: true }),
        issuer(LAX_ISSUER, es256(), TokenKind::Access { require_at_jwt: false }),
        JwtIssuer { audiences: Vec::new(), ..issuer(ID_ISSUER, es256(), id) },
    ])
    .expect("usable issuers")
}

fn verify(token: &str) -> Result<Login, LoginError> {
    verifier().verify(token, NOW)
}

fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Signs any texts as header and claims, well-formed or not, with the key of an ES256 issuer.
fn signed(header: &str, claims: &str) -> String {
    KEY.sign(header, claims)
}

/// Signs with the secret of the HS256 issuer.
fn hs256_signed(header: &str, claims: &str) -> String {
    Signer::from_secret(Algorithm::Hs256, SECRET).sign(header, claims)
}

fn header() -> Value {
    json!({"alg": "ES256", "typ": "at+jwt"})
}

fn claims() -> Value {
    json!({
        "iss": ES_ISSUER, "aud": "chat", "sub": "ada", "email": "ada@example.com", "scope": "chat:read chat:write",
        "sid": "s1", "jti": "j1", "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 900,
    })
}

/// `base` with the members of `changes`; `null` takes a member out.
fn with(base: Value, changes: Value) -> Value {
    let (Value::Object(mut base), Value::Object(changes)) = (base, changes) else { panic!("two objects") };
    for (member, value) in changes {
        if value.is_null() {
            base.remove(&member);
        } else {
            base.insert(member, value);
        }
    }
    Value::Object(base)
}

fn token() -> String {
    signed(&header().to_string(), &claims().to_string())
}

fn verify_claims(changes: Value) -> Result<Login, LoginError> {
    verify(&signed(&header().to_string(), &with(claims(), changes).to_string()))
}

fn verify_header(changes: Value) -> Result<Login, LoginError> {
    verify(&signed(&with(header(), changes).to_string(), &claims().to_string()))
}

fn missing(claim: &str) -> LoginError {
    LoginError::MissingClaim(claim.into())
}

fn mistyped(claim: &str) -> LoginError {
    LoginError::MistypedClaim(claim.into())
}

#[test]
fn a_good_token_is_a_login() {
    let login = verify(&token()).expect("a login");
    assert_eq!((login.principal.issuer(), login.principal.subject()), (ES_ISSUER, "ada"));
    assert_eq!(login.principal.email(), Some("ada@example.com"));
    assert_eq!(login.permissions.to_string(), "chat:read chat:write");
    assert_eq!(login.stamp.issued_at, NOW - 60);
    assert_eq!((login.stamp.sid.as_deref(), login.stamp.jti.as_deref()), (Some("s1"), Some("j1")));
    assert_eq!(login.expires_at, NOW + 900 + 30, "until the leeway is over");
}

#[test]
fn a_shared_secret_verifies_too() {
    let header = with(header(), json!({"alg": "HS256"})).to_string();
    let claims = with(claims(), json!({"iss": HS_ISSUER})).to_string();
    let token = hs256_signed(&header, &claims);
    assert_eq!(verify(&token).expect("a login").principal.issuer(), HS_ISSUER);
}

#[test]
fn refusals_tell_nothing_of_the_token() {
    let refused = verify_claims(json!({"sub": "very secret subject", "jti": "very-secret"})).expect_err("a space");
    assert!(!format!("{refused} {refused:?}").contains("secret"));
    assert_eq!(refused.cause(), "identity");
    let shown = format!("{:?}", verifier());
    let bytes = format!("{SECRET:?}");
    assert!(!shown.contains("forty") && !shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
    assert!(shown.contains("VerifyingKey(None, HS256, [redacted])"), "{shown}");
}
