//! From a login to a ticket, and from a ticket to an admitted connection.

mod asking;
mod counters;
mod error;
mod places;
mod rehearsal;
mod spent;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::grant::{Grant, MAX_USES, SessionId};
use crate::now::Now;
use crate::principal::{Login, Method, Principal};
use crate::revocation::{MARK_RETENTION, Mark, Revocations};
use crate::sessions::Terms;
use crate::store::directory::Directory;
use crate::store::memory::MemoryDirectory;
use crate::store::{Opening, StoreUnavailable, Stored, TicketKey, TicketStore};
use crate::ticket::keys::{KeyError, Opened, TicketKeys};
use crate::ticket::{Place, SubjectTag, Ticket, TicketId};

pub use asking::{Asker, Introspection};
pub use counters::Counters;
pub use error::{LoginRefused, MintError, RedeemError, TicketRefused};
pub use rehearsal::RehearsalError;
use spent::SpentTickets;

/// How much later than its expiry a ticket is still looked up, for nodes whose clocks differ. The store's own expiry, which
/// runs on one clock, decides.
const LEEWAY_SECONDS: u64 = 2;

/// How old the mirror of the marks may be for it to decide about a login while the store does not answer.
pub const MIRROR_TRUST: Duration = Duration::from_secs(300);

/// Mints and redeems.
pub struct Admission {
    keys: TicketKeys,
    store: Arc<dyn TicketStore>,
    revocations: Arc<dyn Revocations>,
    directory: Arc<dyn Directory>,
    spent: SpentTickets,
    node: Arc<str>,
    counters: Counters,
}

impl Admission {
    /// Tickets by `keys`, grants in `store`, marks from `revocations`.
    #[must_use]
    pub fn new(keys: TicketKeys, store: Arc<dyn TicketStore>, revocations: Arc<dyn Revocations>) -> Self {
        Self {
            keys,
            store,
            revocations,
            directory: Arc::new(MemoryDirectory::default()),
            spent: SpentTickets::default(),
            node: Arc::from(""),
            counters: Counters::default(),
        }
    }

    /// Names this node in the records of its sessions; every node of a store needs a name of its own.
    #[must_use]
    pub fn on_node(self, name: &str) -> Self {
        Self { node: Arc::from(name), ..self }
    }

    /// Counts sessions in the directory of all nodes, instead of one of this process.
    #[must_use]
    pub fn with_directory(self, directory: Arc<dyn Directory>) -> Self {
        Self { directory, ..self }
    }

    /// What this node has counted.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
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

    /// Mints a ticket for a grant, bound to a place, that admits one connection.
    ///
    /// # Errors
    ///
    /// [`MintError`]; no ticket exists then.
    pub async fn mint(&self, grant: Grant, place: &Place<'_>, now: Now) -> Result<Minted, MintError> {
        self.mint_for_uses(grant, NonZeroU32::MIN, place, now).await
    }

    /// Mints a ticket that admits `uses` connections, [`MAX_USES`] at most, one after another or together.
    ///
    /// # Errors
    ///
    /// As [`mint`](Self::mint).
    pub async fn mint_for_uses(
        &self,
        grant: Grant,
        uses: NonZeroU32,
        place: &Place<'_>,
        now: Now,
    ) -> Result<Minted, MintError> {
        let expires_at = u32::try_from(grant.expires_at).map_err(|_| MintError::Expiry)?;
        if grant.expires_at <= now.unix || grant.expires_at > grant.login_expires_at {
            return Err(MintError::Expiry);
        }
        let subject = self.subject_tag(&grant.principal);
        let id = TicketId(random()?);
        let session_id = self.keys.session_of(id, subject);
        let ticket = self.keys.seal(&Opened { single_use: uses.get() == 1, expires_at, subject, id }, place);
        let (created_at, expires_at) = (grant.created_at, grant.expires_at);
        let stored = Stored { grant, session_id: session_id.clone(), uses: uses.get().min(MAX_USES) };
        self.store.put(TicketKey { subject, id }, stored, now).await?;
        Ok(Minted { ticket, session_id, created_at, expires_at })
    }

    /// Checks a ticket offline: its MAC, binding and expiry, and that this node has not seen it spent.
    ///
    /// # Errors
    ///
    /// [`TicketRefused`]; the store has not been asked.
    pub fn inspect(&self, ticket: &Ticket, place: &Place<'_>, now: Now) -> Result<Authentic, TicketRefused> {
        let opened = self.keys.open(ticket, place)?;
        if is_over(&opened, now) {
            return Err(TicketRefused::Expired);
        }
        if self.spent.has(opened.id) {
            return Err(TicketRefused::Replayed(self.replayed(&opened)));
        }
        Ok(Authentic(Proof::Ticket(opened)))
    }

    /// Lets a login take the place of a ticket, where a route's fallback policy allows it.
    ///
    /// # Errors
    ///
    /// [`LoginRefused`], as [`accept`](Self::accept).
    pub fn inspect_login(&self, login: &Login, route: &str, now: Now) -> Result<Authentic, LoginRefused> {
        self.accept(login, now)?;
        // Until the login ends, which is sooner.
        Ok(Authentic(Proof::Login(Box::new(Grant::of(login, route, MARK_RETENTION, now.unix)))))
    }

    /// Redeems: takes one use of the grant out of the store, with the marks. The session lives on `terms`.
    ///
    /// Run it in a task of its own: a cancelled redemption spends the ticket and admits nobody.
    ///
    /// # Errors
    ///
    /// [`RedeemError`]; the ticket, or this use of it, is spent then, whatever the reason.
    pub async fn redeem(
        &self,
        authentic: Authentic,
        terms: impl Into<Terms>,
        now: Now,
    ) -> Result<Admitted, RedeemError> {
        let terms = terms.into();
        match authentic.0 {
            Proof::Ticket(opened) => self.redeem_ticket(opened, terms, now).await,
            Proof::Login(grant) => self.redeem_login(*grant, terms, now).await,
        }
    }

    async fn redeem_ticket(&self, opened: Opened, terms: Terms, now: Now) -> Result<Admitted, RedeemError> {
        if opened.single_use {
            // Before the store is asked: an answer that is lost, or not waited for, leaves the ticket spent.
            self.remember_spent(&opened, now);
        }
        let taken = self.store.take(key(&opened), self.opening(terms.longest, now), now).await?;
        if !opened.single_use && taken.as_ref().is_none_or(|taken| taken.stored.uses == 0) {
            self.remember_spent(&opened, now);
        }
        let taken = taken.ok_or_else(|| self.absent(&opened, now))?;
        if let Some(mark) = taken.mark {
            return Err(RedeemError::Revoked(mark));
        }
        let session_id = taken.session_id();
        let (grant, subject) = (taken.stored.grant, opened.subject);
        Ok(Admitted { grant, session_id, subject, method: Method::Ticket, terms })
    }

    fn remember_spent(&self, opened: &Opened, now: Now) {
        self.spent.add(opened.id, over_at(opened), now);
    }

    /// Why a genuine ticket's grant is not in the store.
    fn absent(&self, opened: &Opened, now: Now) -> RedeemError {
        if now.unix >= u64::from(opened.expires_at) {
            return RedeemError::Expired;
        }
        // Whoever ended the session had the grant discarded.
        if self.revocations.mirror().has_session(&self.keys.session_of(opened.id, opened.subject)) {
            return RedeemError::Revoked(Mark::Session);
        }
        RedeemError::Replayed(self.replayed(opened))
    }

    fn replayed(&self, opened: &Opened) -> SessionId {
        self.counters.count_replay();
        self.keys.session_of(opened.id, opened.subject)
    }

    /// With the store down the mirror decides, as long as it is young; there is no record of the session then.
    async fn redeem_login(&self, grant: Grant, terms: Terms, now: Now) -> Result<Admitted, RedeemError> {
        let subject = self.subject_tag(&grant.principal);
        let session_id = self.keys.session_id(subject, random()?);
        let opening = self.opening(terms.longest, now);
        let mark = match self.store.enter(subject, &grant, &session_id, opening, now).await {
            Err(StoreUnavailable) if !self.mirror_is_young(now) => return Err(StoreUnavailable.into()),
            Err(StoreUnavailable) => self.revocations.mirror().covering(&grant.principal, &grant.login, None),
            Ok(mark) => mark,
        };
        match mark {
            Some(mark) => Err(RedeemError::Revoked(mark)),
            None => Ok(Admitted { grant, session_id, subject, method: Method::Jwt, terms }),
        }
    }

    /// The name of this node.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    pub(crate) fn store(&self) -> &dyn TicketStore {
        &*self.store
    }

    pub(crate) fn directory(&self) -> &dyn Directory {
        &*self.directory
    }

    /// Whether a session is the principal's, by its handle alone.
    pub(crate) fn is_owner(&self, principal: &Principal, session: &SessionId) -> bool {
        self.keys.is_session_of(self.subject_tag(principal), session)
    }

    pub(crate) fn subject_tag(&self, principal: &Principal) -> SubjectTag {
        self.keys.subject_tag(principal.issuer(), principal.subject())
    }

    fn mirror_is_young(&self, now: Now) -> bool {
        self.revocations.synced(now).is_some_and(|age| age < MIRROR_TRUST)
    }

    fn opening(&self, longest: Duration, now: Now) -> Opening<'_> {
        Opening { node: &self.node, deadline: now.unix.saturating_add(longest.as_secs()) }
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
            Proof::Ticket(_) => Method::Ticket,
            Proof::Login(_) => Method::Jwt,
        }
    }

    /// The ticket's random name; none of a login.
    #[must_use]
    pub const fn ticket_id(&self) -> Option<TicketId> {
        match &self.0 {
            Proof::Ticket(opened) => Some(opened.id),
            Proof::Login(_) => None,
        }
    }

    /// Whether it admits one connection at most.
    #[must_use]
    pub const fn is_single_use(&self) -> bool {
        match &self.0 {
            Proof::Ticket(opened) => opened.single_use,
            Proof::Login(_) => true,
        }
    }
}

#[derive(Debug)]
enum Proof {
    Ticket(Opened),
    Login(Box<Grant>),
}

/// A redeemed credential: it may open one session.
///
/// Made by [`Admission::redeem`] only, and not `Clone`.
#[derive(Debug)]
pub struct Admitted {
    pub(crate) grant: Grant,
    pub(crate) session_id: SessionId,
    pub(crate) subject: SubjectTag,
    pub(crate) method: Method,
    pub(crate) terms: Terms,
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
}

const fn key(opened: &Opened) -> TicketKey {
    TicketKey { subject: opened.subject, id: opened.id }
}

/// When a ticket is past its expiry on every node's clock, Unix seconds.
fn over_at(opened: &Opened) -> u64 {
    u64::from(opened.expires_at) + LEEWAY_SECONDS
}

fn is_over(opened: &Opened, now: Now) -> bool {
    now.unix >= over_at(opened)
}

fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map(|()| bytes).map_err(KeyError::Random)
}

#[cfg(test)]
mod tests;
