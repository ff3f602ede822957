//! Heads over HTTP/2 that lack what a request has (RFC 9113 §8.3.1), written frame by frame: each is refused, and the gateway
//! lives on.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::{Request, soon};
use crate::dice::Dice;
use crate::http2::Tls;
use crate::http2_floods::{END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, begin, frame, gateway};
use crate::tokens::unix_now;

/// RFC 7541 §6.2.2: a line that is written out, name and value.
fn line(name: &str, value: &str) -> Vec<u8> {
    let mut line = vec![0];
    for text in [name, value] {
        line.push(u8::try_from(text.len()).expect("a short text"));
        line.extend_from_slice(text.as_bytes());
    }
    line
}

/// RFC 7541, appendix A: `:status: 200`.
const OK: u8 = 0x88;

/// Whether a head is answered 200, rather than otherwise, or its stream reset, or the connection ended.
async fn is_served(tls: &Tls, block: &[u8]) -> bool {
    let (mut reader, mut writer) = begin(tls).await;
    writer.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, block)).await.expect("a write");
    let mut read = Vec::new();
    loop {
        let mut rest = &read[..];
        while rest.len() >= 9 {
            let length = usize::from(rest[0]) << 16 | usize::from(rest[1]) << 8 | usize::from(rest[2]);
            match (rest[3], u32::from_be_bytes([rest[5], rest[6], rest[7], rest[8]])) {
                (HEADERS, 1) if rest.len() > 9 => return rest[9] == OK,
                (RST_STREAM, 1) | (GOAWAY, _) => return false,
                _ => rest = rest.get(9 + length..).unwrap_or_default(),
            }
        }
        match soon("an answer or the end", reader.read_buf(&mut read)).await {
            Ok(more) if more > 0 => {}
            _ => return false,
        }
    }
}

async fn is_alive(tls: &Tls) {
    assert_eq!(tls.client().await.ask(Request::new("GET /healthz")).await.status, 200);
}

const METHOD: (&str, &str) = (":method", "GET");
const SCHEME: (&str, &str) = (":scheme", "https");
const PATH: (&str, &str) = (":path", "/auth/config");
const AUTHORITY: (&str, &str) = (":authority", "gateway.test");

#[tokio::test]
async fn a24_heads_that_lack_a_pseudo_header_or_have_one_too_many_are_refused() {
    let (_upstream, tls) = gateway("http2-heads").await;
    let connect = |more: &[(&'static str, &'static str)]| [&[(":method", "CONNECT")], more].concat();
    let refused: Vec<Vec<(&str, &str)>> = vec![
        vec![],
        vec![METHOD, SCHEME, AUTHORITY],
        vec![SCHEME, PATH, AUTHORITY],
        vec![METHOD, PATH, AUTHORITY],
        vec![METHOD, SCHEME, AUTHORITY, (":path", "")],
        vec![(":method", ""), SCHEME, PATH, AUTHORITY],
        vec![METHOD, SCHEME, PATH, PATH, AUTHORITY],
        vec![METHOD, METHOD, SCHEME, PATH, AUTHORITY],
        vec![METHOD, SCHEME, PATH, AUTHORITY, (":status", "200")],
        vec![METHOD, SCHEME, PATH, AUTHORITY, (":nothing", "1")],
        vec![METHOD, SCHEME, AUTHORITY, ("accept", "*/*"), PATH],
        vec![METHOD, SCHEME, PATH, AUTHORITY, ("Accept", "*/*")],
        vec![METHOD, SCHEME, PATH, AUTHORITY, ("connection", "close")],
        vec![METHOD, SCHEME, PATH, AUTHORITY, ("a b", "1")],
        connect(&[(":protocol", "websocket")]),
        connect(&[(":protocol", "websocket"), SCHEME, AUTHORITY]),
        connect(&[(":protocol", "websocket"), (":path", "/chat"), AUTHORITY]),
        connect(&[]),
    ];
    for lines in &refused {
        let block: Vec<u8> = lines.iter().flat_map(|(name, value)| line(name, value)).collect();
        assert!(!is_served(&tls, &block).await, "{lines:?}");
    }
    let sound: Vec<u8> = [METHOD, SCHEME, PATH, AUTHORITY].iter().flat_map(|(name, value)| line(name, value)).collect();
    assert!(is_served(&tls, &sound).await);
    is_alive(&tls).await;
}

/// Heads of parts in any order and number, and of bytes that are none.
#[tokio::test]
async fn a24_no_head_of_random_parts_ends_the_gateway() {
    let (_upstream, tls) = gateway("http2-random-heads").await;
    let seed = std::env::var("ADMITONE_HEADS_SEED").map_or_else(|_| unix_now(), |seed| seed.parse().expect("a number"));
    println!("ADMITONE_HEADS_SEED={seed}");
    let mut dice = Dice::new(seed);
    let names = [":method", ":scheme", ":path", ":authority", ":protocol", "host", "origin", "authorization", "", ":"];
    let values = ["GET", "CONNECT", "https", "/chat", "/auth/ticket", "gateway.test", "websocket", "", "\0", "Bearer "];
    for _ in 0..300 {
        let parts = dice.below(8);
        let mut block = Vec::new();
        for _ in 0..parts {
            block.extend(line(names[dice.below(names.len())], values[dice.below(values.len())]));
        }
        if dice.below(4) == 0 {
            block.extend((0..dice.below(20)).map(|_| u8::try_from(dice.below(256)).expect("a byte")));
        }
        is_served(&tls, &block).await;
    }
    is_alive(&tls).await;
}
