//! Where grants wait for their tickets.
//!
//! A store holds the grant under the ticket's *id*: never the ticket, never its MAC. A stolen dump of a store redeems
//! nothing.

pub mod directory;
pub mod memory;
#[cfg(feature = "redis")]
pub mod redis;
pub mod roster;

use std::pin::Pin;

use crate::grant::{Grant, SessionId};
use crate::now::Now;
use crate::revocation::Mark;
use crate::ticket::{SubjectTag, TicketId};

/// A boxed future, so that stores can be chosen at run time.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where in the store a ticket's grant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TicketKey {
    /// Whose it is: caps and Cluster's slots go by this.
    pub subject: SubjectTag,
    /// The ticket's random id.
    pub id: TicketId,
}

/// What the store holds for one ticket.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What the ticket stands for.
    pub grant: Grant,
    /// The handle of the connection that it will open.
    pub session_id: SessionId,
    /// How many connections it may still open; at least one when it is put.
    pub uses: u32,
}

/// What a redemption writes beside taking: who holds the session, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening<'a> {
    /// The node that holds it.
    pub node: &'a str,
    /// When it ends at the latest, Unix seconds: where its login ends earlier, then.
    pub deadline: u64,
}

/// A ticket's grant, taken or only looked at.
#[derive(Debug)]
pub struct Taken {
    /// What was stored, with the uses that are left now; without any, it is in the store no more.
    pub stored: Stored,
    /// Which use this is, from 1; of a ticket that was only looked at, which use would come next.
    pub use_number: u32,
    /// The revocation that covers it, read in the same step.
    pub mark: Option<Mark>,
}

impl Taken {
    /// The handle of the connection that this use opens: of a multi-use ticket, one for each use.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        let is_only_use = self.use_number == 1 && self.stored.uses == 0;
        if is_only_use { self.stored.session_id.clone() } else { self.stored.session_id.of_use(self.use_number) }
    }
}

/// Why a grant was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// The subject has as many unredeemed tickets as it may.
    #[error("the subject has {0} outstanding tickets, which is the limit")]
    SubjectCap(u32),
    /// The store holds as many tickets as it may.
    #[error("the store holds {0} outstanding tickets, which is the limit")]
    Full(usize),
    /// The store's server has no memory left for it.
    #[error("the ticket store is out of memory")]
    OutOfMemory,
    /// The store did not answer; the grant counts as not stored.
    #[error("the ticket store did not answer")]
    Unavailable,
}

/// The store did not answer, or not in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ticket store did not answer")]
pub struct StoreUnavailable;

/// A store of grants.
///
/// Everything answers in bounded time: what does not know its answer by then says [`StoreUnavailable`].
pub trait TicketStore: Send + Sync + 'static {
    /// Stores a grant until it expires. Never at the cost of a live ticket: at capacity it fails.
    fn put(&self, key: TicketKey, stored: Stored, now: Now) -> BoxFuture<'_, Result<(), PutError>>;

    /// Looks at a grant, with its mark as it is now, and leaves it there.
    fn peek(&self, key: TicketKey, now: Now) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>>;

    /// Takes one use of a grant, atomically, and writes the session's record in the same step: of any number of concurrent
    /// calls for one key, at most as many get it as it has uses.
    ///
    /// `None`: spent, revoked, expired, or never stored. An error admits nobody, and the use counts as taken. What a mark
    /// covers is taken, too, and gets no record.
    fn take(
        &self,
        key: TicketKey,
        opening: Opening<'_>,
        now: Now,
    ) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>>;

    /// Removes a grant with all its uses; says whether it was there.
    fn discard(&self, key: TicketKey, now: Now) -> BoxFuture<'_, Result<bool, StoreUnavailable>>;

    /// Removes the grant of the subject's that would open a session, with all its uses; says whether it was there.
    fn discard_session<'a>(
        &'a self,
        subject: SubjectTag,
        session: &'a SessionId,
        now: Now,
    ) -> BoxFuture<'a, Result<bool, StoreUnavailable>>;

    /// Lets a login in that has no ticket: reads the mark that covers it and, without one, writes the record of its session,
    /// in one step.
    fn enter(
        &self,
        subject: SubjectTag,
        entrant: &Grant,
        session_id: &SessionId,
        opening: Opening<'_>,
        now: Now,
    ) -> BoxFuture<'_, Result<Option<Mark>, StoreUnavailable>>;

    /// Asks whether the store answers at all.
    fn probe(&self) -> BoxFuture<'_, Result<(), StoreUnavailable>>;
}
