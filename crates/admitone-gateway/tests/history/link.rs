//! What stands between the gateways and Redis: an address that stays while what is behind it changes.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Where connections lead. A change ends all those that were open before.
#[derive(Clone, Copy)]
enum Path {
    To(u16),
    /// New connections end at once.
    Cut,
    /// Connections stay open and carry nothing, until the next change.
    Silent,
}

pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    path: watch::Sender<Path>,
}

impl Link {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let path = watch::Sender::new(Path::To(port));
        let paths = path.subscribe();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, paths.clone()));
            }
        });
        Self { address, path }
    }

    pub(crate) fn lead_to(&self, port: u16) {
        self.path.send_replace(Path::To(port));
    }

    pub(crate) fn cut(&self) {
        self.path.send_replace(Path::Cut);
    }

    pub(crate) fn fall_silent(&self) {
        self.path.send_replace(Path::Silent);
    }
}

/// Either end may go away at any time: that is what this is for.
async fn carry(mut near: TcpStream, mut paths: watch::Receiver<Path>) {
    let path = *paths.borrow_and_update();
    let far = match path {
        Path::To(port) => TcpStream::connect(("127.0.0.1", port)).await.ok(),
        Path::Cut => return,
        Path::Silent => return drop(paths.changed().await),
    };
    let Some(mut far) = far else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => return,
        _ = paths.changed() => {}
    }
    let is_silent = matches!(*paths.borrow_and_update(), Path::Silent);
    if is_silent {
        let _ = paths.changed().await;
    }
}
