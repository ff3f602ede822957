//! Logins by an application's own session, in a cookie or a header.

use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::idp::Idp;
use crate::tokens::{token, unix_now};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

const ENDPOINT: &str = "/session";

/// The lines of an application with a session in a cookie `app-session`.
fn application(idp: &Idp) -> String {
    idp.issuer(&format!("[issuers.callback]\nurl = \"{}\"\ncookie = \"app-session\"", idp.url(ENDPOINT)))
}

fn ada() -> Value {
    json!({ "sub": "ada", "permissions": ["chat:read"], "iat": unix_now(), "exp": unix_now() + 600 })
}

/// A gateway before an echo that lives on to the end of the tests.
async fn world(issuer: &str, route: &str) -> World {
    let upstream = Box::leak(Box::new(Upstream::echo().await));
    World::with(Lines { end: issuer, route, ..Lines::default() }, &upstream.url()).await
}

/// What the application's own page asks.
fn mint() -> Request {
    Request::post("/auth/ticket")
        .origin(ORIGIN)
        .with("Sec-Fetch-Site", "same-site")
        .with("Cookie", "theme=dark; app-session=s3cret; other=1")
}

fn refused(answer: &Answer) -> (u16, String) {
    (answer.status, answer.problem())
}

#[tokio::test]
async fn a_session_cookie_mints_and_the_application_sees_nothing_else() {
    let idp = Idp::start().await;
    idp.says(ENDPOINT, 200, ada());
    let world = world(&application(&idp), "required_permissions = [\"chat:read\"]").await;
    let answer = world.ask(mint()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    world.opens(answer.json()["ticket"].as_str().expect("a ticket")).await;
    let [asked] = &idp.asked(ENDPOINT)[..] else { panic!("one question") };
    assert_eq!((&*asked.method, asked.headers["cookie"].as_bytes()), ("GET", &b"app-session=s3cret"[..]));
    assert!(!asked.headers.contains_key("origin") && !asked.headers.contains_key("authorization"));
}

#[tokio::test]
async fn s2_a_session_cookie_counts_for_pages_of_the_same_site_only() {
    let idp = Idp::start().await;
    idp.says(ENDPOINT, 200, ada());
    let world = world(&application(&idp), "").await;
    let forged = [
        mint().without("Origin"),
        mint().replacing("Origin", "https://evil.example"),
        mint().replacing("Origin", "null"),
        mint().replacing("Origin", "https://app.example.com.evil.example"),
        mint().with("Origin", ORIGIN),
        mint().without("Sec-Fetch-Site"),
        mint().replacing("Sec-Fetch-Site", "cross-site"),
        mint().replacing("Sec-Fetch-Site", "none"),
        mint().with("Sec-Fetch-Site", "same-site"),
    ];
    for (at, request) in forged.into_iter().enumerate() {
        for target in [
            "POST /auth/ticket",
            "POST /auth/logout",
            "POST /auth/ticket/introspect",
            "POST /auth/ticket/revoke",
            "POST /auth/session/ses_1/renew",
            "DELETE /auth/session/ses_1",
        ] {
            let answer = world.ask(request.clone().starting(&format!("{target} HTTP/1.1"))).await;
            assert_eq!(refused(&answer), (403, "origin_not_allowed".to_owned()), "{target}, case {at}");
        }
    }
    assert!(idp.asked(ENDPOINT).is_empty(), "nobody is asked about a forged request");
    for site in ["same-origin", "same-site"] {
        assert_eq!(world.ask(mint().replacing("Sec-Fetch-Site", site)).await.status, 201);
    }
}

#[tokio::test]
async fn what_the_application_refuses_is_401_and_what_it_cannot_say_is_503() {
    let idp = Idp::start().await;
    let world = world(&application(&idp), "").await;
    let (gone, over) = ((401, "not_logged_in"), json!({ "sub": "ada", "exp": unix_now() - 1 }).to_string());
    let unknown = (503, "issuer_unavailable");
    for (status, body, expected) in [
        (401, "", gone),
        (403, "", gone),
        (200, &*over, gone),
        (404, "", unknown),
        (500, "", unknown),
        (302, "", unknown),
        (204, "", unknown),
        (200, "", unknown),
        (200, "{}", unknown),
        (200, "[]", unknown),
        (200, r#"{"sub":"a b"}"#, unknown),
    ] {
        idp.says(ENDPOINT, status, body);
        let answer = world.ask(mint()).await;
        assert_eq!(refused(&answer), (expected.0, expected.1.to_owned()), "{status} {body}");
        assert_eq!(answer.header("retry-after"), (expected.0 == 503).then_some("2"), "{status} {body}");
    }
}

#[tokio::test]
async fn an_answer_is_kept_as_long_as_its_cache_control_says() {
    let idp = Idp::start().await;
    let world = world(&application(&idp), "").await;
    for (cache_control, questions) in [("", 2), ("no-store", 2), ("max-age=0", 2), ("private, max-age=60", 1)] {
        let before = idp.asked(ENDPOINT).len();
        idp.says_for(ENDPOINT, 200, cache_control, ada());
        for _ in 0..2 {
            assert_eq!(world.ask(mint()).await.status, 201);
        }
        assert_eq!(idp.asked(ENDPOINT).len() - before, questions, "{cache_control:?}");
    }
}

#[tokio::test]
async fn a_credential_that_is_refused_is_final_whatever_else_the_request_has() {
    let idp = Idp::start().await;
    idp.says(ENDPOINT, 200, ada());
    let issuer = application(&idp);
    let tokens_first = world(&issuer, "").await;
    assert_eq!(tokens_first.ask(mint().bearer("no.such.token")).await.status, 401);
    assert!(idp.asked(ENDPOINT).is_empty());
    assert_eq!(tokens_first.ask(mint().bearer(&token("grace"))).await.status, 201);
    assert!(idp.asked(ENDPOINT).is_empty());

    let sessions_first = world(&format!("{issuer}\n[authn]\nchain = [\"callback\", \"jwt\"]"), "").await;
    idp.says(ENDPOINT, 401, "");
    assert_eq!(sessions_first.ask(mint().bearer(&token("grace"))).await.status, 401);
    let twice = mint().replacing("Cookie", "app-session=a; app-session=b");
    assert_eq!(sessions_first.ask(twice).await.status, 400);
}

#[tokio::test]
async fn a_session_in_a_header_needs_no_origin_and_is_preflighted() {
    let idp = Idp::start().await;
    idp.says(ENDPOINT, 200, ada());
    let issuer = idp.issuer(&format!("[issuers.callback]\nurl = \"{}\"\nheader = \"X-Session\"", idp.url(ENDPOINT)));
    let world = world(&issuer, "").await;
    let answer = world.ask(Request::post("/auth/ticket").with("X-Session", "s3cret")).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(idp.asked(ENDPOINT)[0].headers["x-session"], "s3cret");
    let preflight = Request::new("OPTIONS /auth/ticket")
        .origin(ORIGIN)
        .with("Access-Control-Request-Method", "POST")
        .with("Access-Control-Request-Headers", "x-session");
    let answer = world.ask(preflight).await;
    let allowed = answer.header("access-control-allow-headers").expect("headers");
    assert!(allowed.contains("x-session"), "{allowed}");
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn s5_a_session_falls_back_by_its_cookie_and_ends_with_its_logout() {
    let idp = Idp::start().await;
    idp.says(ENDPOINT, 200, ada());
    let cookie =
        |policy| format!("jwt_fallback = \"{policy}\"\njwt_carriers = [\"cookie\"]\njwt_cookie = \"app-session\"");
    let upgrade = || Request::upgrade(ROUTE).origin(ORIGIN).with("Cookie", "theme=dark; app-session=s3cret");
    for policy in ["allow", "warn"] {
        let world = world(&application(&idp), &cookie(policy)).await;
        let foreign = world.ask(upgrade().replacing("Origin", "https://evil.example")).await;
        assert_eq!(refused(&foreign), (403, "origin_not_allowed".to_owned()));
        let (answer, mut socket) = world.present(upgrade()).await;
        assert_eq!(answer.status, 101, "{answer:?}");
        socket.echo("hello").await;
        let logout = mint().starting("POST /auth/logout HTTP/1.1");
        assert_eq!(world.ask(logout).await.status, 204);
        assert_eq!(socket.close().await, (4900, "admitone:revoked".to_owned()));
        assert_eq!(world.ask(upgrade()).await.status, 401);
    }
    let world = world(&application(&idp), "jwt_fallback = \"deny\"").await;
    assert_eq!(world.ask(upgrade()).await.status, 401);
}
