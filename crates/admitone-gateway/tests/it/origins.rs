//! The `Origin` of upgrades.

use admitone::ticket::Place;
use std::time::Duration;

use crate::client::Request;
use crate::tokens::{forged_ticket, token};
use crate::upstream::Upstream;
use crate::world::{ORIGIN, ROUTE, World};

pub(crate) const FOREIGN: [&str; 14] = [
    "https://evil.example",
    "null",
    "https://app.example.com.evil.example",
    "https://evil-app.example.com",
    "https://sub.app.example.com",
    "https://app.example.co",
    "https://app.example.com:443",
    "https://app.example.com:8443",
    "http://app.example.com",
    "https://APP.example.com",
    "HTTPS://app.example.com",
    "https://app.example.com/",
    "https://app.example.com https://app.example.com",
    "",
];

#[tokio::test]
async fn s2_an_origin_that_is_not_listed_is_refused_and_the_ticket_stays_unspent() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    for origin in FOREIGN {
        let answer = world.ask(Request::upgrade(ROUTE).origin(origin).ticket(&ticket)).await;
        assert_eq!((answer.status, &*answer.problem()), (403, "origin_not_allowed"), "{origin}");
        let close = world.close_of(Request::upgrade(ROUTE).origin(origin).readable_ticket(&ticket)).await;
        assert_eq!(close, (4902, "admitone:forbidden".to_owned()), "{origin}");
    }
    assert!(upstream.received_by_now().await.is_empty(), "no connection was dialled");
    world.opens(&ticket).await;
}

#[tokio::test]
async fn s2_two_origins_are_refused_even_when_both_are_listed() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    for second in [ORIGIN, "https://evil.example"] {
        let request = Request::upgrade(ROUTE).origin(ORIGIN).origin(second);
        let answer = world.ask(request.clone().ticket(&ticket)).await;
        assert_eq!((answer.status, &*answer.problem()), (403, "origin_not_allowed"));
        let close = world.close_of(request.readable_ticket(&ticket)).await;
        assert_eq!(close, (4902, "admitone:forbidden".to_owned()));
    }
    world.opens(&ticket).await;
}

#[tokio::test]
async fn s2_an_origin_beyond_ascii_is_refused() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    let answer = world.ask(Request::upgrade(ROUTE).origin("https://äpp.example.com").ticket(&ticket)).await;
    assert_eq!((answer.status, &*answer.problem()), (403, "origin_not_allowed"));
    world.opens(&ticket).await;
}

#[tokio::test]
async fn s2_a_ticket_minted_without_an_origin_admits_a_native_client() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let minted = world.ask(Request::post("/auth/ticket").bearer(&token("ada"))).await.json();
    let ticket = minted["ticket"].as_str().expect("a ticket");
    let request = Request::upgrade(ROUTE).with("Authorization", &format!("Ticket {ticket}"));
    let (answer, mut socket) = world.present(request).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, None));
    socket.echo("native").await;
    let request = upstream.only_request().await;
    assert!(!request.to_ascii_lowercase().contains("authorization"), "{request}");
}

#[tokio::test]
async fn s2_a_ticket_minted_by_a_page_works_from_that_origin_only() {
    let upstream = Upstream::echo().await;
    let world = World::routing("", &upstream.url()).await;
    let ticket = world.ticket().await;
    let answer = world.ask(Request::upgrade(ROUTE).with("Authorization", &format!("Ticket {ticket}"))).await;
    assert_eq!((answer.status, &*answer.problem()), (401, "ticket_not_accepted"));
    world.opens(&ticket).await;
}

#[tokio::test]
async fn s2_a_ticket_of_another_listed_origin_or_route_is_not_accepted() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let places = [
        Place { route: ROUTE, origin: Some("https://other.example.com"), address: None },
        Place { route: "/other", origin: Some(ORIGIN), address: None },
        Place { route: ROUTE, origin: None, address: Some([10, 0, 0, 1].into()) },
    ];
    for place in places {
        world.does_not_open(&forged_ticket(&place, Duration::ZERO).await).await;
    }
    assert!(upstream.received_by_now().await.is_empty(), "no connection was dialled");
}

#[tokio::test]
async fn s2_a_cookie_needs_an_origin() {
    let upstream = Upstream::echo().await;
    let world = World::routing("bind_origin = false", &upstream.url()).await;
    let ticket = world.ticket().await;
    let request = Request::upgrade(ROUTE).with("Cookie", &format!("theme=dark; __Host-admitone-ticket={ticket}"));
    let answer = world.ask(request.clone()).await;
    assert_eq!((answer.status, &*answer.problem()), (403, "origin_not_allowed"));
    assert_eq!(world.ask(request.clone().origin("https://evil.example")).await.status, 403);

    assert_eq!(world.ask(request.origin(ORIGIN)).await.status, 101);
    let request = upstream.only_request().await;
    assert!(request.contains("\r\ncookie: theme=dark\r\n"), "{request}");
}

#[tokio::test]
async fn a12_the_upstream_sees_the_origin() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    world.opens(&world.ticket().await).await;
    assert!(upstream.only_request().await.contains(&format!("\r\norigin: {ORIGIN}\r\n")));
}
