//! Clients that abuse HTTP/2 (RFC 9113 §10.5), frame by frame: each loses its connection, and the others notice nothing.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::client::Request;
use crate::http2::Tls;
use crate::tokens::token;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN};

const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

const NO_ERROR: u32 = 0;
const ENHANCE_YOUR_CALM: u32 = 11;

/// As many as CVE-2023-44487 is about.
const MANY: u32 = 100_000;

/// How long it may take to write so many where two cores run all tests at once.
const LONGEST_FLOOD: Duration = Duration::from_secs(60);

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// RFC 7541: what stands in the static table by its index, the rest as it is.
fn head(method: u8, path: &str) -> Vec<u8> {
    let mut block = vec![0x80 | method, 0x87];
    for (index, text) in [(4, path), (1, "gateway.test")] {
        block.extend_from_slice(&[index, u8::try_from(text.len()).expect("a short text")]);
        block.extend_from_slice(text.as_bytes());
    }
    block
}

const GET: u8 = 2;
const POST: u8 = 3;

pub(crate) async fn begin(tls: &Tls) -> (ReadHalf<TlsStream<TcpStream>>, WriteHalf<TlsStream<TcpStream>>) {
    let (reader, mut writer) = split(tls.pair.speak(tls.world.address, &[b"h2"]).await.expect("TLS"));
    writer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("a write");
    writer.write_all(&frame(SETTINGS, 0, 0, &[])).await.expect("a write");
    (reader, writer)
}

/// What is left of a connection that was flooded until it ended.
struct Remains {
    /// Rounds that were written before.
    rounds: u32,
    /// The last GOAWAY's code.
    reason: Option<u32>,
}

/// Writes `first`, then rounds of frames, as fast as they are taken, until the gateway ends the connection or there were [`MANY`].
async fn flood(tls: &Tls, first: Vec<u8>, round: impl Fn(u32) -> Vec<u8>) -> Remains {
    let (mut reader, mut writer) = begin(tls).await;
    let writing = async {
        if writer.write_all(&first).await.is_err() {
            return 0;
        }
        for number in 0..MANY {
            if writer.write_all(&round(number)).await.is_err() {
                return number;
            }
        }
        // However that ends.
        let _ = writer.flush().await;
        MANY
    };
    let reading = async {
        let mut read = Vec::new();
        // However it ends.
        let _ = reader.read_to_end(&mut read).await;
        read
    };
    let flooded = tokio::time::timeout(LONGEST_FLOOD, async { tokio::join!(writing, reading) }).await;
    let (rounds, read) = flooded.expect("the gateway ends the connection");
    Remains { rounds, reason: last_reason(&read) }
}

fn last_reason(mut read: &[u8]) -> Option<u32> {
    let mut reason = None;
    while read.len() >= 9 {
        let length = usize::from(read[0]) << 16 | usize::from(read[1]) << 8 | usize::from(read[2]);
        let Some(payload) = read.get(9..9 + length) else { break };
        if read[3] == GOAWAY {
            reason = Some(u32::from_be_bytes([payload[4], payload[5], payload[6], payload[7]]));
        }
        read = &read[9 + length..];
    }
    reason
}

pub(crate) async fn gateway(name: &str) -> (Upstream, Tls) {
    let upstream = Upstream::echo().await;
    let lines = Lines { server: "header_timeout_seconds = 1", ..Lines::default() };
    let tls = Tls::with(name, lines, &upstream).await;
    (upstream, tls)
}

/// Floods while somebody else's requests are answered.
async fn flood_beside(tls: &Tls, first: Vec<u8>, round: impl Fn(u32) -> Vec<u8>) -> Remains {
    let other = async {
        let client = tls.client().await;
        for _ in 0..5 {
            let mint = Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("grace")).json("{}");
            assert_eq!(client.ask(mint).await.status, 201);
        }
    };
    let (remains, ()) = tokio::join!(flood(tls, first, round), other);
    remains
}

#[tokio::test]
async fn s27_a27_streams_that_are_opened_and_reset_at_once_end_their_connection() {
    let (_upstream, tls) = gateway("flood-resets").await;
    let remains = flood_beside(&tls, Vec::new(), |number| {
        let stream = 2 * number + 1;
        let mut round = frame(HEADERS, END_STREAM | END_HEADERS, stream, &head(GET, "/healthz"));
        round.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        round
    })
    .await;
    assert!(remains.rounds < MANY, "{} were taken", remains.rounds);
    assert!(matches!(remains.reason, Some(ENHANCE_YOUR_CALM) | None), "{:?}", remains.reason);
}

#[tokio::test]
async fn s27_a27_streams_that_the_gateway_is_made_to_reset_end_their_connection() {
    let (_upstream, tls) = gateway("flood-made").await;
    let remains = flood_beside(&tls, Vec::new(), |number| {
        let stream = 2 * number + 1;
        let mut round = frame(HEADERS, END_HEADERS, stream, &head(POST, "/auth/ticket"));
        // An increment of nothing is a fault of the stream (RFC 9113 §6.9).
        round.extend(frame(WINDOW_UPDATE, 0, stream, &0_u32.to_be_bytes()));
        round
    })
    .await;
    assert!(remains.rounds < MANY, "{} were taken", remains.rounds);
}

#[tokio::test]
async fn s27_a27_a_head_that_never_ends_ends_its_connection() {
    let (_upstream, tls) = gateway("flood-continuation").await;
    let first = frame(HEADERS, END_STREAM, 1, &head(GET, "/healthz"));
    let mut field = vec![0x00, 1, b'x', 100];
    field.extend_from_slice(&[b'y'; 100]);
    let block = field.repeat(100);
    let remains = flood_beside(&tls, first, |_| frame(CONTINUATION, 0, 1, &block)).await;
    assert!(remains.rounds < 10_000, "{} were taken", remains.rounds);
}

#[tokio::test]
async fn s27_a27_empty_continuations_end_their_connection() {
    let (_upstream, tls) = gateway("flood-empty-continuation").await;
    let first = frame(HEADERS, END_STREAM, 1, &head(GET, "/healthz"));
    let remains = flood_beside(&tls, first, |_| frame(CONTINUATION, 0, 1, &[])).await;
    assert!(remains.rounds < MANY, "{} were taken", remains.rounds);
}

#[tokio::test]
async fn s27_a27_settings_and_pings_keep_no_connection_and_cost_nobody_else_theirs() {
    let (_upstream, tls) = gateway("flood-settings").await;
    for (kind, payload) in [(SETTINGS, &[][..]), (PING, &[0; 8][..])] {
        // It ends even where all were taken: a connection that asks for nothing is idle.
        let remains = flood_beside(&tls, Vec::new(), |_| frame(kind, 0, 0, payload)).await;
        assert_eq!(remains.reason, Some(NO_ERROR));
    }
}

#[tokio::test]
async fn s27_a27_empty_data_ends_its_connection() {
    let (_upstream, tls) = gateway("flood-data").await;
    let first = frame(HEADERS, END_HEADERS, 1, &head(POST, "/auth/ticket"));
    let remains = flood_beside(&tls, first, |_| frame(DATA, 0, 1, &[])).await;
    assert!(remains.rounds < MANY, "{} were taken", remains.rounds);
}
