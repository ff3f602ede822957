//! What one address, subject or ticket may take, and that others keep theirs.

use std::time::Duration;

use admitone::ticket::Place;
use serde_json::json;
use tokio::net::TcpListener;

use crate::client::{Answer, Connection, Request, soon};
use crate::tokens::{claims_with, forged_ticket, sign, token, unix_now};
use crate::upstream::{Closed, Upstream};
use crate::world::{Lines, ORIGIN, ROUTE, World};

const BEHIND_A_PROXY: &str = "trusted_proxies = [\"127.0.0.1\"]";

async fn limited(limits: &str, server: &str, upstream: &str) -> World {
    let end = format!("[limits]\n{limits}");
    // A dial that nobody answers lasts as long as the test.
    World::with(Lines { server, route: "connect_timeout_seconds = 60", end: &end, ..Lines::default() }, upstream).await
}

fn mint(subject: &str) -> Request {
    Request::post("/auth/ticket").origin(ORIGIN).bearer(&token(subject))
}

fn upgrade(ticket: &str) -> Request {
    Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket)
}

fn from(request: Request, hops: &str) -> Request {
    request.with("X-Forwarded-For", hops)
}

/// It was refused for a limit: the seconds to wait, and whether the ticket is spent.
#[track_caller]
fn over(answer: &Answer) -> (u64, Option<&str>) {
    assert_eq!((answer.status, &*answer.problem()), (429, "over_limit"), "{answer:?}");
    let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse().ok()).expect("a Retry-After");
    (seconds, answer.header("admitone-ticket"))
}

#[tokio::test]
async fn a_subject_that_mints_too_often_waits_and_others_do_not() {
    let upstream = Upstream::echo().await;
    let world = limited("mints_per_minute_per_subject = 2", "", &upstream.url()).await;
    for _ in 0..2 {
        assert_eq!(world.ask(mint("ada")).await.status, 201);
    }
    let answer = world.ask(mint("ada")).await;
    let (seconds, ticket) = over(&answer);
    assert!((25..=30).contains(&seconds), "{seconds}");
    assert_eq!((ticket, answer.header("access-control-allow-origin")), (None, Some(ORIGIN)));
    let detail = "too many tickets were minted, or connections ended, for this login's subject";
    assert_eq!(answer.json()["detail"], detail);
    assert_eq!(world.ask(mint("grace")).await.status, 201);
}

/// Each end leaves a mark on every gateway for a month, and a handle is good for as many as one likes.
#[tokio::test]
async fn a_subject_that_ends_connections_too_often_waits_and_may_still_mint_and_log_out() {
    let upstream = Upstream::echo().await;
    let world = limited("mints_per_minute_per_subject = 2", "", &upstream.url()).await;
    let minted = world.ask(mint("ada")).await.json();
    let session = format!("/auth/session/{}", minted["session_id"].as_str().expect("a handle"));
    let end = |session: &str| Request::new(&format!("DELETE {session}")).bearer(&token("ada"));
    assert_eq!(world.ask(end(&session)).await.status, 204);
    assert_eq!(world.ask(end(&format!("{session}.7"))).await.status, 204);
    over(&world.ask(end(&session)).await);
    assert_eq!(world.ask(mint("ada")).await.status, 201, "tickets are counted apart");
    assert_eq!(world.ask(Request::post("/auth/logout").bearer(&token("ada"))).await.status, 204);
}

#[tokio::test]
async fn s32_an_address_that_mints_too_often_cannot_move_its_limit_by_forwarding_headers() {
    let upstream = Upstream::echo().await;
    let world = limited("mints_per_minute_per_address = 3", "", &upstream.url()).await;
    for (at, subject) in ["ada", "grace", "edsger"].into_iter().enumerate() {
        assert_eq!(world.ask(from(mint(subject), &format!("203.0.113.{at}"))).await.status, 201);
    }
    for name in ["X-Forwarded-For", "x_forwarded_for", "Forwarded", "X-Real-IP", "X-Client-IP", "CF-Connecting-IP"] {
        over(&world.ask(mint("barbara").with(name, "203.0.113.9")).await);
    }
}

#[tokio::test]
async fn s32_behind_a_trusted_proxy_the_last_hop_that_is_not_trusted_is_counted() {
    let upstream = Upstream::echo().await;
    let world = limited("mints_per_minute_per_address = 1", BEHIND_A_PROXY, &upstream.url()).await;
    assert_eq!(world.ask(from(mint("ada"), "203.0.113.1")).await.status, 201);
    // Whatever the client wrote before the hop that the proxy added, in whichever form proxies write it.
    for hops in [
        "203.0.113.1",
        "198.51.100.9, 203.0.113.1",
        "nonsense, 203.0.113.1",
        "203.0.113.1, 127.0.0.1",
        "203.0.113.1:50123",
        "::ffff:203.0.113.1",
    ] {
        over(&world.ask(from(mint("ada"), hops)).await);
    }
    let twice = from(from(mint("ada"), "198.51.100.9"), "203.0.113.1");
    over(&world.ask(twice).await);
    assert_eq!(world.ask(from(mint("ada"), "203.0.113.2")).await.status, 201);
    // A hop that is no address stands for nobody: the proxy itself is counted then.
    assert_eq!(world.ask(from(mint("ada"), "203.0.113.3, nonsense")).await.status, 201);
    for hops in ["unknown", "", "203.0.113.4, nonsense"] {
        over(&world.ask(from(mint("ada"), hops)).await);
    }
    assert_eq!(world.ask(from(mint("ada"), "2001:db8::1")).await.status, 201);
    over(&world.ask(from(mint("ada"), "[2001:db8::2]:443")).await);
    assert_eq!(world.ask(from(mint("ada"), "2001:db8:0:1::1")).await.status, 201, "another /64");
}

#[tokio::test]
async fn a_flood_of_forged_tickets_is_refused_unread_and_uses_up_nothing_of_anybody_else() {
    let upstream = Upstream::echo().await;
    let world = limited("failed_redeems_per_minute_per_address = 5", BEHIND_A_PROXY, &upstream.url()).await;
    let minted = world.ask(from(mint("ada"), "203.0.113.1")).await.json();
    let genuine = minted["ticket"].as_str().expect("a ticket");
    let forged = format!("{}AAAAAAAAAAAAAAAAAAAA", &genuine[..genuine.len() - 20]);
    for ticket in [&*forged, "adm1_short", &forged, &forged, &forged] {
        assert_eq!(world.ask(from(upgrade(ticket), "203.0.113.1")).await.status, 401);
    }
    let answer = world.ask(from(upgrade(&forged), "203.0.113.1")).await;
    let (seconds, ticket) = over(&answer);
    assert!((7..=12).contains(&seconds), "{seconds}");
    assert_eq!(ticket, None, "nobody looked whether it is genuine");
    over(&world.ask(from(upgrade(genuine), "203.0.113.1")).await);
    let readable = from(Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket(&forged), "203.0.113.1");
    assert_eq!(world.close_of(readable).await, (4803, "admitone:over_limit".to_owned()));
    // The forgeries had Ada's subject and ticket id in them.
    assert_eq!(world.ask(from(upgrade(genuine), "203.0.113.2")).await.status, 101);
    assert_eq!(world.ask(from(mint("ada"), "203.0.113.1")).await.status, 201, "minting is another limit");
}

#[tokio::test]
async fn a_ticket_that_expired_is_no_attack_and_one_that_was_spent_counts() {
    let upstream = Upstream::echo().await;
    let world = limited("failed_redeems_per_minute_per_address = 2", "", &upstream.url()).await;
    let place = Place { route: ROUTE, origin: Some(ORIGIN), address: None };
    let expired = forged_ticket(&place, Duration::from_secs(120)).await;
    for _ in 0..20 {
        assert_eq!(world.ask(upgrade(&expired)).await.status, 401);
    }
    let ticket = world.ticket().await;
    world.open(&ticket).await.echo("alive").await;
    let unknown_to_the_store = forged_ticket(&place, Duration::ZERO).await;
    assert_eq!(world.ask(upgrade(&ticket)).await.status, 401);
    assert_eq!(world.ask(upgrade(&unknown_to_the_store)).await.status, 401);
    over(&world.ask(upgrade(&ticket)).await);
}

#[tokio::test]
async fn tokens_that_are_not_logins_are_limited_and_expired_ones_never_count() {
    let upstream = Upstream::echo().await;
    let lines = Lines {
        route: "jwt_fallback = \"allow\"",
        end: "[limits]\nfailed_logins_per_minute_per_address = 3",
        ..Lines::default()
    };
    let world = World::with(lines, &upstream.url()).await;
    let expired = sign(&claims_with("ada", json!({ "iat": unix_now() - 1000, "exp": unix_now() - 500 })));
    let early = sign(&claims_with("ada", json!({ "nbf": unix_now() + 500 })));
    for _ in 0..10 {
        assert_eq!(world.ask_for_ticket(&expired, "{}").await.status, 401);
        assert_eq!(world.ask_for_ticket(&early, "{}").await.status, 401);
        assert_eq!(world.ask(Request::upgrade(ROUTE).origin(ORIGIN).bearer(&expired)).await.status, 401);
        assert_eq!(world.ask(Request::post("/auth/ticket")).await.status, 401, "no token at all");
    }
    let stranger = sign(&claims_with("ada", json!({ "aud": "somebody else" })));
    assert_eq!(world.ask_for_ticket("not.a.token", "{}").await.status, 401);
    assert_eq!(world.ask(Request::post("/auth/logout").bearer(&stranger)).await.status, 401);
    assert_eq!(world.ask(Request::upgrade(ROUTE).origin(ORIGIN).bearer(&stranger)).await.status, 401);
    let answer = world.ask_for_ticket(&token("ada"), "{}").await;
    assert!((15..=20).contains(&over(&answer).0), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "a page can read it");
    over(&world.ask(Request::post("/auth/logout").bearer(&token("ada"))).await);
    over(&world.ask(Request::upgrade(ROUTE).origin(ORIGIN).bearer(&token("ada"))).await);
    let preflight = Request::new("OPTIONS /auth/ticket").origin(ORIGIN).with("Access-Control-Request-Method", "POST");
    assert_eq!(world.ask(preflight).await.status, 200);
}

/// An upstream that takes connections and answers no TLS handshake: a dial to it lasts.
async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("wss://{}/behind", listener.local_addr().expect("its address"));
    (listener, url)
}

/// Presents a ticket and waits until its dial is in flight.
async fn dialling(world: &World, ticket: &str, upstream: &TcpListener) -> (Connection, tokio::net::TcpStream) {
    let mut connection = world.connect().await;
    connection.send(upgrade(ticket).text()).await;
    let (dialled, _) = upstream.accept().await.expect("a dial");
    (connection, dialled)
}

#[tokio::test]
async fn a_ticket_has_one_dial_in_flight_and_stays_unspent() {
    let (silent, url) = silent().await;
    let world = limited("", "", &url).await;
    let ticket = world.ticket().await;
    let (first, _dialled) = dialling(&world, &ticket, &silent).await;
    for _ in 0..10 {
        assert_eq!(over(&world.ask(upgrade(&ticket)).await), (1, Some("unspent")));
    }
    let readable = Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket(&ticket);
    assert_eq!(world.close_of(readable).await, (4803, "admitone:over_limit".to_owned()));
    let another = world.ticket().await;
    let _second = dialling(&world, &another, &silent).await;
    drop(first);
}

#[tokio::test]
async fn a_ticket_is_dialled_for_three_times_in_all() {
    let upstream = Closed::new();
    let world = limited("", "", &upstream.url()).await;
    let ticket = world.ticket().await;
    for _ in 0..3 {
        let answer = world.ask(upgrade(&ticket)).await;
        assert_eq!((answer.status, answer.header("admitone-ticket")), (502, Some("unspent")));
    }
    assert_eq!(over(&world.ask(upgrade(&ticket)).await), (1, Some("unspent")));
    let _upstream = upstream.open();
    over(&world.ask(upgrade(&ticket)).await);
    world.opens(&world.ticket().await).await;
}

#[tokio::test]
async fn an_address_has_only_so_many_dials_in_flight() {
    let (silent, url) = silent().await;
    let world = limited("dials_per_address = 2", BEHIND_A_PROXY, &url).await;
    let tickets = [world.ticket().await, world.ticket().await, world.ticket().await];
    let first = dialling(&world, &tickets[0], &silent).await;
    let second = dialling(&world, &tickets[1], &silent).await;
    assert_eq!(over(&world.ask(upgrade(&tickets[2])).await), (1, Some("unspent")));
    let mut elsewhere = world.connect().await;
    elsewhere.send(from(upgrade(&tickets[2]), "203.0.113.1").text()).await;
    let _elsewhere = (elsewhere, silent.accept().await.expect("another address's dial"));
    drop(first);
    // The gateway notices that the dial ended at its own time; until then each refusal ends its connection.
    let ticket = world.ticket().await;
    let third = async {
        loop {
            let mut connection = world.connect().await;
            connection.send(upgrade(&ticket).text()).await;
            tokio::select! {
                answer = connection.answer() => { over(&answer); }
                dialled = silent.accept() => break (connection, dialled.expect("a dial")),
            }
        }
    };
    let _third = soon("the first one's place", third).await;
    drop(second);
}

#[tokio::test]
async fn every_limit_can_be_taken_away() {
    let upstream = Closed::new();
    let limits = "sessions_per_subject = 0\nmints_per_minute_per_subject = 0\nmints_per_minute_per_address = 0\n\
                  failed_redeems_per_minute_per_address = 0\nfailed_logins_per_minute_per_address = 0\n\
                  connections_per_address = 0\ndials_per_address = 0\ndials_per_ticket = 0\ndials_per_ticket_at_once = 0";
    let lines =
        Lines { end: &format!("[limits]\n{limits}"), store: "max_tickets_per_subject = 1000", ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let ticket = world.ticket().await;
    let mut connection = world.connect().await;
    // Past each default.
    for _ in 0..70 {
        connection.send(mint("ada").text()).await;
        assert_eq!(connection.answer().await.status, 201);
    }
    for _ in 0..310 {
        connection.send(Request::post("/auth/logout").bearer("nonsense").text()).await;
        assert_eq!(connection.answer().await.status, 401);
        assert_eq!(world.ask(upgrade("nonsense")).await.status, 401);
    }
    for _ in 0..5 {
        assert_eq!(world.ask(upgrade(&ticket)).await.status, 502);
    }
}

/// A connection from another address of this machine.
async fn connect_from(source: [u8; 4], world: &World) -> Connection {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind((source, 0).into()).expect("an address of this machine");
    Connection::over(socket.connect(world.address).await.expect("a connection"))
}

/// Waits until it is within the limits again. All tries are one request: mints and outstanding tickets are limited too.
async fn free_again(world: &World, request: &Request) {
    let admitted = async { while world.ask(request.clone()).await.status == 429 {} };
    soon("a place is free again", admitted).await;
}

#[tokio::test]
async fn an_address_with_too_many_connections_is_told_so_and_others_keep_their_places() {
    let upstream = Upstream::echo().await;
    let world = limited("connections_per_address = 2", "", &upstream.url()).await;
    let mut minting = world.connect().await;
    minting.send(mint("ada").text()).await;
    let ticket = minting.answer().await.json()["ticket"].as_str().expect("a ticket").to_owned();
    let mut socket = world.open(&ticket).await;

    let answer = world.ask(mint("ada")).await;
    assert_eq!(over(&answer), (5, None));
    assert_eq!(
        (answer.header("connection"), answer.header("access-control-allow-origin")),
        (Some("close"), Some(ORIGIN))
    );
    let readable = Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket("any");
    assert_eq!(world.close_of(readable).await, (4803, "admitone:over_limit".to_owned()));
    assert_eq!(over(&world.ask(upgrade("any")).await).0, 5);
    assert_eq!(world.ask(Request::new("GET /healthz")).await.status, 200, "over a limit is not dead");

    // More than are told: they are dropped, and take no place of anybody else.
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(world.connect().await);
    }
    let mut elsewhere = connect_from([127, 0, 0, 2], &world).await;
    elsewhere.send(mint("grace").text()).await;
    assert_eq!(elsewhere.answer().await.status, 201);
    socket.echo("alive").await;
    drop((idle, minting));
    // Those that come while the dropped ones still count are told so, or dropped too.
    let last = Request::new("GET /nowhere").with("Connection", "close");
    let is_served = async || {
        let mut connection = world.connect().await;
        connection.send(last.text()).await;
        connection.end().await.starts_with(b"HTTP/1.1 404 ")
    };
    soon("their places are free again", async { while !is_served().await {} }).await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_sockets_of_an_address_are_counted() {
    let upstream = Upstream::echo().await;
    let world = limited("connections_per_address = 2", BEHIND_A_PROXY, &upstream.url()).await;
    let open = async |hops| {
        let request = from(upgrade(&world.ticket().await), hops);
        world.present(request).await
    };
    let (first, second) = (open("203.0.113.1").await, open("198.51.100.9, 203.0.113.1").await);
    assert_eq!((first.0.status, second.0.status), (101, 101));
    assert_eq!(over(&open("203.0.113.1").await.0), (5, None));
    let mut other = open("203.0.113.2").await;
    assert_eq!(other.0.status, 101);
    other.1.echo("another address").await;
    drop(first);
    free_again(&world, &from(upgrade(&world.ticket().await), "203.0.113.1")).await;
}

#[tokio::test]
async fn a_subject_has_only_so_many_sessions() {
    let upstream = Upstream::echo().await;
    let lines =
        Lines { route: "jwt_fallback = \"allow\"", end: "[limits]\nsessions_per_subject = 2", ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let first = world.open(&world.ticket().await).await;
    let (fallback, _second) = world.present(Request::upgrade(ROUTE).origin(ORIGIN).bearer(&token("ada"))).await;
    assert_eq!(fallback.status, 101);
    let before = upstream.received_by_now().await.len();
    assert_eq!(over(&world.ask(upgrade(&world.ticket().await)).await), (5, Some("spent")));
    let readable = Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket(&world.ticket().await);
    assert_eq!(world.close_of(readable).await, (4803, "admitone:over_limit".to_owned()));
    over(&world.ask(Request::upgrade(ROUTE).origin(ORIGIN).bearer(&token("ada"))).await);
    let requests = upstream.received_by_now().await;
    assert!(requests[before..].iter().all(String::is_empty), "not a byte of a refused request: {requests:?}");
    world.open(&world.ticket_for(&token("grace")).await).await.echo("another subject").await;
    drop(first);
    free_again(&world, &Request::upgrade(ROUTE).origin(ORIGIN).bearer(&token("ada"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subjects_sessions_are_counted_on_all_gateways_of_a_redis() {
    let (redis, upstream) = (crate::servers::Server::start(&[]), Upstream::echo().await);
    let store = format!("kind = \"redis\"\nurl = \"redis://{}\"", redis.address());
    let lines = Lines {
        store: &store,
        route: "jwt_fallback = \"allow\"",
        end: "[limits]\nsessions_per_subject = 2",
        ..Lines::default()
    };
    let nodes = [World::with(lines, &upstream.url()).await, World::with(lines, &upstream.url()).await];
    let first = nodes[0].open(&nodes[0].ticket().await).await;
    let mut second = nodes[1].open(&nodes[0].ticket().await).await;
    for node in &nodes {
        assert_eq!(over(&node.ask(upgrade(&node.ticket().await)).await), (5, Some("spent")));
    }
    nodes[0].opens(&nodes[1].ticket_for(&token("grace")).await).await;
    drop(first);
    let fallback = Request::upgrade(ROUTE).origin(ORIGIN).bearer(&token("ada"));
    free_again(&nodes[1], &fallback).await;
    redis.kill();
    assert_eq!(nodes[0].ask(fallback).await.status, 101, "without the store nobody can count");
    second.echo("alive").await;
}
