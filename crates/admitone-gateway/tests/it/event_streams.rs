//! Event streams: `GET` requests whose answers go on, through the gate that sockets go through.

mod source;

use serde_json::json;

use self::source::{ENDLESSLY, Source};
use crate::client::{Answer, Connection, Request, soon};
use crate::http2::Tls;
use crate::origins::FOREIGN;
use crate::tokens::{claims_with, sign, token, unix_now};
use crate::upstream::{Behaviour, Upstream};
use crate::world::{Lines, ORIGIN, ROUTE, World};

const STREAMS: &str = "event_streams = true\nticket_carriers = [\"authorization\", \"query\", \"cookie\"]";

/// An answer in chunks, the second of which ends within a line.
const TWO_EVENTS: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\
     Cache-Control: no-cache\r\nAccess-Control-Allow-Origin: *\r\nX-AdmitOne-Subject: somebody\r\nX-News: yes\r\n\r\n\
     f\r\nid: 7\ndata: a\n\n\r\n8\r\ndata: b\n\r\n";

pub(crate) fn asking(ticket: &str) -> Request {
    Request::new(&format!("GET {ROUTE}"))
        .with("Accept", "text/event-stream")
        .origin(ORIGIN)
        .with("Authorization", &format!("Ticket {ticket}"))
}

async fn refuses(world: &World, request: Request, status: u16, code: &str) -> Answer {
    let answer = world.ask(request).await;
    assert_eq!((answer.status, &*answer.problem()), (status, code), "{answer:?}");
    answer
}

/// Reads on until all that came ends with `text`.
async fn reads(connection: &mut Connection, text: &str) {
    let mut read = Vec::new();
    while !read.ends_with(text.as_bytes()) {
        read.extend(connection.read_some().await);
    }
    assert_eq!(String::from_utf8_lossy(&read), text);
}

async fn log_out(world: &World, token: &str) {
    let answer = world.ask(Request::post("/auth/logout").origin(ORIGIN).bearer(token).json("{}")).await;
    assert_eq!(answer.status, 204, "{answer:?}");
}

#[tokio::test]
async fn a_ticket_admits_one_event_stream_and_the_upstream_sees_who_and_since_when() {
    let upstream = Upstream::that(Behaviour::Answers(TWO_EVENTS)).await;
    let world = World::routing(STREAMS, &upstream.url()).await;
    let ticket = world.ticket().await;
    let (answer, mut events) = world.present(asking(&ticket).with("Last-Event-ID", "6")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!((answer.header("cache-control"), answer.header("x-accel-buffering")), (Some("no-store"), Some("no")));
    assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "the upstream's own is not passed on");
    assert_eq!((answer.header("transfer-encoding"), answer.header("connection")), (None, Some("close")));
    assert_eq!((answer.header("x-admitone-subject"), answer.header("x-news")), (None, Some("yes")));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    reads(&mut events, "id: 7\ndata: a\n\ndata: b\n").await;

    let request = upstream.only_request().await.to_ascii_lowercase();
    assert!(request.starts_with("get /behind http/1.1\r\n"), "{request}");
    for line in ["accept: text/event-stream", "last-event-id: 6", "x-admitone-subject: ada", "connection: close"] {
        assert!(request.contains(&format!("\r\n{line}\r\n")), "{line}: {request}");
    }
    assert!(!request.contains("adm1_") && !request.contains("authorization"), "{request}");
    upstream.hang_up();
    assert_eq!(soon("the end", events.end()).await, b"", "the upstream's end is the stream's");
    refuses(&world, asking(&ticket), 401, "ticket_not_accepted").await;
}

#[tokio::test]
async fn a_query_carries_a_streams_ticket_where_the_route_allows_it() {
    let upstream = Upstream::that(Behaviour::Answers(TWO_EVENTS)).await;
    let world = World::routing(STREAMS, &upstream.url()).await;
    let of = |ticket: &str| {
        Request::new(&format!("GET {ROUTE}?room=1&ticket={ticket}"))
            .with("Accept", "text/html, text/event-stream;q=0.9")
    };
    let (answer, _) = world.present(of(&world.ticket().await).origin(ORIGIN)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(upstream.only_request().await.starts_with("GET /behind?room=1 HTTP/1.1\r\n"));

    let world = World::routing("event_streams = true", &upstream.url()).await;
    refuses(&world, of(&world.ticket().await).origin(ORIGIN), 400, "query_token_not_allowed").await;
}

#[tokio::test]
async fn s2_a_stream_for_a_page_of_another_origin_is_refused_and_the_ticket_stays_unspent() {
    let upstream = Upstream::that(Behaviour::Answers(TWO_EVENTS)).await;
    let world = World::routing(STREAMS, &upstream.url()).await;
    let ticket = world.ticket().await;
    for origin in FOREIGN {
        let answer = refuses(&world, asking(&ticket).replacing("Origin", origin), 403, "origin_not_allowed").await;
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let cookie = Request::new(&format!("GET {ROUTE}"))
        .with("Accept", "text/event-stream")
        .with("Cookie", &format!("__Host-admitone-ticket={ticket}"));
    for site in ["cross-site", "same-site", "none", "same-origin, same-origin"] {
        refuses(&world, cookie.clone().with("Sec-Fetch-Site", site), 403, "origin_not_allowed").await;
    }
    refuses(&world, cookie, 403, "origin_not_allowed").await;
    assert!(upstream.received_by_now().await.is_empty(), "no connection was dialled");
    assert_eq!(world.present(asking(&ticket)).await.0.status, 200);
}

#[tokio::test]
async fn s2_a_page_of_the_gateways_own_origin_counts_as_that_origin_where_it_is_listed() {
    let upstream = Upstream::that(Behaviour::Answers(TWO_EVENTS)).await;
    let own = |path: &str, carried: (&str, &str)| {
        Request::new(&format!("GET {path}"))
            .with("Accept", "text/event-stream")
            .with("Sec-Fetch-Site", "same-origin")
            .with(carried.0, carried.1)
    };
    let mut lines = Lines { server: "public_url = \"https://gw.example.com\"", route: STREAMS, ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let ticket = format!("Ticket {}", world.ticket().await);
    refuses(&world, own(ROUTE, ("Authorization", &ticket)), 403, "origin_not_allowed").await;

    let listed = format!(
        "{STREAMS}\n[[routes]]\npath = \"/news\"\nupstream = \"{}\"\norigins = [\"https://gw.example.com\"]\n{STREAMS}",
        upstream.url()
    );
    lines.route = &listed;
    let world = World::with(lines, &upstream.url()).await;
    for carrier in ["Authorization", "Cookie"] {
        let mint = Request::post("/auth/ticket").origin("https://gw.example.com").bearer(&token("ada"));
        let minted = world.ask(mint.json("{\"route\": \"/news\"}")).await.json();
        let ticket = minted["ticket"].as_str().expect("a ticket");
        let value =
            if carrier == "Cookie" { format!("__Host-admitone-ticket={ticket}") } else { format!("Ticket {ticket}") };
        let native = own("/news", (carrier, &value)).without("Sec-Fetch-Site");
        assert_ne!(world.ask(native).await.status, 200, "it is bound to its origin");
        let (answer, _) = world.present(own("/news", (carrier, &value))).await;
        assert_eq!(answer.status, 200, "{carrier}: {answer:?}");
    }
}

#[tokio::test]
async fn only_a_get_for_an_event_stream_on_a_route_that_streams_opens_one() {
    let upstream = Upstream::that(Behaviour::Answers(TWO_EVENTS)).await;
    let world = World::routing(STREAMS, &upstream.url()).await;
    let ticket = world.ticket().await;
    let sound = || asking(&ticket);
    for request in [
        sound().replacing("Accept", "*/*"),
        sound().replacing("Accept", "text/html"),
        sound().without("Accept"),
        sound().starting(&format!("POST {ROUTE} HTTP/1.1")),
        sound().starting(&format!("DELETE {ROUTE} HTTP/1.1")),
    ] {
        refuses(&world, request, 426, "upgrade_required").await;
    }
    let mut connection = world.connect().await;
    connection.send(sound().starting(&format!("HEAD {ROUTE} HTTP/1.1")).text()).await;
    assert!(connection.read_some().await.starts_with(b"HTTP/1.1 426 "));
    refuses(&world, sound().with("Content-Length", "2").with_body("{}"), 400, "invalid_request").await;
    let silent = World::before(&upstream.url()).await;
    refuses(&silent, asking(&silent.ticket().await), 426, "upgrade_required").await;
    assert!(upstream.received_by_now().await.is_empty(), "no connection was dialled");
    assert_eq!(world.present(sound()).await.0.status, 200, "the ticket is unspent");
}

#[tokio::test]
async fn a_preflight_lets_pages_send_a_ticket_and_the_last_event() {
    let upstream = Upstream::that(Behaviour::Answers(TWO_EVENTS)).await;
    let world = World::routing(STREAMS, &upstream.url()).await;
    let preflight = |origin: &str| {
        Request::new(&format!("OPTIONS {ROUTE}"))
            .origin(origin)
            .with("Access-Control-Request-Method", "GET")
            .with("Access-Control-Request-Headers", "authorization,last-event-id")
    };
    let answer = world.ask(preflight(ORIGIN)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(ORIGIN)));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,last-event-id"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    let answer = world.ask(preflight("https://evil.example")).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn s5_a_logout_ends_a_stream_within_a_second_and_says_why_between_two_lines() {
    for (text, ending) in [("data: a\n\n", ":admitone:revoked\n"), ("data: a\n\ndata: cut of", "")] {
        let mut source = Source::new().await;
        let world = World::routing(STREAMS, &source.url()).await;
        let token = token("ada");
        let (answer, mut events) = world.present(asking(&world.ticket_for(&token).await)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        source.says.send_replace(text.to_owned());
        reads(&mut events, text).await;
        log_out(&world, &token).await;
        source.ends().await;
        assert_eq!(soon("the end", events.end()).await, ending.as_bytes());
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_login_its_route_and_its_gateway() {
    let expired = (STREAMS.to_owned(), sign(&claims_with("ada", json!({ "exp": unix_now() - 25 }))), "session_expired");
    let too_long = (format!("{STREAMS}\nmax_session_seconds = 3"), token("ada"), "session_expired");
    let silent = (format!("{STREAMS}\nidle_timeout_seconds = 3"), token("ada"), "over_limit");
    for (route, token, why) in [expired, too_long, silent] {
        let mut source = Source::new().await;
        let world = World::routing(&route, &source.url()).await;
        let (answer, mut events) = world.present(asking(&world.ticket_for(&token).await)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(soon("the end", events.end()).await, format!(":admitone:{why}\n").as_bytes(), "{route}");
        source.ends().await;
    }
}

#[tokio::test]
async fn f12_a_drain_ends_streams_and_the_gateway_ends_behind_them() {
    let mut source = Source::new().await;
    let lines = Lines { server: "drain_seconds = 0", route: STREAMS, ..Lines::default() };
    let world = World::with(lines, &source.url()).await;
    let (answer, mut events) = world.present(asking(&world.ticket().await)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let ended = world.shut_down();
    assert_eq!(soon("the end", events.end()).await, b":admitone:draining\n");
    source.ends().await;
    soon("the gateway ends", ended).await.expect("no panic");
}

#[tokio::test]
async fn f16_a_stream_whose_client_takes_nothing_holds_little_back_and_ends_with_its_session() {
    let mut source = Source::new().await;
    let world = World::routing(STREAMS, &source.url()).await;
    let token = token("ada");
    let mut connection = world.connect().await;
    connection.send(asking(&world.ticket_for(&token).await).text()).await;
    source.says.send_replace(ENDLESSLY.to_owned());
    let _ = connection.answer().await;
    source.is_taken_no_further().await;
    log_out(&world, &token).await;
    source.ends().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_its_stream() {
    let mut source = Source::new().await;
    let world = World::routing(STREAMS, &source.url()).await;
    let (answer, events) = world.present(asking(&world.ticket().await)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    drop(events);
    source.ends().await;
}

#[tokio::test]
async fn what_is_no_event_stream_is_not_passed_on() {
    for (answer, status, code) in [
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", 502, "upstream_unavailable"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 502, "upstream_unavailable"),
        ("HTTP/1.1 302 Found\r\nLocation: https://evil.example\r\n\r\n", 502, "upstream_unavailable"),
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", 502, "upstream_unavailable"),
        ("HTTP/1.1 500 Oh\r\nContent-Type: text/event-stream\r\n\r\n", 502, "upstream_unavailable"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            502,
            "upstream_unavailable",
        ),
        ("SSH-2.0-OpenSSH\r\n", 502, "upstream_unavailable"),
    ] {
        let upstream = Upstream::that(Behaviour::Answers(answer)).await;
        let world = World::routing(STREAMS, &upstream.url()).await;
        let refused = refuses(&world, asking(&world.ticket().await), status, code).await;
        assert_eq!(refused.header("admitone-ticket"), Some("spent"), "{answer}");
        assert_eq!(refused.header("access-control-allow-origin"), Some(ORIGIN), "a page can read why");
    }
    let upstream = Upstream::that(Behaviour::Answers("HTTP/1.1 204 No Content\r\n\r\n")).await;
    let world = World::routing(STREAMS, &upstream.url()).await;
    assert_eq!(world.ask(asking(&world.ticket().await)).await.status, 204);

    let upstream = Upstream::that(Behaviour::Hangs).await;
    let world = World::routing(&format!("{STREAMS}\nupgrade_timeout_seconds = 1"), &upstream.url()).await;
    refuses(&world, asking(&world.ticket().await), 504, "upstream_timeout").await;
}

#[tokio::test]
async fn a_proxy_that_speaks_http_1_0_streams_too() {
    let upstream = Upstream::that(Behaviour::Answers(TWO_EVENTS)).await;
    let world = World::routing(STREAMS, &upstream.url()).await;
    let request = asking(&world.ticket().await).starting(&format!("GET {ROUTE} HTTP/1.0"));
    let (answer, mut events) = world.present(request).await;
    assert_eq!((answer.status, answer.header("transfer-encoding")), (200, None), "{answer:?}");
    reads(&mut events, "id: 7\ndata: a\n\ndata: b\n").await;
}

#[tokio::test]
async fn s23_an_event_stream_over_http_2_is_governed_as_one_over_http_1() {
    let upstream = Upstream::that(Behaviour::Answers(TWO_EVENTS)).await;
    let lines = Lines { route: STREAMS, end: "[limits]\nconnections_per_address = 2", ..Lines::default() };
    let tls = Tls::with("http2-streams", lines, &upstream).await;
    let client = tls.client().await;
    let token = token("ada");
    let tickets = [client.ticket_for(&token).await, client.ticket_for(&token).await];
    let forged = asking(&format!("adm1_{}", "A".repeat(72)));
    assert_eq!(client.ask(forged).await.problem(), "ticket_not_accepted");
    let reading = tokio::spawn({
        let (client, request) = (client.clone(), asking(&tickets[0]));
        async move { client.ask(request).await }
    });
    upstream.received("the request", |all| all.iter().any(|one| one.ends_with(b"\r\n\r\n"))).await;
    assert_eq!(client.ask(asking(&tickets[1])).await.problem(), "over_limit", "each is a connection of its address");
    let everywhere = Request::post("/auth/logout").bearer(&token).json("{\"everywhere\": true}");
    assert_eq!(client.ask(everywhere).await.status, 204);
    let answer = soon("the stream's end", reading).await.expect("no panic");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream; charset=utf-8")));
    assert_eq!(String::from_utf8_lossy(&answer.body), "id: 7\ndata: a\n\ndata: b\n:admitone:revoked\n");
}

#[tokio::test]
async fn a_stream_by_a_login_is_one_where_the_route_falls_back() {
    let upstream = Upstream::that(Behaviour::Answers(TWO_EVENTS)).await;
    let world = World::routing(STREAMS, &upstream.url()).await;
    let by_login = || {
        let request = Request::new(&format!("GET {ROUTE}")).with("Accept", "text/event-stream").origin(ORIGIN);
        request.bearer(&token("ada"))
    };
    refuses(&world, by_login(), 401, "not_logged_in").await;
    let world = World::routing(&format!("{STREAMS}\njwt_fallback = \"allow\""), &upstream.url()).await;
    assert_eq!(world.present(by_login()).await.0.status, 200);
    assert!(upstream.only_request().await.contains("\r\nx-admitone-method: jwt\r\n"));
}
