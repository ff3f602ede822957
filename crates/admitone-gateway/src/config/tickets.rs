//! `[store]` and `[tickets]`: where tickets are kept, how long they live, and the keys that sign them.

use std::time::Duration;

use admitone::principal::Permissions;
pub use admitone::route::TTL_SECONDS;
use admitone::ticket::keys::TicketKeys;

use super::fault::{quoted, wrong};
use super::redis::{self, Redis};
use super::secret::{Secret, read_key};
use super::table::Table;

/// Where tickets are kept.
#[derive(Debug)]
pub struct Store {
    /// By which means.
    pub kind: StoreKind,
    /// How many tickets may be outstanding in all; for the memory store.
    pub max_tickets: usize,
    /// How many tickets one subject may have outstanding; never more than `max_tickets`.
    pub max_tickets_per_subject: u32,
}

/// The means by which tickets are kept.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreKind {
    /// In this process's memory.
    Memory,
    /// In Redis or Valkey.
    Redis(Box<Redis>),
}

/// What has been read of `[store]`: whether gateways share it is known even where something else is wrong.
pub(super) struct StoreReading {
    pub(super) is_shared: bool,
    pub(super) sound: Option<Store>,
}

pub(super) fn read_store(table: &Table<'_>) -> StoreReading {
    let is_shared = table.choice("kind", &[("memory", false), ("redis", true)], false);
    let max_tickets = table.number("max_tickets", 1..=100_000_000, 1_000_000);
    let per_subject = table.optional_number("max_tickets_per_subject", 1..=1_000_000);
    if is_shared && table.has("max_tickets") {
        let problem = "only the memory store counts all tickets: Redis is bounded by its own maxmemory";
        table.warn("max_tickets", wrong(problem, "leave it out"));
    }
    if per_subject.is_some_and(|per_subject| per_subject > max_tickets) {
        let problem = format!("it is more than max_tickets, which is {max_tickets}");
        table.refuse("max_tickets_per_subject", wrong(problem, "write at most that many"));
    }
    let kind = if is_shared {
        redis::read(table).map(|redis| StoreKind::Redis(Box::new(redis)))
    } else {
        redis::refuse_all(table);
        Some(StoreKind::Memory)
    };
    let sound = kind.map(|kind| Store {
        kind,
        max_tickets: count(max_tickets),
        max_tickets_per_subject: u32::try_from(per_subject.unwrap_or(20).min(max_tickets)).unwrap_or(u32::MAX),
    });
    StoreReading { is_shared, sound }
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
    /// What a login has to hold to ask about other people's tickets; without it nobody may.
    pub service_permission: Option<String>,
}

struct Key {
    id: u8,
    secret: Secret,
}

pub(super) fn read_tickets(table: &Table<'_>, store_is_shared: bool) -> Tickets {
    let ttl = table.seconds("ttl_seconds", TTL_SECONDS, 60);
    if store_is_shared && !table.is_written("keys") {
        let mend = "all gateways of a redis store sign with the same keys, or each would refuse what the others minted: add a \
                    [[tickets.keys]] with an id and a secret_file, and tag_secret_file beside it";
        table.refuse_absence("keys", mend);
    }
    let signing = read_keys(table);
    let tag = read_tag_secret(table, &signing);
    let keys = tag.filter(|_| !signing.is_empty()).and_then(|tag| {
        let secrets: Vec<_> = signing.iter().map(|key| (key.id, key.secret.expose())).collect();
        TicketKeys::new(&secrets, tag.expose()).map_err(|error| table.refuse("keys", wrong(error.to_string(), ""))).ok()
    });
    Tickets { ttl, keys, service_permission: read_service_permission(table) }
}

fn read_service_permission(table: &Table<'_>) -> Option<String> {
    let entry = table.text("service_permission")?;
    entry.parse(|text| match Permissions::new([text]) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(wrong(format!("{} is not a permission", quoted(text)), error.to_string())),
    })
}

fn read_keys(table: &Table<'_>) -> Vec<Key> {
    let mut ids = Vec::new();
    let mut keys: Vec<Key> = Vec::new();
    table.tables("keys", |key| {
        let id = read_id(key, &mut ids);
        let secret = read_signing_secret(key, &keys);
        keys.push(Key { id: id?, secret: secret? });
        Some(())
    });
    keys
}

fn read_id(key: &Table<'_>, ids: &mut Vec<u8>) -> Option<u8> {
    if !key.has("id") {
        key.refuse_absence("id", "write a number from 0 to 255 that no other key has");
    }
    let id = u8::try_from(key.optional_number("id", 0..=255)?).ok()?;
    if ids.contains(&id) {
        key.refuse(
            "id",
            wrong(format!("another key has the id {id}"), "write a number from 0 to 255 that no other has"),
        );
        return None;
    }
    ids.push(id);
    Some(id)
}

fn read_signing_secret(key: &Table<'_>, others: &[Key]) -> Option<Secret> {
    let entry = key.required_text("secret_file", "name a file of at least 32 bytes")?;
    let secret = read_key(&entry)?;
    if others.iter().any(|other| other.secret == secret) {
        entry.refuse(wrong("another key has the same secret", "make one with `openssl rand -hex 32`"));
    }
    Some(secret)
}

fn read_tag_secret(table: &Table<'_>, signing: &[Key]) -> Option<Secret> {
    let has_keys = table.is_written("keys");
    if has_keys && !table.has("tag_secret_file") {
        table.refuse_absence("tag_secret_file", "name a file of its own beside the keys: it stays when they rotate");
    }
    let entry = table.text("tag_secret_file")?;
    if !has_keys && table.is_whole() {
        entry.refuse(wrong("there are no [[tickets.keys]] that it belongs to", "add them, or leave it out"));
    }
    let secret = read_key(&entry)?;
    if signing.iter().any(|key| key.secret == secret) {
        entry.refuse(wrong("it is the same secret as one of the keys", "make one of its own: it never rotates"));
    }
    Some(secret)
}
