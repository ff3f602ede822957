//! As little WebSocket (RFC 6455) as a load needs: the opening handshake and whole frames.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Failure;
use crate::gateway::ROUTE;
use crate::token::ORIGIN;

/// The example key of RFC 6455 §1.3: with one key for all, nobody here has to compute an answer.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// What answers that key.
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A Close frame with code 1000, masked as a client's.
const CLIENT_CLOSE: [u8; 8] = [0x88, 0x82, 1, 2, 3, 4, 0x03 ^ 1, 0xe8 ^ 2];

/// How a Close of 4900 with the reason `admitone:revoked` begins.
const REVOKED: &[u8] = b"\x88\x12\x13\x24admitone:revoked";

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// In place of a ticket, where nobody looks at it: every peer gets a request of the same length.
pub(crate) const NO_TICKET: &str = "adm1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The upgrade request with a ticket.
pub(crate) fn upgrade(ticket: &str) -> Vec<u8> {
    let request = format!(
        "GET {ROUTE} HTTP/1.1\r\nHost: gateway.example.com\r\nOrigin: {ORIGIN}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: admitone.v1, admitone.ticket.{ticket}\r\n\r\n"
    );
    request.into_bytes()
}

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Socket {
    /// Connects and shakes hands.
    pub(crate) async fn open(address: SocketAddr, request: &[u8]) -> Result<Self, Failure> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(request).await?;
        let mut read = Vec::with_capacity(1024);
        while !read.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut read).await? == 0 {
                break;
            }
        }
        if !read.starts_with(b"HTTP/1.1 101 ") {
            return Err(format!("an upgrade was answered {:?}", String::from_utf8_lossy(&read)).into());
        }
        read.clear();
        Ok(Self { stream, read })
    }

    /// Sends a frame of [`client_frame`] and reads the whole frame that comes back.
    pub(crate) async fn echo(&mut self, frame: &[u8]) -> Result<Frame, Failure> {
        self.stream.write_all(frame).await?;
        self.read.clear();
        loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err("an echo did not come: the connection has ended".into());
            }
            if let Some(frame) = Frame::read(&self.read).filter(|frame| self.read.len() >= frame.end()) {
                return Ok(frame);
            }
        }
    }

    /// The payload of the frame that was read last.
    pub(crate) fn payload(&self, frame: &Frame) -> &[u8] {
        &self.read[frame.head..frame.end()]
    }

    /// Closes as RFC 6455 §7 has it: Close, the peer's Close, and the end of the stream, which the server makes.
    pub(crate) async fn close(mut self) -> Result<(), Failure> {
        self.stream.write_all(&CLIENT_CLOSE).await?;
        self.read.clear();
        while self.stream.read_buf(&mut self.read).await? > 0 {}
        match self.read.first() {
            Some(0x88) => Ok(()),
            _ => Err("a Close was not answered with a Close".into()),
        }
    }
}

impl Socket {
    /// Waits for the gateway's Close of a revocation.
    pub(crate) async fn revoked(mut self) -> Result<(), Failure> {
        self.read.clear();
        while self.read.len() < REVOKED.len() && self.stream.read_buf(&mut self.read).await? > 0 {}
        if self.read.starts_with(REVOKED) {
            return Ok(());
        }
        Err(format!("a revoked connection was not sent 4900, but {:?}", String::from_utf8_lossy(&self.read)).into())
    }

    /// Waits for the end of the stream, whatever comes before it.
    pub(crate) async fn ended(mut self) -> Result<(), Failure> {
        while matches!(self.stream.read_buf(&mut self.read).await, Ok(read) if read > 0) {}
        Ok(())
    }
}

/// Where the parts of a frame are in the bytes that begin with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) mask: Option<[u8; 4]>,
    /// Bytes of the header.
    pub(crate) head: usize,
    /// Bytes of the payload.
    pub(crate) length: usize,
}

impl Frame {
    /// `None` while the header is not whole. Frames of 64 KiB and more are not used here.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let (mut head, length) = match second & 0x7f {
            126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
            length => (2, usize::from(length)),
        };
        let mut mask = None;
        if second & 0x80 != 0 {
            mask = Some(bytes.get(head..head + 4)?.try_into().ok()?);
            head += 4;
        }
        Some(Self { opcode: first & 0x0f, mask, head, length })
    }

    /// Bytes of all.
    pub(crate) fn end(&self) -> usize {
        self.head + self.length
    }
}

/// A masked binary frame with this payload, of less than 64 KiB.
pub(crate) fn client_frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = header(0x82, payload.len());
    frame[1] |= 0x80;
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// An unmasked frame's header.
pub(crate) fn header(first: u8, length: usize) -> Vec<u8> {
    match u8::try_from(length) {
        Ok(short) if short < 126 => vec![first, short],
        _ => {
            let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
            vec![first, 126, high, low]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        for length in [0, 1, 125, 126, 128, 16_384, 65_535] {
            let payload = vec![7; length];
            let bytes = client_frame(&payload);
            let frame = Frame::read(&bytes).expect("a whole header");
            assert_eq!((frame.opcode, frame.length, frame.end(), frame.mask), (2, length, bytes.len(), Some(MASK)));
        }
    }

    #[test]
    fn a_header_that_is_not_whole_is_no_frame() {
        let bytes = client_frame(&[0; 200]);
        assert!((0..8).all(|length| Frame::read(&bytes[..length]).is_none()));
        assert!(Frame::read(&bytes[..8]).is_some());
    }
}
