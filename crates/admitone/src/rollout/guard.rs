use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Percent;

/// What a [`Guard`] goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// How far back it looks: at most [`Guard::LONGEST`].
    pub window: Duration,
    /// The share of failures that is too many.
    pub threshold: Percent,
    /// Of fewer tickets it says nothing.
    pub minimum: u32,
}

/// What a [`Guard`] has seen in its window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Tickets that were minted or redeemed.
    pub worked: u64,
    /// Those that were not, by a fault of ours.
    pub failed: u64,
}

impl Seen {
    fn is_past(self, watch: Watch) -> bool {
        let all = self.worked + self.failed;
        all >= u64::from(watch.minimum) && self.failed * 100 >= all * u64::from(watch.threshold.get())
    }
}

/// Counts what came of tickets, second by second, and says when too many have failed by a fault of ours.
///
/// What a client can cause (forged, expired, spent tickets; refused logins; limits) is not told to it, in neither count: no
/// flood of those moves it.
#[derive(Debug)]
pub struct Guard {
    began: Instant,
    seconds: VecDeque<Second>,
}

#[derive(Debug)]
struct Second {
    number: u64,
    seen: Seen,
}

impl Guard {
    /// The longest window.
    pub const LONGEST: Duration = Duration::from_secs(600);

    /// One that has seen nothing.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self { began: now, seconds: VecDeque::new() }
    }

    /// A ticket was minted or redeemed.
    pub fn worked(&mut self, now: Instant) {
        self.second(now).worked += 1;
    }

    /// One was not, by a fault of ours: what was seen in the window, when that is too much.
    pub fn failed(&mut self, watch: Watch, now: Instant) -> Option<Seen> {
        self.second(now).failed += 1;
        Some(self.seen(watch.window, now)).filter(|seen| seen.is_past(watch))
    }

    /// What it has seen within a window.
    #[must_use]
    pub fn seen(&self, window: Duration, now: Instant) -> Seen {
        let number = self.number(now);
        let young = self.seconds.iter().rev().take_while(|second| number - second.number < window.as_secs());
        young.fold(Seen::default(), |sum, second| Seen {
            worked: sum.worked + second.seen.worked,
            failed: sum.failed + second.seen.failed,
        })
    }

    fn second(&mut self, now: Instant) -> &mut Seen {
        let number = self.number(now);
        while self.seconds.front().is_some_and(|oldest| number - oldest.number >= Self::LONGEST.as_secs()) {
            self.seconds.pop_front();
        }
        if self.seconds.back().is_none_or(|latest| latest.number < number) {
            self.seconds.push_back(Second { number, seen: Seen::default() });
        }
        let last = self.seconds.len() - 1;
        &mut self.seconds[last].seen
    }

    /// Of one that another thread has read a moment earlier, the latest second counts.
    fn number(&self, now: Instant) -> u64 {
        let number = now.saturating_duration_since(self.began).as_secs();
        self.seconds.back().map_or(number, |latest| number.max(latest.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WATCH: Watch = Watch { window: Duration::from_secs(10), threshold: Percent(20), minimum: 10 };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_speaks_from_the_minimum_and_the_threshold_on() {
        let now = Instant::now();
        let mut guard = Guard::new(now);
        for failed in 1..10 {
            assert_eq!(guard.failed(WATCH, now), None, "{failed} are too few to tell");
        }
        assert_eq!(guard.failed(WATCH, now), Some(Seen { worked: 0, failed: 10 }));

        let mut guard = Guard::new(now);
        (0..41).for_each(|_| guard.worked(now));
        (1..=10).for_each(|_| assert_eq!(guard.failed(WATCH, now), None));
        assert_eq!(guard.failed(WATCH, now), Some(Seen { worked: 41, failed: 11 }), "11 of 52 are a fifth");
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let now = Instant::now();
        let mut guard = Guard::new(now);
        (0..9).for_each(|_| assert_eq!(guard.failed(WATCH, now), None));
        assert_eq!(guard.failed(WATCH, now + seconds(10)), None, "the nine are over");
        assert_eq!(guard.seen(WATCH.window, now + seconds(10)), Seen { worked: 0, failed: 1 });
        assert_eq!(guard.seen(seconds(11), now + seconds(10)), Seen { worked: 0, failed: 10 });
        guard.worked(now + seconds(3600));
        assert_eq!(guard.seconds.len(), 1, "and takes no memory");
        let held = |guard: &mut Guard, second: u64| {
            guard.worked(now + seconds(second));
            guard.seconds.len()
        };
        let longest = Guard::LONGEST.as_secs();
        assert_eq!((held(&mut guard, 3600), held(&mut guard, 3600 + longest - 1)), (1, 2));
        assert_eq!((held(&mut guard, 3600 + longest - 1), held(&mut guard, 3600 + longest)), (2, 2));
    }

    #[test]
    fn a_clock_that_was_read_late_counts_as_now() {
        let now = Instant::now();
        let mut guard = Guard::new(now);
        guard.worked(now + seconds(5));
        guard.worked(now);
        assert_eq!(guard.seen(seconds(1), now + seconds(5)), Seen { worked: 2, failed: 0 });
        assert_eq!(guard.seen(seconds(1), now), Seen { worked: 2, failed: 0 });
    }
}
