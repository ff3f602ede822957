//! When a document that lives elsewhere, such as a key set, is fetched, and how long the last good one counts.
//!
//! A [`Refresh`] does no I/O: whoever runs it asks [`poll`](Refresh::poll) what to do, does it, and says how it went. There
//! is at most one fetch at a time. While fetching fails the last good document counts for a bounded time; what does not
//! parse counts as a failure, and so leaves the good one in its place.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

/// First pause after a failure; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How often a document is fetched and how long it counts.
#[derive(Clone, Copy, Debug)]
pub struct RefreshLimits {
    /// A document counts as fresh at least so long, whatever its source says.
    pub shortest: Duration,
    /// And at most so long.
    pub longest: Duration,
    /// How long it is fresh where its source does not say.
    pub unless_told: Duration,
    /// How long it still counts after it should have been replaced.
    pub kept: Duration,
    /// Least time between two fetches because something was missing in the document.
    pub between_misses: Duration,
}

impl Default for RefreshLimits {
    /// 5 minutes to 24 hours, 1 hour unless told; kept for 1 hour more; at most one fetch in 30 seconds for what is missing.
    fn default() -> Self {
        Self {
            shortest: Duration::from_secs(5 * 60),
            longest: Duration::from_secs(24 * 3600),
            unless_told: Duration::from_secs(3600),
            kept: Duration::from_secs(3600),
            between_misses: Duration::from_secs(30),
        }
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Fetch now, then call [`Refresh::fetched`] or [`Refresh::failed`].
    Fetch,
    /// Nothing before this moment, unless something is missed.
    Wait(Instant),
    /// Somebody is fetching.
    Fetching,
}

/// Whether something that the document does not have is worth waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// A fetch is under way or due at once: what is missing may be in the next document.
    Await,
    /// It was fetched for the same reason a moment ago: what it does not have, there is not.
    Absent,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Waiting { due: Instant },
    Fetching,
}

/// The times of one document.
#[derive(Debug)]
pub struct Refresh {
    limits: RefreshLimits,
    phase: Phase,
    /// When something that was missing last made a fetch due.
    missed: Option<Instant>,
    failures: u32,
    usable_until: Option<Instant>,
}

impl Refresh {
    /// A document that has not been fetched yet, and is due `now`.
    #[must_use]
    pub const fn new(limits: RefreshLimits, now: Instant) -> Self {
        Self { limits, phase: Phase::Waiting { due: now }, missed: None, failures: 0, usable_until: None }
    }

    /// What to do at `now`. [`Next::Fetch`] is said to one caller only.
    pub fn poll(&mut self, now: Instant) -> Next {
        match self.phase {
            Phase::Fetching => Next::Fetching,
            Phase::Waiting { due } if due > now => Next::Wait(due),
            Phase::Waiting { .. } => {
                self.phase = Phase::Fetching;
                Next::Fetch
            }
        }
    }

    /// Something was looked for and is not in the document. After [`Missed::Await`] the next [`poll`](Self::poll) fetches.
    pub fn missed(&mut self, now: Instant) -> Missed {
        let recently = |missed: Instant| now.saturating_duration_since(missed) < self.limits.between_misses;
        match self.phase {
            Phase::Fetching => Missed::Await,
            Phase::Waiting { .. } if self.missed.is_some_and(recently) => Missed::Absent,
            Phase::Waiting { .. } => {
                self.missed = Some(now);
                self.phase = Phase::Waiting { due: now };
                Missed::Await
            }
        }
    }

    /// A good document has come; its source says that it stays the same for `max_age`.
    pub fn fetched(&mut self, max_age: Option<Duration>, now: Instant) {
        let fresh_for = max_age.unwrap_or(self.limits.unless_told).clamp(self.limits.shortest, self.limits.longest);
        self.phase = Phase::Waiting { due: now + fresh_for };
        self.failures = 0;
        self.usable_until = Some(now + fresh_for + self.limits.kept);
    }

    /// None has come, or none that is good. The last good one stays.
    pub fn failed(&mut self, now: Instant) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Waiting { due: now + pause };
    }

    /// Until when the last good document counts; `None` before there is one.
    #[must_use]
    pub const fn usable_until(&self) -> Option<Instant> {
        self.usable_until
    }

    /// Whether there is a document that counts.
    #[must_use]
    pub fn is_usable(&self, now: Instant) -> bool {
        self.usable_until.is_some_and(|until| now < until)
    }

    /// How many fetches have failed since the last good one.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}
