//! Where grants wait for their tickets.
//!
//! A store holds the grant under the ticket's *id*: never the ticket, never its MAC. A stolen dump of a store redeems
//! nothing.

pub mod memory;

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
}

/// What taking a ticket's grant yields.
#[derive(Debug)]
pub struct Taken {
    /// What was stored; it is in the store no more.
    pub stored: Stored,
    /// The revocation that covers it, read in the same step.
    pub mark: Option<Mark>,
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
    /// The store did not answer; the grant counts as not stored.
    #[error("the ticket store did not answer")]
    Unavailable,
}

/// The store did not answer, or not in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ticket store did not answer")]
pub struct StoreUnavailable;

/// A store of grants.
pub trait TicketStore: Send + Sync + 'static {
    /// Stores a grant until it expires. Never at the cost of a live ticket: at capacity it fails.
    fn put(&self, key: TicketKey, stored: Stored, now: Now) -> BoxFuture<'_, Result<(), PutError>>;

    /// Takes a grant out, atomically: of any number of concurrent calls for one key, at most one gets it.
    ///
    /// `None`: spent, revoked, expired, or never stored. An error admits nobody, and the ticket counts as spent.
    fn take(&self, key: TicketKey, now: Now) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>>;
}
