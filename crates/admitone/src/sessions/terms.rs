use std::time::Duration;

use crate::principal::Permissions;

/// On what terms a route's sessions live.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The longest life, from the opening.
    pub longest: Duration,
    /// How long a session stays open behind its login's end, for a renewal that comes late. Never behind `longest`.
    pub grace: Duration,
    /// What a login has to hold to renew.
    pub required: Permissions,
    /// What becomes of a session that is renewed with a login that may do less than it was admitted with.
    pub narrowed: Narrowed,
}

/// What becomes of a session that is renewed with a login that may do less than the session was admitted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Narrowed {
    /// It stays as it was, until its own end.
    Refuse,
    /// It is closed.
    Close,
}

impl From<Duration> for Terms {
    /// This long at the most, and nothing else.
    fn from(longest: Duration) -> Self {
        Self { longest, grace: Duration::ZERO, required: Permissions::default(), narrowed: Narrowed::Refuse }
    }
}
