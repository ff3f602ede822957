use serde::{Deserialize, Serialize};

use super::{People, Percent, Rollout, Seen};

/// A route's rule as it is kept: with who set it, and what the guard made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Who gets tickets.
    #[serde(flatten)]
    pub rollout: Rollout,
    /// Counts the changes.
    pub revision: u64,
    /// Who changed it last.
    pub by: By,
    /// When, Unix seconds.
    pub at: u64,
    /// On which node.
    pub node: Box<str>,
    /// What the guard saw when it acted, until a person sets a percentage.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trip: Option<Trip>,
    /// What a configuration said last that counted.
    #[serde(default)]
    pub file: Said,
}

/// Who changed a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum By {
    /// A configuration.
    #[default]
    File,
    /// An operator.
    Admin,
    /// The guard.
    Guard,
}

impl By {
    /// The word in logs and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Admin => "admin",
            Self::Guard => "guard",
        }
    }
}

/// Too many tickets had failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trip {
    /// When, Unix seconds.
    pub at: u64,
    /// On which node.
    pub node: Box<str>,
    /// Tickets that worked in the guard's window there.
    pub worked: u64,
    /// Tickets that failed in it.
    pub failed: u64,
    /// The percentage before.
    pub before: Percent,
}

/// What a configuration says of a rule; where it says nothing, what is kept stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// So many of a hundred.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub percent: Option<Percent>,
    /// The whole list.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub allow: Option<People>,
    /// The whole list.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deny: Option<People>,
}

impl Said {
    /// Whether it says anything.
    #[must_use]
    pub fn is_something(&self) -> bool {
        *self != Self::default()
    }

    /// What of it is news: it was something else in the configuration `before`, and is not what counted last anywhere.
    #[must_use]
    pub fn news(&self, before: &Self, counted: &Self) -> Self {
        fn news<T: Clone + PartialEq>(now: &Option<T>, before: &Option<T>, counted: &Option<T>) -> Option<T> {
            now.clone().filter(|_| now != before && now != counted)
        }
        Self {
            percent: news(&self.percent, &before.percent, &counted.percent),
            allow: news(&self.allow, &before.allow, &counted.allow),
            deny: news(&self.deny, &before.deny, &counted.deny),
        }
    }

    /// Makes a rule be what it says. Whom it lists in one way is taken off the other list.
    pub fn apply(&self, rollout: &mut Rollout) {
        if let Some(percent) = self.percent {
            rollout.percent = percent;
        }
        if let Some(allow) = &self.allow {
            allow.iter().for_each(|person| rollout.deny.remove(person));
            rollout.allow = allow.clone();
        }
        if let Some(deny) = &self.deny {
            deny.iter().for_each(|person| rollout.allow.remove(person));
            rollout.deny = deny.clone();
        }
    }

    /// Whether a rule is what it says.
    #[must_use]
    pub fn is_true_of(&self, rollout: &Rollout) -> bool {
        let mut said = rollout.clone();
        self.apply(&mut said);
        said == *rollout
    }

    fn overlay(&mut self, newer: &Self) {
        let Self { percent, allow, deny } = newer.clone();
        self.percent = percent.or(self.percent);
        self.allow = allow.or(self.allow.take());
        self.deny = deny.or(self.deny.take());
    }
}

impl Setting {
    /// The next one.
    pub(super) fn next(&self, by: By, node: &str, at: u64) -> Self {
        Self { revision: self.revision + 1, by, at, node: node.into(), ..self.clone() }
    }

    /// Remembers what of a configuration has counted.
    pub(super) fn heed(&mut self, said: &Said) {
        self.file.overlay(said);
    }

    /// What the guard makes of it: nobody gets tickets, where it may roll back.
    pub(super) fn tripped(&self, seen: Seen, rolls_back: bool, node: &str, at: u64) -> Self {
        let Seen { worked, failed } = seen;
        let mut next = self.next(By::Guard, node, at);
        next.trip = Some(Trip { at, node: node.into(), worked, failed, before: self.rollout.percent });
        if rolls_back {
            next.rollout.percent = Percent::NONE;
        }
        next
    }

    /// What counts where this one was changed without the store, which has `theirs`, changed by somebody else in the meantime:
    /// the later change; and of two guards that saw the same, the first.
    pub(super) fn prevails_over(&self, theirs: &Self) -> bool {
        let is_known = self.by == By::Guard && theirs.trip.is_some();
        !is_known && self.at > theirs.at
    }
}
