//! Where an upgrade holds its ticket, and what becomes of subprotocols and query.

use std::time::Duration;

use admitone::ticket::Place;

use crate::client::Request;
use crate::tokens::{forged_ticket, token};
use crate::upstream::{Behaviour, Upstream};
use crate::world::{ORIGIN, ROUTE, World};

const QUERY: &str = "ticket_carriers = [\"query\", \"subprotocol\"]";

fn upgrade() -> Request {
    Request::upgrade(ROUTE).origin(ORIGIN)
}

#[tokio::test]
async fn s24_the_ticket_is_neither_sent_upstream_nor_echoed() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    let (answer, mut socket) = world.present(upgrade().readable_ticket(&ticket)).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, Some("admitone.v1")));
    socket.echo("hello").await;
    let request = upstream.only_request().await;
    assert!(!request.contains("adm1_") && !request.contains("admitone."), "{request}");
    assert!(!request.to_ascii_lowercase().contains("sec-websocket-protocol"), "{request}");
}

#[tokio::test]
async fn s24_what_the_upstream_selects_of_the_applications_own_is_echoed() {
    let upstream = Upstream::that(Behaviour::Echoes(Some("chat.v2"))).await;
    let world = World::before(&upstream.url()).await;
    let offer = format!("chat.v1, chat.v2, admitone.v1, admitone.refused, admitone.ticket.{}", world.ticket().await);
    let (answer, mut socket) = world.present(upgrade().with("Sec-WebSocket-Protocol", &offer)).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, Some("chat.v2")));
    socket.echo("hello").await;
    let request = upstream.only_request().await;
    assert!(request.contains("\r\nsec-websocket-protocol: chat.v1, chat.v2\r\n"), "{request}");
}

#[tokio::test]
async fn s24_without_a_choice_and_a_marker_nothing_is_selected() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for offer in ["", "chat.v1, "] {
        let offer = format!("{offer}admitone.ticket.{}", world.ticket().await);
        let answer = world.ask(upgrade().with("Sec-WebSocket-Protocol", &offer)).await;
        assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, None));
    }
}

#[tokio::test]
async fn s24_an_upstream_that_selects_what_was_not_offered_is_not_relayed() {
    let upstream = Upstream::that(Behaviour::Echoes(Some("admitone.v1"))).await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    let answer = world.ask(upgrade().ticket(&ticket)).await;
    assert_eq!((answer.status, &*answer.problem()), (502, "upstream_unavailable"));
    assert_eq!(answer.header("admitone-ticket"), Some("spent"));
    world.does_not_open(&ticket).await;
}

#[tokio::test]
async fn a_query_carries_a_ticket_where_the_route_allows_it() {
    let upstream = Upstream::echo().await;
    let world = World::routing(QUERY, &upstream.url()).await;
    for (name, rest, left) in [
        ("ticket", "&room=a%20b", "?room=a%20b"),
        ("auth_ticket", "", ""),
        ("ticket_id", "&x", "?x"),
        ("%74icket", "&tickets=1", "?tickets=1"),
    ] {
        let ticket = world.ticket().await;
        let target = format!("{ROUTE}?{name}={ticket}{rest}");
        let (answer, mut socket) = world.present(Request::upgrade(&target).origin(ORIGIN)).await;
        assert_eq!(answer.status, 101, "{name}");
        socket.echo("hello").await;
        let request =
            upstream.received_by_now().await.into_iter().rfind(|one| one.starts_with("GET")).expect("a request");
        assert!(request.starts_with(&format!("GET /behind{left} HTTP/1.1\r\n")), "{request}");
        assert!(!request.contains("adm1_"), "{request}");
    }
}

#[tokio::test]
async fn a_query_carries_nothing_on_other_routes_and_reaches_no_upstream() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    for name in ["ticket", "auth_ticket", "ticket_id", "token", "jwt", "auth_token", "access_token", "acc%65ss_token"] {
        for value in [&*ticket, "", "x"] {
            let answer = world.ask(Request::upgrade(&format!("{ROUTE}?a=1&{name}={value}")).origin(ORIGIN)).await;
            assert_eq!((answer.status, &*answer.problem()), (400, "query_token_not_allowed"), "{name}");
        }
    }
    assert!(upstream.received_by_now().await.is_empty());
    world.opens(&ticket).await;
}

#[tokio::test]
async fn the_applications_query_passes_unchanged() {
    let upstream = Upstream::echo().await;
    let world = World::routing("query_passthrough = [\"token\"]", &upstream.url()).await;
    let request = Request::upgrade("/chat?token=theirs&a=%C3%A4&a=b+c&empty=&&x").origin(ORIGIN);
    assert_eq!(world.ask(request.ticket(&world.ticket().await)).await.status, 101);
    let request = upstream.only_request().await;
    assert!(request.starts_with("GET /behind?token=theirs&a=%C3%A4&a=b+c&empty=&&x HTTP/1.1\r\n"), "{request}");
}

#[tokio::test]
async fn a_query_that_cannot_be_forwarded_is_refused_and_the_ticket_stays_unspent() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    for query in ["a=ä", "a=\u{7f}"] {
        let answer = world.ask(Request::upgrade(&format!("{ROUTE}?{query}")).origin(ORIGIN).ticket(&ticket)).await;
        assert_eq!(answer.status, 400, "{query:?}: {answer:?}");
    }
    world.opens(&ticket).await;
}

#[tokio::test]
async fn a_ticket_of_any_length_or_alphabet_is_refused_before_anything_is_dialled() {
    let upstream = Upstream::echo().await;
    let world = World::routing(QUERY, &upstream.url()).await;
    let good = world.ticket().await;
    let flipped = |at: usize| {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("ASCII")
    };
    let mut tickets = vec![
        String::new(),
        "x".to_owned(),
        "adm1_".to_owned(),
        good[..76].to_owned(),
        format!("{good}A"),
        format!("adm2_{}", &good[5..]),
        format!("ADM1_{}", &good[5..]),
        format!("adm1_{}", "~".repeat(72)),
        format!("adm1_{}", "A".repeat(72)),
        "x".repeat(8000),
    ];
    tickets.extend((5..77).step_by(7).map(flipped));
    for ticket in &tickets {
        world.does_not_open(ticket).await;
        let close = world.close_of(upgrade().readable_ticket(ticket)).await;
        assert_eq!(close, (4801, "admitone:ticket_not_accepted".to_owned()));
    }
    for ticket in [&*format!("{good}="), "%00", "%0d%0aX:%20y", "%F0%9F%8E%AB", "%ff", "a b".replace(' ', "+").as_str()]
    {
        let answer = world.ask(Request::upgrade(&format!("{ROUTE}?ticket={ticket}")).origin(ORIGIN)).await;
        assert_eq!((answer.status, &*answer.problem()), (401, "ticket_not_accepted"), "{ticket}");
    }
    assert!(upstream.received_by_now().await.is_empty(), "no connection was dialled");
    world.opens(&good).await;
}

#[tokio::test]
async fn an_expired_ticket_is_refused_without_a_word_of_why() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let place = Place { route: ROUTE, origin: Some(ORIGIN), address: None };
    let expired = forged_ticket(&place, Duration::from_secs(120)).await;
    let answer = world.ask(upgrade().ticket(&expired)).await;
    assert_eq!((answer.status, &*answer.problem()), (401, "ticket_not_accepted"));
    assert_eq!((answer.header("admitone-ticket"), answer.json().get("detail")), (None, None));
    assert!(upstream.received_by_now().await.is_empty(), "no connection was dialled");

    // One that its keys vouch for and the store has never seen is dialled for, and no request is written.
    let unknown = forged_ticket(&place, Duration::ZERO).await;
    world.does_not_open(&unknown).await;
    assert!(upstream.received_by_now().await.concat().is_empty(), "no byte of a request");
}

#[tokio::test]
async fn one_request_carries_one_credential_and_a_refused_one_is_final() {
    let upstream = Upstream::echo().await;
    let world = World::routing("jwt_fallback = \"allow\"", &upstream.url()).await;
    let (ticket, jwt) = (world.ticket().await, token("ada"));
    let ambiguous = [
        upgrade().ticket(&ticket).bearer(&jwt),
        upgrade().ticket("adm1_forged").bearer(&jwt),
        upgrade().ticket(&ticket).with("Authorization", &format!("Ticket {ticket}")),
        upgrade().ticket(&ticket).with("Sec-WebSocket-Protocol", &format!("admitone.ticket.{ticket}")),
        upgrade().with("Sec-WebSocket-Protocol", &format!("admitone.ticket.{ticket}, bearer.{jwt}")),
        upgrade().with("Sec-WebSocket-Protocol", &format!("ADMITONE.TICKET.{ticket}, admitone.ticket.{ticket}")),
        upgrade().bearer(&jwt).bearer(&jwt),
    ];
    for request in ambiguous {
        let answer = world.ask(request).await;
        assert_eq!((answer.status, &*answer.problem()), (400, "ambiguous_credential"));
    }
    assert!(upstream.received_by_now().await.is_empty());
    world.opens(&ticket).await;
}

#[tokio::test]
async fn without_a_credential_nobody_is_admitted() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let answer = world.ask(upgrade()).await;
    assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"));
    let close = world.close_of(upgrade().with("Sec-WebSocket-Protocol", "chat.v1, admitone.refused")).await;
    assert_eq!(close, (4901, "admitone:not_logged_in".to_owned()));
    assert!(upstream.received_by_now().await.is_empty());
}

#[tokio::test]
async fn a_carrier_that_the_route_does_not_take_admits_nobody() {
    let upstream = Upstream::echo().await;
    let world = World::routing("ticket_carriers = [\"authorization\"]", &upstream.url()).await;
    let ticket = world.ticket().await;
    for request in [upgrade().ticket(&ticket), upgrade().with("Cookie", &format!("__Host-admitone-ticket={ticket}"))] {
        let answer = world.ask(request).await;
        assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"));
    }
    assert_eq!(world.ask(upgrade().with("Authorization", &format!("ticket {ticket}"))).await.status, 101);
}
