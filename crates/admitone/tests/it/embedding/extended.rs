//! Sockets over HTTP/2 (RFC 8441).

use std::sync::Arc;

use admitone::tower::Admitted;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::ext::Protocol;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::client::soon;
use super::site::{ORIGIN, Reply, Site, chat, talk};

fn echo(mut request: Request<Incoming>, admitted: Admitted) -> Reply {
    tokio::spawn(talk(hyper::upgrade::on(&mut request), admitted));
    Ok(Response::default())
}

async fn connect(site: &Arc<Site>) -> SendRequest<Empty<Bytes>> {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let site = site.clone();
    let service = service_fn(move |request| {
        let site = site.clone();
        async move { site.answer(request).await }
    });
    let server = http2::Builder::new(TokioExecutor::new()).enable_connect_protocol().clone();
    tokio::spawn(async move { server.serve_connection(TokioIo::new(theirs), service).await });
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(ours)).await.expect("a connection");
    tokio::spawn(connection);
    sender
}

fn upgrade(protocol: &'static str, origin: &str, ticket: &str) -> Request<Empty<Bytes>> {
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri("https://chat.example.com/chat?room=1")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", format!("admitone.v1, admitone.refused, admitone.ticket.{ticket}"))
        .header("origin", origin)
        .extension(Protocol::from_static(protocol));
    request.body(Empty::new()).expect("a request")
}

#[tokio::test]
async fn s23_a11_extended_connect_goes_through_the_same_checks() {
    let site = Site::handled_by(echo, chat(), |builder| builder);
    let mut client = connect(&site).await;
    let ticket = site.ticket("ada").await;

    let evil = soon("an answer", client.send_request(upgrade("websocket", "https://evil.example", &ticket))).await;
    let evil = evil.expect("an answer");
    assert_eq!(evil.headers()["sec-websocket-protocol"], "admitone.refused");
    let mut refused = TokioIo::new(hyper::upgrade::on(evil).await.expect("a stream"));
    let mut close = Vec::new();
    soon("a Close", refused.read_to_end(&mut close)).await.expect("an end");
    assert_eq!(&close[2..4], 4902_u16.to_be_bytes());

    let h2c = client.send_request(upgrade("connect-udp", ORIGIN, &ticket)).await.expect("an answer");
    assert_eq!(h2c.status(), StatusCode::BAD_REQUEST);

    let answer = client.send_request(upgrade("websocket", ORIGIN, &ticket)).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["sec-websocket-protocol"], "admitone.v1");
    let mut socket = TokioIo::new(hyper::upgrade::on(answer).await.expect("a stream"));
    socket.write_all(b"hello").await.expect("a write");
    let mut echoed = [0; 5];
    soon("an echo", socket.read_exact(&mut echoed)).await.expect("an echo");
    assert_eq!(&echoed, b"hello");
    let seen = site.seen().pop().expect("a request");
    assert_eq!(seen.target, "https://chat.example.com/chat?room=1");
    assert!(!seen.headers.contains("admitone"), "{}", seen.headers);

    let spent = client.send_request(upgrade("websocket", ORIGIN, &ticket)).await.expect("an answer");
    assert_eq!(spent.headers()["sec-websocket-protocol"], "admitone.refused");
    let get = Request::get("https://chat.example.com/chat").body(Empty::new()).expect("a request");
    let plain = client.send_request(get).await.expect("an answer");
    assert_eq!(plain.status(), StatusCode::UPGRADE_REQUIRED);
    let problem = plain.into_body().collect().await.expect("a body").to_bytes();
    assert!(String::from_utf8_lossy(&problem).contains("upgrade_required"));
}
