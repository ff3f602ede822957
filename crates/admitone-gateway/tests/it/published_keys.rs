//! Keys that issuers publish: discovery, rotation, and issuers that are down or say nonsense.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::admin::Operated;
use crate::client::{Answer, Request, soon};
use crate::idp::{Idp, SIGNS, Signer};
use crate::tokens::{claims_with, token};
use crate::upstream::Upstream;
use crate::world::{Lines, World};

/// A token of the issuer.
fn token_of(idp: &Idp, signer: &Signer, subject: &str) -> String {
    signer.sign(&claims_with(subject, json!({ "iss": idp.url("") })))
}

async fn world(issuers: &str) -> World {
    let upstream = Upstream::echo().await;
    World::with(Lines { end: issuers, ..Lines::default() }, &upstream.url()).await
}

/// Mints once the issuer's keys have come.
async fn mints_soon(world: &World, token: &str) {
    let minted = async {
        loop {
            match world.ask_for_ticket(token, "{}").await {
                answer if answer.status == 201 => return,
                answer => assert_unavailable(&answer),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("a ticket by the issuer's token", minted).await;
}

fn assert_unavailable(answer: &Answer) {
    assert_eq!((answer.status, &*answer.problem()), (503, "issuer_unavailable"), "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}

async fn is_not_logged_in(world: &World, token: &str) {
    let answer = world.ask_for_ticket(token, "{}").await;
    assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"), "{answer:?}");
}

#[tokio::test]
async fn a_token_signed_with_a_discovered_key_mints() {
    let (idp, signer) = (Idp::start().await, Signer::new("one"));
    idp.publishes(&[&signer]);
    let world = world(&idp.issuer(SIGNS)).await;
    mints_soon(&world, &token_of(&idp, &signer, "ada")).await;
    let by_url = format!("audience = \"admitone\"\nalgorithms = \"ES256\"\njwks_url = \"{}\"", idp.url("/keys"));
    let world = self::world(&idp.issuer(&by_url)).await;
    mints_soon(&world, &token_of(&idp, &signer, "ada")).await;
    assert_eq!(idp.asked("/.well-known/openid-configuration").len(), 1);
    assert_eq!(idp.asked("/keys").len(), 2);
}

#[tokio::test]
async fn f15_a_new_key_is_accepted_after_one_refetch_and_the_old_one_ends() {
    let (idp, old, new) = (Idp::start().await, Signer::new("old"), Signer::new("new"));
    idp.publishes(&[&old]);
    let (world, accepted) = (world(&idp.issuer(SIGNS)).await, token_of(&idp, &old, "ada"));
    mints_soon(&world, &accepted).await;
    idp.publishes(&[&new]);
    world.minted(&token_of(&idp, &new, "ada"), "{}").await;
    assert_eq!(idp.asked("/keys").len(), 2);
    is_not_logged_in(&world, &accepted).await;
    is_not_logged_in(&world, &token_of(&idp, &old, "ada")).await;
    assert_eq!(idp.asked("/keys").len(), 2);
}

#[tokio::test]
async fn f14_f15_tokens_of_unknown_keys_cause_one_refetch_however_many_they_are() {
    let (idp, signer) = (Idp::start().await, Signer::new("one"));
    idp.publishes(&[&signer]);
    let world = world(&idp.issuer(SIGNS)).await;
    mints_soon(&world, &token_of(&idp, &signer, "ada")).await;
    let claims = claims_with("ada", json!({ "iss": idp.url("") }));
    let forged: Vec<String> = (0..40).map(|at| signer.sign_as(&format!("kid-{at}"), &claims)).collect();
    futures_util::future::join_all(forged.iter().map(|token| is_not_logged_in(&world, token))).await;
    assert_eq!(idp.asked("/keys").len(), 2);
    world.minted(&token_of(&idp, &signer, "ada"), "{}").await;
}

#[tokio::test]
async fn f15_a24_a_malformed_set_or_document_keeps_the_old_keys() {
    let private = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA" }] }).to_string();
    let elsewhere = |idp: &Idp, uri: &str| json!({ "issuer": idp.url(""), "jwks_uri": uri }).to_string();
    let document = "/.well-known/openid-configuration";
    type Spoil<'s> = Box<dyn Fn(&Idp) + 's>;
    let spoilt: Vec<Spoil<'_>> = vec![
        Box::new(|idp| idp.says("/keys", 200, "")),
        Box::new(|idp| idp.says("/keys", 200, "nonsense")),
        Box::new(|idp| idp.says("/keys", 200, "{\"keys\":[]}")),
        Box::new(|idp| idp.says("/keys", 200, &private)),
        Box::new(|idp| idp.says("/keys", 200, format!("{}1", "[".repeat(60_000)))),
        Box::new(|idp| idp.says("/keys", 200, " ".repeat(1024 * 1024))),
        Box::new(|idp| idp.says("/keys", 500, "{}")),
        Box::new(|idp| idp.says("/keys", 302, "")),
        Box::new(|idp| idp.says(document, 200, "[]")),
        Box::new(|idp| idp.says(document, 404, "")),
        Box::new(|idp| {
            idp.says(document, 200, r#"{"issuer":"https://evil.example","jwks_uri":"https://evil.example"}"#)
        }),
        Box::new(|idp| idp.says(document, 200, elsewhere(idp, "file:///etc/passwd"))),
        Box::new(|idp| idp.says(document, 200, elsewhere(idp, "http://169.254.169.254/latest"))),
        Box::new(|idp| idp.says(document, 200, elsewhere(idp, "not a URL"))),
    ];
    for (at, spoil) in spoilt.iter().enumerate() {
        let (idp, signer) = (Idp::start().await, Signer::new("one"));
        idp.publishes(&[&signer]);
        let world = world(&idp.issuer(SIGNS)).await;
        mints_soon(&world, &token_of(&idp, &signer, "ada")).await;
        let asked = idp.asked(document).len();
        spoil(&idp);
        // Has them fetched again.
        is_not_logged_in(&world, &token_of(&idp, &Signer::new("two"), "ada")).await;
        // What failed is tried again by itself.
        assert!(idp.asked(document).len() > asked, "case {at}");
        world.minted(&token_of(&idp, &signer, "ada"), "{}").await;
    }
}

#[tokio::test]
async fn f14_until_its_keys_come_an_issuers_tokens_are_503_and_others_mint() {
    let (idp, signer) = (Idp::start().await, Signer::new("one"));
    let world = world(&idp.issuer(SIGNS)).await;
    let answer = world.ask_for_ticket(&token_of(&idp, &signer, "ada"), "{}").await;
    assert_unavailable(&answer);
    world.minted(&token("ada"), "{}").await;
    let ready = world.ask(Request::new("GET /readyz")).await;
    assert_eq!((ready.status, ready.json()["issuers"].clone()), (200, json!("partial")));
    idp.publishes(&[&signer]);
    mints_soon(&world, &token_of(&idp, &signer, "ada")).await;
    assert_eq!(world.ask(Request::new("GET /readyz")).await.json()["issuers"], "ok");
}

#[tokio::test]
async fn f14_a_gateway_without_any_keys_is_not_ready() {
    let (idp, signer) = (Idp::start().await, Signer::new("one"));
    let upstream = Upstream::echo().await;
    let world = World::of_issuers(&idp.issuer(SIGNS), "", &upstream.url()).await;
    let ready = world.ask(Request::new("GET /readyz")).await;
    assert_eq!((ready.status, ready.json()["issuers"].clone()), (503, json!("unavailable")), "{ready:?}");
    idp.publishes(&[&signer]);
    mints_soon(&world, &token_of(&idp, &signer, "ada")).await;
    assert_eq!(world.ask(Request::new("GET /readyz")).await.status, 200);
}

#[tokio::test]
async fn f14_while_the_issuer_is_down_the_last_keys_count_and_unknown_ones_are_401() {
    let (idp, signer) = (Idp::start().await, Signer::new("one"));
    idp.publishes(&[&signer]);
    let world = world(&idp.issuer(SIGNS)).await;
    mints_soon(&world, &token_of(&idp, &signer, "ada")).await;
    idp.says("/keys", 503, "");
    let down = Instant::now();
    for _ in 0..10 {
        is_not_logged_in(&world, &token_of(&idp, &Signer::new("two"), "ada")).await;
        world.minted(&token_of(&idp, &signer, "ada"), "{}").await;
    }
    // What failed is tried again by itself, each time after a second at least.
    let retries = usize::try_from(down.elapsed().as_secs()).expect("a few");
    assert!((2..=2 + retries).contains(&idp.asked("/keys").len()), "{} times", idp.asked("/keys").len());
}

#[tokio::test]
async fn f14_the_metrics_tell_of_keys_that_do_not_come() {
    let (idp, signer) = (Idp::start().await, Signer::new("one"));
    let operated = Operated::with(&idp.issuer(SIGNS)).await;
    let named = |metric: &str| format!("{metric}{{issuer=\"idp-{}\"}}", idp.address.port());
    assert_unavailable(&operated.world.ask_for_ticket(&token_of(&idp, &signer, "ada"), "{}").await);
    assert_eq!(operated.metric(&named("admitone_issuer_keys")).await, 0.0);
    assert!(operated.metric(&named("admitone_issuer_key_failures")).await >= 1.0);
    let keys = async || {
        let status = operated.get("/admin/api/status").await.json();
        status["issuer_keys"][format!("idp-{}", idp.address.port())]["count"] == true
    };
    assert!(!keys().await, "it is named, and has none");
    idp.publishes(&[&signer]);
    mints_soon(&operated.world, &token_of(&idp, &signer, "ada")).await;
    assert_eq!(operated.metric(&named("admitone_issuer_keys")).await, 1.0);
    assert_eq!(operated.metric(&named("admitone_issuer_key_failures")).await, 0.0);
    assert!(keys().await);
    idp.says("/keys", 503, "");
    is_not_logged_in(&operated.world, &token_of(&idp, &Signer::new("two"), "ada")).await;
    assert_eq!(operated.metric(&named("admitone_issuer_keys")).await, 1.0, "the last good ones count");
    assert!(operated.metric(&named("admitone_issuer_key_failures")).await >= 1.0);
}

#[tokio::test]
async fn s31_a17_a_document_that_speaks_for_another_issuer_brings_no_keys() {
    let (idp, signer) = (Idp::start().await, Signer::new("one"));
    idp.publishes(&[&signer]);
    let document = json!({ "issuer": format!("{}/", idp.url("")), "jwks_uri": idp.url("/keys") });
    idp.says("/.well-known/openid-configuration", 200, document);
    let world = world(&idp.issuer(SIGNS)).await;
    let asked = async {
        while idp.asked("/.well-known/openid-configuration").len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("the document is fetched again", asked).await;
    assert_unavailable(&world.ask_for_ticket(&token_of(&idp, &signer, "ada"), "{}").await);
    assert!(idp.asked("/keys").is_empty());
}

#[tokio::test]
async fn a18_two_issuers_with_a_key_of_the_same_name_are_two() {
    let (one, other) = (Idp::start().await, Idp::start().await);
    let (of_one, of_other) = (Signer::new("same"), Signer::new("same"));
    one.publishes(&[&of_one]);
    other.publishes(&[&of_other]);
    let world = world(&format!("{}{}", one.issuer(SIGNS), other.issuer(SIGNS))).await;
    mints_soon(&world, &token_of(&one, &of_one, "ada")).await;
    mints_soon(&world, &token_of(&other, &of_other, "ada")).await;
    is_not_logged_in(&world, &token_of(&one, &of_other, "ada")).await;
    is_not_logged_in(&world, &token_of(&other, &of_one, "ada")).await;
}

#[tokio::test]
async fn s31_a17_what_a_token_says_leads_nowhere_and_private_addresses_are_not_dialled() {
    let (idp, signer) = (Idp::start().await, Signer::new("one"));
    idp.publishes(&[&signer]);
    let issuer = idp.issuer(SIGNS).replace("allowed_networks = [\"127.0.0.1\"]\n", "");
    let text = Lines { end: &issuer, ..Lines::default() }.configuration("ws://127.0.0.1:9");
    let folder = &crate::tokens::FOLDER;
    let faults = admitone_gateway::config::Config::parse(&text, "a.toml", folder, []).expect_err("not public");
    assert!(faults.to_string().contains("is not a public address"), "{faults}");

    let world = world("").await;
    let elsewhere = claims_with("ada", json!({ "iss": idp.url(""), "jku": idp.url("/keys") }));
    is_not_logged_in(&world, &signer.sign(&elsewhere)).await;
    assert!(idp.asked("/keys").is_empty());
}
