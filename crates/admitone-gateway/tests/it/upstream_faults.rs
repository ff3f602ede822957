//! Upstreams that are down, hang, answer something else, or die.

use crate::client::{Request, masked, soon};
use crate::upstream::{Behaviour, Closed, UPGRADES, Upstream};
use crate::world::{ORIGIN, ROUTE, World, within_a_second};

fn upgrade(ticket: &str) -> Request {
    Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket)
}

fn readable(ticket: &str) -> Request {
    Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket(ticket)
}

fn unavailable() -> (u16, String) {
    (4802, "admitone:upstream_unavailable".to_owned())
}

#[tokio::test]
async fn f9_a_dead_upstream_leaves_the_ticket_unspent_and_it_works_when_the_upstream_is_back() {
    let down = Closed::new();
    let world = World::before(&down.url()).await;
    let ticket = world.ticket().await;
    let answer = world.ask(upgrade(&ticket)).await;
    assert_eq!((answer.status, &*answer.problem()), (502, "upstream_unavailable"));
    assert_eq!(answer.header("admitone-ticket"), Some("unspent"));
    assert_eq!(answer.json()["ticket"], "unspent");
    assert_eq!(world.close_of(readable(&ticket)).await, unavailable());
    assert_eq!(world.ask(Request::new("GET /readyz")).await.status, 200, "the gateway itself is ready");

    let _back = down.open();
    world.opens(&ticket).await;
    world.does_not_open(&ticket).await;
}

#[tokio::test]
async fn f10_an_upstream_that_hangs_costs_the_ticket() {
    let upstream = Upstream::that(Behaviour::Hangs).await;
    let world = World::routing("upgrade_timeout_seconds = 1", &upstream.url()).await;
    let (by_http, by_close) = (world.ticket().await, world.ticket().await);
    let (answer, close) = tokio::join!(world.ask(upgrade(&by_http)), world.close_of(readable(&by_close)));
    assert_eq!((answer.status, &*answer.problem()), (504, "upstream_timeout"));
    assert_eq!(answer.header("admitone-ticket"), Some("spent"));
    assert_eq!(close, unavailable());
    world.does_not_open(&by_http).await;
    world.does_not_open(&by_close).await;
}

#[tokio::test]
async fn s20_a9_only_a_101_to_this_request_is_relayed_and_nothing_sent_ahead_is_forwarded() {
    let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret",
        "HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n",
        "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n",
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"upstream\"\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.0 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Accept: {accept}\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n",
        "nonsense\r\n\r\n",
    ];
    for script in answers {
        let upstream = Upstream::that(Behaviour::Answers(script)).await;
        let world = World::before(&upstream.url()).await;
        let (by_http, by_close) = (world.ticket().await, world.ticket().await);

        let mut connection = world.connect().await;
        connection.send(upgrade(&by_http).text().into_bytes()).await;
        let answer = connection.answer().await;
        assert_eq!((answer.status, &*answer.problem()), (502, "upstream_unavailable"), "{script}");
        assert_eq!(answer.header("admitone-ticket"), Some("spent"));
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
        world.does_not_open(&by_http).await;

        let mut connection = world.connect().await;
        connection.send([readable(&by_close).text().as_bytes(), &masked(0x81, b"ahead")].concat()).await;
        assert_eq!(connection.answer().await.header("sec-websocket-protocol"), Some("admitone.refused"));
        assert_eq!(connection.close().await, unavailable(), "{script}");
        for received in upstream.received_by_now().await {
            assert!(received.ends_with("\r\n\r\n"), "nothing behind the head: {received}");
        }
    }
}

#[tokio::test]
async fn s20_what_was_sent_ahead_of_an_upgrade_that_succeeds_arrives() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let mut connection = world.connect().await;
    let request = upgrade(&world.ticket().await).text();
    connection.send([request.as_bytes(), &masked(0x81, b"ahead")].concat()).await;
    assert_eq!(connection.answer().await.status, 101);
    assert_eq!(connection.frame().await.payload, b"ahead");
    connection.echo("behind").await;
}

#[tokio::test]
async fn an_upstream_that_hangs_up_instead_of_answering_is_unavailable() {
    let upstream = Upstream::that(Behaviour::Hangs).await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    let (close, ()) = tokio::join!(world.close_of(readable(&ticket)), async {
        upstream.received("the request", |all| all.iter().any(|one| !one.is_empty())).await;
        upstream.hang_up();
    });
    assert_eq!(close, unavailable());
    world.does_not_open(&ticket).await;
}

#[tokio::test]
async fn f11_a_live_socket_whose_upstream_dies_is_closed_and_others_are_not() {
    let (dying, other) = (Upstream::echo().await, Upstream::echo().await);
    let end = format!("[[routes]]\npath = \"/other\"\nupstream = \"{}\"\norigins = [\"{ORIGIN}\"]", other.url());
    let lines = crate::world::Lines { top: "default_route = \"/chat\"", end: &end, ..Default::default() };
    let world = World::with(lines, &dying.url()).await;
    let mut socket = world.open(&world.ticket().await).await;
    socket.echo("alive").await;
    let minted = world.minted(&crate::tokens::token("ada"), r#"{"route": "/other"}"#).await;
    let request = Request::upgrade("/other").origin(ORIGIN).ticket(minted["ticket"].as_str().expect("a ticket"));
    let (_, mut unharmed) = world.present(request).await;
    unharmed.echo("alive").await;

    dying.hang_up();
    assert_eq!(within_a_second("a Close", socket.close()).await, unavailable());
    unharmed.echo("still alive").await;
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_the_upstreams_connection() {
    let upstream = Upstream::that(Behaviour::Answers(UPGRADES)).await;
    let world = World::before(&upstream.url()).await;
    let mut socket = world.open(&world.ticket().await).await;
    socket.send(masked(0x88, &1000_u16.to_be_bytes())).await;
    let close = masked(0x88, &1000_u16.to_be_bytes());
    upstream.received("the client's Close", |all| all[0].ends_with(&close)).await;
    upstream.hang_up();
    soon("the end", socket.end()).await;
}
