//! nginx, HAProxy and Caddy, before the gateway and between it and the upstream.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::{Answer, Connection, Request, soon};
use crate::proxy::{Kind, Proxy};
use crate::tokens::token;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

/// Two clients in networks of their own, neither of them the proxy's.
const HERE: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 2, 1);

/// More than any buffer on the way holds.
const LARGE: usize = 1 << 20;

#[tokio::test]
async fn s25_s32_behind_nginx_sockets_live_and_the_clients_address_counts() {
    behind(Kind::Nginx).await;
}

#[tokio::test]
async fn s25_s32_behind_haproxy_sockets_live_and_the_clients_address_counts() {
    behind(Kind::Haproxy).await;
}

#[tokio::test]
async fn s25_s32_behind_caddy_sockets_live_and_the_clients_address_counts() {
    behind(Kind::Caddy).await;
}

#[tokio::test]
async fn s25_before_nginx_sockets_live() {
    before(Kind::Nginx).await;
}

#[tokio::test]
async fn s25_before_haproxy_sockets_live() {
    before(Kind::Haproxy).await;
}

#[tokio::test]
async fn s25_before_caddy_sockets_live() {
    before(Kind::Caddy).await;
}

/// The gateway behind a proxy that it trusts.
async fn behind(kind: Kind) {
    let upstream = Upstream::echo().await;
    let server = "trusted_proxies = [\"127.0.0.1\"]";
    let lines = Lines { server, route: "bind_address = true", ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let proxy = Proxy::before(kind, world.address).await;

    let login = token("ada");
    let ticket = mint(proxy.address, &login).await;
    let forged = Request::upgrade(ROUTE).origin(ORIGIN).ticket(&ticket).with("X-Forwarded-For", &HERE.to_string());
    let refused = ask(ELSEWHERE, proxy.address, &forged).await;
    assert_eq!((refused.status, &*refused.problem()), (401, "ticket_not_accepted"), "the ticket is of another network");

    converse(proxy.address, &login, &ticket).await;
    let request = upstream.only_request().await.to_ascii_lowercase();
    assert!(request.contains(&format!("\r\nx-forwarded-for: {HERE}, 127.0.0.1\r\n")), "{request}");
}

/// The gateway before a proxy that is its upstream.
async fn before(kind: Kind) {
    let upstream = Upstream::echo().await;
    let proxy = Proxy::before(kind, upstream.address).await;
    let world = World::before(&format!("ws://{}/behind", proxy.address)).await;

    let login = token("ada");
    let ticket = mint(world.address, &login).await;
    converse(world.address, &login, &ticket).await;
    let request = upstream.only_request().await.to_ascii_lowercase();
    assert!(request.contains("\r\nx-admitone-subject: ada\r\n"), "{request}");
    assert!(!request.contains(&ticket.to_ascii_lowercase()), "the ticket stays with the gateway");
}

/// A life of a socket: an echo, a ping, a large message, and the login's end.
async fn converse(address: SocketAddr, login: &str, ticket: &str) {
    let mut socket = soon("the handshake", open(address, ticket)).await;
    let large = Message::binary(vec![7; LARGE]);
    for (sent, wanted) in [
        (Message::text("hello"), Message::text("hello")),
        (Message::Ping("here?".into()), Message::Pong("here?".into())),
        (large.clone(), large),
    ] {
        socket.send(sent).await.expect("a write");
        let received = soon("an answer", socket.next()).await.expect("open").expect("a message");
        assert!(received == wanted, "{} bytes of {wanted:.20}", received.len());
    }
    let logout = Request::post("/auth/logout").origin(ORIGIN).bearer(login).json("{}");
    assert_eq!(ask(HERE, address, &logout).await.status, 204);
    let Some(Ok(Message::Close(Some(close)))) = soon("a Close", socket.next()).await else { panic!("no Close") };
    assert_eq!((u16::from(close.code), close.reason.as_str()), (4900, "admitone:revoked"));
}

async fn open(address: SocketAddr, ticket: &str) -> WebSocketStream<TcpStream> {
    let mut request = format!("ws://gateway.test{ROUTE}").into_client_request().expect("a request");
    let offer = format!("admitone.v1, admitone.ticket.{ticket}");
    for (name, value) in [("Origin", ORIGIN), ("Sec-WebSocket-Protocol", &offer)] {
        request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a header's value"));
    }
    let (socket, answer) = client_async(request, dial(HERE, address).await).await.expect("a handshake");
    assert_eq!(answer.headers()["sec-websocket-protocol"], "admitone.v1");
    socket
}

async fn mint(address: SocketAddr, login: &str) -> String {
    let minted = ask(HERE, address, &Request::post("/auth/ticket").origin(ORIGIN).bearer(login).json("{}")).await;
    assert_eq!(minted.status, 201, "{minted:?}");
    minted.json()["ticket"].as_str().expect("a ticket").to_owned()
}

async fn ask(from: Ipv4Addr, address: SocketAddr, request: &Request) -> Answer {
    let mut connection = Connection::over(dial(from, address).await);
    connection.send(request.text()).await;
    connection.answer().await
}

async fn dial(from: Ipv4Addr, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("an address of this machine");
    socket.connect(address).await.expect("a connection")
}
