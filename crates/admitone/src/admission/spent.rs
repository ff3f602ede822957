use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Instant;

use hashbrown::HashSet;

use crate::now::Now;
use crate::sync::{Mutex, MutexGuard};
use crate::ticket::TicketId;

const SHARDS: usize = 16;

/// Most ids remembered. Above it the oldest to expire are forgotten first: the store refuses them all the same, at the price of a look-up.
const MOST_PER_SHARD: usize = 1 << 16;

/// The tickets that this node has seen spent, until they expire: a replay costs neither a dial nor a store operation.
#[derive(Debug)]
pub(crate) struct SpentTickets {
    epoch: Instant,
    shards: [Mutex<Shard>; SHARDS],
}

impl Default for SpentTickets {
    fn default() -> Self {
        Self { epoch: Instant::now(), shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl SpentTickets {
    pub(crate) fn has(&self, id: TicketId) -> bool {
        self.shard(id).ids.contains(&name(id))
    }

    pub(crate) fn add(&self, id: TicketId, forget_at: u64, now: Now) {
        let second = now.instant.saturating_duration_since(self.epoch).as_secs();
        self.shard(id).add(name(id), second + forget_at.saturating_sub(now.unix), second);
    }

    fn shard(&self, id: TicketId) -> MutexGuard<'_, Shard> {
        self.shards[usize::from(id.0[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Half of an id. Two of a million tickets share it once in 10^7 times, and then the second is refused: a price worth half of
/// the memory, which this way stays in the processor's cache.
fn name(id: TicketId) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|at| id.0[at + 8]))
}

#[derive(Debug, Default)]
struct Shard {
    ids: HashSet<u64>,
    /// By the second, since the memory was made, in which they may be forgotten.
    forgotten_at: BTreeMap<u64, Vec<u64>>,
}

impl Shard {
    fn add(&mut self, id: u64, forget_at: u64, now: u64) {
        while let Some(first) = self.forgotten_at.first_entry() {
            if *first.key() > now && self.ids.len() < MOST_PER_SHARD {
                break;
            }
            for forgotten in first.remove() {
                self.ids.remove(&forgotten);
            }
        }
        if self.ids.insert(id) {
            self.forgotten_at.entry(forget_at).or_default().push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id(number: u32) -> TicketId {
        let mut bytes = [0; 16];
        bytes[12..].copy_from_slice(&number.to_be_bytes());
        TicketId(bytes)
    }

    fn now() -> Now {
        Now { unix: 1_800_000_000, instant: Instant::now() }
    }

    #[test]
    fn an_id_is_forgotten_when_its_time_is_up() {
        let (spent, start) = (SpentTickets::default(), now());
        spent.add(id(1), start.unix + 60, start);
        spent.add(id(2), start.unix + 90, start.after(Duration::from_secs(59)));
        assert!(spent.has(id(1)) && spent.has(id(2)) && !spent.has(id(3)));
        spent.add(id(3), start.unix + 120, start.after(Duration::from_secs(60)));
        assert!(!spent.has(id(1)) && spent.has(id(2)) && spent.has(id(3)));
    }

    #[test]
    fn a_full_memory_forgets_those_that_expire_first() {
        let (spent, now) = (SpentTickets::default(), now());
        let most = u32::try_from(MOST_PER_SHARD).expect("a small number");
        for number in 0..most + 10 {
            spent.add(id(number), now.unix + 60 + u64::from(number), now);
        }
        assert!((0..10).all(|number| !spent.has(id(number))));
        assert!((10..most + 10).all(|number| spent.has(id(number))));
    }

    #[test]
    fn an_id_that_is_spent_twice_is_remembered_once() {
        let (spent, start) = (SpentTickets::default(), now());
        spent.add(id(1), start.unix + 60, start);
        spent.add(id(1), start.unix + 60, start.after(Duration::from_secs(1)));
        assert!(spent.has(id(1)));
        let shard = spent.shard(id(1));
        assert_eq!((shard.ids.len(), shard.forgotten_at.len()), (1, 1));
    }
}
