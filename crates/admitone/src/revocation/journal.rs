use std::collections::VecDeque;
use std::sync::PoisonError;

use tokio::sync::watch;

use super::{Batch, Cursor, Revocation};
use crate::sync::Mutex;

/// Most revocations that a follower can be behind before it meets a gap.
const LENGTH: usize = 4096;

/// The latest revocations that this node knows of, for those on it that follow.
#[derive(Debug)]
pub(super) struct Journal {
    log: Mutex<Log>,
    latest: watch::Sender<Cursor>,
}

#[derive(Debug, Default)]
struct Log {
    entries: VecDeque<(Cursor, Revocation)>,
    /// Followers that had come no further have missed something.
    lost: Cursor,
}

impl Default for Journal {
    fn default() -> Self {
        Self { log: Mutex::default(), latest: watch::Sender::new(Cursor::default()) }
    }
}

impl Journal {
    pub(super) fn add(&self, revocation: Revocation) {
        self.advance(|log, cursor| {
            if log.entries.len() == LENGTH {
                log.lost = log.entries.pop_front().map_or(log.lost, |(oldest, _)| oldest);
            }
            log.entries.push_back((cursor, revocation));
        });
    }

    /// Every follower meets a gap.
    #[cfg(feature = "redis")]
    pub(super) fn lose(&self) {
        self.advance(|log, cursor| log.lost = cursor);
    }

    fn advance(&self, change: impl FnOnce(&mut Log, Cursor)) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let cursor = Cursor(self.latest.borrow().0 + 1);
        change(&mut log, cursor);
        self.latest.send_replace(cursor);
    }

    pub(super) async fn follow(&self, cursor: Cursor) -> Batch {
        // The sender lives in `self`, so waiting cannot fail while `self` is borrowed.
        let _ = self.latest.subscribe().wait_for(|latest| *latest > cursor).await;
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let after = log.entries.iter().filter(|(at, _)| *at > cursor);
        let revocations = after.map(|(_, revocation)| revocation.clone()).collect();
        Batch { revocations, cursor: *self.latest.borrow(), gap: log.lost > cursor }
    }
}
