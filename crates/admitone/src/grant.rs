//! What a ticket stands for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::principal::{Login, LoginStamp, Permissions, Principal};

/// Most bytes of metadata in a grant, as JSON.
pub const MAX_METADATA_BYTES: usize = 2048;

/// The public handle of a connection, fixed when its ticket is minted. Not a secret, and not the ticket's id.
///
/// `ses_` and 23 characters of base64url: the subject's bucket and 16 random bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// Makes the handle from the subject's bucket and random bytes.
    #[must_use]
    pub fn new(bucket: u8, random: [u8; 16]) -> Self {
        use base64::Engine as _;
        let mut bytes = [bucket; 17];
        bytes[1..].copy_from_slice(&random);
        let mut text = String::from("ses_");
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        Self(text.into())
    }

    /// The handle as it travels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a ticket stands for: who may open which route with which permissions, and until when.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Who.
    pub principal: Principal,
    /// What the connection may do: some or all of what the login may.
    pub permissions: Permissions,
    /// Which login it was minted for.
    pub login: LoginStamp,
    /// When that login ends, Unix seconds.
    pub login_expires_at: u64,
    /// The route's path.
    pub route: Arc<str>,
    /// When it was minted, Unix seconds.
    pub created_at: u64,
    /// When the ticket ends, Unix seconds; never after the login.
    pub expires_at: u64,
    /// The application's own JSON, opaque here.
    pub metadata: Option<Arc<str>>,
}

impl Grant {
    /// The whole login, for one route: all its permissions, for `ttl` from `now` (Unix seconds) or until the login
    /// ends, whichever is first.
    #[must_use]
    pub fn of(login: &Login, route: &str, ttl: Duration, now: u64) -> Self {
        Self {
            principal: login.principal.clone(),
            permissions: login.permissions.clone(),
            login: login.stamp.clone(),
            login_expires_at: login.expires_at,
            route: Arc::from(route),
            created_at: now,
            expires_at: login.expires_at.min(now + ttl.as_secs()),
            metadata: None,
        }
    }

    /// Seconds that the ticket lives.
    #[must_use]
    pub const fn ttl_seconds(&self) -> u64 {
        self.expires_at.saturating_sub(self.created_at)
    }
}
