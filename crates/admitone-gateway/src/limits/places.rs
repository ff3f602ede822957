//! How many there may be at once, for each of many.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 16;

/// So many at once for each network. What is taken bounds the memory: a network without any has no entry.
#[derive(Debug)]
pub(super) struct Places {
    /// 0 without a limit.
    most: AtomicU32,
    taken: [Mutex<HashMap<u128, u32>>; SHARDS],
}

impl Places {
    pub(super) fn new(most: Option<NonZeroU32>) -> Arc<Self> {
        let places = Self { most: AtomicU32::default(), taken: std::array::from_fn(|_| Mutex::default()) };
        places.set(most);
        Arc::new(places)
    }

    /// Another limit; those that are there stay.
    pub(super) fn set(&self, most: Option<NonZeroU32>) {
        self.most.store(most.map_or(0, NonZeroU32::get), Ordering::Relaxed);
    }

    /// One more; `None` when there are as many as there may be.
    pub(super) fn take(self: &Arc<Self>, network: u128) -> Option<Place> {
        let most = self.most.load(Ordering::Relaxed);
        let mut shard = self.shard(network);
        let taken = shard.entry(network).or_default();
        if most > 0 && *taken >= most {
            return None;
        }
        *taken += 1;
        Some(Place { places: self.clone(), network })
    }

    fn shard(&self, network: u128) -> MutexGuard<'_, HashMap<u128, u32>> {
        let folded = network ^ (network >> 64);
        let index = usize::try_from((folded ^ (folded >> 16)) % SHARDS as u128).unwrap_or_default();
        self.taken[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of those that there may be at once, until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    network: u128,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut shard = self.places.shard(self.network);
        if let Entry::Occupied(mut taken) = shard.entry(self.network) {
            *taken.get_mut() = taken.get().saturating_sub(1);
            if *taken.get() == 0 {
                taken.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_dropped_and_nothing_is_left_of_it() {
        let places = Places::new(NonZeroU32::new(2));
        let (first, _second) = (places.take(7).expect("a place"), places.take(7).expect("a place"));
        assert!(places.take(7).is_none());
        assert!(places.take(8).is_some(), "another network");
        drop(first);
        let third = places.take(7).expect("the place of the first");
        assert!(places.take(7).is_none());
        drop((third, _second));
        assert!(places.taken.iter().all(|shard| shard.lock().expect("no panic").is_empty()));
    }

    #[test]
    fn those_that_came_without_a_limit_count_under_a_later_one() {
        let places = Places::new(None);
        let all: Vec<_> = (0..10).map(|_| places.take(7).expect("no limit")).collect();
        places.set(NonZeroU32::new(10));
        assert!(places.take(7).is_none());
        drop(all);
        assert!(places.take(7).is_some());
    }
}
