//! `[routes.rollout]`: who gets tickets.

use admitone::principal::Principal;
use admitone::rollout::{Guard, People, Percent, Watch};

use super::JwtFallback;
use crate::config::fault::{Wrong, listed, quoted, wrong};
use crate::config::table::Table;

/// Who gets tickets, as far as the file says, and what watches over it.
#[derive(Debug)]
pub struct Rollout {
    /// Whether the section is there.
    pub is_written: bool,
    /// So many of a hundred people.
    pub percent: Option<Percent>,
    /// Who does, whatever the percentage.
    pub allow: Option<Vec<Listed>>,
    /// Who does not, whatever the percentage; nobody is on both lists.
    pub deny: Option<Vec<Listed>>,
    /// Whether each JWT on the upgrade has a ticket rehearsed.
    pub shadow: bool,
    /// What becomes of the rollout when too many tickets fail.
    pub guard: OnFailures,
    /// When too many have.
    pub watch: Watch,
}

/// Somebody on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The issuer's name in the file.
    pub issuer: String,
    /// The subject.
    pub subject: String,
}

/// What becomes of a rollout when too many tickets fail by a fault of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailures {
    /// Nobody gets tickets until a person acts.
    RollBack,
    /// It is told, and nothing else.
    Alarm,
    /// Nobody looks.
    Nothing,
}

impl OnFailures {
    /// The word in the configuration and in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RollBack => "roll_back",
            Self::Alarm => "alarm",
            Self::Nothing => "off",
        }
    }
}

const GUARDS: [(&str, OnFailures); 3] = [
    (OnFailures::RollBack.name(), OnFailures::RollBack),
    (OnFailures::Alarm.name(), OnFailures::Alarm),
    (OnFailures::Nothing.name(), OnFailures::Nothing),
];

/// Reads what counts on a route for logins of these issuers.
pub(super) fn read(table: &Table<'_>, issuers: &[String], fallback: JwtFallback) -> Rollout {
    let percent = table.optional_number("percent", 0..=100).and_then(|percent| Percent::new(percent).ok());
    let (allow, deny) = (read_people(table, "allow", issuers), read_people(table, "deny", issuers));
    let shadow = table.switch("shadow", false);
    refuse_both(table, allow.as_deref(), deny.as_deref());
    if fallback == JwtFallback::Deny {
        if percent.is_some_and(|percent| percent < Percent::ALL) {
            table.refuse("percent", locks_out());
        }
        if deny.as_ref().is_some_and(|deny| !deny.is_empty()) {
            table.refuse("deny", locks_out());
        }
        if shadow {
            let problem = "this route lets no JWT in (jwt_fallback), so there is none to rehearse a ticket for";
            table.refuse("shadow", wrong(problem, "leave it out, or set jwt_fallback to `warn` or `allow`"));
        }
    }
    let threshold = table.number("guard_threshold_percent", 1..=100, 10);
    let minimum = table.number("guard_minimum", 1..=1_000_000, 50);
    Rollout {
        is_written: table.is_present(),
        percent,
        allow,
        deny,
        shadow,
        guard: table.choice("guard", &GUARDS, OnFailures::RollBack),
        watch: Watch {
            window: table.seconds("guard_window_seconds", 1..=Guard::LONGEST.as_secs(), 60),
            threshold: Percent::new(threshold).unwrap_or(Percent::ALL),
            minimum: u32::try_from(minimum).unwrap_or(u32::MAX),
        },
    }
}

fn locks_out() -> Wrong {
    wrong(
        "who gets no ticket could not connect at all: this route lets no JWT in (jwt_fallback)",
        "set jwt_fallback to `warn` or `allow` on this route, or let everybody have tickets",
    )
}

fn read_people(table: &Table<'_>, key: &'static str, issuers: &[String]) -> Option<Vec<Listed>> {
    let entries = table.texts(key)?;
    if entries.len() > People::MOST {
        let problem = format!("{} people are listed", entries.len());
        table.refuse(key, wrong(problem, format!("list at most {}: a percentage is for the others", People::MOST)));
    }
    let mut people = Vec::new();
    for entry in &entries {
        let Some(listed) = entry.parse(|text| parse_person(text, issuers)) else { continue };
        if people.contains(&listed) {
            entry.refuse(wrong(format!("{} is named twice", quoted(entry.text())), "name them once"));
        }
        people.push(listed);
    }
    Some(people)
}

/// A subject, with its issuer's name and a colon before it where the route has several issuers.
fn parse_person(text: &str, issuers: &[String]) -> Result<Listed, Wrong> {
    let named = text.split_once(':').filter(|(issuer, _)| issuers.iter().any(|known| known == issuer));
    let (issuer, subject) = match (named, issuers) {
        (Some((issuer, subject)), _) => (issuer, subject),
        (None, [only]) => (only.as_str(), text),
        (None, _) => {
            let names = listed(issuers.iter().map(String::as_str));
            let problem = format!("the route has several issuers, and {} may be somebody at each", quoted(text));
            return Err(wrong(problem, format!("write the issuer's name and a colon before it; they are {names}")));
        }
    };
    match Principal::new(issuer, subject, None) {
        Ok(_) => Ok(Listed { issuer: issuer.to_owned(), subject: subject.to_owned() }),
        Err(_) => Err(wrong(format!("{} is no subject", quoted(subject)), "write 1 to 512 visible ASCII characters")),
    }
}

fn refuse_both(table: &Table<'_>, allow: Option<&[Listed]>, deny: Option<&[Listed]>) {
    let is_denied = |listed: &&Listed| deny.unwrap_or_default().contains(listed);
    if let Some(both) = allow.unwrap_or_default().iter().find(is_denied) {
        let problem = format!("{} is on the list `allow` too", quoted(&both.subject));
        table.refuse("deny", wrong(problem, "keep them on one of the two"));
    }
}
