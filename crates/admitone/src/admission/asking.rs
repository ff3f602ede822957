//! What the owner of a ticket may ask and take back.

use super::{Admission, is_over, key};
use crate::grant::{Grant, MAX_USES, SessionId};
use crate::now::Now;
use crate::principal::Principal;
use crate::revocation::{Mark, Revocation};
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

    /// Whether a ticket is genuine and somebody else's than `owner`'s, be it live, spent or over. No store is asked.
    #[must_use]
    pub fn is_anothers(&self, ticket: &Ticket, owner: &Principal) -> bool {
        self.keys.open_anywhere(ticket).is_ok_and(|opened| self.subject_tag(owner) != opened.subject)
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
        let seen = self.store.peek(key(&opened), now).await?;
        // One whose session is marked may be what a try before left half done.
        let Some(seen) = seen.filter(|seen| seen.mark.is_none_or(|mark| mark == Mark::Session)) else {
            return Ok(None);
        };
        let session_id = seen.stored.session_id;
        if !opened.single_use {
            // Before it is gone: who repeats this after a lost answer would not find what its connections are known by.
            self.close_session(&session_id, now).await?;
        }
        let was_there = self.store.discard(key(&opened), now).await?;
        if opened.single_use && !was_there {
            // It opened its connection between the look and now.
            self.close_session(&session_id, now).await?;
        }
        self.remember_spent(&opened, now);
        Ok(Some(session_id))
    }

    /// Revokes a session of `owner`'s: the live connection on whichever node, and the ticket that would open it, whose place
    /// among the subject's outstanding tickets is free then. False when it is somebody else's, of other keys, or the number
    /// of a use that no ticket has.
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
        if !self.keys.is_session_of(subject, session) || session.use_number().is_some_and(|number| number > MAX_USES) {
            return Ok(false);
        }
        // What the whole ticket's mark covers needs none of its own; that one may have failed to reach the store.
        let covering = session.of_ticket().filter(|ticket| self.revocations.mirror().has_session(ticket));
        self.close_session(covering.as_ref().unwrap_or(session), now).await?;
        self.store.discard_session(subject, session, now).await?;
        Ok(true)
    }

    /// Revokes a session whosever it is. Its mark is written anew even when this node knows it: the store may not.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`]: it may be revoked or not; to repeat it is safe.
    pub async fn close_session(&self, session: &SessionId, now: Now) -> Result<(), StoreUnavailable> {
        self.revocations.revoke(Revocation::Session(session.clone()), now).await
    }

    /// What a ticket says that is genuine and not over. One that is remembered here as spent may not be: the store knows.
    fn live(&self, ticket: &Ticket, now: Now) -> Option<Opened> {
        let opened = self.keys.open_anywhere(ticket).ok()?;
        (!is_over(&opened, now)).then_some(opened)
    }
}
