//! How often something may happen in a minute, for each of many.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const SHARDS: usize = 16;

/// Most keys remembered in a shard.
const MOST_PER_SHARD: usize = 1 << 12;

/// A minute's worth may come at once.
const MINUTE: Duration = Duration::from_secs(60);
const WINDOW: u64 = MINUTE.as_nanos() as u64;

/// So many a minute for each key; a whole minute's worth may come at once (the generic cell rate algorithm).
///
/// A key that owes nothing takes no memory for long. When there are more keys than are remembered, the half of them that
/// owes least is forgotten: whoever is far over the limit stays over it, and nobody is refused for lack of room.
#[derive(Debug)]
pub(super) struct Rate {
    epoch: Instant,
    keys: RandomState,
    /// Nanoseconds between two at a steady rate; 0 without a limit.
    interval: AtomicU64,
    shards: [Mutex<Shard>; SHARDS],
}

/// When each key will owe nothing any more: nanoseconds since the epoch, by the key's hash.
#[derive(Debug, Default)]
struct Shard {
    even_at: HashMap<u64, u64>,
}

impl Rate {
    pub(super) fn new(per_minute: Option<NonZeroU32>) -> Self {
        let rate = Self {
            epoch: Instant::now(),
            keys: RandomState::new(),
            interval: AtomicU64::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
        };
        rate.set(per_minute);
        rate
    }

    /// Another limit; what is owed stays owed.
    pub(super) fn set(&self, per_minute: Option<NonZeroU32>) {
        let interval = per_minute.map_or(0, |per_minute| (WINDOW / u64::from(per_minute.get())).max(1));
        self.interval.store(interval, Ordering::Relaxed);
    }

    /// Whether one more would be too many, without counting it.
    ///
    /// # Errors
    ///
    /// How long until it would not be.
    pub(super) fn check(&self, key: impl Hash, now: Instant) -> Result<(), Duration> {
        let (key, at) = (self.keys.hash_one(key), self.at(now));
        self.next(&self.shard(key), key, at).map(drop)
    }

    /// Counts one, unless it is too many.
    ///
    /// # Errors
    ///
    /// How long until it would not be.
    pub(super) fn take(&self, key: impl Hash, now: Instant) -> Result<(), Duration> {
        let (key, at) = (self.keys.hash_one(key), self.at(now));
        let mut shard = self.shard(key);
        let even_at = self.next(&shard, key, at)?;
        if even_at > at {
            shard.remember(key, even_at, at);
        }
        Ok(())
    }

    fn next(&self, shard: &Shard, key: u64, at: u64) -> Result<u64, Duration> {
        let owed_until = shard.even_at.get(&key).copied().unwrap_or_default().max(at);
        let even_at = owed_until + self.interval.load(Ordering::Relaxed);
        match even_at.checked_sub(at + WINDOW) {
            None | Some(0) => Ok(even_at),
            // Without a limit, or with a wider one than before, what is owed may reach beyond the window.
            Some(_) if even_at == owed_until => Ok(even_at),
            Some(wait) => Err(Duration::from_nanos(wait)),
        }
    }

    fn at(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.epoch).as_nanos();
        u64::try_from(since).unwrap_or(u64::MAX / 2)
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, Shard> {
        // The map's own hash begins with other bits of the key.
        let index = usize::try_from(key >> 60).unwrap_or_default();
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn remember(&mut self, key: u64, even_at: u64, now: u64) {
        if self.even_at.len() >= MOST_PER_SHARD && !self.even_at.contains_key(&key) {
            self.make_room(now);
        }
        self.even_at.insert(key, even_at);
    }

    fn make_room(&mut self, now: u64) {
        self.even_at.retain(|_, even_at| *even_at > now);
        if self.even_at.len() < MOST_PER_SHARD {
            return;
        }
        let mut all: Vec<u64> = self.even_at.values().copied().collect();
        let middle = all.len() / 2;
        let (_, &mut median, _) = all.select_nth_unstable(middle);
        self.even_at.retain(|_, even_at| *even_at > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_minute: u32) -> Rate {
        Rate::new(NonZeroU32::new(per_minute))
    }

    fn remembered(rate: &Rate) -> usize {
        rate.shards.iter().map(|shard| shard.lock().expect("no panic").even_at.len()).sum()
    }

    #[test]
    fn a_minutes_worth_may_come_at_once_and_then_one_at_a_time() {
        let (rate, start) = (rate(6), Instant::now());
        assert!((0..6).all(|_| rate.take("ada", start).is_ok()));
        assert_eq!(rate.take("ada", start), Err(Duration::from_secs(10)));
        assert_eq!(rate.check("ada", start + Duration::from_secs(4)), Err(Duration::from_secs(6)));
        let later = start + Duration::from_secs(10);
        assert_eq!((rate.check("ada", later), rate.check("ada", later)), (Ok(()), Ok(())), "a look counts nothing");
        assert!(rate.take("ada", later).is_ok() && rate.take("ada", later).is_err());
        assert!(rate.take("grace", later).is_ok(), "another key");
    }

    #[test]
    fn without_a_limit_everything_passes_and_another_limit_counts_from_then_on() {
        let (rate, start) = (Rate::new(None), Instant::now());
        assert!((0..1000).all(|_| rate.take("ada", start).is_ok()));
        assert_eq!(remembered(&rate), 0);
        rate.set(NonZeroU32::new(2));
        assert!(rate.take("ada", start).is_ok() && rate.take("ada", start).is_ok() && rate.take("ada", start).is_err());
        rate.set(NonZeroU32::new(3));
        assert!(rate.check("ada", start).is_err(), "what is owed stays owed");
        rate.set(None);
        assert!(rate.take("ada", start).is_ok());
    }

    #[test]
    fn a_flood_of_keys_takes_bounded_memory_and_does_not_clear_the_worst() {
        let (rate, start) = (rate(10), Instant::now());
        assert!((0..10).all(|_| rate.take("the worst", start).is_ok()));
        for key in 0..200_000_u32 {
            let now = start + Duration::from_nanos(u64::from(key));
            assert!(rate.take(key, now).is_ok(), "nobody is refused for lack of room");
        }
        assert!(remembered(&rate) <= SHARDS * MOST_PER_SHARD);
        assert!(rate.take("the worst", start).is_err());
    }

    #[test]
    fn keys_that_owe_nothing_make_room_first() {
        let (rate, start) = (rate(10), Instant::now());
        let most = u32::try_from(SHARDS * MOST_PER_SHARD).expect("a small number");
        for key in 0..most * 9 / 10 {
            assert!(rate.take(key, start).is_ok());
        }
        let (later, more) = (start + MINUTE, most / 5);
        for key in 0..more {
            assert!(rate.take(key + most, later).is_ok());
        }
        let left = remembered(&rate);
        assert_eq!(left, usize::try_from(more).expect("a small number"));
    }
}
