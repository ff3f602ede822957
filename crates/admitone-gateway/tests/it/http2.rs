//! Upgrades over HTTP/2 (RFC 8441): the same gateway, the same answers.

use std::time::Duration;

use admitone::ticket::Place;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::client::{Answer, Connection, Request, soon};
use crate::origins::FOREIGN;
use crate::tls::Pair;
use crate::tokens::{FOLDER, forged_ticket, token};
use crate::upstream::{Behaviour, Upstream};
use crate::world::{Lines, ORIGIN, ROUTE, World};

/// A gateway with TLS, and what its clients trust.
pub(crate) struct Tls {
    pub(crate) world: World,
    pub(crate) pair: Pair,
}

impl Tls {
    /// `name` is that of the certificate's files.
    pub(crate) async fn with(name: &str, lines: Lines<'_>, upstream: &Upstream) -> Self {
        let pair = Pair::in_files(name);
        let server = format!("{}\n[server.tls]\ncert_file = \"{name}.pem\"\nkey_file = \"{name}.key\"", lines.server);
        let world = World::with(Lines { server: &server, ..lines }, &upstream.url()).await;
        Self { world, pair }
    }

    async fn before(name: &str, upstream: &Upstream) -> Self {
        Self::with(name, Lines::default(), upstream).await
    }

    pub(crate) async fn client(&self) -> Client {
        let stream = self.pair.speak(self.world.address, &[b"h2", b"http/1.1"]).await.expect("TLS");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let shaken = handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (sender, connection) = shaken.expect("HTTP/2");
        tokio::spawn(connection);
        let client = Client { sender };
        // An extended CONNECT needs the gateway's settings first.
        assert_eq!(client.ask(Request::new("GET /healthz")).await.status, 200);
        client
    }
}

#[derive(Clone)]
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    async fn respond(&self, request: http::Request<Full<Bytes>>) -> http::Response<hyper::body::Incoming> {
        let mut sender = self.sender.clone();
        soon("room for a stream", sender.ready()).await.expect("an open connection");
        soon("an answer", sender.send_request(request)).await.expect("an answer")
    }

    pub(crate) async fn ask(&self, request: Request) -> Answer {
        self.answered(request.over_http_2()).await
    }

    async fn answered(&self, request: http::Request<Full<Bytes>>) -> Answer {
        let (parts, body) = self.respond(request).await.into_parts();
        let body = soon("a body", body.collect()).await.expect("a body").to_bytes().to_vec();
        answer(&parts, body)
    }

    /// The answer to an upgrade that has no problem for a body, and the stream behind it.
    pub(crate) async fn present(&self, request: Request) -> (Answer, Connection) {
        let mut response = self.respond(request.over_http_2()).await;
        let stream = hyper::upgrade::on(&mut response).await.expect("a stream");
        (answer(&response.into_parts().0, Vec::new()), Connection::over(TokioIo::new(stream)))
    }

    async fn open(&self, ticket: &str) -> Connection {
        let (answer, socket) = self.present(upgrade().ticket(ticket)).await;
        assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (200, Some("admitone.v1")));
        socket
    }

    async fn ticket(&self) -> String {
        self.ticket_for(&token("ada")).await
    }

    pub(crate) async fn ticket_for(&self, token: &str) -> String {
        let mint = Request::post("/auth/ticket").origin(ORIGIN).bearer(token).json("{}");
        let answer = self.ask(mint).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["ticket"].as_str().expect("a ticket").to_owned()
    }

    async fn opens(&self, ticket: &str) {
        self.open(ticket).await.echo("still good").await;
    }

    async fn refuses(&self, request: Request, status: u16, code: &str) {
        let answer = self.ask(request).await;
        assert_eq!((answer.status, &*answer.problem()), (status, code), "{answer:?}");
    }

    /// The Close that a refused upgrade is told with.
    async fn close_of(&self, request: Request) -> (u16, String) {
        let (answer, mut socket) = self.present(request).await;
        assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (200, Some("admitone.refused")));
        let close = socket.close().await;
        assert_eq!(soon("the end", socket.end()).await, b"", "nothing behind the Close");
        close
    }
}

fn answer(parts: &http::response::Parts, body: Vec<u8>) -> Answer {
    let text = |value: &http::HeaderValue| value.to_str().expect("ASCII").to_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Answer { status: parts.status.as_u16(), headers, body }
}

fn upgrade() -> Request {
    Request::upgrade(ROUTE).origin(ORIGIN)
}

#[tokio::test]
async fn s23_one_connection_mints_upgrades_relays_and_is_closed_by_a_revocation() {
    let upstream = Upstream::that(Behaviour::Echoes(Some("chat.v2"))).await;
    let lines = Lines { end: "[audit]\nto = \"file\"\npath = \"audit-http2.log\"", ..Lines::default() };
    let tls = Tls::with("http2-life", lines, &upstream).await;
    let client = tls.client().await;
    let offering = |ticket: String| {
        let offer = format!("chat.v1, chat.v2, admitone.v1, admitone.refused, admitone.ticket.{ticket}");
        upgrade().with("Sec-WebSocket-Protocol", &offer)
    };
    let request = offering(client.ticket().await).with("Cookie", "a=1").with("Cookie", "b=2");
    let (answer, mut socket) = client.present(request).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (200, Some("chat.v2")));
    assert_eq!((answer.header("sec-websocket-accept"), answer.header("upgrade")), (None, None));
    let (_, mut other) = client.present(offering(client.ticket().await)).await;
    socket.echo("side").await;
    other.echo("by side").await;

    let seen = upstream.received_by_now().await;
    let key = |request: &String| request.split("Sec-WebSocket-Key: ").nth(1).expect("a key")[..24].to_owned();
    assert!(key(&seen[0]) != key(&seen[1]), "a key of its own for each");
    assert!(seen[0].contains("\r\ncookie: a=1; b=2\r\n"), "{}", seen[0]);
    assert!(seen[0].contains("\r\nsec-websocket-protocol: chat.v1, chat.v2\r\n"), "{}", seen[0]);
    assert!(seen[0].contains("\r\nx-forwarded-host: gateway.test\r\n"), "{}", seen[0]);
    assert!(!seen.concat().contains("adm1_") && !seen.concat().contains("admitone."), "{seen:?}");

    assert_eq!(
        client.ask(Request::post("/auth/logout").bearer(&token("ada")).json("{\"everywhere\": true}")).await.status,
        204
    );
    for socket in [&mut socket, &mut other] {
        assert_eq!(socket.close().await, (4900, "admitone:revoked".to_owned()));
        assert_eq!(soon("the end", socket.end()).await, b"");
    }
    drop((socket, other, client));
    soon("the end", tls.world.shut_down()).await.expect("an end");
    let lines = std::fs::read_to_string(FOLDER.join("audit-http2.log")).expect("lines");
    assert!(lines.contains("\"event\":\"session_opened\"") && lines.contains("\"http\":\"2\""), "{lines}");
}

#[tokio::test]
async fn s23_a11_an_origin_that_is_not_listed_is_refused_over_http_2_and_the_ticket_stays_unspent() {
    let upstream = Upstream::echo().await;
    let tls = Tls::before("http2-foreign", &upstream).await;
    let client = tls.client().await;
    let ticket = client.ticket().await;
    let unlike = |origin: &str| Request::upgrade(ROUTE).origin(origin);
    let requests = FOREIGN.iter().map(|origin| unlike(origin)).chain([
        unlike(ORIGIN).origin(ORIGIN),
        unlike(ORIGIN).origin("https://evil.example"),
        unlike("https://äpp.example.com"),
    ]);
    for request in requests {
        client.refuses(request.clone().ticket(&ticket), 403, "origin_not_allowed").await;
        let close = client.close_of(request.readable_ticket(&ticket)).await;
        assert_eq!(close, (4902, "admitone:forbidden".to_owned()));
    }
    let without = Request::upgrade(ROUTE).with("Authorization", &format!("Ticket {ticket}"));
    client.refuses(without, 401, "ticket_not_accepted").await;
    assert!(upstream.received_by_now().await.is_empty(), "no connection was dialled");
    client.opens(&ticket).await;
    assert!(upstream.only_request().await.contains(&format!("\r\norigin: {ORIGIN}\r\n")));
}

#[tokio::test]
async fn s23_a11_a_cookie_needs_an_origin_over_http_2_and_a_native_client_needs_none() {
    let upstream = Upstream::echo().await;
    let lines = Lines { route: "bind_origin = false", ..Lines::default() };
    let tls = Tls::with("http2-cookie", lines, &upstream).await;
    let client = tls.client().await;
    let ticket = client.ticket().await;
    let cookie = Request::upgrade(ROUTE).with("Cookie", &format!("__Host-admitone-ticket={ticket}"));
    client.refuses(cookie.clone(), 403, "origin_not_allowed").await;
    client.refuses(cookie.clone().origin("https://evil.example"), 403, "origin_not_allowed").await;
    let (answer, mut socket) = client.present(cookie.origin(ORIGIN)).await;
    assert_eq!(answer.status, 200);
    socket.echo("by cookie").await;

    let ticket = client.ticket().await;
    let native = Request::upgrade(ROUTE).with("Authorization", &format!("Ticket {ticket}"));
    let (answer, mut socket) = client.present(native).await;
    assert_eq!(answer.status, 200);
    socket.echo("native").await;
    assert!(!upstream.received_by_now().await.concat().contains("adm1_"));
}

#[tokio::test]
async fn s23_a11_tickets_are_judged_over_http_2_as_they_are_over_http_1() {
    let upstream = Upstream::echo().await;
    let tls = Tls::before("http2-tickets", &upstream).await;
    let client = tls.client().await;
    let good = client.ticket().await;
    let of = |route, origin| Place { route, origin: Some(origin), address: None };
    let refused = [
        String::new(),
        "adm1_".to_owned(),
        format!("{good}A"),
        format!("adm1_{}", "A".repeat(72)),
        forged_ticket(&of("/other", ORIGIN), Duration::ZERO).await,
        forged_ticket(&of(ROUTE, "https://other.example.com"), Duration::ZERO).await,
        forged_ticket(&of(ROUTE, ORIGIN), Duration::from_secs(120)).await,
    ];
    for ticket in &refused {
        client.refuses(upgrade().ticket(ticket), 401, "ticket_not_accepted").await;
        let close = client.close_of(upgrade().readable_ticket(ticket)).await;
        assert_eq!(close, (4801, "admitone:ticket_not_accepted".to_owned()));
    }
    client.refuses(upgrade(), 401, "not_logged_in").await;
    client.refuses(upgrade().ticket(&good).bearer(&token("ada")), 400, "ambiguous_credential").await;
    let in_query = Request::upgrade(&format!("{ROUTE}?ticket={good}")).origin(ORIGIN);
    client.refuses(in_query, 400, "query_token_not_allowed").await;
    assert!(upstream.received_by_now().await.is_empty(), "no connection was dialled");
    client.opens(&good).await;
    client.refuses(upgrade().ticket(&good), 401, "ticket_not_accepted").await;
}

#[tokio::test]
async fn s23_only_an_extended_connect_to_websocket_13_at_a_route_becomes_a_socket() {
    let upstream = Upstream::echo().await;
    let tls = Tls::before("http2-forms", &upstream).await;
    let client = tls.client().await;
    let ticket = client.ticket().await;
    let sound = || upgrade().ticket(&ticket);
    client.refuses(sound().replacing("Sec-WebSocket-Version", "8"), 426, "upgrade_required").await;
    client.refuses(sound().without("Sec-WebSocket-Version"), 426, "upgrade_required").await;
    client.refuses(Request::upgrade("/nowhere").origin(ORIGIN).ticket(&ticket), 404, "not_found").await;
    client.refuses(Request::upgrade("/auth/ticket").origin(ORIGIN).ticket(&ticket), 404, "not_found").await;
    client.refuses(sound().without("Upgrade"), 426, "upgrade_required").await;
    for (protocol, status) in [(Some("connect-udp"), 400), (Some("webtransport"), 400), (None, 405)] {
        let mut request = sound().over_http_2();
        request.extensions_mut().remove::<Protocol>();
        if let Some(protocol) = protocol {
            request.extensions_mut().insert(Protocol::from_static(protocol));
        }
        assert_eq!(client.answered(request).await.status, status, "{protocol:?}");
    }
    let mut two_hosts = sound().over_http_2();
    two_hosts.headers_mut().insert("host", http::HeaderValue::from_static("other.test"));
    assert_eq!(client.answered(two_hosts).await.status, 400);
    assert!(upstream.received_by_now().await.is_empty(), "no connection was dialled");
    client.opens(&ticket).await;
}

#[tokio::test]
async fn s23_sockets_that_share_a_connection_count_as_connections_of_their_address() {
    let upstream = Upstream::echo().await;
    let lines = Lines { end: "[limits]\nconnections_per_address = 3", ..Lines::default() };
    let tls = Tls::with("http2-places", lines, &upstream).await;
    let client = tls.client().await;
    let mut sockets = vec![client.open(&client.ticket().await).await, client.open(&client.ticket().await).await];
    let ticket = client.ticket().await;
    let close = client.close_of(upgrade().readable_ticket(&ticket)).await;
    assert_eq!(close, (4803, "admitone:over_limit".to_owned()));
    client.refuses(upgrade().ticket(&ticket), 429, "over_limit").await;
    for socket in &mut sockets {
        socket.echo("open").await;
    }
}

#[tokio::test]
async fn f12_sockets_over_http_2_are_drained_and_the_connection_ends() {
    let upstream = Upstream::echo().await;
    let lines = Lines { server: "drain_seconds = 0", ..Lines::default() };
    let tls = Tls::with("http2-drain", lines, &upstream).await;
    let client = tls.client().await;
    let mut socket = client.open(&client.ticket().await).await;
    socket.echo("open").await;
    let ended = tls.world.shut_down();
    assert_eq!(socket.close().await, (1012, "admitone:draining".to_owned()));
    soon("the gateway ends", ended).await.expect("no panic");
    soon("the connection ends", async {
        while !client.sender.is_closed() {
            tokio::task::yield_now().await
        }
    })
    .await;
}
