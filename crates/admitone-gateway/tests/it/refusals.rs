//! How a refused upgrade is answered.

use crate::client::{Frame, Request};
use crate::upstream::Upstream;
use crate::world::{ORIGIN, ROUTE, World, within_a_second};

fn forged(request: Request) -> Request {
    request.origin(ORIGIN).with("Sec-WebSocket-Protocol", "chat.v1, admitone.v1, admitone.ticket.forged")
}

#[tokio::test]
async fn a_client_that_can_read_it_gets_a_close_that_selects_the_marker() {
    let upstream = Upstream::echo().await;
    for refuse_with in ["auto", "close"] {
        let world = World::routing(&format!("refuse_with = \"{refuse_with}\""), &upstream.url()).await;
        let request = Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket("forged");
        let (answer, mut connection) = world.present(request).await;
        assert_eq!(answer.status, 101);
        assert_eq!(answer.header("upgrade"), Some("websocket"));
        assert_eq!(answer.header("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
        assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(answer.header("sec-websocket-protocol"), Some("admitone.refused"));
        let reason = b"admitone:ticket_not_accepted";
        let payload = [&4801_u16.to_be_bytes()[..], reason].concat();
        assert_eq!(connection.frame().await, Frame { opcode: 0x88, payload });
        assert_eq!(within_a_second("the end, right behind the Close", connection.end()).await, b"");
    }
}

#[tokio::test]
async fn a_client_that_cannot_read_a_close_gets_a_problem() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let answer = world.ask(forged(Request::upgrade(ROUTE))).await;
    assert_eq!((answer.status, &*answer.problem()), (401, "ticket_not_accepted"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
}

#[tokio::test]
async fn a_route_may_refuse_by_close_always_and_selects_what_the_application_offered() {
    let upstream = Upstream::echo().await;
    let world = World::routing("refuse_with = \"close\"", &upstream.url()).await;
    let (answer, mut connection) = world.present(forged(Request::upgrade(ROUTE))).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, Some("chat.v1")));
    assert_eq!(connection.close().await, (4801, "admitone:ticket_not_accepted".to_owned()));
    assert_eq!(connection.end().await, b"");
}

#[tokio::test]
async fn a_route_may_refuse_by_http_always() {
    let upstream = Upstream::echo().await;
    let world = World::routing("refuse_with = \"http\"", &upstream.url()).await;
    let answer = world.ask(Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket("forged")).await;
    assert_eq!((answer.status, &*answer.problem()), (401, "ticket_not_accepted"));
}

#[tokio::test]
async fn the_close_profile_1008_says_auth_failed_first() {
    let upstream = Upstream::echo().await;
    let world = World::routing("close_profile = \"1008\"", &upstream.url()).await;
    let (_, mut connection) = world.present(Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket("forged")).await;
    let payload = br#"{"type":"error","error_code":"AUTH_FAILED"}"#.to_vec();
    assert_eq!(connection.frame().await, Frame { opcode: 0x81, payload });
    assert_eq!(connection.close().await, (1008, "admitone:ticket_not_accepted".to_owned()));
    assert_eq!(connection.end().await, b"");
}

#[tokio::test]
async fn a8_what_a_refused_client_sent_ahead_reaches_nobody() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let request = Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket("forged");
    let mut connection = world.connect().await;
    connection.send(request.text() + "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(connection.answer().await.header("sec-websocket-protocol"), Some("admitone.refused"));
    assert_eq!(connection.close().await.0, 4801);
    assert_eq!(connection.end().await, b"", "no answer to what was smuggled");
    assert!(upstream.received_by_now().await.is_empty());
}
