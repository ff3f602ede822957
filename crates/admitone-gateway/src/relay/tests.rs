//! The relay between two in-memory streams, in paused time; and between two sockets.

mod closing;
mod ending;
mod forwarding;

use std::collections::hash_map::RandomState;
use std::future::pending;
use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::pin::pin;
use std::time::Duration;

use admitone::close::CloseCode;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Bounds, Ended, Pump};

/// A relay that is told to close by a future instead of a session.
fn pump<C, U>(
    client: C,
    client_ahead: Bytes,
    upstream: U,
    upstream_ahead: Bytes,
    closing: impl Future<Output = CloseCode>,
    bounds: Bounds,
) -> impl Future<Output = Ended>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let mut pump = Pump::new(client, client_ahead, upstream, upstream_ahead, bounds);
    async move { pump.run(pin!(closing)).await }
}

/// A running relay and both of its far ends.
struct Relayed {
    client: DuplexStream,
    upstream: DuplexStream,
    close: oneshot::Sender<CloseCode>,
    relay: JoinHandle<Ended>,
}

impl Relayed {
    /// `capacity`: what each pipe between the relay and a far end holds.
    fn new(capacity: usize) -> Self {
        Self::with_ahead(capacity, Bytes::new(), Bytes::new())
    }

    fn with_ahead(capacity: usize, client_ahead: Bytes, upstream_ahead: Bytes) -> Self {
        Self::made(capacity, client_ahead, upstream_ahead, Bounds::default())
    }

    /// One that nothing may pass through for so long.
    fn idling(idle: Duration) -> Self {
        Self::made(4096, Bytes::new(), Bytes::new(), Bounds { idle: Some(idle), frame: None })
    }

    /// One whose frames have so many bytes at most.
    fn with_frames_of(longest: u32) -> Self {
        Self::made(4096, Bytes::new(), Bytes::new(), Bounds { idle: None, frame: NonZeroU32::new(longest) })
    }

    fn made(capacity: usize, client_ahead: Bytes, upstream_ahead: Bytes, bounds: Bounds) -> Self {
        let (client, near_client) = duplex(capacity);
        let (upstream, near_upstream) = duplex(capacity);
        let (close, closing) = oneshot::channel();
        let closing = async move {
            match closing.await {
                Ok(code) => code,
                Err(_) => pending().await,
            }
        };
        let relay = tokio::spawn(pump(near_client, client_ahead, near_upstream, upstream_ahead, closing, bounds));
        Self { client, upstream, close, relay }
    }
}

async fn send(stream: &mut DuplexStream, bytes: &[u8]) {
    stream.write_all(bytes).await.expect("the relay reads");
}

async fn receive(stream: &mut DuplexStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.expect("the relay writes");
    bytes
}

async fn receive_to_end(stream: &mut DuplexStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("the relay ends the stream");
    bytes
}

/// A frame with `first` as its first byte.
fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(mask | length as u8),
        length @ 126..65_536 => {
            frame.push(mask | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(mask | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&key.unwrap_or_default()[..key.map_or(0, |key| key.len())]);
    let key = key.unwrap_or_default();
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

fn text(payload: &str) -> Vec<u8> {
    frame(0x81, None, payload.as_bytes())
}

fn masked_text(payload: &str) -> Vec<u8> {
    frame(0x81, Some([1, 2, 3, 4]), payload.as_bytes())
}

/// The Close that a client receives.
fn close_to_client(code: CloseCode) -> Vec<u8> {
    frame(0x88, None, &close_payload(code))
}

fn close_payload(code: CloseCode) -> Vec<u8> {
    [&code.code().to_be_bytes(), code.reason().as_bytes()].concat()
}

/// Panics unless `bytes` are one Close that an upstream may receive: masked, with the code and its reason.
#[track_caller]
fn assert_close_to_upstream(bytes: &[u8], code: CloseCode) {
    let payload = close_payload(code);
    assert_eq!(bytes.len(), 6 + payload.len(), "one Close frame and nothing else: {bytes:?}");
    assert_eq!(bytes[..2], [0x88, 0x80 | payload.len() as u8]);
    let (key, masked) = bytes[2..].split_at(4);
    let unmasked: Vec<u8> = masked.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    assert_eq!(unmasked, payload);
}

/// Random numbers whose seed is printed when the test fails.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = RandomState::new().hash_one(()) | 1;
        println!("seed {seed}");
        Self(seed)
    }

    /// A number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }

    /// Any frame but a Close: fragments, control frames, reserved bits, all three length forms, masked or not.
    fn frame(&mut self) -> Vec<u8> {
        let length = match self.below(8) {
            0 => 0,
            1..5 => self.below(126),
            5..7 => 126 + self.below(3000),
            _ => 65_536 + self.below(3000),
        };
        let key = (self.below(2) == 0).then(|| [self.below(256) as u8; 4]);
        let first = (self.below(16) << 4 | [0, 1, 2, 9, 10][self.below(5)]) as u8;
        let payload = self.bytes(length);
        frame(first, key, &payload)
    }

    fn frames(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.frame()).collect()
    }
}
