//! Whether the time that a refusal takes tells anything: forged tickets that are nearly right, beside wholly random ones.
//!
//! Two classes in random order, each refusal timed by itself; the slowest hundredth of all is left out, because it is the
//! machine's. Welch's t tells whether their means differ.

use std::sync::Arc;
use std::time::{Duration, Instant};

use admitone::admission::{Admission, TicketRefused};
use admitone::grant::Grant;
use admitone::now::Now;
use admitone::principal::{Login, LoginStamp, Permissions, Principal};
use admitone::revocation::memory::MemoryRevocations;
use admitone::store::memory::{MemoryLimits, MemoryTicketStore};
use admitone::ticket::keys::TicketKeys;
use admitone::ticket::{LENGTH, Ticket};
use serde::{Deserialize, Serialize};

use super::redeem::PLACE;
use crate::Failure;
use crate::random::Random;
use crate::token::ISSUER;

/// Refusals that are timed of each class, about.
pub(crate) const SAMPLES: usize = 100_000;

/// Different tickets of each class.
const TICKETS: usize = 512;

/// Where a ticket's random part begins: before it are prefix, version, key and expiry, which are no secrets.
const RANDOM_FROM: usize = LENGTH - 64;

/// The base64url of the last 48 bytes.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

type Text = [u8; LENGTH];

/// Welch's t of one round.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Round {
    /// A MAC that is wrong in its last character, beside random ones.
    pub(crate) last: f64,
    /// A MAC that is wrong in its first character, beside random ones.
    pub(crate) first: f64,
    /// The first of these again, told by a comparison that ends at the first difference.
    pub(crate) control: f64,
}

pub(super) fn run(rounds: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let world = runtime.block_on(World::new())?;
    let mut report = Vec::new();
    for number in 0..=rounds {
        let mut random = Random::new(number as u64 + 1);
        let round = Round {
            last: world.welch(&mut random, &world.last, World::refuse)?,
            first: world.welch(&mut random, &world.first, World::refuse)?,
            control: world.welch(&mut random, &world.last, World::compare)?,
        };
        if number > 0 {
            report.push(round);
        }
    }
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

/// A real ticket, and what is nearly it.
struct World {
    admission: Admission,
    real: Text,
    last: Vec<Text>,
    first: Vec<Text>,
    random: Vec<Text>,
}

impl World {
    async fn new() -> Result<Self, Failure> {
        let revocations = Arc::new(MemoryRevocations::default());
        let limits = MemoryLimits { total: 1, per_subject: 1 };
        let store = Arc::new(MemoryTicketStore::new(limits, revocations.clone()));
        let admission = Admission::new(TicketKeys::random()?, store, revocations);
        let now = Now::read();
        let login = Login {
            principal: Principal::new(ISSUER, "user-1", None)?,
            permissions: Permissions::new(["chat"])?,
            stamp: LoginStamp { issued_at: now.unix, sid: None, jti: None },
            expires_at: now.unix + 7200,
        };
        let grant = Grant::of(&login, Arc::from(PLACE.route), Duration::from_secs(3600), now.unix);
        let minted = admission.mint(grant, &PLACE, now).await?;
        let real: Text = minted.ticket.expose().as_bytes().try_into()?;
        let mut random = Random::new(9);
        // The MAC is the last 16 bytes; its first whole character is the 21st from the end.
        let last = (0..TICKETS).map(|_| other(real, LENGTH - 1, &mut random)).collect();
        let first = (0..TICKETS).map(|_| other(real, LENGTH - 21, &mut random)).collect();
        let random = (0..TICKETS).map(|_| (RANDOM_FROM..LENGTH).fold(real, |text, at| other(text, at, &mut random)));
        Ok(Self { admission, real, last, first, random: random.collect() })
    }

    /// As a gateway does with whatever is presented.
    fn refuse(&self, text: &Text) -> Result<(), Failure> {
        let ticket = Ticket::parse(std::str::from_utf8(text)?)?;
        match self.admission.inspect(&ticket, &PLACE, Now::read()) {
            Err(TicketRefused::Forged) => Ok(()),
            _ => Err("a forged ticket was not refused as forged".into()),
        }
    }

    /// What must not be done, to see that it would be noticed.
    fn compare(&self, text: &Text) -> Result<(), Failure> {
        let same = self.real.iter().zip(text).take_while(|(a, b)| std::hint::black_box(a == b)).count();
        if std::hint::black_box(same) == LENGTH { Err("a forged ticket is the real one".into()) } else { Ok(()) }
    }

    fn welch(
        &self,
        random: &mut Random,
        near: &[Text],
        refuse: fn(&Self, &Text) -> Result<(), Failure>,
    ) -> Result<f64, Failure> {
        let mut taken = [Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES)];
        for _ in 0..2 * SAMPLES {
            let draw = random.next();
            let class = usize::from(draw & 1 == 1);
            let at = (draw >> 32) as usize % TICKETS;
            // Copied first, so that neither class is nearer to the processor.
            let text = std::hint::black_box(if class == 0 { near[at] } else { self.random[at] });
            let start = Instant::now();
            refuse(self, &text)?;
            taken[class].push(start.elapsed().as_nanos() as f64);
        }
        let mut all = taken.concat();
        all.sort_unstable_by(f64::total_cmp);
        let bound = all[all.len() * 99 / 100];
        let [near, random] = taken.map(|times| moments(times.into_iter().filter(|time| *time <= bound)));
        Ok((near.mean - random.mean) / (near.error + random.error).sqrt())
    }
}

/// The text with another character at `at`.
fn other(mut text: Text, at: usize, random: &mut Random) -> Text {
    let old = text[at];
    while text[at] == old {
        text[at] = ALPHABET[(random.next() >> 40) as usize % ALPHABET.len()];
    }
    text
}

struct Moments {
    mean: f64,
    /// The variance of the mean.
    error: f64,
}

fn moments(times: impl Iterator<Item = f64>) -> Moments {
    let (mut number, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for time in times {
        number += 1.0;
        let off = time - mean;
        mean += off / number;
        squares += off * (time - mean);
    }
    Moments { mean, error: squares / (number - 1.0) / number }
}
