use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::HashSet;

use crate::now::Now;
use crate::ticket::TicketId;

const SHARDS: usize = 16;

/// Most ids remembered. Above it the oldest to expire are forgotten first: the store refuses them all the same, at the price of a look-up.
const MOST_PER_SHARD: usize = 1 << 16;

/// The tickets that this node has seen spent, until they expire: a replay costs neither a dial nor a store operation.
#[derive(Debug)]
pub(crate) struct SpentTickets {
    shards: [Mutex<Shard>; SHARDS],
}

impl Default for SpentTickets {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl SpentTickets {
    pub(crate) fn has(&self, id: TicketId) -> bool {
        self.shard(id).ids.contains(&id)
    }

    pub(crate) fn add(&self, id: TicketId, forget_at: u64, now: Now) {
        let remaining = Duration::from_secs(forget_at.saturating_sub(now.unix));
        self.shard(id).add(id, now.instant + remaining, now.instant);
    }

    fn shard(&self, id: TicketId) -> MutexGuard<'_, Shard> {
        self.shards[usize::from(id.0[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Shard {
    ids: HashSet<TicketId>,
    forgotten_at: BTreeMap<Instant, Vec<TicketId>>,
}

impl Shard {
    fn add(&mut self, id: TicketId, forget_at: Instant, now: Instant) {
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
