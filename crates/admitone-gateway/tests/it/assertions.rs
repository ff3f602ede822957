//! The signed assertion, verified as an upstream would: by the published keys and a JWT library.

use std::collections::BTreeSet;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::client::Request;
use crate::tokens::{FOLDER, claims_with, sign, token, unix_now};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

const ASSERTED: &str = "upstream_assertion = true\njwt_fallback = \"allow\"";

async fn key_set(world: &World) -> JwkSet {
    let answer = world.ask(Request::new("GET /.well-known/jwks.json")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jwk-set+json")));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    serde_json::from_value(answer.json()).expect("a JWK Set")
}

/// The assertion of the last request.
async fn asserted(upstream: &Upstream) -> String {
    let requests = upstream.received_by_now().await;
    let lines = requests.last().expect("a request").lines();
    let assertions: Vec<_> = lines.filter_map(|line| line.strip_prefix("x-admitone-assertion: ")).collect();
    assert_eq!(assertions.len(), 1, "{requests:?}");
    assertions[0].to_owned()
}

/// What the assertion says, if everything that an upstream should check is sound.
fn verify(assertion: &str, keys: &JwkSet, world: &World) -> Option<Value> {
    let header = decode_header(assertion).ok()?;
    if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some("admitone-assertion+jwt") {
        return None;
    }
    let key = DecodingKey::from_jwk(keys.find(header.kid.as_deref()?)?).ok()?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[format!("http://{}", world.address)]);
    validation.set_audience(&[ROUTE]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    validation.leeway = 0;
    decode(assertion, &key, &validation).ok().map(|decoded| decoded.claims)
}

#[tokio::test]
async fn an_upstream_can_verify_who_was_admitted_with_the_published_keys() {
    let upstream = Upstream::echo().await;
    let world = World::routing(ASSERTED, &upstream.url()).await;
    let keys = key_set(&world).await;
    let login = claims_with("ada", json!({ "sid": "login-1" }));
    let minted = world.minted(&sign(&login), r#"{"permissions":["chat:read"]}"#).await;
    let mut request = Request::upgrade(ROUTE).origin(ORIGIN).ticket(minted["ticket"].as_str().expect("a ticket"));
    for spelling in ["X-AdmitOne-Assertion", "x_admitone_assertion", "X.AdmitOne.Assertion"] {
        request = request.with(spelling, "spoofed");
    }
    assert_eq!(world.ask(request).await.status, 101);
    let assertion = asserted(&upstream).await;
    let claims = verify(&assertion, &keys, &world).expect("a sound assertion");
    let names: BTreeSet<&str> = claims.as_object().expect("claims").keys().map(String::as_str).collect();
    let expected = "aud email exp iat iss jti login_issuer method permissions session_id sid sub";
    assert_eq!(names, expected.split(' ').collect());
    for (name, value) in [
        ("sub", json!("ada")),
        ("login_issuer", json!("https://id.example.com")),
        ("email", json!("ada@example.com")),
        ("permissions", json!(["chat:read"])),
        ("sid", json!("login-1")),
        ("session_id", minted["session_id"].clone()),
        ("method", json!("ticket")),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    let (issued, ends) = (claims["iat"].as_u64().expect("iat"), claims["exp"].as_u64().expect("exp"));
    assert!(ends - issued == 60 && unix_now() - issued <= 5, "{claims}");

    for at in [10, assertion.len() / 2, assertion.len() - 10] {
        let mut tampered = assertion.clone().into_bytes();
        tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(tampered).expect("ASCII");
        assert_eq!(verify(&tampered, &keys, &world), None, "byte {at}");
    }
}

#[tokio::test]
async fn a_fallback_is_asserted_as_one_and_no_two_assertions_are_alike() {
    let upstream = Upstream::echo().await;
    let world = World::routing(ASSERTED, &upstream.url()).await;
    let keys = key_set(&world).await;
    let plain = sign(&claims_with("ada", json!({ "sid": null, "email": null, "exp": unix_now() + 5 })));
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        assert_eq!(world.ask(Request::upgrade(ROUTE).origin(ORIGIN).bearer(&plain)).await.status, 101);
        let claims = verify(&asserted(&upstream).await, &keys, &world).expect("a sound assertion");
        assert_eq!(claims["method"], "jwt");
        assert!(claims.get("sid").is_none() && claims.get("email").is_none(), "{claims}");
        assert!(claims["exp"].as_u64().expect("exp") <= unix_now() + 35, "not past the login: {claims}");
        assert!(seen.insert(claims["jti"].as_str().expect("a jti").to_owned()));
    }
}

#[tokio::test]
async fn without_assertions_nothing_is_published_and_nothing_asserted() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let answer = world.ask(Request::new("GET /.well-known/jwks.json")).await;
    assert_eq!((answer.status, &*answer.problem()), (404, "not_found"));
    let request = Request::upgrade(ROUTE).origin(ORIGIN).ticket(&world.ticket().await);
    assert_eq!(world.ask(request.with("X-AdmitOne-Assertion", "spoofed")).await.status, 101);
    assert!(!upstream.only_request().await.to_ascii_lowercase().contains("assertion"));
}

#[tokio::test]
async fn the_first_key_signs_and_all_are_published_through_a_rotation() {
    let upstream = Upstream::echo().await;
    for name in ["rotation-old.pem", "rotation-new.pem"] {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("an Ed25519 key");
        std::fs::write(FOLDER.join(name), key.serialize_pem()).expect("a file");
    }
    let gateway = async |files: &str| {
        let end = format!("[assertion]\nkey_file = {files}");
        World::with(Lines { route: ASSERTED, end: &end, ..Lines::default() }, &upstream.url()).await
    };
    let mut signers = Vec::new();
    let mut published = Vec::new();
    for files in [
        "\"rotation-old.pem\"",
        "[\"rotation-old.pem\", \"rotation-new.pem\"]",
        "[\"rotation-new.pem\", \"rotation-old.pem\"]",
        "\"rotation-new.pem\"",
    ] {
        let world = gateway(files).await;
        world.opens(&world.ticket_for(&token("ada")).await).await;
        let assertion = asserted(&upstream).await;
        let keys = key_set(&world).await;
        verify(&assertion, &keys, &world).expect("a sound assertion");
        let before = published.last().unwrap_or(&keys);
        verify(&assertion, before, &world).expect("known since the step before");
        signers.push(decode_header(&assertion).expect("a header").kid.expect("a kid"));
        published.push(keys);
    }
    assert_eq!(published.iter().map(|keys| keys.keys.len()).collect::<Vec<_>>(), [1, 2, 2, 1]);
    assert!(signers[0] == signers[1] && signers[2] == signers[3] && signers[1] != signers[2], "{signers:?}");
}
