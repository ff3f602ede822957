//! The demo's upstream: an agent chat that trusts the identity headers it is given, as any upstream behind the gateway may.
//!
//! A connection is greeted with the request as it arrived, credential removed and identity added. A message of the
//! person starts an agent's run, whose events go to every connection of that person and to nobody else.

mod agent;
mod connection;
mod people;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use agent::Pace;
use people::People;

/// How long to leave a listener alone that cannot accept, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What every connection needs of the server.
struct Chat {
    people: People,
    pace: Pace,
    tasks: TaskTracker,
    ending: CancellationToken,
}

/// Serves the chat until `shutdown` resolves, then closes every connection with 1001 and returns.
pub async fn serve(listener: TcpListener, pace: Pace, shutdown: impl Future<Output = ()>) {
    let chat =
        Arc::new(Chat { people: People::default(), pace, tasks: TaskTracker::new(), ending: CancellationToken::new() });
    tokio::select! {
        () = accept(&chat, &listener) => {}
        () = shutdown => {}
    }
    drop(listener);
    chat.ending.cancel();
    chat.tasks.close();
    chat.tasks.wait().await;
}

async fn accept(chat: &Arc<Chat>, listener: &TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                chat.tasks.spawn(connection::run(Arc::clone(chat), stream));
            }
            Err(error) => {
                tracing::warn!(%error, "the demo's chat cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
