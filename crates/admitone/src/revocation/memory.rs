//! Revocations of a single process.

use std::time::Duration;

use super::journal::Journal;
use super::{Batch, Cursor, Mirror, Revocation, Revocations};
use crate::now::Now;
use crate::store::{BoxFuture, StoreUnavailable};

/// Marks and their stream, in this process's memory. A restart forgets them, as it forgets the tickets and drops the
/// sockets; a login that was revoked before it is accepted again until it expires.
#[derive(Debug, Default)]
pub struct MemoryRevocations {
    mirror: Mirror,
    journal: Journal<Revocation>,
}

impl MemoryRevocations {
    /// The marks.
    #[must_use]
    pub fn mirror(&self) -> &Mirror {
        &self.mirror
    }
}

impl Revocations for MemoryRevocations {
    fn revoke(&self, revocation: Revocation, now: Now) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        self.mirror.add(&revocation, now);
        self.journal.add(revocation);
        Box::pin(std::future::ready(Ok(())))
    }

    fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    /// Always just now: there is nobody else to hear from.
    fn synced(&self, _: Now) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn follow(&self, cursor: Cursor) -> BoxFuture<'_, Batch> {
        Box::pin(async move { self.journal.follow(cursor).await.into() })
    }
}
