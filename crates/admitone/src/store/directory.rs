//! Which sessions are live, and on which node.

use std::time::Duration;

use super::{BoxFuture, StoreUnavailable};
use crate::grant::SessionId;
use crate::ticket::SubjectTag;

/// How long a session counts after its node last said that it holds it: a killed node's sessions are forgotten then.
pub const LEASE: Duration = Duration::from_secs(30);

/// A session that a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub subject: SubjectTag,
    /// When it ends at the latest, Unix seconds.
    pub deadline: u64,
}

/// The sessions of all nodes of a store.
///
/// A redemption enters its session by itself; from then on its node has to say every third of a [`LEASE`] that it still holds
/// it, and to release it at its end.
pub trait Directory: Send + Sync + 'static {
    /// The node that holds a session; `None` when none does, or has not said so for a [`LEASE`].
    fn find<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<Option<String>, StoreUnavailable>>;

    /// Takes one of the places that a subject has, `most` in all, for a session, in one step: concurrent claims never have
    /// more. False when all are taken. It holds for a [`LEASE`].
    fn claim<'a>(&'a self, lease: &'a Lease, most: u32) -> BoxFuture<'a, Result<bool, StoreUnavailable>>;

    /// Says that `node` holds these sessions, all of one bucket, for a [`LEASE`] from now.
    fn lease<'a>(&'a self, node: &'a str, leases: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreUnavailable>>;

    /// Says that these sessions, all of one bucket, are over.
    fn release<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreUnavailable>>;

    /// How many places of a subject are taken, on all nodes.
    fn count(&self, subject: SubjectTag) -> BoxFuture<'_, Result<u32, StoreUnavailable>>;

    /// How long a lease holds; `None` where nobody else looks, and leases need not be kept.
    fn lease_life(&self) -> Option<Duration>;
}
