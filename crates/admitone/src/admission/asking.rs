//! What the owner of a ticket may ask and take back.

use super::{Admission, is_over, key};
use crate::grant::{Grant, SessionId};
use crate::now::Now;
use crate::principal::Principal;
use crate::revocation::Revocation;
use crate::store::StoreUnavailable;
use crate::ticket::Ticket;
use crate::ticket::keys::Opened;

/// Who asks about a ticket.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// Somebody, who learns about tickets of their own only.
    Owner(&'a Principal),
    /// A service that may know about every ticket.
    Service,
}

/// What is known of a ticket that could be redeemed now.
#[derive(Clone, Debug)]
pub struct Introspection {
    /// What it stands for.
    pub grant: Grant,
    /// The handle of the connection that it opens.
    pub session_id: SessionId,
    /// How many connections it may still open; at least one.
    pub uses_left: u32,
}

impl Admission {
    /// Tells what a ticket stands for, and leaves it as it is. `None` for whatever could not be redeemed, and for strangers.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`]. The store is only asked about genuine tickets, and only for those who may know.
    pub async fn introspect(
        &self,
        ticket: &Ticket,
        asker: Asker<'_>,
        now: Now,
    ) -> Result<Option<Introspection>, StoreUnavailable> {
        let Some(opened) = self.live(ticket, now) else { return Ok(None) };
        if matches!(asker, Asker::Owner(owner) if self.subject_tag(owner) != opened.subject) {
            return Ok(None);
        }
        let seen = self.store.peek(key(&opened), now).await?.filter(|seen| seen.mark.is_none());
        Ok(seen.map(|seen| Introspection {
            grant: seen.stored.grant,
            session_id: seen.stored.session_id,
            uses_left: seen.stored.uses,
        }))
    }

    /// Revokes a ticket of `owner`'s, and closes what a multi-use ticket has opened. The handle of its connection; `None`
    /// when there is nothing to revoke: it is somebody else's, spent, expired or revoked already.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`]: it may be revoked or not; to repeat it is safe.
    pub async fn revoke_ticket(
        &self,
        ticket: &Ticket,
        owner: &Principal,
        now: Now,
    ) -> Result<Option<SessionId>, StoreUnavailable> {
        let Some(opened) = self.live(ticket, now).filter(|opened| self.subject_tag(owner) == opened.subject) else {
            return Ok(None);
        };
        let Some(seen) = self.store.peek(key(&opened), now).await?.filter(|seen| seen.mark.is_none()) else {
            return Ok(None);
        };
        let session_id = seen.stored.session_id;
        let was_there = self.store.discard(key(&opened), now).await?;
        if !(was_there && opened.single_use) {
            // It has opened connections, or did so between the look and now.
            self.revocations.revoke(Revocation::Session(session_id.clone()), now).await?;
        }
        self.remember_spent(&opened, now);
        Ok(Some(session_id))
    }

    /// Revokes a session of `owner`'s: the live connection on whichever node, and the ticket that would open it, whose place
    /// among the subject's outstanding tickets is free then. False when it is somebody else's, or of other keys.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`]: it may be revoked or not; to repeat it is safe.
    pub async fn revoke_session(
        &self,
        session: &SessionId,
        owner: &Principal,
        now: Now,
    ) -> Result<bool, StoreUnavailable> {
        let subject = self.subject_tag(owner);
        if !self.keys.is_session_of(subject, session) {
            return Ok(false);
        }
        self.close_session(session, now).await?;
        self.store.discard_session(subject, session, now).await?;
        Ok(true)
    }

    /// Revokes a session whosever it is.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`]: it may be revoked or not; to repeat it is safe.
    pub async fn close_session(&self, session: &SessionId, now: Now) -> Result<(), StoreUnavailable> {
        if self.revocations.mirror().has_session(session) {
            return Ok(());
        }
        self.revocations.revoke(Revocation::Session(session.clone()), now).await
    }

    /// What a ticket says that is genuine, not over, and not known as spent here.
    fn live(&self, ticket: &Ticket, now: Now) -> Option<Opened> {
        let opened = self.keys.open_anywhere(ticket).ok()?;
        (!is_over(&opened, now) && !self.spent.has(opened.id)).then_some(opened)
    }
}
