//! The library alone, on one thread: inspect and redeem, forgeries, and the two floors under them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use admitone::admission::{Admission, TicketRefused};
use admitone::grant::Grant;
use admitone::now::Now;
use admitone::principal::{Login, LoginStamp, Permissions, Principal};
use admitone::revocation::memory::MemoryRevocations;
use admitone::store::memory::{MemoryLimits, MemoryTicketStore};
use admitone::ticket::keys::TicketKeys;
use admitone::ticket::{LENGTH, Place, Ticket};
use hashbrown::HashMap;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::Failure;
use crate::machine::Watch;
use crate::process::rss;
use crate::random::Random;
use crate::rounds::median;
use crate::token::{ISSUER, ORIGIN};

/// Operations between two looks at the clock; what was redeemed is minted again before the next.
const CHUNK: usize = 200;

const TICKETS_OF_A_SUBJECT: usize = 10;

/// The longest session of the tickets' route.
const LONGEST: Duration = Duration::from_secs(86_400);

pub(super) const PLACE: Place<'static> = Place { route: "/echo", origin: Some(ORIGIN), address: None };

/// Nanoseconds of each operation, the median of the run's chunks.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Round {
    /// Parse, inspect and redeem.
    pub(crate) redeem: f64,
    /// Parse and inspect a ticket with a wrong MAC.
    pub(crate) forged: f64,
    /// One HMAC of a ticket's length.
    pub(crate) mac: f64,
    /// One take from a map as large as the store.
    pub(crate) take: f64,
    /// Cores' worth of work by others meanwhile.
    pub(crate) others: f64,
}

/// What this role prints.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Report {
    pub(crate) bytes_per_ticket: f64,
    pub(crate) rounds: Vec<Round>,
}

pub(super) fn run(outstanding: usize, rounds: usize, time: Duration) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let (mut world, bytes_per_ticket) = World::full(outstanding).await?;
        let mut floors = Floors::new(outstanding)?;
        let mut report = Report { bytes_per_ticket, rounds: Vec::new() };
        for number in 0..=rounds {
            let round = round(number, &mut world, &mut floors, time).await?;
            if number > 0 {
                report.rounds.push(round);
            }
        }
        println!("{}", serde_json::to_string(&report)?);
        Ok(())
    })
}

async fn round(number: usize, world: &mut World, floors: &mut Floors, time: Duration) -> Result<Round, Failure> {
    let watch = Watch::begin(&[])?;
    let mut round = Round { redeem: 0.0, forged: 0.0, mac: 0.0, take: 0.0, others: 0.0 };
    for step in 0..4 {
        match (number + step) % 4 {
            0 => round.redeem = world.redeem(time).await?,
            1 => round.forged = world.refuse(time)?,
            2 => round.mac = floors.mac(time),
            _ => round.take = floors.take(time)?,
        }
    }
    round.others = watch.others()?;
    Ok(round)
}

/// An admission with tickets outstanding, in random order.
struct World {
    admission: Admission,
    /// One for all grants, as a gateway's routes have theirs.
    route: Arc<str>,
    tickets: Vec<[u8; LENGTH]>,
    next: usize,
    minted: usize,
}

impl World {
    /// Mints, and says how much memory each ticket takes in the store.
    async fn full(outstanding: usize) -> Result<(Self, f64), Failure> {
        let revocations = Arc::new(MemoryRevocations::default());
        let limits = MemoryLimits { total: usize::MAX, per_subject: u32::MAX };
        let store = Arc::new(MemoryTicketStore::new(limits, revocations.clone()));
        let admission = Admission::new(TicketKeys::random()?, store, revocations);
        // Touched before the first look at the memory: what we keep is not the store's.
        let tickets = vec![[1; LENGTH]; outstanding];
        let mut world = Self { admission, route: Arc::from(PLACE.route), tickets, next: 0, minted: 0 };
        let before = rss(std::process::id())?;
        for at in 0..outstanding {
            world.tickets[at] = world.mint().await?;
        }
        let grown = rss(std::process::id())?.saturating_sub(before);
        shuffle(&mut world.tickets);
        Ok((world, grown as f64 / outstanding as f64))
    }

    /// As a gateway does: each with a login that was read from a token of its own.
    async fn mint(&mut self) -> Result<[u8; LENGTH], Failure> {
        let now = Now::read();
        let number = self.minted / TICKETS_OF_A_SUBJECT;
        self.minted += 1;
        let (subject, email) = (format!("user-{number}"), format!("user-{number}@example.com"));
        let login = Login {
            principal: Principal::new(ISSUER, &subject, Some(&email))?,
            permissions: Permissions::new(["chat"])?,
            stamp: LoginStamp { issued_at: now.unix, sid: None, jti: Some(Arc::from(format!("token-{number}"))) },
            expires_at: now.unix + 7200,
        };
        let grant = Grant::of(&login, self.route.clone(), Duration::from_secs(3600), now.unix);
        let minted = self.admission.mint(grant, &PLACE, now).await?;
        Ok(minted.ticket.expose().as_bytes().try_into()?)
    }

    async fn redeem(&mut self, time: Duration) -> Result<f64, Failure> {
        let chunk = CHUNK.min(self.tickets.len() / 4);
        let (begun, mut chunks) = (Instant::now(), Vec::new());
        while begun.elapsed() < time || chunks.is_empty() {
            if self.next + chunk > self.tickets.len() {
                self.next = 0;
                shuffle(&mut self.tickets);
            }
            let range = self.next..self.next + chunk;
            self.next += chunk;
            let start = Instant::now();
            for text in &self.tickets[range.clone()] {
                let now = Now::read();
                let ticket = Ticket::parse(std::str::from_utf8(text)?)?;
                let authentic = self.admission.inspect(&ticket, &PLACE, now)?;
                std::hint::black_box(self.admission.redeem(authentic, LONGEST, now).await?);
            }
            chunks.push(each(start, chunk));
            for at in range {
                self.tickets[at] = self.mint().await?;
            }
        }
        Ok(median(chunks))
    }

    fn refuse(&self, time: Duration) -> Result<f64, Failure> {
        let mut forged: Vec<[u8; LENGTH]> = self.tickets.iter().copied().take(CHUNK).collect();
        for text in &mut forged {
            text[LENGTH - 1] = if text[LENGTH - 1] == b'A' { b'B' } else { b'A' };
        }
        let (begun, mut chunks) = (Instant::now(), Vec::new());
        while begun.elapsed() < time {
            let start = Instant::now();
            for text in &forged {
                let ticket = Ticket::parse(std::str::from_utf8(text)?)?;
                let refused = self.admission.inspect(&ticket, &PLACE, Now::read());
                if refused.err() != Some(TicketRefused::Forged) {
                    return Err("a forged ticket was not refused as forged".into());
                }
            }
            chunks.push(each(start, forged.len()));
        }
        Ok(median(chunks))
    }
}

/// What no implementation goes below.
struct Floors {
    key: Hmac<Sha256>,
    map: HashMap<[u8; 16], [u64; 24]>,
    ids: Vec<[u8; 16]>,
    next: usize,
}

impl Floors {
    fn new(outstanding: usize) -> Result<Self, Failure> {
        let mut random = Random::new(7);
        let mut ids: Vec<[u8; 16]> = (0..outstanding).map(|_| random.id()).collect();
        let map = ids.iter().map(|id| (*id, [1; 24])).collect();
        shuffle(&mut ids);
        Ok(Self { key: Hmac::new_from_slice(&[7; 32])?, map, ids, next: 0 })
    }

    fn mac(&self, time: Duration) -> f64 {
        let (begun, mut chunks) = (Instant::now(), Vec::new());
        let mut body = [7; 38];
        while begun.elapsed() < time {
            let start = Instant::now();
            for _ in 0..CHUNK {
                let mac = self.key.clone().chain_update(body).finalize().into_bytes();
                body[..16].copy_from_slice(&mac[..16]);
            }
            chunks.push(each(start, CHUNK));
        }
        std::hint::black_box(body);
        median(chunks)
    }

    fn take(&mut self, time: Duration) -> Result<f64, Failure> {
        let chunk = CHUNK.min(self.ids.len() / 4);
        let (begun, mut chunks) = (Instant::now(), Vec::new());
        while begun.elapsed() < time {
            if self.next + chunk > self.ids.len() {
                self.next = 0;
            }
            let ids = &self.ids[self.next..self.next + chunk];
            self.next += chunk;
            let start = Instant::now();
            for id in ids {
                std::hint::black_box(self.map.remove(id).ok_or("the map lost an entry")?);
            }
            chunks.push(each(start, chunk));
            self.map.extend(ids.iter().map(|id| (*id, [1; 24])));
        }
        Ok(median(chunks))
    }
}

fn each(start: Instant, operations: usize) -> f64 {
    start.elapsed().as_nanos() as f64 / operations as f64
}

fn shuffle<T>(values: &mut [T]) {
    let mut random = Random::new(42);
    for last in (1..values.len()).rev() {
        let other = random.next() % (last as u64 + 1);
        values.swap(last, usize::try_from(other).unwrap_or(last));
    }
}
