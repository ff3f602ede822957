use http::{HeaderValue, StatusCode};

use super::*;

#[tokio::test]
async fn a_101_to_this_request_upgrades() {
    let answer = format!("{SWITCHING}Sec-WebSocket-Protocol: chat\r\n\r\n");
    let (address, answering) = answering(vec![answer.into_bytes()]).await;
    let mut headers = HeaderLines::new();
    headers.push(&http::header::ORIGIN, &HeaderValue::from_static("https://app.example"));
    let head = UpgradeHead { query: Some("room=1"), key: KEY, headers: &headers };
    let dialed = plain(address, AMPLE).dial(&authentic()).await.expect("it listens");
    let mut upgraded = dialed.upgrade(&head, &session().await).await.expect("a good answer");
    assert_eq!(upgraded.headers["sec-websocket-protocol"], "chat");
    assert!(upgraded.ahead.is_empty());

    let (request, mut stream) = answering.await.expect("no panic");
    assert!(request.starts_with("GET /chat?room=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("\r\nHost: {address}\r\n")), "{request}");
    assert!(request.contains("\r\norigin: https://app.example\r\n"), "{request}");

    let mut byte = [0];
    stream.write_all(b"a").await.expect("open");
    upgraded.io.read_exact(&mut byte).await.expect("open");
    upgraded.io.write_all(b"b").await.expect("open");
    stream.read_exact(&mut byte).await.expect("open");
    assert_eq!(&byte, b"b");
}

#[tokio::test]
async fn an_answer_may_come_byte_by_byte() {
    let answer = format!("{SWITCHING}\r\n");
    let (address, _answering) = answering(answer.bytes().map(|byte| vec![byte]).collect()).await;
    upgrade(&plain(address, AMPLE)).await.expect("a good answer");
}

#[tokio::test]
async fn frames_behind_the_answer_are_handed_on() {
    let upgraded = upgrade_answered(&format!("{SWITCHING}\r\nfirst frames")).await.expect("a good answer");
    assert_eq!(upgraded.ahead, "first frames");
}

#[tokio::test]
async fn spellings_of_the_same_answer_are_accepted() {
    upgrade_answered(
        "HTTP/1.1 101\r\nUPGRADE: h2c, WebSocket\r\nconnection: keep-alive\r\nconnection: UPGRADE\r\n\
         sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    )
    .await
    .expect("a good answer");
}

#[tokio::test]
async fn any_other_status_is_a_refusal_and_nothing_behind_it_is_handed_on() {
    for status in [200, 204, 302, 400, 401, 404, 426, 500, 503] {
        let answer = SWITCHING.replace("101", &status.to_string());
        match upgrade_answered(&format!("{answer}\r\nframes that must go nowhere")).await {
            Err(AnswerError::Refused { status: refused }) => assert_eq!(refused.as_u16(), status),
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_interim_answer_is_not_waited_behind() {
    let answer = format!("HTTP/1.1 103 Early Hints\r\n\r\n{SWITCHING}\r\n");
    let refused = upgrade_answered(&answer).await.expect_err("not a 101");
    assert!(matches!(refused, AnswerError::Refused { status: StatusCode::EARLY_HINTS }));
}

#[tokio::test]
async fn a_101_that_does_not_answer_this_request_is_refused() {
    let good = format!("{SWITCHING}\r\n");
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    let protocols = "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n\r\n";
    for (answer, part) in [
        (good.replace("s3pPL", "S3pPL"), "not of this request's key"),
        (good.replace(accept, ""), "no Sec-WebSocket-Accept"),
        (good.replace(accept, &accept.repeat(2)), "more than one Sec-WebSocket-Accept"),
        (good.replace("Upgrade: websocket\r\n", ""), "does not upgrade to websocket"),
        (good.replace("websocket", "websockets"), "does not upgrade to websocket"),
        (good.replace("Connection: Upgrade\r\n", ""), "no `Connection: upgrade`"),
        (good.replace("Connection: Upgrade", "Connection: close"), "no `Connection: upgrade`"),
        (format!("{SWITCHING}{protocols}"), "more than one subprotocol"),
        (good.replace("HTTP/1.1", "HTTP/1.0"), "not HTTP/1.1"),
        ("SSH-2.0-OpenSSH_9.9\r\n".to_owned(), "not HTTP/1.1"),
        (format!("{SWITCHING}{}\r\n", "a: b\r\n".repeat(98)), "more than 100 headers"),
    ] {
        match upgrade_answered(&answer).await {
            Err(AnswerError::BadAnswer { why }) => assert!(why.contains(part), "{why}"),
            other => panic!("{part}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_head_has_a_longest_length() {
    let filler = |length: usize| format!("{SWITCHING}a: {}\r\n\r\n", "b".repeat(length - SWITCHING.len() - 7));
    assert_eq!(filler(16_384).len(), 16_384);
    upgrade_answered(&filler(16_384)).await.expect("as long as may be");
    for length in [16_385, 100_000] {
        let refused = upgrade_answered(&filler(length)).await.expect_err("too long");
        assert!(matches!(refused, AnswerError::BadAnswer { why } if why.contains("16 KiB")), "{length}: {refused:?}");
    }
}

#[tokio::test]
async fn an_upstream_that_answers_nothing_or_half_is_given_up_on() {
    for half in ["", "HTTP/1.1 101 Switching Pro", SWITCHING] {
        let (address, _answering) = answering(vec![half.as_bytes().to_vec()]).await;
        let late = upgrade(&plain(address, SHORT)).await.expect_err("no answer");
        assert!(matches!(late, AnswerError::Timeout(SHORT)), "{late:?}");
    }
}

#[tokio::test]
async fn an_upstream_that_hangs_up_is_an_error() {
    let (listener, address) = listen().await;
    let hanging_up = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        read_head(&mut stream).await;
    };
    let upstream = plain(address, AMPLE);
    let (failed, ()) = tokio::join!(upgrade(&upstream), hanging_up);
    assert!(matches!(failed, Err(AnswerError::Io(_))), "{failed:?}");
}

#[tokio::test]
async fn a_head_that_cannot_be_written_sends_nothing() {
    let (listener, address) = listen().await;
    let headers = HeaderLines::new();
    let head = UpgradeHead { query: Some("a\r\nX: y"), key: KEY, headers: &headers };
    let dialed = plain(address, AMPLE).dial(&authentic()).await.expect("it listens");
    let (mut stream, _) = listener.accept().await.expect("a connection");
    assert!(matches!(dialed.upgrade(&head, &session().await).await, Err(AnswerError::BadHead { what: "the query" })));
    assert_eq!(stream.read(&mut [0]).await.expect("hung up"), 0);
}
