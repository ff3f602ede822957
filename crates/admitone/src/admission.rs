//! From a login to a ticket, and from a ticket to an admitted connection.

mod spent;

use std::fmt;
use std::sync::Arc;

use crate::grant::{Grant, SessionId};
use crate::now::Now;
use crate::principal::{Login, Method};
use crate::revocation::{MARK_RETENTION, Mark, Revocations};
use crate::store::{PutError, StoreUnavailable, Stored, TicketKey, TicketStore};
use crate::ticket::keys::{KeyError, OpenError, TicketKeys};
use crate::ticket::{Place, Ticket, TicketId};

use spent::SpentTickets;

/// How much later than its expiry a ticket is still looked up, for nodes whose clocks differ. The store's own expiry, which
/// runs on one clock, decides.
const LEEWAY_SECONDS: u64 = 2;

/// Mints and redeems.
pub struct Admission {
    keys: TicketKeys,
    store: Arc<dyn TicketStore>,
    revocations: Arc<dyn Revocations>,
    spent: SpentTickets,
}

impl Admission {
    /// Tickets by `keys`, grants in `store`, marks from `revocations`.
    #[must_use]
    pub fn new(keys: TicketKeys, store: Arc<dyn TicketStore>, revocations: Arc<dyn Revocations>) -> Self {
        Self { keys, store, revocations, spent: SpentTickets::default() }
    }

    /// Compares a verified login with the marks.
    ///
    /// # Errors
    ///
    /// [`LoginRefused`] when it was revoked, is over, or lasts longer than marks are kept (counted from its `iat`).
    pub fn accept(&self, login: &Login, now: Now) -> Result<(), LoginRefused> {
        if login.expires_at <= now.unix {
            return Err(LoginRefused::Expired);
        }
        // From its beginning, where the token says: what was revoked on its first day must not outlive that mark.
        let began = if login.stamp.issued_at == 0 { now.unix } else { login.stamp.issued_at.min(now.unix) };
        if login.expires_at - began > MARK_RETENTION.as_secs() {
            return Err(LoginRefused::TooLong);
        }
        match self.revocations.mirror().covering(&login.principal, &login.stamp, None) {
            Some(mark) => Err(LoginRefused::Revoked(mark)),
            None => Ok(()),
        }
    }

    /// Mints a ticket for a grant, bound to a place.
    ///
    /// # Errors
    ///
    /// [`MintError`]; no ticket exists then.
    pub async fn mint(&self, grant: Grant, place: &Place<'_>, now: Now) -> Result<Minted, MintError> {
        let expires_at = u32::try_from(grant.expires_at).map_err(|_| MintError::Expiry)?;
        if grant.expires_at <= now.unix || grant.expires_at > grant.login_expires_at {
            return Err(MintError::Expiry);
        }
        let subject = self.keys.subject_tag(grant.principal.issuer(), grant.principal.subject());
        let (id, session) = random_pair()?;
        let key = TicketKey { subject, id: TicketId(id) };
        let session_id = SessionId::new(subject.bucket(), session);
        let ticket = self.keys.seal(key.id, subject, place, expires_at);
        let (created_at, expires_at) = (grant.created_at, grant.expires_at);
        self.store.put(key, Stored { grant, session_id: session_id.clone() }, now).await?;
        Ok(Minted { ticket, session_id, created_at, expires_at })
    }

    /// Checks a ticket offline: its MAC, binding and expiry, and that this node has not seen it spent.
    ///
    /// # Errors
    ///
    /// [`TicketRefused`]; the store has not been asked.
    pub fn inspect(&self, ticket: &Ticket, place: &Place<'_>, now: Now) -> Result<Authentic, TicketRefused> {
        let opened = self.keys.open(ticket, place)?;
        if now.unix >= opened.expires_at + LEEWAY_SECONDS {
            return Err(TicketRefused::Expired);
        }
        if self.spent.has(opened.id) {
            return Err(TicketRefused::Replayed);
        }
        let key = TicketKey { subject: opened.subject, id: opened.id };
        Ok(Authentic(Proof::Ticket { key, expires_at: opened.expires_at }))
    }

    /// Lets a login take the place of a ticket, where a route's fallback policy allows it.
    ///
    /// # Errors
    ///
    /// [`LoginRefused`], as [`accept`](Self::accept).
    pub fn inspect_login(&self, login: &Login, route: &str, now: Now) -> Result<Authentic, LoginRefused> {
        self.accept(login, now)?;
        let lifetime = std::time::Duration::from_secs(login.expires_at - now.unix);
        Ok(Authentic(Proof::Login(Box::new(Grant::of(login, route, lifetime, now.unix)))))
    }

    /// Redeems: takes the grant out of the store, once, with the marks.
    ///
    /// Run it in a task of its own: a cancelled redemption spends the ticket and admits nobody.
    ///
    /// # Errors
    ///
    /// [`RedeemError`]; the ticket is spent then, whatever the reason.
    pub async fn redeem(&self, authentic: Authentic, now: Now) -> Result<Admitted, RedeemError> {
        match authentic.0 {
            Proof::Ticket { key, expires_at } => self.redeem_ticket(key, expires_at, now).await,
            Proof::Login(grant) => {
                if let Some(mark) = self.revocations.mirror().covering(&grant.principal, &grant.login, None) {
                    return Err(RedeemError::Revoked(mark));
                }
                let subject = self.keys.subject_tag(grant.principal.issuer(), grant.principal.subject());
                let session_id = SessionId::new(subject.bucket(), random()?);
                Ok(Admitted { grant: *grant, session_id, method: Method::Jwt })
            }
        }
    }

    async fn redeem_ticket(&self, key: TicketKey, expires_at: u64, now: Now) -> Result<Admitted, RedeemError> {
        // Before the store is asked: an answer that is lost, or not waited for, leaves the ticket spent.
        self.spent.add(key.id, expires_at + LEEWAY_SECONDS, now);
        let taken = self.store.take(key, now).await?.ok_or(RedeemError::Replayed)?;
        if let Some(mark) = taken.mark {
            return Err(RedeemError::Revoked(mark));
        }
        let Stored { grant, session_id } = taken.stored;
        Ok(Admitted { grant, session_id, method: Method::Ticket })
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// A ticket and what its owner may know of it.
#[derive(Debug)]
pub struct Minted {
    /// The secret.
    pub ticket: Ticket,
    /// The connection's public handle.
    pub session_id: SessionId,
    /// Unix seconds.
    pub created_at: u64,
    /// Unix seconds.
    pub expires_at: u64,
}

/// A credential that is genuine and not yet redeemed: it may have its upstream dialled, and nothing more.
///
/// Made by [`Admission::inspect`] and [`Admission::inspect_login`] only.
#[derive(Debug)]
pub struct Authentic(Proof);

impl Authentic {
    /// By which method.
    #[must_use]
    pub const fn method(&self) -> Method {
        match self.0 {
            Proof::Ticket { .. } => Method::Ticket,
            Proof::Login(_) => Method::Jwt,
        }
    }
}

#[derive(Debug)]
enum Proof {
    Ticket { key: TicketKey, expires_at: u64 },
    Login(Box<Grant>),
}

/// A redeemed credential: it may open one session.
///
/// Made by [`Admission::redeem`] only, and not `Clone`.
#[derive(Debug)]
pub struct Admitted {
    grant: Grant,
    session_id: SessionId,
    method: Method,
}

impl Admitted {
    /// What was granted.
    #[must_use]
    pub const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The connection's public handle.
    #[must_use]
    pub const fn session_id(&self) -> &SessionId {
        &self.session_id
    }

    /// By which method.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    pub(crate) fn into_parts(self) -> (Grant, SessionId) {
        (self.grant, self.session_id)
    }
}

/// Why a verified login is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginRefused {
    /// It has ended.
    #[error("the login has ended")]
    Expired,
    /// It lasts longer than marks are kept.
    #[error("the login lasts longer than revocations are remembered (30 days)")]
    TooLong,
    /// It was revoked.
    #[error("the login was revoked ({})", .0.name())]
    Revoked(Mark),
}

/// Why no ticket was minted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// The grant has ended, or ends after its login or the year 2106.
    #[error("the grant's expiry is not ahead, or later than its login's")]
    Expiry,
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] PutError),
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] KeyError),
}

/// Why a ticket is refused without asking the store. Callers tell their clients only that it was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketRefused {
    /// Signed by a key that is not on the list: another node's, or one rotated out.
    #[error("the ticket's key id {0} is unknown here: minted by another node without shared keys, or before a restart")]
    UnknownKey(u8),
    /// The MAC is wrong.
    #[error("the ticket is forged")]
    Forged,
    /// It has expired.
    #[error("the ticket has expired")]
    Expired,
    /// It is bound to another route, `Origin` or network.
    #[error("the ticket is bound to another route, origin or network")]
    Misbound,
    /// This node has seen it spent.
    #[error("the ticket was presented before")]
    Replayed,
}

impl From<OpenError> for TicketRefused {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::UnknownKey(id) => Self::UnknownKey(id),
            OpenError::Forged => Self::Forged,
            OpenError::Misbound => Self::Misbound,
        }
    }
}

/// Why a genuine credential admits nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedeemError {
    /// Authentic and unexpired, but not in the store: it was spent or has expired there.
    #[error("the ticket was spent before")]
    Replayed,
    /// It, or its login, was revoked.
    #[error("the ticket was revoked ({})", .0.name())]
    Revoked(Mark),
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] KeyError),
}

fn random() -> Result<[u8; 16], KeyError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(KeyError::Random)?;
    Ok(bytes)
}

/// One call to the system for both of a ticket's random numbers.
fn random_pair() -> Result<([u8; 16], [u8; 16]), KeyError> {
    let mut bytes = [[0; 16]; 2];
    getrandom::fill(bytes.as_flattened_mut()).map_err(KeyError::Random)?;
    let [id, session] = bytes;
    Ok((id, session))
}
