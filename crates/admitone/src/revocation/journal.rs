use std::collections::VecDeque;
use std::sync::PoisonError;

use tokio::sync::watch;

use super::Cursor;
use crate::sync::Mutex;

/// Most entries that a follower can be behind before it meets a gap.
const LENGTH: usize = 4096;

/// The latest of what this node has heard, for those on it that follow.
#[derive(Debug)]
pub(crate) struct Journal<T> {
    log: Mutex<Log<T>>,
    latest: watch::Sender<Cursor>,
}

#[derive(Debug)]
struct Log<T> {
    entries: VecDeque<(Cursor, T)>,
    /// Followers that had come no further have missed something.
    lost: Cursor,
}

/// What came after a cursor.
#[derive(Debug)]
pub(crate) struct News<T> {
    pub(crate) entries: Vec<T>,
    pub(crate) cursor: Cursor,
    /// Some were lost before these.
    pub(crate) gap: bool,
}

impl<T> Default for Journal<T> {
    fn default() -> Self {
        let log = Log { entries: VecDeque::new(), lost: Cursor::default() };
        Self { log: Mutex::new(log), latest: watch::Sender::new(Cursor::default()) }
    }
}

impl<T: Clone> Journal<T> {
    pub(crate) fn add(&self, entry: T) {
        self.advance(|log, cursor| {
            if log.entries.len() == LENGTH {
                log.lost = log.entries.pop_front().map_or(log.lost, |(oldest, _)| oldest);
            }
            log.entries.push_back((cursor, entry));
        });
    }

    /// Every follower meets a gap.
    #[cfg(feature = "redis")]
    pub(crate) fn lose(&self) {
        self.advance(|log, cursor| log.lost = cursor);
    }

    fn advance(&self, change: impl FnOnce(&mut Log<T>, Cursor)) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let cursor = Cursor(self.latest.borrow().0 + 1);
        change(&mut log, cursor);
        self.latest.send_replace(cursor);
    }

    pub(crate) async fn follow(&self, cursor: Cursor) -> News<T> {
        // The sender lives in `self`, so waiting cannot fail while `self` is borrowed.
        let _ = self.latest.subscribe().wait_for(|latest| *latest > cursor).await;
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let after = log.entries.iter().filter(|(at, _)| *at > cursor);
        let entries = after.map(|(_, entry)| entry.clone()).collect();
        News { entries, cursor: *self.latest.borrow(), gap: log.lost > cursor }
    }
}

#[cfg(all(test, feature = "redis"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_follows_meets_a_gap_where_something_was_lost() {
        let journal = Journal::default();
        journal.add("a");
        let before = journal.follow(Cursor::default()).await;
        assert_eq!((&*before.entries, before.gap), (&["a"][..], false));
        journal.lose();
        let after = journal.follow(before.cursor).await;
        assert_eq!((after.entries.len(), after.gap), (0, true));
        journal.add("b");
        let later = journal.follow(after.cursor).await;
        assert_eq!((&*later.entries, later.gap), (&["b"][..], false));
    }
}
