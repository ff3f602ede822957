//! A way to a server on which everything is late.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Leads to a server, and lets each way have what comes through up to four milliseconds late.
pub(crate) async fn late_way_to(server: u16) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(("127.0.0.1", server)).await else { return };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near_read, far_write));
            tokio::spawn(carry(far_read, near_write));
        }
    });
    address
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut chunk = vec![0; 65536];
    for at in 0_u64.. {
        let Ok(read @ 1..) = from.read(&mut chunk).await else { return };
        tokio::time::sleep(Duration::from_millis(at * 7 % 5)).await;
        if to.write_all(&chunk[..read]).await.is_err() {
            return;
        }
    }
}
