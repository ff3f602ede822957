//! Opaque tokens: an authorization server says who is behind them.

use serde_json::{Value, json};

use crate::client::{Request, soon};
use crate::idp::Idp;
use crate::tokens::{token, unix_now};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

const ENDPOINT: &str = "/introspect";

/// The lines of the issuer whose tokens are introspected, an answer counting for so many seconds.
fn introspected(idp: &Idp, max_cache_seconds: u32) -> String {
    let url = idp.url(ENDPOINT);
    idp.issuer(&format!(
        "audience = \"admitone\"\n[issuers.introspection]\nurl = \"{url}\"\nclient_id = \"the gateway\"\n\
         secret_file = \"introspection.secret\"\nmax_cache_seconds = {max_cache_seconds}"
    ))
}

fn active(idp: &Idp, subject: &str) -> Value {
    json!({
        "active": true, "sub": subject, "aud": "admitone", "iss": idp.url(""), "iat": unix_now(),
        "exp": unix_now() + 600, "scope": "chat:read", "email": "ada@example.com",
    })
}

/// A gateway before an echo that lives on to the end of the tests.
async fn world(issuer: &str, route: &str) -> World {
    let upstream = Box::leak(Box::new(Upstream::echo().await));
    World::with(Lines { end: issuer, route, ..Lines::default() }, &upstream.url()).await
}

#[tokio::test]
async fn an_opaque_token_mints_by_what_the_server_says() {
    let idp = Idp::start().await;
    idp.says(ENDPOINT, 200, active(&idp, "ada"));
    let world = world(&introspected(&idp, 30), "required_permissions = [\"chat:read\"]").await;
    world.minted("opaque/+=~", "{}").await;
    let [asked] = &idp.asked(ENDPOINT)[..] else { panic!("one question") };
    assert_eq!((&*asked.method, &*asked.body), ("POST", "token=opaque%2F%2B%3D%7E&token_type_hint=access_token"));
    // base64 of `the%20gateway:s3cr%3At%20%26`.
    assert_eq!(asked.headers["authorization"], "Basic dGhlJTIwZ2F0ZXdheTpzM2NyJTNBdCUyMCUyNg==");
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn s14_what_is_inactive_is_denied_and_what_was_revoked_is_denied_within_the_cache() {
    let idp = Idp::start().await;
    let world = world(&introspected(&idp, 1), "").await;
    idp.says(ENDPOINT, 200, r#"{"active":false}"#);
    let answer = world.ask_for_ticket("gone", "{}").await;
    assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));

    idp.says(ENDPOINT, 200, active(&idp, "ada"));
    world.minted("good", "{}").await;
    idp.says(ENDPOINT, 200, r#"{"active":false}"#);
    let revoked = std::time::Instant::now();
    let denied = async {
        while world.ask_for_ticket("good", "{}").await.status != 401 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    soon("it is denied", denied).await;
    assert!(revoked.elapsed() < std::time::Duration::from_secs(3), "one second, and what a busy machine takes");
}

#[tokio::test]
async fn s14_an_answer_is_shared_and_kept_and_never_past_its_exp() {
    let idp = Idp::start().await;
    idp.says(ENDPOINT, 200, active(&idp, "ada"));
    let world = world(&introspected(&idp, 30), "").await;
    let mints = (0..10).map(|_| world.minted("shared", "{}"));
    futures_util::future::join_all(mints).await;
    world.minted("shared", "{}").await;
    assert_eq!(idp.asked(ENDPOINT).len(), 1);
    idp.says(ENDPOINT, 200, active(&idp, "grace"));
    world.minted("another", "{}").await;
    assert_eq!(idp.asked(ENDPOINT).len(), 2);

    // Its leeway of 30 seconds included, this one is over in four or five seconds.
    let mut short = active(&idp, "ada");
    short["exp"] = json!(unix_now() - 25);
    idp.says(ENDPOINT, 200, short);
    assert_eq!(world.ask_for_ticket("short", "{}").await.status, 201);
    let over = async {
        while world.ask_for_ticket("short", "{}").await.status != 401 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    soon("it is over", over).await;
}

#[tokio::test]
async fn s15_a_sender_constrained_token_is_no_plain_bearer() {
    let idp = Idp::start().await;
    let mut constrained = active(&idp, "ada");
    constrained["cnf"] = json!({ "jkt": "x" });
    idp.says(ENDPOINT, 200, constrained);
    let world = world(&introspected(&idp, 30), "").await;
    assert_eq!(world.ask_for_ticket("bound", "{}").await.status, 401);
}

#[tokio::test]
async fn s30_a_server_that_does_not_say_is_503_and_never_admits() {
    let idp = Idp::start().await;
    let world = world(&introspected(&idp, 30), "jwt_fallback = \"allow\"").await;
    for (status, body) in [(500, "{}"), (401, "{}"), (302, "{}"), (200, "nonsense"), (200, "{}"), (200, "[true]")] {
        idp.says(ENDPOINT, status, body);
        let answer = world.ask_for_ticket("opaque", "{}").await;
        assert_eq!((answer.status, &*answer.problem()), (503, "issuer_unavailable"), "{status} {body}");
        assert_eq!(answer.header("retry-after"), Some("2"));
        let answer = world.ask(Request::upgrade(ROUTE).origin(ORIGIN).bearer("opaque")).await;
        assert_eq!((answer.status, &*answer.problem()), (503, "issuer_unavailable"), "{status} {body}");
    }
    idp.says(ENDPOINT, 200, active(&idp, "ada"));
    world.minted("opaque", "{}").await;
}

#[tokio::test]
async fn a_signed_token_is_not_shown_to_the_server_unless_the_chain_says_so() {
    let idp = Idp::start().await;
    idp.says(ENDPOINT, 200, active(&idp, "ada"));
    let by_form = world(&introspected(&idp, 30), "").await;
    by_form.minted(&token("ada"), "{}").await;
    assert_eq!(by_form.ask_for_ticket("three.part.s", "{}").await.status, 401);
    assert!(idp.asked(ENDPOINT).is_empty());
    let chain = format!("{}\n[authn]\nchain = [\"introspection\", \"jwt\"]", introspected(&idp, 30));
    world(&chain, "").await.minted("three.part.s", "{}").await;
    assert_eq!(idp.asked(ENDPOINT).len(), 1);
}

#[tokio::test]
async fn an_opaque_token_falls_back_where_the_route_lets_it() {
    let idp = Idp::start().await;
    idp.says(ENDPOINT, 200, active(&idp, "ada"));
    let upgrade = || Request::upgrade(ROUTE).origin(ORIGIN).bearer("opaque");
    for (policy, status) in [("allow", 101), ("warn", 101), ("deny", 401)] {
        let world = world(&introspected(&idp, 30), &format!("jwt_fallback = \"{policy}\"")).await;
        let (answer, mut socket) = world.present(upgrade()).await;
        assert_eq!(answer.status, status, "{policy}: {answer:?}");
        if status == 101 {
            socket.echo("hello").await;
            assert_eq!(world.ask(Request::post("/auth/logout").bearer("opaque")).await.status, 204);
            assert_eq!(socket.close().await, (4900, "admitone:revoked".to_owned()));
            assert_eq!(world.ask(upgrade()).await.status, 401);
        }
    }
}
