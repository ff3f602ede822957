//! The two clocks, read once at the rim and passed in.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment on both clocks.
///
/// What was agreed with others (tickets, tokens) is judged by the wall clock. What this process promised (the store's
/// expiry, session deadlines) runs on the monotonic one, so that setting the clock back lengthens no life.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Wall clock: whole seconds since the Unix epoch.
    pub unix: u64,
    /// Monotonic clock.
    pub instant: Instant,
}

impl Now {
    /// Reads both clocks. Called where requests come in; everything below takes the value.
    #[must_use]
    pub fn read() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { unix, instant: Instant::now() }
    }

    /// The same moment later, on both clocks.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self { unix: self.unix + time.as_secs(), instant: self.instant + time }
    }
}
