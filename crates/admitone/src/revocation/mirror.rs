use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::{Equivalent, HashMap};

use super::{MARK_RETENTION, Mark, Revocation};
use crate::grant::SessionId;
use crate::now::Now;
use crate::principal::{LoginStamp, Principal};
use crate::sync::RwLock;

/// The marks as one node knows them, in memory.
#[derive(Debug, Default)]
pub struct Mirror {
    marks: RwLock<Marks>,
}

impl Mirror {
    /// Remembers a revocation for [`MARK_RETENTION`].
    pub fn add(&self, revocation: &Revocation, now: Now) {
        self.add_for(revocation, MARK_RETENTION, now);
    }

    /// Remembers a revocation for what is left of [`MARK_RETENTION`].
    pub(crate) fn add_for(&self, revocation: &Revocation, life: Duration, now: Now) {
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        marks.forget(now.instant);
        marks.add(revocation, now.instant + life.min(MARK_RETENTION));
    }

    /// What is remembered, and for how long still.
    #[cfg(feature = "redis")]
    pub(crate) fn all(&self, now: Now) -> Vec<(Revocation, Duration)> {
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        let all = marks.known.iter().filter_map(|(key, known)| {
            let life = known.kept_until.checked_duration_since(now.instant)?;
            Some((key.revocation(known.until)?, life))
        });
        all.collect()
    }

    /// Whether this very session was revoked.
    #[must_use]
    pub fn has_session(&self, id: &SessionId) -> bool {
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        marks.known.contains_key(&Sought { kind: Mark::Session, issuer: "", value: id.as_str() })
    }

    /// The first mark that covers a login, or a session of it.
    #[must_use]
    pub fn covering(&self, principal: &Principal, login: &LoginStamp, session: Option<&SessionId>) -> Option<Mark> {
        self.marks.read().unwrap_or_else(PoisonError::into_inner).covering(principal, login, session)
    }
}

/// What a mark hangs on: two strings, of which the issuer is empty for a session, and both for everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: Mark,
    issuer: Arc<str>,
    value: Arc<str>,
}

/// A [`Key`] that owns nothing. It hashes as the other does: the same fields in the same order.
#[derive(Hash)]
struct Sought<'a> {
    kind: Mark,
    issuer: &'a str,
    value: &'a str,
}

impl Equivalent<Key> for Sought<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.kind == key.kind && *self.issuer == *key.issuer && *self.value == *key.value
    }
}

#[derive(Debug, Default)]
struct Marks {
    known: HashMap<Key, Known>,
    /// Each key once, and no later than it may be forgotten.
    forgotten_at: BTreeMap<Instant, Vec<Key>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Logins that happened up to this, Unix seconds, are over; for a session, `sid` or `jti` the largest number.
    until: u64,
    kept_until: Instant,
}

impl Marks {
    fn add(&mut self, revocation: &Revocation, kept_until: Instant) {
        let (key, until) = match revocation {
            Revocation::Session(id) => (Key::new(Mark::Session, "", id.as_str()), u64::MAX),
            Revocation::Subject { issuer, subject, until } => (Key::new(Mark::Subject, issuer, subject), *until),
            Revocation::Sid { issuer, sid } => (Key::new(Mark::Sid, issuer, sid), u64::MAX),
            Revocation::Jti { issuer, jti } => (Key::new(Mark::Jti, issuer, jti), u64::MAX),
            Revocation::Everything { until } => (Key::new(Mark::Everything, "", ""), *until),
        };
        match self.known.get_mut(&key) {
            Some(known) => {
                *known = Known { until: until.max(known.until), kept_until: kept_until.max(known.kept_until) };
            }
            None => {
                self.known.insert(key.clone(), Known { until, kept_until });
                self.forgotten_at.entry(kept_until).or_default().push(key);
            }
        }
    }

    fn covering(&self, principal: &Principal, login: &LoginStamp, session: Option<&SessionId>) -> Option<Mark> {
        if self.known.is_empty() {
            return None;
        }
        let issuer = principal.issuer();
        let of_ticket = session.and_then(SessionId::of_ticket);
        let candidates = [
            session.map(|id| Sought { kind: Mark::Session, issuer: "", value: id.as_str() }),
            of_ticket.as_ref().map(|id| Sought { kind: Mark::Session, issuer: "", value: id.as_str() }),
            login.sid.as_deref().map(|value| Sought { kind: Mark::Sid, issuer, value }),
            login.jti.as_deref().map(|value| Sought { kind: Mark::Jti, issuer, value }),
            Some(Sought { kind: Mark::Subject, issuer, value: principal.subject() }),
            Some(Sought { kind: Mark::Everything, issuer: "", value: "" }),
        ];
        candidates
            .into_iter()
            .flatten()
            .find(|sought| self.known.get(sought).is_some_and(|known| login.issued_at <= known.until))
            .map(|sought| sought.kind)
    }

    fn forget(&mut self, now: Instant) {
        while let Some(due) = self.forgotten_at.first_entry().filter(|due| *due.key() <= now) {
            for key in due.remove() {
                match self.known.get(&key).map(|known| known.kept_until) {
                    // Marked again since.
                    Some(later) if later > now => self.forgotten_at.entry(later).or_default().push(key),
                    _ => drop(self.known.remove(&key)),
                }
            }
        }
    }
}

impl Key {
    fn new(kind: Mark, issuer: &str, value: &str) -> Self {
        Self { kind, issuer: Arc::from(issuer), value: Arc::from(value) }
    }

    #[cfg(feature = "redis")]
    fn revocation(&self, until: u64) -> Option<Revocation> {
        let (issuer, value) = (self.issuer.clone(), self.value.clone());
        Some(match self.kind {
            Mark::Session => Revocation::Session(SessionId::parse(&value).ok()?),
            Mark::Subject => Revocation::Subject { issuer, subject: value, until },
            Mark::Sid => Revocation::Sid { issuer, sid: value },
            Mark::Jti => Revocation::Jti { issuer, jti: value },
            Mark::Everything => Revocation::Everything { until },
        })
    }
}

#[cfg(all(test, feature = "redis"))]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_remembered_is_told_with_what_is_left_of_its_time() {
        let (mirror, now) = (Mirror::default(), Now { unix: 1_800_000_000, instant: Instant::now() });
        let revocations = [
            Revocation::Session(SessionId::new(1, [7; 16])),
            Revocation::Subject { issuer: "i".into(), subject: "s".into(), until: 5 },
            Revocation::Sid { issuer: "i".into(), sid: "s".into() },
            Revocation::Jti { issuer: "i".into(), jti: "j".into() },
            Revocation::Everything { until: 6 },
        ];
        assert!(mirror.all(now).is_empty());
        let minute = Duration::from_secs(60);
        for revocation in &revocations {
            mirror.add_for(revocation, 2 * minute, now);
        }
        let all = mirror.all(now.after(minute));
        assert_eq!(all.len(), revocations.len());
        for revocation in revocations {
            assert!(all.contains(&(revocation, minute)));
        }
    }
}
