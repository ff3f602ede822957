//! What a ticket stands for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::principal::{Login, LoginStamp, Permissions, Principal};

/// Most bytes of metadata in a grant, as JSON.
pub const MAX_METADATA_BYTES: usize = 2048;

/// Most connections that one ticket admits.
pub const MAX_USES: u32 = 1000;

/// The public handle of a connection, fixed when its ticket is minted. Not a secret, and not the ticket's id.
///
/// `ses_` and 23 characters of base64url: the subject's bucket, 10 bytes that nobody can foretell, and 6 by which those who
/// have the keys recognise its owner. Each connection of a multi-use ticket has the number of its use after that: `.1`, `.2`, ….
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId {
    /// ASCII; zeros behind it.
    text: [u8; LONGEST_SESSION],
    length: u8,
}

const SESSION_PREFIX: &str = "ses_";
const SESSION_BYTES: usize = 17;
const SESSION_LENGTH: usize = SESSION_PREFIX.len() + 23;

/// With a point and the ten digits of the largest number of a use.
const LONGEST_SESSION: usize = SESSION_LENGTH + 11;

/// The text is no session's handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a session id is ses_ and 23 characters of base64url, for a multi-use ticket's connection with .1, .2, … after it"
)]
pub struct SessionIdError;

impl SessionId {
    /// Makes a handle from the subject's bucket and the rest of its bytes.
    #[must_use]
    pub fn new(bucket: u8, rest: [u8; 16]) -> Self {
        let mut bytes = [bucket; SESSION_BYTES];
        bytes[1..].copy_from_slice(&rest);
        let mut text = [0; LONGEST_SESSION];
        text[..SESSION_PREFIX.len()].copy_from_slice(SESSION_PREFIX.as_bytes());
        // It fits: both lengths are fixed.
        let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text[SESSION_PREFIX.len()..]);
        debug_assert_eq!(written, Ok(SESSION_LENGTH - SESSION_PREFIX.len()));
        Self { text, length: SESSION_LENGTH as u8 }
    }

    /// Reads a handle.
    ///
    /// # Errors
    ///
    /// [`SessionIdError`] when no release of this version could have made it.
    pub fn parse(text: &str) -> Result<Self, SessionIdError> {
        let (handle, number) = text.split_once('.').map_or((text, None), |(handle, number)| (handle, Some(number)));
        if decode(handle).is_none() || number.is_some_and(|number| !is_use_number(number)) {
            return Err(SessionIdError);
        }
        Ok(Self::holding(text))
    }

    /// `text` is that of a handle: ASCII, and no longer than the longest.
    fn holding(text: &str) -> Self {
        let mut held = [0; LONGEST_SESSION];
        held[..text.len()].copy_from_slice(text.as_bytes());
        Self { text: held, length: text.len() as u8 }
    }

    /// The handle of one use of a multi-use ticket, counted from 1.
    #[must_use]
    pub fn of_use(&self, number: u32) -> Self {
        Self::holding(&format!("{}.{number}", self.handle()))
    }

    /// Of a connection of a multi-use ticket: the handle that its ticket was minted with.
    #[must_use]
    pub fn of_ticket(&self) -> Option<Self> {
        (self.as_str() != self.handle()).then(|| Self::holding(self.handle()))
    }

    /// Of a connection of a multi-use ticket: which use of it, counted from 1.
    #[must_use]
    pub fn use_number(&self) -> Option<u32> {
        self.as_str().split_once('.')?.1.parse().ok()
    }

    /// Which of the 256 groups of subjects its owner belongs to.
    #[must_use]
    pub fn bucket(&self) -> u8 {
        self.bytes()[0]
    }

    /// The handle as it travels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.length)]).unwrap_or_default()
    }

    /// Without the number of a use.
    fn handle(&self) -> &str {
        &self.as_str()[..SESSION_LENGTH]
    }

    pub(crate) fn bytes(&self) -> [u8; SESSION_BYTES] {
        // Every constructor has seen to it that this decodes.
        decode(self.handle()).unwrap_or_default()
    }
}

fn decode(handle: &str) -> Option<[u8; SESSION_BYTES]> {
    let encoded = handle.strip_prefix(SESSION_PREFIX).filter(|_| handle.len() == SESSION_LENGTH)?;
    let mut bytes = [0; SESSION_BYTES];
    let decoded = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes);
    (decoded == Ok(SESSION_BYTES)).then_some(bytes)
}

fn is_use_number(text: &str) -> bool {
    !text.starts_with(['0', '+']) && text.parse::<u32>().is_ok()
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
    pub fn of(login: &Login, route: impl Into<Arc<str>>, ttl: Duration, now: u64) -> Self {
        Self {
            principal: login.principal.clone(),
            permissions: login.permissions.clone(),
            login: login.stamp.held_since(now),
            login_expires_at: login.expires_at,
            route: route.into(),
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
