//! An issuer that logs people out, and what everybody may know of the issuers.

use std::time::Instant;

use serde_json::{Value, json};

use crate::client::{Answer, Connection, PROMISED_SECOND, Request};
use crate::tokens::{ISSUER, claims_with, sign, sign_typed, token, unix_now};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

const PATH: &str = "/auth/backchannel-logout";

/// A logout token with some of its claims replaced, or removed by null.
fn logout_token(jti: &str, changes: Value) -> String {
    let mut claims = json!({
        "iss": ISSUER, "aud": "admitone", "iat": unix_now(), "exp": unix_now() + 120, "jti": jti,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    for (name, value) in changes.as_object().expect("changes") {
        claims[name] = value.clone();
    }
    claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    sign_typed("logout+jwt", &claims)
}

async fn log_out(world: &World, token: &str) -> Answer {
    let body = format!("logout_token={token}");
    let length = body.len().to_string();
    let request = Request::post(PATH)
        .with("Content-Type", "application/x-www-form-urlencoded")
        .with("Content-Length", &length)
        .with_body(&body);
    let answer = world.ask(request).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer
}

async fn closes_within_a_second(mut socket: Connection, since: Instant) {
    assert_eq!(socket.close().await, (4900, "admitone:revoked".to_owned()));
    assert!(since.elapsed() < PROMISED_SECOND, "{:?}", since.elapsed());
}

#[tokio::test]
async fn s5_a15_a_logout_by_sid_closes_that_login_and_no_other() {
    let upstream = Upstream::echo().await;
    let world = World::routing("jwt_fallback = \"allow\"", &upstream.url()).await;
    let (over, other) = (sign(&claims_with("ada", json!({ "sid": "s1" }))), token("ada"));
    let (first, mut second) =
        (world.open(&world.ticket_for(&over).await).await, world.open(&world.ticket_for(&other).await).await);
    let unredeemed = world.ticket_for(&over).await;
    let since = Instant::now();
    assert_eq!(log_out(&world, &logout_token("t1", json!({ "sid": "s1" }))).await.status, 200);
    closes_within_a_second(first, since).await;
    second.echo("still here").await;
    world.does_not_open(&unredeemed).await;
    assert_eq!(world.ask_for_ticket(&over, "{}").await.status, 401);
    assert_eq!(world.ask(Request::upgrade(ROUTE).origin(ORIGIN).bearer(&over)).await.status, 401);
    assert_eq!(world.ask_for_ticket(&other, "{}").await.status, 201);
}

#[tokio::test]
async fn s5_a_logout_by_subject_closes_all_of_theirs() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let (mut ada, mut grace) = (Vec::new(), world.open(&world.ticket_for(&token("grace")).await).await);
    for _ in 0..2 {
        ada.push(world.open(&world.ticket().await).await);
    }
    let since = Instant::now();
    assert_eq!(log_out(&world, &logout_token("t2", json!({ "sub": "ada" }))).await.status, 200);
    for socket in ada {
        closes_within_a_second(socket, since).await;
    }
    grace.echo("still here").await;
}

#[tokio::test]
async fn a_logout_counts_once_and_what_is_none_is_400() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let mut socket = world.open(&world.ticket().await).await;
    let token_once = logout_token("t3", json!({ "sid": "nobody" }));
    assert_eq!(log_out(&world, &token_once).await.status, 200);
    assert_eq!(log_out(&world, &token_once).await.status, 400, "a replay");
    for refused in [
        token("ada"),
        "nonsense".to_owned(),
        String::new(),
        logout_token("t4", json!({ "sub": "ada", "nonce": "n" })),
        logout_token("t5", json!({ "sub": "ada", "events": {} })),
        logout_token("t6", json!({ "sub": "ada", "aud": "another" })),
        logout_token("t7", json!({ "sub": "ada", "iss": "https://evil.example" })),
        logout_token("t8", json!({})),
        logout_token("t9", json!({ "sub": "ada", "exp": unix_now() - 60 })),
        format!("{}x", logout_token("t10", json!({ "sub": "ada" }))),
    ] {
        let answer = log_out(&world, &refused).await;
        assert_eq!((answer.status, &*answer.problem()), (400, "invalid_request"));
    }
    let json = world.ask(Request::post(PATH).json("{}")).await;
    assert_eq!(json.status, 400);
    assert_eq!(world.ask(Request::new(&format!("GET {PATH}"))).await.status, 405);
    socket.echo("nobody is logged out by that").await;
    assert_eq!(world.ask_for_ticket(&logout_token("t11", json!({ "sub": "ada" })), "{}").await.status, 401);
}

#[tokio::test]
async fn everybody_may_know_the_clients_and_nothing_else() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let none = world.ask(Request::new("GET /auth/config")).await.json();
    assert_eq!((&none["oauth_enabled"], &none["google_client_id"]), (&json!(false), &json!(null)));
    let google = "[[issuers]]\nname = \"google\"\nissuer = \"https://accounts.google.com\"\nalgorithms = \"ES256\"\n\
                  public_key_file = \"issuer.pem\"\ntoken_kind = \"id\"\nclient_id = \"1234-web\"";
    let world = World::with(Lines { end: google, ..Lines::default() }, &upstream.url()).await;
    let answer = world.ask(Request::new("GET /auth/config").origin(ORIGIN)).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));
    let origin = format!("http://{}", world.address);
    let expected = json!({
        "oauth_enabled": true,
        "google_client_id": "1234-web",
        "issuers": [{ "issuer": "https://accounts.google.com", "client_id": "1234-web" }],
        "endpoints": {
            "ticket": format!("{origin}/auth/ticket"),
            "logout": format!("{origin}/auth/logout"),
            "backchannel_logout": format!("{origin}{PATH}"),
        },
    });
    assert_eq!(answer.json(), expected);
}
