//! `[store]` and `[tickets]`: where tickets are kept, how long they live, and the keys that sign them.

use std::time::Duration;

use super::fault::wrong;
use super::secret::{Secret, read_key};
use super::table::Table;

/// Shortest and longest life of a ticket, in seconds.
pub(super) const TTL_SECONDS: std::ops::RangeInclusive<u64> = 5..=3600;

/// Where tickets are kept.
#[derive(Clone, Debug)]
pub struct Store {
    /// By which means.
    pub kind: StoreKind,
    /// How many tickets may be outstanding in all.
    pub max_tickets: usize,
    /// How many tickets one subject may have outstanding; never more than `max_tickets`.
    pub max_tickets_per_subject: usize,
}

/// The means by which tickets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreKind {
    /// In this process's memory.
    Memory,
}

pub(super) fn read_store(table: &Table<'_>) -> Store {
    let kind = table.choice("kind", &[("memory", StoreKind::Memory)], StoreKind::Memory);
    let max_tickets = table.number("max_tickets", 1..=100_000_000, 1_000_000);
    let per_subject = table.optional_number("max_tickets_per_subject", 1..=1_000_000);
    if per_subject.is_some_and(|per_subject| per_subject > max_tickets) {
        let problem = format!("it is more than max_tickets, which is {max_tickets}");
        table.refuse("max_tickets_per_subject", wrong(problem, "write at most that many"));
    }
    Store {
        kind,
        max_tickets: count(max_tickets),
        max_tickets_per_subject: count(per_subject.unwrap_or(20).min(max_tickets)),
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// How long tickets live and what signs them.
#[derive(Debug)]
pub struct Tickets {
    /// How long a ticket lives when the mint request does not say.
    pub ttl: Duration,
    /// The keys; without them the gateway makes random ones when it starts.
    pub keys: Option<TicketKeys>,
}

/// The keys of tickets.
#[derive(Debug)]
pub struct TicketKeys {
    /// At least one, each with its own id: the first signs, all verify.
    pub signing: Vec<TicketKey>,
    /// The key of the subject and binding tags, which is none of the others.
    pub tag: Secret,
}

/// One key that signs or verifies tickets.
#[derive(Debug)]
pub struct TicketKey {
    /// The id in the ticket.
    pub id: u8,
    /// At least 32 bytes.
    pub secret: Secret,
}

pub(super) fn read_tickets(table: &Table<'_>) -> Tickets {
    let ttl = table.seconds("ttl_seconds", TTL_SECONDS, 60);
    let has_keys = table.has("keys");
    let signing = read_keys(table);
    let tag = table.text("tag_secret_file");
    if has_keys && tag.is_none() && !table.has("tag_secret_file") {
        table.refuse_absence("tag_secret_file", "name a file of its own beside the keys: it stays when they rotate");
    }
    if let Some(tag) = tag.as_ref().filter(|_| !has_keys && table.is_whole()) {
        tag.refuse(wrong("there are no [[tickets.keys]] that it belongs to", "add them, or leave it out"));
    }
    let tag = tag.and_then(|entry| {
        let secret = read_key(&entry)?;
        if signing.iter().any(|key| key.secret == secret) {
            entry.refuse(wrong("it is the same secret as one of the keys", "make one of its own: it never rotates"));
        }
        Some(secret)
    });
    let keys = tag.filter(|_| !signing.is_empty()).map(|tag| TicketKeys { signing, tag });
    Tickets { ttl, keys }
}

fn read_keys(table: &Table<'_>) -> Vec<TicketKey> {
    let mut ids = Vec::new();
    let mut keys: Vec<TicketKey> = Vec::new();
    table.tables("keys", |key| {
        if !key.has("id") {
            key.refuse_absence("id", "write a number from 0 to 255 that no other key has");
        }
        let id = key.optional_number("id", 0..=255).and_then(|id| u8::try_from(id).ok());
        if let Some(id) = id {
            if ids.contains(&id) {
                key.refuse("id", wrong(format!("another key has the id {id}"), "write a number that no other has"));
            }
            ids.push(id);
        }
        let entry = key.required_text("secret_file", "name a file with at least 32 random bytes");
        let secret = entry.as_ref().and_then(read_key);
        if let (Some(entry), Some(secret)) = (&entry, &secret)
            && keys.iter().any(|other| other.secret == *secret)
        {
            entry.refuse(wrong("another key has the same secret", "make one with `openssl rand -hex 32`"));
        }
        keys.push(TicketKey { id: id?, secret: secret? });
        Some(())
    });
    keys
}
