//! What carries a stream's bytes, and ends it when its session ends.

use std::pin::pin;
use std::time::Duration;

use admitone::close::CloseCode;
use admitone::sessions::Session;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, HeaderMap};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::relay::{CLOSE_LIMIT, Ended, STALL_LIMIT, Side, Why};
use crate::upstream::Events;

/// Carries what the upstream says to the client. The client says nothing.
pub(super) struct Pump {
    upstream: Events,
    client: mpsc::Sender<Bytes>,
    idle: Option<Duration>,
    /// What passes is text as an event stream is, and not compressed.
    is_plain: bool,
    /// Everything that has passed are whole lines.
    at_line_start: bool,
    passed: u64,
}

impl Pump {
    pub(super) fn new(
        upstream: Events,
        client: mpsc::Sender<Bytes>,
        headers: &HeaderMap,
        idle: Option<Duration>,
    ) -> Self {
        let is_plain = !headers.contains_key(CONTENT_ENCODING);
        Self { upstream, client, idle, is_plain, at_line_start: true, passed: 0 }
    }

    /// Carries until the upstream ends, the client goes away or takes nothing, nothing has passed for too long, or the session
    /// is to be closed: why is said in a comment then.
    pub(super) async fn run(mut self, session: &Session) -> Ended {
        let why = {
            let mut closing = pin!(session.closing());
            tokio::select! {
                biased;
                code = &mut closing => Why::Closing(code),
                why = self.carry() => why,
            }
        };
        if let Why::Closing(code) = why {
            self.say(code).await;
        }
        Ended { why, to_client: self.passed, to_upstream: 0 }
    }

    async fn carry(&mut self) -> Why {
        loop {
            let next = tokio::select! {
                next = self.upstream.next() => next,
                () = self.client.closed() => return Why::ClientGone,
                () = silence(self.idle) => return Why::Closing(CloseCode::OverLimit),
            };
            match next {
                None => return Why::Closed,
                Some(Err(_)) => return Why::UpstreamGone,
                Some(Ok(bytes)) => match timeout(STALL_LIMIT, self.client.reserve()).await {
                    Err(_) => return Why::Stalled(Side::Client),
                    Ok(Err(_)) => return Why::ClientGone,
                    Ok(Ok(place)) => {
                        self.passed += bytes.len() as u64;
                        if let Some(last) = bytes.last() {
                            self.at_line_start = matches!(last, b'\n' | b'\r');
                        }
                        place.send(bytes);
                    }
                },
            }
        }
    }

    /// Within a line it would become part of an event; an event that is under way is dropped by its reader, as its end is.
    async fn say(&mut self, code: CloseCode) {
        if self.is_plain && self.at_line_start {
            let comment = format!(":{}\n", code.reason());
            let _ = self.client.send_timeout(comment.into(), CLOSE_LIMIT).await;
        }
    }
}

async fn silence(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}
