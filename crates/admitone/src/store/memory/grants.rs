use std::time::Instant;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::super::{Stored, TicketKey};
use crate::ticket::TicketId;

/// A grant, and when it ends.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) key: TicketKey,
    pub(super) stored: Stored,
    pub(super) used: u32,
    pub(super) ends: Instant,
}

impl Held {
    /// Whether nobody can take it any more.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.stored.uses == 0 || now >= self.ends
    }
}

/// Grants by their tickets' ids.
///
/// The index holds eight bytes a grant, so that with a million of them it is still in the processor's cache and finding one
/// reads main memory once, for the grant itself.
#[derive(Debug, Default)]
pub(super) struct Grants {
    index: HashTable<Place>,
    slots: Vec<Option<Held>>,
    free: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    /// A part of the id: enough to tell nearly all others apart without reading their slots.
    part: u32,
    slot: u32,
}

impl Place {
    const fn hash(&self) -> u64 {
        hash(self.part)
    }
}

/// Ids are random, so any part of one will do; the multiplication moves it to where the table looks.
const fn hash(part: u32) -> u64 {
    (part as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn part(id: TicketId) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|at| id.0[at + 12]))
}

impl Grants {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.slots.iter().flatten()
    }

    pub(super) fn get(&self, id: TicketId) -> Option<&Held> {
        let part = part(id);
        let place = self.index.find(hash(part), |place| place.part == part && is_at(&self.slots, place, id))?;
        self.slots[place.slot as usize].as_ref()
    }

    /// Holds one more; of two with one id the later stays.
    pub(super) fn insert(&mut self, held: Held) {
        let (id, part) = (held.key.id, part(held.key.id));
        let is_here = |place: &Place| place.part == part && is_at(&self.slots, place, id);
        match self.index.entry(hash(part), is_here, Place::hash) {
            Entry::Occupied(found) => self.slots[found.get().slot as usize] = Some(held),
            Entry::Vacant(vacant) => {
                let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
                match self.slots.get_mut(slot as usize) {
                    Some(free) => *free = Some(held),
                    None => self.slots.push(Some(held)),
                }
                vacant.insert(Place { part, slot });
            }
        }
    }

    /// Changes a grant, and removes it when `change` says that it is over; what was found is as it was changed.
    pub(super) fn take(&mut self, id: TicketId, change: impl FnOnce(&mut Held) -> bool) -> Option<Held> {
        let part = part(id);
        let is_here = |place: &Place| place.part == part && is_at(&self.slots, place, id);
        let found = self.index.find_entry(hash(part), is_here).ok()?;
        let slot = found.get().slot;
        let held = self.slots[slot as usize].as_mut()?;
        if !change(held) {
            return Some(held.clone());
        }
        found.remove();
        self.free.push(slot);
        self.slots[slot as usize].take()
    }

    pub(super) fn remove(&mut self, id: TicketId) -> Option<Held> {
        self.take(id, |_| true)
    }
}

fn is_at(slots: &[Option<Held>], place: &Place, id: TicketId) -> bool {
    slots[place.slot as usize].as_ref().is_some_and(|held| held.key.id == id)
}
