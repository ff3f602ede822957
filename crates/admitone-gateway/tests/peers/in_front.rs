//! HAProxy ends TLS in front of the gateway, as `deploy/in-front` has it.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::client::{Answer, Connection, Request, masked, soon};
use crate::proxy::Proxy;
use crate::recipe::{BEHIND_HAPROXY, Recipe, changed};
use crate::scene::{HERE, at_host, text, upgrade, values};
use crate::secure::reach;
use crate::tokens::token;
use crate::upstream::Upstream;
use crate::world::{ORIGIN, ROUTE, World};

/// How long a socket may be silent in the test's copy of the recipe; a request, a third of it.
const IDLE: Duration = Duration::from_secs(6);

struct Front {
    upstream: Upstream,
    gateway: World,
    proxy: Proxy,
}

impl Front {
    async fn new() -> Self {
        let upstream = Upstream::echo().await;
        let places = [("127.0.0.1:8080", "127.0.0.1:0".to_owned()), ("127.0.0.1:9000", upstream.address.to_string())];
        let gateway = World::configured(&changed(BEHIND_HAPROXY, &places)).await;
        let proxy = Recipe::Haproxy.run(gateway.address, upstream.address).await;
        Self { upstream, gateway, proxy }
    }

    async fn present(&self, from: Ipv4Addr, request: &Request) -> (Answer, Connection) {
        let mut connection = Connection::over(reach(from, self.proxy.address).await);
        connection.send(request.text()).await;
        (connection.answer().await, connection)
    }

    async fn ticket(&self, login: &str) -> String {
        let mint = at_host(Request::post("/auth/ticket")).origin(ORIGIN).bearer(login).json("{}");
        let (answer, _) = self.present(HERE, &mint).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        text(&answer.json()["ticket"])
    }

    async fn open(&self, request: &Request) -> Connection {
        let (answer, socket) = self.present(HERE, request).await;
        assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, Some("admitone.v1")), "{answer:?}");
        socket
    }
}

#[tokio::test]
async fn s25_s32_behind_haproxys_recipe_sockets_live_and_no_client_writes_its_address() {
    let front = Front::new().await;
    let login = token("ada");
    let ticket = front.ticket(&login).await;
    let spoofed = upgrade(ROUTE).readable_ticket(&ticket).with("X-Forwarded-For", "198.51.100.7");
    let spoofed = spoofed.with("X-Request-Id", "the-clients-own").with("Forwarded", "for=198.51.100.7");
    let mut socket = front.open(&spoofed).await;
    soon("an echo", socket.echo("hello")).await;
    let request = front.upstream.only_request().await;
    assert_eq!(values(&request, "x-forwarded-for"), ["127.0.1.1, 127.0.0.1"], "{request}");
    assert_eq!(values(&request, "x-forwarded-proto"), ["https"], "{request}");
    assert_eq!(values(&request, "origin"), [ORIGIN], "{request}");
    assert!(!request.contains("the-clients-own") && !request.contains("198.51.100.7"), "{request}");

    let foreign = upgrade(ROUTE).readable_ticket(&ticket).replacing("Origin", "https://evil.example");
    let (answer, mut refused) = front.present(HERE, &foreign).await;
    assert_eq!((answer.status, refused.close().await.0), (101, 4902), "a page reads why");
    let (answer, _) = front.present(HERE, &upgrade("/auth/verify").with("X-Original-URI", ROUTE)).await;
    assert_eq!(answer.status, 404);
    let logout = at_host(Request::post("/auth/logout")).origin(ORIGIN).bearer(&login).json("{}");
    assert_eq!(front.present(HERE, &logout).await.0.status, 204);
    assert_eq!(soon("a Close", socket.close()).await, (4900, "admitone:revoked".to_owned()));
}

#[tokio::test]
async fn s25_haproxy_cuts_a_silent_socket_by_the_time_for_sockets_and_leaves_one_that_pings() {
    let front = Front::new().await;
    let login = token("ada");
    let (one, other) = (front.ticket(&login).await, front.ticket(&login).await);
    let mut silent = front.open(&upgrade(ROUTE).readable_ticket(&one)).await;
    let mut pinging = front.open(&upgrade(ROUTE).readable_ticket(&other)).await;
    let began = Instant::now();
    let cut = tokio::spawn(async move {
        let read = silent.end().await;
        (read, began.elapsed())
    });
    let mut beat = tokio::time::interval(IDLE / 6);
    while !cut.is_finished() {
        beat.tick().await;
        pinging.send(masked(0x89, b"here?")).await;
        assert_eq!(soon("a Pong", pinging.frame()).await.payload, b"here?");
    }
    let (read, lasted) = cut.await.expect("no panic");
    assert_eq!(read, b"", "nobody tells the page why");
    // Not by the time for requests, a third of it.
    assert!(lasted > IDLE / 2 && lasted < 3 * IDLE, "{lasted:?}");
    pinging.echo("still here").await;
}

#[tokio::test]
async fn f12_while_the_gateway_drains_haproxy_passes_its_closes_on() {
    let front = Front::new().await;
    let ticket = front.ticket(&token("ada")).await;
    let mut socket = front.open(&upgrade(ROUTE).readable_ticket(&ticket)).await;
    let ended = front.gateway.shut_down();
    assert_eq!(soon("a Close", socket.close()).await, (1012, "admitone:draining".to_owned()));
    drop(socket);
    soon("the end", ended).await.expect("no panic");
}
