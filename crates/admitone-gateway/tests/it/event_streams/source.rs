//! The server behind an event stream.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::client::{soon, within_a_second};

/// A server whose only stream says what it is told to, or as much as it can.
pub(super) struct Source {
    address: SocketAddr,
    pub(super) says: watch::Sender<String>,
    /// Bytes of what it says endlessly that were taken from it.
    taken: Arc<AtomicUsize>,
    is_over: watch::Receiver<bool>,
}

impl Source {
    pub(super) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (says, saying) = watch::channel(String::new());
        let (over, is_over) = watch::channel(false);
        let taken = Arc::new(AtomicUsize::new(0));
        let taking = taken.clone();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream_on(stream, saying, &taking).await;
            over.send_replace(true);
        });
        Self { address, says, taken, is_over }
    }

    pub(super) fn url(&self) -> String {
        format!("ws://{}/news", self.address)
    }

    /// Of what it says endlessly, no more is taken: nobody between it and the client holds on to all of it.
    pub(super) async fn is_taken_no_further(&self) {
        soon("a stream that is taken no further", async {
            loop {
                let before = self.taken.load(Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(250)).await;
                if before > 0 && self.taken.load(Ordering::Relaxed) == before {
                    return;
                }
            }
        })
        .await;
    }

    /// The gateway has hung up within a second.
    pub(super) async fn ends(&mut self) {
        within_a_second("an end", self.is_over.wait_for(|over| *over)).await.expect("a server");
    }
}

pub(super) const ENDLESSLY: &str = "endlessly";

async fn stream_on(mut stream: TcpStream, mut saying: watch::Receiver<String>, taken: &AtomicUsize) {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut read).await.expect("a request") > 0);
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("a reader");
    loop {
        tokio::select! {
            read = stream.read_buf(&mut read) => {
                assert!(!matches!(read, Ok(more) if more > 0), "nothing is said to a stream's server");
                return;
            }
            changed = saying.changed() => {
                if changed.is_err() {
                    return;
                }
                let text = saying.borrow_and_update().clone();
                if text == ENDLESSLY {
                    while let Ok(written @ 1..) = stream.write(&[b'\n'; 4096]).await {
                        taken.fetch_add(written, Ordering::Relaxed);
                    }
                    return;
                }
                stream.write_all(text.as_bytes()).await.expect("a reader");
            }
        }
    }
}
