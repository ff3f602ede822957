//! Connecting with the JWT instead of a ticket.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::admin::Operated;
use crate::client::Request;
use crate::tokens::{claims_with, legacy_token, sign, token, unix_now};
use crate::upstream::Upstream;
use crate::world::{ORIGIN, ROUTE, World};

fn upgrade() -> Request {
    Request::upgrade(ROUTE).origin(ORIGIN)
}

fn offering(protocols: &str) -> Request {
    upgrade().with("Sec-WebSocket-Protocol", protocols)
}

#[tokio::test]
async fn a_jwt_is_admitted_where_the_route_falls_back() {
    for policy in ["allow", "warn"] {
        let upstream = Upstream::echo().await;
        let world = World::routing(&format!("jwt_fallback = \"{policy}\""), &upstream.url()).await;
        let encoded = URL_SAFE_NO_PAD.encode(token("ada"));
        let requests = [
            upgrade().bearer(&token("ada")),
            offering(&format!("admitone.v1, admitone.refused, bearer.{}", token("ada"))),
            offering(&format!("admitone.v1, jwt.{}", token("ada"))),
            offering(&format!("chat.v1, jwt-auth.{}", token("ada"))),
            offering(&format!("base64url.bearer.authorization.k8s.io.{encoded}")),
            Request::upgrade(ROUTE).bearer(&token("ada")),
        ];
        let count = requests.len();
        for request in requests {
            let (answer, mut socket) = world.present(request).await;
            assert_eq!(answer.status, 101, "{answer:?}");
            assert!(answer.header("sec-websocket-protocol").is_none_or(|protocol| protocol == "admitone.v1"));
            socket.echo("hello").await;
        }
        let requests = upstream.received_by_now().await;
        assert_eq!(requests.len(), count);
        for request in requests {
            assert!(request.contains("\r\nx-admitone-method: jwt\r\n"), "{request}");
            assert!(request.contains("\r\nx-admitone-subject: ada\r\n"), "{request}");
            assert!(!request.contains("eyJ") && !request.contains(&encoded[..20]), "no token: {request}");
        }
    }
}

#[tokio::test]
async fn a_jwt_is_refused_where_the_route_denies_it() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for request in [upgrade().bearer(&token("ada")), offering(&format!("admitone.v1, bearer.{}", token("ada")))] {
        let answer = world.ask(request).await;
        assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"));
    }
    let readable = offering(&format!("admitone.refused, bearer.{}", token("ada")));
    assert_eq!(world.close_of(readable).await, (4901, "admitone:not_logged_in".to_owned()));
    assert!(upstream.received_by_now().await.is_empty());
}

#[tokio::test]
async fn s8_s10_s11_a_jwt_that_is_no_login_here_is_refused() {
    let upstream = Upstream::echo().await;
    let route = "jwt_fallback = \"allow\"\nissuers = [\"main\"]\nrequired_permissions = [\"chat:read\"]";
    let world = World::routing(route, &upstream.url()).await;
    for token in [
        "nonsense".to_owned(),
        String::new(),
        sign(&claims_with("ada", json!({ "exp": unix_now() - 60 }))),
        sign(&claims_with("ada", json!({ "exp": null }))),
        sign(&claims_with("ada", json!({ "aud": "another" }))),
        sign(&claims_with("ada", json!({ "cnf": { "jkt": "x" } }))),
    ] {
        let answer = world.ask(upgrade().bearer(&token)).await;
        assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"));
        assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    }
    for token in [legacy_token("ada"), sign(&claims_with("ada", json!({ "scope": "chat:write" })))] {
        let answer = world.ask(upgrade().bearer(&token)).await;
        assert_eq!((answer.status, &*answer.problem()), (403, "forbidden"));
    }
    assert!(upstream.received_by_now().await.is_empty());
}

#[tokio::test]
async fn s5_a_login_that_was_revoked_does_not_fall_back() {
    let upstream = Upstream::echo().await;
    let world = World::routing("jwt_fallback = \"allow\"", &upstream.url()).await;
    let token = token("ada");
    let (_, mut socket) = world.present(upgrade().bearer(&token)).await;
    socket.echo("alive").await;
    assert_eq!(world.ask(Request::post("/auth/logout").bearer(&token)).await.status, 204);
    assert_eq!(socket.close().await, (4900, "admitone:revoked".to_owned()));
    assert_eq!(world.ask(upgrade().bearer(&token)).await.status, 401);
}

#[tokio::test]
async fn s2_a_jwt_in_a_cookie_needs_a_listed_origin() {
    let upstream = Upstream::echo().await;
    let route = "jwt_fallback = \"allow\"\njwt_carriers = [\"cookie\"]\njwt_cookie = \"session\"";
    let world = World::routing(route, &upstream.url()).await;
    let baked = Request::upgrade(ROUTE).with("Cookie", &format!("a=1; session={}; b=2", token("ada")));
    assert_eq!(world.ask(baked.clone()).await.problem(), "origin_not_allowed");
    assert_eq!(world.ask(baked.clone().origin("https://evil.example")).await.problem(), "origin_not_allowed");
    assert_eq!(world.ask(baked.origin(ORIGIN)).await.status, 101);
    assert!(upstream.only_request().await.contains("\r\ncookie: a=1; b=2\r\n"));
}

#[tokio::test]
async fn s16_a_jwt_in_the_query_needs_the_dangerous_switch() {
    let upstream = Upstream::echo().await;
    let route = "jwt_fallback = \"allow\"\ndanger_query_token = true";
    let world = World::routing(route, &upstream.url()).await;
    let target = format!("{ROUTE}?room=1&access_token={}", token("ada"));
    assert_eq!(world.ask(Request::upgrade(&target).origin(ORIGIN)).await.status, 101);
    assert!(upstream.only_request().await.starts_with("GET /behind?room=1 HTTP/1.1\r\n"));

    let world = World::routing("jwt_fallback = \"allow\"", &upstream.url()).await;
    let answer = world.ask(Request::upgrade(&target).origin(ORIGIN)).await;
    assert_eq!((answer.status, &*answer.problem()), (400, "query_token_not_allowed"));
}

#[tokio::test]
async fn a_refused_ticket_is_followed_by_a_new_attempt_with_the_jwt() {
    let upstream = Upstream::echo().await;
    let world = World::routing("jwt_fallback = \"allow\"", &upstream.url()).await;
    assert_eq!(world.ask(upgrade().ticket("adm1_forged").bearer(&token("ada"))).await.status, 400);
    world.does_not_open("adm1_forged").await;
    assert!(upstream.received_by_now().await.is_empty());
    assert_eq!(world.ask(upgrade().bearer(&token("ada"))).await.status, 101);
}

/// What says whether anybody still uses the old way.
#[tokio::test]
async fn each_admission_is_counted_by_its_method_and_carrier() {
    let route = "ticket_carriers = [\"subprotocol\", \"authorization\", \"cookie\", \"query\"]\n\
                 jwt_carriers = [\"subprotocol\", \"authorization\", \"cookie\"]\njwt_cookie = \"session\"\n\
                 jwt_fallback = \"warn\"\ndanger_query_token = true";
    let operated = Operated::routing(route, "").await;
    let world = &operated.world;
    let (a, b, c, d) = (world.ticket().await, world.ticket().await, world.ticket().await, world.ticket().await);
    let query = |name: &str, secret: &str| Request::upgrade(&format!("{ROUTE}?{name}={secret}")).origin(ORIGIN);
    let ways = [
        ("ticket", "subprotocol", upgrade().ticket(&a)),
        ("ticket", "authorization", upgrade().with("Authorization", &format!("Ticket {b}"))),
        ("ticket", "cookie", upgrade().with("Cookie", &format!("__Host-admitone-ticket={c}"))),
        ("ticket", "query", query("ticket", &d)),
        ("jwt", "subprotocol", offering(&format!("admitone.v1, bearer.{}", token("ada")))),
        ("jwt", "authorization", upgrade().bearer(&token("ada"))),
        ("jwt", "cookie", upgrade().with("Cookie", &format!("session={}", token("ada")))),
        ("jwt", "query", query("access_token", &token("ada"))),
    ];
    for (at, (_, _, request)) in ways.iter().enumerate() {
        assert_eq!(world.ask(request.clone()).await.status, 101, "{}", request.text());
        assert_eq!(world.ask(upgrade().bearer("refused")).await.status, 401);
        for (other, (method, carrier, _)) in ways.iter().enumerate() {
            let sample =
                format!("admitone_admissions_total{{route=\"/chat\",method=\"{method}\",carrier=\"{carrier}\"}}");
            assert_eq!(operated.metric(&sample).await, f64::from(u8::from(other <= at)), "{sample} after way {at}");
        }
    }
}
