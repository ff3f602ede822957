use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;
use crate::socket::{ACCEPT, Frame, KEY, header};

const CLOSE: u8 = 8;

/// Echoes whole frames on one thread; prints where.
pub(super) fn run() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                // How a connection ends is its client's affair.
                let _ = serve(stream).await;
            });
        }
    })
}

async fn serve(mut stream: TcpStream) -> Result<(), Failure> {
    let mut read = Vec::with_capacity(1024);
    while !read.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
    if !std::str::from_utf8(&read)?.contains(KEY) {
        return Ok(stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await?);
    }
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    read.clear();
    while stream.read_buf(&mut read).await? > 0 {
        while let Some(frame) = Frame::read(&read).filter(|frame| read.len() >= frame.end()) {
            stream.write_all(unmasked(&mut read, &frame)).await?;
            if frame.opcode == CLOSE {
                return Ok(());
            }
            read.drain(..frame.end());
        }
    }
    Ok(())
}

/// Makes a client's frame a server's in place.
fn unmasked<'a>(read: &'a mut [u8], frame: &Frame) -> &'a [u8] {
    if let Some(mask) = frame.mask {
        let payload = &mut read[frame.head..frame.end()];
        let mut words = payload.chunks_exact_mut(4);
        words.by_ref().for_each(|word| word.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask));
        words.into_remainder().iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
    let head = header(read[0], frame.length);
    let start = frame.head - head.len();
    read[start..frame.head].copy_from_slice(&head);
    &read[start..frame.end()]
}
