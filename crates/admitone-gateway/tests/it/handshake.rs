//! Upgrades and requests that break the rules of WebSocket or HTTP.

use crate::client::{KEY, Request};
use crate::upstream::Upstream;
use crate::world::{ORIGIN, ROUTE, World};

fn upgrade(ticket: &str) -> Request {
    Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket(ticket)
}

/// Each of these is refused with this status and code, by HTTP, and leaves upstream and ticket alone.
async fn refused(status: u16, code: &str, break_it: &[fn(Request) -> Request]) {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    for broken in break_it {
        let request = broken(upgrade(&ticket));
        let answer = world.ask(request.clone()).await;
        assert_eq!((answer.status, &*answer.problem()), (status, code), "{}", request.text());
        if status == 426 {
            assert_eq!(answer.header("upgrade"), Some("websocket"));
            assert_eq!(answer.header("sec-websocket-version"), Some("13"));
        }
    }
    assert!(upstream.received_by_now().await.is_empty(), "no connection was dialled");
    world.opens(&ticket).await;
}

#[tokio::test]
async fn a10_a_handshake_field_that_is_missing_or_wrong_is_a_bad_request() {
    refused(
        400,
        "invalid_request",
        &[
            |request| request.without("Connection"),
            |request| request.replacing("Connection", "keep-alive"),
            |request| request.replacing("Connection", "upgraded"),
            |request| request.without("Host"),
            |request| request.without("Sec-WebSocket-Key"),
            |request| request.replacing("Sec-WebSocket-Key", ""),
            |request| request.replacing("Sec-WebSocket-Key", "c2hvcnQ="),
            |request| request.replacing("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"),
            |request| request.replacing("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ=="),
            |request| request.with("Sec-WebSocket-Protocol", "not a token"),
            |request| request.with("Sec-WebSocket-Protocol", "a/b"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a10_a_handshake_field_that_stands_twice_is_a_bad_request() {
    refused(
        400,
        "invalid_request",
        &[
            |request| request.with("Sec-WebSocket-Key", KEY),
            |request| request.with("Sec-WebSocket-Version", "13"),
            |request| request.with("Sec-WebSocket-Version", "8"),
            |request| request.with("Upgrade", "websocket"),
            |request| request.with("Host", "other.test"),
        ],
    )
    .await;
}

#[tokio::test]
async fn s21_another_version_is_answered_here_and_says_which_there_is() {
    refused(
        426,
        "upgrade_required",
        &[
            |request| request.replacing("Sec-WebSocket-Version", "7"),
            |request| request.replacing("Sec-WebSocket-Version", "8"),
            |request| request.replacing("Sec-WebSocket-Version", "1337"),
            |request| request.replacing("Sec-WebSocket-Version", "13, 8"),
            |request| request.replacing("Sec-WebSocket-Version", ""),
            |request| request.without("Sec-WebSocket-Version"),
            |request| request.without("Upgrade"),
            |request| request.starting("POST /chat HTTP/1.1"),
        ],
    )
    .await;
}

#[tokio::test]
async fn s21_a_request_smuggled_behind_a_refused_upgrade_is_not_answered() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    let upgrade = upgrade(&ticket);
    let refused = [
        (426, upgrade.clone().replacing("Sec-WebSocket-Version", "1337")),
        (400, upgrade.clone().without("Sec-WebSocket-Key")),
        (404, upgrade.starting("GET /nowhere HTTP/1.1")),
    ];
    for (status, request) in refused {
        let mut connection = world.connect().await;
        connection.send(request.text() + "GET /internal HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let answer = connection.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")));
        assert_eq!(connection.end().await, b"");
    }
    assert!(upstream.received_by_now().await.is_empty());
}

#[tokio::test]
async fn s22_only_websocket_is_upgraded_to() {
    refused(
        400,
        "invalid_request",
        &[
            |request| request.replacing("Upgrade", "h2c"),
            |request| request.replacing("Upgrade", "websocket, h2c"),
            |request| request.replacing("Upgrade", "h2c, websocket"),
            |request| request.replacing("Upgrade", "TLS/1.0"),
            |request| request.replacing("Upgrade", "websocket/13"),
            |request| request.replacing("Upgrade", ""),
            |request| request.with("Upgrade", "h2c"),
            |request| request.starting("GET /chat HTTP/1.0"),
        ],
    )
    .await;
}

#[tokio::test]
async fn s19_an_upgrade_has_no_body() {
    refused(
        400,
        "invalid_request",
        &[
            |request| request.json("{}"),
            |request| request.with("Transfer-Encoding", "chunked"),
            |request| request.with("Content-Length", "5"),
        ],
    )
    .await;
}

/// Requests that two readers could understand differently.
const AMBIGUOUS: [fn(Request) -> Request; 14] = [
    |request| request.with("Content-Length", "0").with("Transfer-Encoding", "chunked"),
    |request| request.with("Content-Length", "0").with("Content-Length", "5"),
    |request| request.with("Content-Length", "5").with("Content-Length", "5"),
    |request| request.with("Content-Length", "+5"),
    |request| request.with("Content-Length", "0, 5"),
    |request| request.with("Transfer-Encoding", "gzip, chunked"),
    |request| request.with("X-Folded", "a\r\n b"),
    |request| request.with("X-Bare", "a\rb"),
    |request| request.with("X-Bare", "a\nb"),
    |request| request.with("X-Nul", "a\0b"),
    |request| request.with("X Space", "a"),
    |request| request.with("X-Space ", "a"),
    |request| request.with("Host", "other.test"),
    |request| request.without("Host"),
];

#[tokio::test]
async fn s19_a29_an_ambiguous_request_is_answered_400_and_ends_its_connection() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    for break_it in AMBIGUOUS {
        for request in [upgrade(&ticket), Request::post("/auth/ticket"), Request::new("GET /healthz")] {
            let request = break_it(request).text();
            let mut connection = world.connect().await;
            connection.send(request.clone() + "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
            let answer = connection.answer().await;
            assert_eq!((answer.status, &*answer.problem()), (400, "invalid_request"), "{request}");
            assert_eq!(answer.header("connection"), Some("close"), "{request}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{request}");
            assert_eq!(connection.end().await, b"", "what follows is no request: {request}");
        }
    }
    assert!(upstream.received_by_now().await.is_empty());
    world.opens(&ticket).await;
}

#[tokio::test]
async fn s19_a29_a_later_request_is_read_as_strictly_as_the_first() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for break_it in AMBIGUOUS {
        let mut connection = world.connect().await;
        connection.send(Request::post("/auth/ticket").json("{}").text()).await;
        assert_eq!(connection.answer().await.status, 401);
        connection
            .send(break_it(Request::post("/auth/ticket")).text() + "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            .await;
        assert_eq!(connection.answer().await.status, 400);
        assert_eq!(connection.end().await, b"");
    }
}

#[tokio::test]
async fn s19_a_get_with_a_body_is_refused() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for body in ["Content-Length: 41\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n29\r\n"] {
        let mut connection = world.connect().await;
        connection
            .send(format!(
                "GET /healthz HTTP/1.1\r\nHost: x\r\n{body}GET /readyz HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
            ))
            .await;
        assert_eq!(connection.answer().await.problem(), "invalid_request");
        assert_eq!(connection.end().await, b"");
    }
}

/// Rare forms, each read by another parser: none of them may decide where a further request begins.
#[tokio::test]
async fn s19_a_request_in_a_rare_form_is_answered_as_the_last_of_its_connection() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let chunked = "POST /auth/ticket HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let expecting = "POST /auth/ticket HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n";
    let old = "POST /auth/ticket HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    for request in [chunked, expecting, old] {
        let mut connection = world.connect().await;
        connection.send(format!("{request}GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        let answer = connection.answer().await;
        assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"), "{request}");
        assert_eq!(connection.end().await, b"", "{request}");
    }
    let mut connection = world.connect().await;
    connection.send("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let rest = String::from_utf8(connection.end().await).expect("ASCII");
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n") && rest.ends_with("\r\n\r\n"), "{rest}");
}

#[tokio::test]
async fn a25_a_head_that_is_too_long_is_refused() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let long = Request::new("GET /healthz").with("X-Long", &"x".repeat(80_000));
    let many = (0..200).fold(Request::new("GET /healthz"), |request, at| request.with(&format!("x-{at}"), "1"));
    let target = Request::new(&format!("GET /healthz?{}", "x".repeat(70_000)));
    for request in [long, many, target] {
        let answer = world.ask(request).await;
        assert_eq!((answer.status, &*answer.problem()), (431, "head_too_large"));
    }
}

#[tokio::test]
async fn fields_in_any_case_and_an_absolute_target_are_sound() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let lax =
        |ticket: &str| upgrade(ticket).replacing("Upgrade", "WebSocket").replacing("Connection", "keep-alive, UPGRADE");
    assert_eq!(world.ask(lax(&world.ticket().await)).await.status, 101);
    let absolute = lax(&world.ticket().await).starting("GET http://gateway.test/chat?a=1 HTTP/1.1");
    assert_eq!(world.ask(absolute).await.status, 101);
    let requests = upstream.received_by_now().await;
    assert!(requests[1].starts_with("GET /behind?a=1 HTTP/1.1\r\n"), "{requests:?}");
}

#[tokio::test]
async fn a5_only_the_exact_path_is_a_route() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    for path in [
        "/chat/",
        "/CHAT",
        "//chat",
        "/./chat",
        "/x/../chat",
        "/%63hat",
        "/chat%2f",
        "/chat;a=1",
        "/",
        "/auth/ticket/x",
    ] {
        let answer = world.ask(Request::upgrade(path).origin(ORIGIN).readable_ticket(&ticket)).await;
        assert_eq!((answer.status, &*answer.problem()), (404, "not_found"), "{path}");
    }
    assert!(upstream.received_by_now().await.is_empty());
    world.opens(&ticket).await;
}
