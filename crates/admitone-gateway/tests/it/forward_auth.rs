//! `/auth/verify`: a proxy asks whether a request may pass.

use serde_json::json;

use crate::client::{Answer, Request};
use crate::servers::Server;
use crate::tokens::{claims_with, sign, token};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

const TRUSTED: &str = "trusted_proxies = [\"127.0.0.1\"]";
const CLIENT: &str = "203.0.113.9";

/// A gateway that nothing passes through, with these lines in its route.
async fn asked_about(route: &str) -> World {
    let route = format!(
        "forward_auth = true\nticket_carriers = [\"subprotocol\", \"query\", \"authorization\", \"cookie\"]\n{route}"
    );
    let text = Lines { server: TRUSTED, route: &route, ..Lines::default() }.configuration("ws://127.0.0.1:1");
    World::configured(&text.replace("upstream = \"ws://127.0.0.1:1\"\n", "")).await
}

/// What a proxy asks about a page's upgrade, with a credential or without.
fn question(target: &str) -> Request {
    let said = Request::new("GET /auth/verify").with("X-Original-URI", target).with("X-Forwarded-For", CLIENT);
    said.with("Sec-WebSocket-Version", "13").origin(ORIGIN)
}

fn with_query(ticket: &str) -> Request {
    question(&format!("{ROUTE}?ticket={ticket}"))
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, &*answer.problem()), (status, code), "{answer:?}");
    assert!(
        !answer.headers.iter().any(|(name, _)| name.starts_with("x-admitone-") || name == "location"),
        "{answer:?}"
    );
}

/// What the proxy is told, by the headers that it writes into the request.
fn told(answer: &Answer) -> Vec<(&str, &str)> {
    let names = |name: &str| name.starts_with("x-admitone-") || name == "sec-websocket-protocol";
    let told = answer.headers.iter().filter(|(name, _)| names(name));
    told.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn s17_the_proxy_is_told_who_connects_and_what_to_pass_on() {
    let world = asked_about("").await;
    let login = sign(&claims_with("ada", json!({ "email": null })));
    let minted = world.minted(&login, r#"{"permissions":["chat:read"]}"#).await;
    let (ticket, session) =
        (minted["ticket"].as_str().expect("a ticket"), minted["session_id"].as_str().expect("an id"));
    let answer = world.ask(question(&format!("{ROUTE}?room=5&ticket={ticket}&a=%20"))).await;
    assert_eq!((answer.status, answer.header("cache-control"), &*answer.body), (200, Some("no-store"), &b""[..]));
    assert_eq!(
        told(&answer),
        [
            ("x-admitone-subject", "ada"),
            ("x-admitone-issuer", "https://id.example.com"),
            ("x-admitone-permissions", "chat:read"),
            ("x-admitone-session-id", session),
            ("x-admitone-method", "ticket"),
            ("x-admitone-uri", "/chat?room=5&a=%20"),
        ]
    );
    assert!(!format!("{answer:?}").contains(ticket), "the ticket ends here: {answer:?}");
    refused(&world.ask(with_query(ticket)).await, 401, "ticket_not_accepted");
}

#[tokio::test]
async fn s24_the_upstream_may_choose_among_the_applications_subprotocols_alone() {
    let world = asked_about("").await;
    for (offer, protocols, selected) in [
        ("admitone.v1, admitone.refused, ", None, Some("admitone.v1")),
        ("chat.v2, chat.v1, admitone.v1, ", Some("chat.v2, chat.v1"), Some("admitone.v1")),
        ("chat.v2, ", Some("chat.v2"), None),
        ("", None, None),
    ] {
        let offer = format!("{offer}admitone.ticket.{}", world.ticket().await);
        let answer = world.ask(question(ROUTE).with("Sec-WebSocket-Protocol", &offer)).await;
        assert_eq!((answer.status, answer.header("x-admitone-uri")), (200, Some(ROUTE)), "{offer}");
        assert_eq!(answer.header("sec-websocket-protocol"), protocols, "{offer}");
        assert_eq!(answer.header("x-admitone-subprotocol"), selected, "{offer}");
    }
}

#[tokio::test]
async fn every_carrier_and_every_method_of_asking_will_do() {
    let world = asked_about("jwt_fallback = \"allow\"").await;
    let mut ways = Vec::new();
    for start in ["POST /auth/verify HTTP/1.1", "PUT /auth/verify HTTP/1.1", "GET /auth/verify?ticket=ignored HTTP/1.1"]
    {
        ways.push(with_query(&world.ticket().await).starting(start).with("X-Forwarded-Method", "GET"));
    }
    ways.push(with_query(&world.ticket().await).starting("GET /auth/verify HTTP/1.0"));
    ways.push(question(ROUTE).with("Authorization", &format!("Ticket {}", world.ticket().await)));
    ways.push(question(ROUTE).with("Cookie", &format!("__Host-admitone-ticket={}", world.ticket().await)));
    ways.push(question(ROUTE).bearer(&token("ada")));
    // As Caddy repeats the client's headers.
    ways.push(with_query(&world.ticket().await).with("Connection", "Upgrade").with("Upgrade", "websocket"));
    for request in ways {
        let answer = world.ask(request.clone()).await;
        assert_eq!((answer.status, answer.header("x-admitone-subject")), (200, Some("ada")), "{}", request.text());
    }
    let posted = with_query(&world.ticket().await).with("X-Forwarded-Method", "POST");
    refused(&world.ask(posted).await, 405, "method_not_allowed");
}

#[tokio::test]
async fn a9_behind_a_question_that_repeats_an_upgrade_the_connection_ends() {
    let world = asked_about("").await;
    let request = with_query(&world.ticket().await).with("Connection", "Upgrade").with("Upgrade", "websocket");
    let mut connection = world.connect().await;
    connection.send(request.text() + &Request::new("GET /healthz").text()).await;
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.header("upgrade"), answer.header("connection")), (200, None, Some("close")));
    assert_eq!(connection.end().await, b"", "what stands behind it is no request");
}

#[tokio::test]
async fn envoy_is_told_what_to_take_away() {
    let world = asked_about("").await;
    let login = sign(&claims_with("ada", json!({ "email": null })));
    let target = format!("/auth/verify{ROUTE}?room=5&ticket={}", world.ticket_for(&login).await);
    let request = question(ROUTE).without("X-Original-URI").starting(&format!("GET {target} HTTP/1.1"));
    let answer = world.ask(request).await;
    assert_eq!((answer.status, answer.header("x-admitone-uri")), (200, Some("/chat?room=5")), "{answer:?}");
    assert_eq!(
        answer.header("x-envoy-auth-headers-to-remove"),
        Some("x-admitone-email,x-admitone-tenant,x-admitone-subprotocol,sec-websocket-protocol,x-admitone-assertion")
    );
}

#[tokio::test]
async fn a4_nobody_but_a_trusted_proxy_finds_anything_here() {
    let upstream = Upstream::echo().await;
    let text = |server, route| Lines { server, route, ..Lines::default() }.configuration(&upstream.url());
    let stranger = World::configured(&text("trusted_proxies = [\"192.0.2.1\"]", "forward_auth = true")).await;
    let unasked = World::configured(&text(TRUSTED, "")).await;
    for world in [stranger, unasked] {
        let ticket = world.ticket().await;
        let offer = format!("admitone.ticket.{ticket}");
        let nothing = world.ask(Request::new("GET /auth/nothing")).await;
        for request in [
            question(ROUTE).with("Sec-WebSocket-Protocol", &offer),
            question(ROUTE).starting("POST /auth/verify HTTP/1.1").with("Sec-WebSocket-Protocol", &offer),
            question(ROUTE).starting("GET /auth/verify/chat HTTP/1.1").with("Sec-WebSocket-Protocol", &offer),
            question(ROUTE)
                .with("Connection", "Upgrade")
                .with("Upgrade", "websocket")
                .with("Sec-WebSocket-Protocol", &offer),
        ] {
            let answer = world.ask(request.clone()).await;
            refused(&answer, 404, "not_found");
            let differs = |name: &str| matches!(name, "x-request-id" | "date" | "connection" | "content-length");
            assert_eq!(answer.headers_but(differs), nothing.headers_but(differs), "{}", request.text());
        }
        world.opens(&ticket).await;
    }
}

#[tokio::test]
async fn a4_only_routes_that_say_so_are_answered_about() {
    let other = format!("[[routes]]\npath = \"/other\"\nupstream = \"ws://127.0.0.1:2\"\norigins = [\"{ORIGIN}\"]");
    let world = asked_about(&other).await;
    let minted = world.minted(&token("ada"), r#"{"route":"/other"}"#).await;
    let offer = format!("admitone.ticket.{}", minted["ticket"].as_str().expect("a ticket"));
    refused(&world.ask(question("/other").with("Sec-WebSocket-Protocol", &offer)).await, 404, "not_found");
}

#[tokio::test]
async fn a4_a5_a_question_that_names_no_request_or_two_is_refused_with_the_headers_name() {
    let world = asked_about("").await;
    let ticket = world.ticket().await;
    let query = format!("{ROUTE}?ticket={ticket}");
    let sound = || with_query(&ticket);
    for (request, name) in [
        (sound().without("X-Original-URI"), "X-Original-URI"),
        (sound().without("X-Forwarded-For"), "X-Forwarded-For"),
        (sound().with("X-Original-URI", &query), "X-Original-URI"),
        (sound().with("X-Forwarded-Uri", "/other"), "X-Forwarded-Uri"),
        (sound().starting("GET /auth/verify/other HTTP/1.1"), "X-Original-URI"),
        (sound().with("X-Forwarded-Method", "G T"), "X-Forwarded-Method"),
        (sound().with("X-Forwarded-Method", "GET").with("X-Forwarded-Method", "POST"), "X-Forwarded-Method"),
        (sound().with("Sec-WebSocket-Version", "13"), "sec-websocket-version"),
    ] {
        let answer = world.ask(request.clone()).await;
        refused(&answer, 400, "invalid_request");
        let detail = answer.json()["detail"].as_str().expect("a detail").to_owned();
        assert!(detail.contains(name) && !detail.contains("adm1_"), "{detail}: {}", request.text());
    }
    for target in [
        String::new(),
        "chat".to_owned(),
        "*".to_owned(),
        format!("https://app.example.com{query}"),
        format!("{query}#/other"),
        format!("{query}\u{e9}"),
        format!("{query} HTTP/1.1"),
    ] {
        refused(&world.ask(question(&target)).await, 400, "invalid_request");
    }
    let elsewhere =
        ["/", "/other", "/chat/", "//chat", "/./chat", "/%63hat", "/chat%00", "/chat;a", "/CHAT", "/auth/verify"];
    for target in elsewhere {
        refused(&world.ask(question(&format!("{target}?ticket={ticket}"))).await, 404, "not_found");
    }
    for version in ["8", "13, 8", ""] {
        refused(&world.ask(sound().replacing("Sec-WebSocket-Version", version)).await, 426, "upgrade_required");
    }
    let ambiguous = sound().with("Sec-WebSocket-Protocol", &format!("admitone.ticket.{ticket}"));
    refused(&world.ask(ambiguous).await, 400, "ambiguous_credential");
    assert_eq!(world.ask(sound()).await.status, 200, "none of them has spent it");
}

#[tokio::test]
async fn s2_a_foreign_origin_is_refused_and_a_cookie_needs_one() {
    let world = asked_about("").await;
    let ticket = world.ticket().await;
    for origin in ["https://evil.example", "null", "https://app.example.com.evil.example", "http://app.example.com"] {
        refused(&world.ask(with_query(&ticket).replacing("Origin", origin)).await, 403, "origin_not_allowed");
    }
    refused(&world.ask(with_query(&ticket).origin("https://evil.example")).await, 403, "origin_not_allowed");
    let cookie = question(ROUTE).without("Origin").with("Cookie", &format!("__Host-admitone-ticket={ticket}"));
    refused(&world.ask(cookie).await, 403, "origin_not_allowed");
    refused(&world.ask(with_query(&ticket).without("Origin")).await, 401, "ticket_not_accepted");
    assert_eq!(world.ask(with_query(&ticket)).await.status, 200, "none of them has spent it");
}

#[tokio::test(flavor = "multi_thread")]
async fn s7_of_64_questions_with_one_ticket_one_is_answered_with_yes() {
    let world = std::sync::Arc::new(asked_about("").await);
    let ticket = world.ticket().await;
    let asking: Vec<_> = (0..64)
        .map(|_| {
            let (world, request) = (world.clone(), with_query(&ticket));
            tokio::spawn(async move { world.ask(request).await.status })
        })
        .collect();
    let mut admitted = 0;
    for asked in asking {
        match asked.await.expect("an answer") {
            200 => admitted += 1,
            status => assert_eq!(status, 401),
        }
    }
    assert_eq!(admitted, 1);
}

#[tokio::test]
async fn s5_a_ticket_or_a_login_that_was_taken_back_lets_nothing_pass() {
    let world = asked_about("jwt_fallback = \"allow\"").await;
    let login = token("ada");
    let ticket = world.ticket_for(&login).await;
    assert_eq!(world.ask(Request::post("/auth/logout").bearer(&login)).await.status, 204);
    refused(&world.ask(with_query(&ticket)).await, 401, "ticket_not_accepted");
    refused(&world.ask(question(ROUTE).bearer(&login)).await, 401, "not_logged_in");
    refused(&world.ask(question(ROUTE)).await, 401, "not_logged_in");
}

#[tokio::test]
async fn s32_failures_count_against_the_client_and_not_the_proxy() {
    let route = "[limits]\nfailed_redeems_per_minute_per_address = 1";
    let world = asked_about(route).await;
    let forged = format!("adm1_{}", "x".repeat(72));
    refused(&world.ask(with_query(&forged)).await, 401, "ticket_not_accepted");
    let ticket = world.ticket().await;
    let answer = world.ask(with_query(&ticket)).await;
    refused(&answer, 429, "over_limit");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    assert_eq!(world.ask(with_query(&ticket).replacing("X-Forwarded-For", "203.0.113.10")).await.status, 200);
}

#[tokio::test]
async fn there_is_no_session_to_renew_and_no_socket_to_open_here() {
    let world = asked_about("").await;
    let login = token("ada");
    let minted = world.minted(&login, "{}").await;
    let (ticket, session) =
        (minted["ticket"].as_str().expect("a ticket"), minted["session_id"].as_str().expect("an id"));
    let socket = Request::upgrade(&format!("{ROUTE}?ticket={ticket}")).origin(ORIGIN);
    refused(&world.ask(socket).await, 404, "not_found");
    refused(&world.ask(Request::new(&format!("GET {ROUTE}"))).await, 404, "not_found");
    assert_eq!(world.ask(with_query(ticket)).await.status, 200);
    let renewal = Request::post(&format!("/auth/session/{session}/renew")).origin(ORIGIN).bearer(&login);
    refused(&world.ask(renewal).await, 404, "not_found");
}

#[tokio::test]
async fn an_event_stream_may_pass_where_the_route_streams() {
    let question =
        |ticket: &str| with_query(ticket).without("Sec-WebSocket-Version").with("Accept", "text/event-stream");
    let sockets_only = asked_about("").await;
    refused(&sockets_only.ask(question(&sockets_only.ticket().await)).await, 426, "upgrade_required");
    let world = asked_about("event_streams = true").await;
    let ticket = world.ticket().await;
    refused(&world.ask(question(&ticket).replacing("Accept", "*/*")).await, 426, "upgrade_required");
    assert_eq!(world.ask(question(&ticket)).await.status, 200);
    refused(&world.ask(question(&ticket)).await, 401, "ticket_not_accepted");
}

#[tokio::test]
async fn the_proxy_gets_an_assertion_where_the_route_says_so() {
    let world = asked_about("upstream_assertion = true").await;
    let answer = world.ask(with_query(&world.ticket().await)).await;
    let assertion = answer.header("x-admitone-assertion").expect("an assertion");
    assert_eq!(assertion.split('.').count(), 3, "{assertion}");
}

#[tokio::test]
async fn sockets_are_opened_here_too_where_the_route_has_an_upstream() {
    let upstream = Upstream::echo().await;
    let world =
        World::with(Lines { server: TRUSTED, route: "forward_auth = true", ..Lines::default() }, &upstream.url()).await;
    world.opens(&world.ticket().await).await;
    let ticket = world.ticket().await;
    let offer = format!("admitone.ticket.{ticket}");
    assert_eq!(world.ask(question(ROUTE).with("Sec-WebSocket-Protocol", &offer)).await.status, 200);
    world.does_not_open(&ticket).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_s30_f2_two_gateways_answer_one_ticket_with_one_yes_and_none_without_their_store() {
    let redis = Server::start(&[]);
    let store = format!("kind = \"redis\"\nurl = \"redis://{}\"", redis.address());
    let route = "forward_auth = true\nticket_carriers = [\"query\"]";
    let lines = Lines { server: TRUSTED, store: &store, route, ..Lines::default() };
    let text = lines.configuration("ws://127.0.0.1:1");
    let (here, there) = (World::configured(&text).await, World::configured(&text).await);
    let ticket = here.ticket().await;
    let (one, other) = tokio::join!(here.ask(with_query(&ticket)), there.ask(with_query(&ticket)));
    let mut answers = [one.status, other.status];
    answers.sort_unstable();
    assert_eq!(answers, [200, 401]);

    let ticket = here.ticket().await;
    redis.stop();
    let answer = there.ask(with_query(&ticket)).await;
    refused(&answer, 503, "store_unavailable");
    assert_eq!((answer.header("retry-after"), answer.header("admitone-ticket")), (Some("1"), Some("spent")));
    redis.go_on();
}
