use std::sync::atomic::{AtomicU64, Ordering};

/// What one node has counted since it started.
#[derive(Debug, Default)]
pub struct Counters {
    replays: AtomicU64,
}

impl Counters {
    /// How many genuine, unexpired tickets were presented that were in the store no more: spent, or revoked.
    #[must_use]
    pub fn replays(&self) -> u64 {
        self.replays.load(Ordering::Relaxed)
    }

    pub(crate) fn count_replay(&self) {
        self.replays.fetch_add(1, Ordering::Relaxed);
    }
}
