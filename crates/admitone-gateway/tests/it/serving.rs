//! Health, the headers of every answer, and clients that take more than their share.

use std::time::Duration;

use serde_json::json;

use crate::client::{Answer, Connection, Request, soon};
use crate::tokens::token;
use crate::upstream::{Closed, Upstream};
use crate::world::{Lines, ORIGIN, ROUTE, World};

#[tokio::test]
async fn health_and_readiness_answer() {
    let upstream = Closed::new();
    let world = World::before(&upstream.url()).await;
    let live = world.ask(Request::new("GET /healthz")).await;
    assert_eq!((live.status, live.json()), (200, json!({ "status": "ok" })));
    let ready = world.ask(Request::new("GET /readyz")).await;
    assert_eq!(ready.status, 200);
    let store = json!({ "kind": "memory", "status": "ok" });
    assert_eq!(ready.json(), json!({ "status": "ready", "store": store, "issuers": "ok" }));
    for path in ["/healthz", "/readyz"] {
        let answer = world.ask(Request::post(path)).await;
        assert_eq!((answer.status, &*answer.problem()), (405, "method_not_allowed"));
        assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")), "{path}");
    }
}

fn has_security_headers(what: &str, answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{what}: {answer:?}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "cross-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{what}: {name}");
    }
    assert!(answer.header("permissions-policy").is_some(), "{what}");
    assert_eq!(answer.header("server"), None, "{what}");
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let upstream = Closed::new();
    let world = World::before(&upstream.url()).await;
    let preflight = Request::new("OPTIONS /auth/ticket").origin(ORIGIN).with("Access-Control-Request-Method", "POST");
    let answers = [
        (200, Request::new("GET /healthz")),
        (200, preflight),
        (201, Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("ada"))),
        (204, Request::post("/auth/logout").bearer(&token("grace"))),
        (400, Request::upgrade("/chat?token=x")),
        (401, Request::post("/auth/ticket")),
        (403, Request::upgrade(ROUTE).origin("https://evil.example")),
        (404, Request::new("GET /nowhere")),
        (405, Request::new("GET /auth/ticket")),
        (415, Request::post("/auth/ticket").bearer(&token("ada")).json("{}").replacing("Content-Type", "text/html")),
        (422, Request::post("/auth/ticket").bearer(&token("ada")).json("{\"nope\":1}")),
        (426, Request::new("GET /chat")),
        (502, Request::upgrade(ROUTE).origin(ORIGIN).ticket(&world.ticket().await)),
    ];
    for (status, request) in answers {
        let answer = world.ask(request).await;
        assert_eq!(answer.status, status, "{answer:?}");
        has_security_headers(&status.to_string(), &answer);
        assert_eq!(answer.header("strict-transport-security"), None, "there is no TLS");
    }
}

#[tokio::test]
async fn several_requests_share_a_connection() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let mut connection = world.connect().await;
    for status in [401, 201, 404] {
        let request = match status {
            401 => Request::post("/auth/ticket"),
            201 => Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("ada")),
            _ => Request::new("GET /nowhere"),
        };
        connection.send(request.text()).await;
        assert_eq!(connection.answer().await.status, status);
    }
}

#[tokio::test]
async fn a_connection_over_the_limit_is_told_so_and_a_socket_counts_while_it_lives() {
    let upstream = Upstream::echo().await;
    let lines = Lines { server: "max_connections = 2", ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let mut minting = world.connect().await;
    minting.send(Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("ada")).text()).await;
    let ticket = minting.answer().await.json()["ticket"].as_str().expect("a ticket").to_owned();
    let mut socket = world.open(&ticket).await;
    socket.echo("alive").await;

    let full = || async { world.ask(Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("ada"))).await };
    for _ in 0..100 {
        let answer = full().await;
        assert_eq!((answer.status, &*answer.problem()), (503, "overloaded"));
        assert_eq!((answer.header("retry-after"), answer.header("connection")), (Some("1"), Some("close")));
        assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "a page can read it");
        assert_eq!(world.ask(Request::new("GET /healthz")).await.status, 200, "full is not dead");
        assert_eq!(world.ask(Request::new("GET /readyz")).await.status, 200);
    }
    socket.echo("still alive").await;

    drop(minting);
    soon("its place is free", async { while full().await.status != 201 {} }).await;
}

#[tokio::test]
async fn s33_a_head_that_dribbles_in_is_cut_off_and_others_are_not() {
    let upstream = Upstream::echo().await;
    let lines = Lines { server: "header_timeout_seconds = 1", ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let mut socket = world.open(&world.ticket().await).await;
    let mut slow = world.connect().await;
    slow.send("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
    let mut silent = world.connect().await;
    let started = tokio::time::Instant::now();
    slow.end().await;
    silent.end().await;
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    socket.echo("a socket has no such limit").await;
}

#[tokio::test]
async fn a28_clients_that_reset_at_any_moment_disturb_nobody() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let request = Request::upgrade(ROUTE).origin(ORIGIN).ticket(&world.ticket().await).text();
    for length in (0..request.len()).step_by(40) {
        let stream = tokio::net::TcpStream::connect(world.address).await.expect("a connection");
        stream.set_zero_linger().expect("a socket option");
        let mut connection = Connection::over(stream);
        connection.send(&request[..length]).await;
    }
    world.opens(&world.ticket().await).await;
}
