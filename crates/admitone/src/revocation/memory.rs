//! Revocations of a single process.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::{Batch, Cursor, Mirror, Revocation, Revocations};
use crate::now::Now;
use crate::store::{BoxFuture, StoreUnavailable};

/// Most revocations that a follower can be behind before it meets a gap.
const LOG_LENGTH: usize = 4096;

/// Marks and their stream, in this process's memory. A restart forgets them, as it forgets the tickets and drops the
/// sockets; a login that was revoked before it is accepted again until it expires.
#[derive(Debug)]
pub struct MemoryRevocations {
    mirror: Mirror,
    log: Mutex<VecDeque<(Cursor, Revocation)>>,
    latest: watch::Sender<Cursor>,
}

impl Default for MemoryRevocations {
    fn default() -> Self {
        Self { mirror: Mirror::default(), log: Mutex::default(), latest: watch::Sender::new(Cursor::default()) }
    }
}

impl MemoryRevocations {
    /// The marks.
    #[must_use]
    pub fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    fn record(&self, revocation: Revocation, now: Now) {
        self.mirror.add(&revocation, now);
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let cursor = Cursor(self.latest.borrow().0 + 1);
        if log.len() == LOG_LENGTH {
            log.pop_front();
        }
        log.push_back((cursor, revocation));
        self.latest.send_replace(cursor);
    }

    fn after(&self, cursor: Cursor) -> Batch {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let revocations = log.iter().filter(|(at, _)| *at > cursor).map(|(_, revocation)| revocation.clone()).collect();
        let gap = log.front().is_some_and(|(oldest, _)| oldest.0 > cursor.0 + 1);
        Batch { revocations, cursor: *self.latest.borrow(), gap }
    }
}

impl Revocations for MemoryRevocations {
    fn revoke(&self, revocation: Revocation, now: Now) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        self.record(revocation, now);
        Box::pin(std::future::ready(Ok(())))
    }

    fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    /// Always just now: there is nobody else to hear from.
    fn synced(&self, _: Now) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn follow(&self, cursor: Cursor) -> BoxFuture<'_, Batch> {
        let mut latest = self.latest.subscribe();
        Box::pin(async move {
            // The sender lives in `self`, so waiting cannot fail while `self` is borrowed.
            let _ = latest.wait_for(|latest| *latest > cursor).await;
            self.after(cursor)
        })
    }
}
