//! What has been taken back, and what each node remembers of it.
//!
//! A revocation leaves a *mark*. Every login, ticket and session is compared with the marks, so that what was revoked
//! neither mints, redeems nor stays connected. Marks are kept for [`MARK_RETENTION`]; no login that lasts longer is accepted,
//! or it could outlive the mark that ended it.

pub(crate) mod journal;
pub mod memory;
mod mirror;
#[cfg(feature = "redis")]
pub mod redis;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::grant::SessionId;
use crate::now::Now;
use crate::principal::{Login, LoginStamp, Principal};
use crate::store::{BoxFuture, StoreUnavailable};

use journal::News;
pub use mirror::Mirror;

/// How long a mark is kept, and the longest life of a login that is accepted.
pub const MARK_RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);

/// Something taken back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Revocation {
    /// One connection, or the ticket that would open it. For the handle of a multi-use ticket: every connection of it.
    Session(SessionId),
    /// Every login of a subject that happened up to a time.
    Subject {
        /// `iss`.
        issuer: Arc<str>,
        /// `sub`.
        subject: Arc<str>,
        /// Logins with an `iat` up to this, Unix seconds, are over; a login without `iat` counts as 0.
        until: u64,
    },
    /// One login session at an issuer.
    Sid {
        /// `iss`.
        issuer: Arc<str>,
        /// `sid`.
        sid: Arc<str>,
    },
    /// One token.
    Jti {
        /// `iss`.
        issuer: Arc<str>,
        /// `jti`.
        jti: Arc<str>,
    },
    /// Every login that happened up to a time, whoever's.
    Everything {
        /// As a subject's.
        until: u64,
    },
}

impl Revocation {
    /// What signing out revokes: the login session, else the token, else all the subject's logins up to `now`.
    #[must_use]
    pub fn of_login(login: &Login, now: u64) -> Self {
        let issuer = Arc::from(login.principal.issuer());
        match (&login.stamp.sid, &login.stamp.jti) {
            (Some(sid), _) => Self::Sid { issuer, sid: sid.clone() },
            (None, Some(jti)) => Self::Jti { issuer, jti: jti.clone() },
            (None, None) => Self::of_subject(&login.principal, now.max(login.stamp.issued_at)),
        }
    }

    /// What signing out everywhere revokes: all the subject's logins up to `now` (Unix seconds).
    #[must_use]
    pub fn of_subject(principal: &Principal, now: u64) -> Self {
        Self::Subject { issuer: principal.issuer().into(), subject: principal.subject().into(), until: now }
    }

    /// Whether it ends this connection.
    #[must_use]
    pub fn covers(&self, principal: &Principal, login: &LoginStamp, session: &SessionId) -> bool {
        match self {
            Self::Session(id) => id == session || session.of_ticket().as_ref() == Some(id),
            Self::Subject { issuer, subject, until } => {
                **issuer == *principal.issuer() && **subject == *principal.subject() && login.issued_at <= *until
            }
            Self::Sid { issuer, sid } => **issuer == *principal.issuer() && login.sid.as_ref() == Some(sid),
            Self::Jti { issuer, jti } => **issuer == *principal.issuer() && login.jti.as_ref() == Some(jti),
            Self::Everything { until } => login.issued_at <= *until,
        }
    }

    /// The kind of mark it leaves.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        match self {
            Self::Session(_) => Mark::Session,
            Self::Subject { .. } => Mark::Subject,
            Self::Sid { .. } => Mark::Sid,
            Self::Jti { .. } => Mark::Jti,
            Self::Everything { .. } => Mark::Everything,
        }
    }
}

/// Which kind of mark covers something: for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Mark {
    /// The session itself.
    Session,
    /// The subject's logins up to a time.
    Subject,
    /// The login session.
    Sid,
    /// The token.
    Jti,
    /// All logins up to a time.
    Everything,
}

impl Mark {
    /// The word in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Subject => "subject",
            Self::Sid => "sid",
            Self::Jti => "jti",
            Self::Everything => "everything",
        }
    }
}

/// A position in the stream of revocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub(crate) u64);

/// What came after a cursor.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The revocations, oldest first.
    pub revocations: Vec<Revocation>,
    /// Where to go on.
    pub cursor: Cursor,
    /// Some were lost before these: everything live has to be compared with the mirror again.
    pub gap: bool,
}

impl From<News<Revocation>> for Batch {
    fn from(News { entries, cursor, gap }: News<Revocation>) -> Self {
        Self { revocations: entries, cursor, gap }
    }
}

/// Revocations, shared by all nodes of a store.
pub trait Revocations: Send + Sync + 'static {
    /// Takes something back. When it returns, nothing that it covers redeems on any node.
    fn revoke(&self, revocation: Revocation, now: Now) -> BoxFuture<'_, Result<(), StoreUnavailable>>;

    /// The same for something that only `owner` has: a store that keeps marks by subject writes fewer of them.
    fn revoke_of(
        &self,
        owner: &Principal,
        revocation: Revocation,
        now: Now,
    ) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        let _ = owner;
        self.revoke(revocation, now)
    }

    /// The marks as this node knows them.
    fn mirror(&self) -> &Mirror;

    /// How long ago this node last knew that it had every mark; `None` when it never did.
    fn synced(&self, now: Now) -> Option<Duration>;

    /// Waits until there is something after `cursor`, and yields it.
    fn follow(&self, cursor: Cursor) -> BoxFuture<'_, Batch>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_has_one_word_everywhere() {
        for mark in [Mark::Session, Mark::Subject, Mark::Sid, Mark::Jti, Mark::Everything] {
            assert_eq!(serde_json::to_value(mark).expect("a word"), mark.name());
        }
    }

    #[test]
    fn marks_are_kept_for_thirty_days() {
        assert_eq!(MARK_RETENTION.as_secs(), 2_592_000);
    }
}
