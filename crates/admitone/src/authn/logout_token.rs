//! Logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.4 and §2.6): an issuer says that a login is over.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashSet;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::jwt::claims::{audiences, check_times, has_type, stamp, text};
use super::jwt::{JwtIssuer, LoginError, Signed, TokenKind, Verifier};
use crate::principal::{IdentityError, Principal};
use crate::revocation::Revocation;

const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Why a token is not a logout. The texts hold nothing of the token, so that they can be logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogoutTokenError {
    /// A rule that logins have too: form, signature, issuer, audience, times.
    #[error(transparent)]
    Token(#[from] LoginError),
    /// The header's `typ` says that the token is for something else.
    #[error("the token's `typ` is not `logout+jwt`")]
    Type,
    /// The token does not say that somebody logged out.
    #[error("the token's `events` has no member for a back-channel logout that is an object")]
    NoLogoutEvent,
    /// The token could be an ID token.
    #[error("the token has a `nonce`, which no logout token may have")]
    Nonce,
    /// The token ends nobody's login.
    #[error("the token has neither `sid` nor a subject")]
    Nobody,
}

impl LogoutTokenError {
    /// The label in metrics: one of a fixed set.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Token(error) => error.cause(),
            Self::Type => "type",
            Self::NoLogoutEvent => "no_logout_event",
            Self::Nonce => "nonce",
            Self::Nobody => "nobody",
        }
    }
}

/// A verified logout token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// The issuer's identifier.
    pub issuer: Arc<str>,
    /// The login session that is over (`sid`).
    pub sid: Option<Arc<str>>,
    /// Who logged out; always there without a `sid`.
    pub subject: Option<Arc<str>>,
    /// The token's own identifier, unique for its issuer: see [`LogoutReplays`].
    pub jti: Arc<str>,
    /// When the logout happened, Unix seconds.
    pub issued_at: u64,
    /// When the token expires (`exp` and the issuer's leeway), Unix seconds.
    pub expires_at: u64,
}

impl LogoutToken {
    /// What is over: the login session, else all logins of the subject up to the logout.
    ///
    /// A login whose token has no `sid` is not reached by a logout that has one.
    #[must_use]
    pub fn revocation(&self) -> Option<Revocation> {
        let issuer = Arc::clone(&self.issuer);
        match (&self.sid, &self.subject) {
            (Some(sid), _) => Some(Revocation::Sid { issuer, sid: Arc::clone(sid) }),
            (None, Some(subject)) => {
                Some(Revocation::Subject { issuer, subject: Arc::clone(subject), until: self.issued_at })
            }
            (None, None) => None,
        }
    }
}

impl Verifier {
    /// Verifies a logout token at `now` (Unix seconds). It has to be for the issuer's client id, or for one of its audiences
    /// where its access tokens are the logins. Replays are not looked for: see [`LogoutReplays`].
    ///
    /// # Errors
    ///
    /// [`LogoutTokenError`] says which rule refused the token. After [`LoginError::UnknownKey`] it is worth verifying once
    /// more when that issuer's keys have been replaced.
    pub fn verify_logout(&self, token: &str, now: u64) -> Result<LogoutToken, LogoutTokenError> {
        let Signed { header, claims, at, .. } = self.check_signature(token)?;
        let issuer = &self.issuers()[at];
        if !has_type(&header, &[None, Some("jwt"), Some("logout+jwt")]) {
            return Err(LogoutTokenError::Type);
        }
        if !is_for(&audiences(&claims)?, issuer) {
            return Err(LoginError::Audience.into());
        }
        let missing = |claim: &str| LoginError::MissingClaim(claim.into());
        if !claims.contains_key("iat") {
            return Err(missing("iat").into());
        }
        let (issued_at, expires_at) = check_times(&claims, issuer.leeway_seconds, now)?;
        if !claims.get("events").and_then(|events| events.get(LOGOUT_EVENT)).is_some_and(Value::is_object) {
            return Err(LogoutTokenError::NoLogoutEvent);
        }
        if claims.contains_key("nonce") {
            return Err(LogoutTokenError::Nonce);
        }
        let sid = stamp(&claims, "sid")?;
        let subject = text(&claims, &issuer.claims.subject)?.map(|subject| checked(subject, issuer)).transpose()?;
        if sid.is_none() && subject.is_none() {
            return Err(LogoutTokenError::Nobody);
        }
        let jti = stamp(&claims, "jti")?.ok_or_else(|| missing("jti"))?;
        Ok(LogoutToken { issuer: issuer.issuer.as_str().into(), sid, subject, jti, issued_at, expires_at })
    }
}

fn is_for(audiences: &[&str], issuer: &JwtIssuer) -> bool {
    match &issuer.token_kind {
        TokenKind::Id { client_id } => audiences.contains(&client_id.as_str()),
        TokenKind::Access { .. } => issuer.audiences.iter().any(|ours| audiences.contains(&ours.as_str())),
    }
}

/// A subject in the form that logins have it in.
fn checked(subject: &str, issuer: &JwtIssuer) -> Result<Arc<str>, LoginError> {
    Principal::new(&issuer.issuer, subject, None)
        .map(|principal| principal.subject().into())
        .map_err(|_| LoginError::Identity(IdentityError::Subject))
}

/// The logout tokens that were seen, so that none counts twice.
///
/// Full, it forgets those that expire first: to repeat a logout ends nothing that the first one did not, while to refuse one
/// would leave somebody logged in.
#[derive(Clone, Debug)]
pub struct LogoutReplays {
    capacity: usize,
    seen: HashSet<Fingerprint>,
    by_expiry: BTreeSet<(u64, Fingerprint)>,
}

/// A hash of issuer and `jti`: as long for long ones.
type Fingerprint = [u8; 16];

impl LogoutReplays {
    /// Remembers at most `capacity` tokens, about 100 bytes each.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), seen: HashSet::new(), by_expiry: BTreeSet::new() }
    }

    /// Whether this is the first time that the token is seen; it is remembered until it expires.
    pub fn is_first(&mut self, token: &LogoutToken, now: u64) -> bool {
        while self.by_expiry.first().is_some_and(|(expires_at, _)| *expires_at <= now) {
            self.forget_first();
        }
        let fingerprint = fingerprint(token);
        if self.seen.contains(&fingerprint) {
            return false;
        }
        if self.seen.len() >= self.capacity {
            self.forget_first();
        }
        self.seen.insert(fingerprint);
        self.by_expiry.insert((token.expires_at, fingerprint));
        true
    }

    /// Forgets a token that could not be acted upon, so that it counts when it comes again.
    pub fn forget(&mut self, token: &LogoutToken) {
        let fingerprint = fingerprint(token);
        if self.seen.remove(&fingerprint) {
            self.by_expiry.remove(&(token.expires_at, fingerprint));
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, fingerprint)) = self.by_expiry.pop_first() {
            self.seen.remove(&fingerprint);
        }
    }
}

fn fingerprint(token: &LogoutToken) -> Fingerprint {
    let length = (token.issuer.len() as u64).to_be_bytes();
    let hash = Sha256::new().chain_update(length).chain_update(&*token.issuer).chain_update(&*token.jti).finalize();
    let mut fingerprint = Fingerprint::default();
    fingerprint.copy_from_slice(&hash[..16]);
    fingerprint
}
