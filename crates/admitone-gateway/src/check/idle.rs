use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::asking::Asking;
use super::socket::Ended;
use super::{Done, Trouble, opened, replies};

/// A socket on which nothing is said for so long is still there, and still works.
pub(super) async fn stay(asking: &Asking<'_>, idle: Duration) -> Result<Done<()>, Trouble> {
    let (minted, mut socket) = opened(asking).await?;
    if minted.login_seconds <= idle.as_secs() {
        socket.leave().await;
        return Err(Trouble::new(
            format!("the login lasts {} s", minted.login_seconds),
            "the socket ends with its login, before so long",
            "bring a login that lasts longer than --idle",
        ));
    }
    // What an upstream says of itself at the beginning is no sign of life later on.
    let began = Instant::now();
    if let Ok(ended) = timeout(idle, socket.ended()).await {
        return Err(ended_early(&ended, began.elapsed()));
    }
    let answered = replies::converse(&mut socket, &asking.target.talk).await?;
    socket.leave().await;
    Ok(Done { detail: format!("idle for {} s, then {answered}", idle.as_secs()), notes: Vec::new(), value: () })
}

fn ended_early(ended: &Ended, after: Duration) -> Trouble {
    let found = format!("{ended}, after {} s of silence", after.as_secs());
    let (cause, next) = match (ended, ended.name()) {
        (_, Some("session_expired")) => (
            "the gateway's own limit: the login's end or max_session_seconds of the route",
            "raise max_session_seconds, or bring a login that lasts longer",
        ),
        (_, Some(_)) => ("the gateway ended it", "look at the audit line session_ended of this session"),
        (Ended::Closed(..), None) => (
            "the upstream, or the route's idle_timeout_seconds",
            "look at idle_timeout_seconds of the route, and at the upstream's own time-out",
        ),
        (Ended::Cut(_), None) => (
            "something between cut it: an idle time-out of a proxy or load balancer",
            "raise it (nginx: proxy_read_timeout and proxy_send_timeout; HAProxy: timeout tunnel; AWS: the load balancer's idle \
             timeout), or have the application send pings more often than that",
        ),
    };
    Trouble::new(found, cause, next)
}
