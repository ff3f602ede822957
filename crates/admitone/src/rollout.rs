//! Who gets tickets: so many of a hundred people, and lists of those who do or do not, whatever the percentage.
//!
//! Where somebody stands among all people is a keyed hash of issuer and subject: whoever is in at some percentage is in at
//! every higher one, at every call, on every node that has the same keys. Who is not in falls back to the JWT.
//!
//! - [`Rollout`] is the pure rule, [`Setting`] a rule with who set it and what the guard made of it.
//! - [`Guard`] watches the failures of tickets that are ours.
//! - [`Settings`] is where all nodes keep the rules of their routes; [`Rollouts`] is one node among them.

mod document;
mod guard;
mod memory;
mod node;
mod people;
#[cfg(feature = "redis")]
mod redis;
mod setting;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::principal::Principal;

pub use document::{Document, Settings};
pub use guard::{Guard, Seen, Watch};
pub use memory::MemorySettings;
pub use node::{ChangeError, Edit, Rollouts};
pub use people::{People, Person};
#[cfg(feature = "redis")]
pub(crate) use redis::ROLLOUTS;
#[cfg(feature = "redis")]
pub use redis::RedisSettings;
pub use setting::{By, Said, Setting, Trip};

/// How many of a hundred people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Percent(u8);

/// A number that is no percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a whole number from 0 to 100 is needed")]
pub struct PercentError;

impl Percent {
    /// Nobody.
    pub const NONE: Self = Self(0);

    /// Everybody.
    pub const ALL: Self = Self(100);

    /// So many of a hundred.
    ///
    /// # Errors
    ///
    /// [`PercentError`] above 100.
    pub fn new(percent: u64) -> Result<Self, PercentError> {
        u8::try_from(percent).ok().filter(|percent| *percent <= 100).map(Self).ok_or(PercentError)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Percent {
    type Error = PercentError;

    fn try_from(percent: u8) -> Result<Self, PercentError> {
        Self::new(u64::from(percent))
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// Where somebody stands among all people: [`TicketKeys::standing`](crate::ticket::keys::TicketKeys::standing).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing(u8);

impl Standing {
    /// Spreads a hash evenly over a hundred places.
    pub(crate) fn of_hash(hash: u64) -> Self {
        let place = (u128::from(hash) * 100) >> 64;
        Self(u8::try_from(place).unwrap_or(99))
    }

    /// Whether they are among the first so many of a hundred.
    #[must_use]
    pub const fn is_within(self, percent: Percent) -> bool {
        self.0 < percent.0
    }
}

/// Who gets tickets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// So many of a hundred, but for those on the lists.
    pub percent: Percent,
    /// These do, whatever the percentage.
    #[serde(default)]
    pub allow: People,
    /// These do not, whatever the percentage; nobody is on both lists.
    #[serde(default)]
    pub deny: People,
}

impl Rollout {
    /// Whether somebody gets tickets.
    #[must_use]
    pub fn is_on_for(&self, who: &Principal, standing: Standing) -> bool {
        !self.deny.has(who) && (self.allow.has(who) || standing.is_within(self.percent))
    }

    /// Whether nobody is left without tickets: where there is no fallback, anything else would lock people out.
    #[must_use]
    pub fn is_for_everybody(&self) -> bool {
        self.percent == Percent::ALL && self.deny.is_empty()
    }

    /// From now on they do, whatever the percentage.
    pub fn allow(&mut self, person: Person) {
        self.deny.remove(&person);
        self.allow.add(person);
    }

    /// From now on they do not, whatever the percentage.
    pub fn deny(&mut self, person: Person) {
        self.allow.remove(&person);
        self.deny.add(person);
    }

    /// From now on the percentage decides about them.
    pub fn unlist(&mut self, person: &Person) {
        self.allow.remove(person);
        self.deny.remove(person);
    }
}

/// Tickets for everybody.
impl Default for Rollout {
    fn default() -> Self {
        Self { percent: Percent::ALL, allow: People::default(), deny: People::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_its_number() {
        for number in [0, 1, 100] {
            let percent = Percent::try_from(number).expect("not above 100");
            assert_eq!((percent.get(), u8::from(percent)), (number, number));
            assert_eq!(percent.to_string(), format!("{number} %"));
        }
        assert!(Percent::try_from(101).is_err());
    }
}
