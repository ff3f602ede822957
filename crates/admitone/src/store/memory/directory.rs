use std::sync::PoisonError;
use std::time::Duration;

use hashbrown::{HashMap, HashSet};

use crate::grant::SessionId;
use crate::store::directory::{Directory, Lease};
use crate::store::{BoxFuture, StoreUnavailable};
use crate::sync::{Mutex, MutexGuard};
use crate::ticket::SubjectTag;

/// The places that one process's sessions have claimed. Nobody else asks where a session is, and all of them end with the
/// process: leases need not be kept.
#[derive(Debug, Default)]
pub struct MemoryDirectory {
    claimed: Mutex<HashMap<SubjectTag, HashSet<SessionId>>>,
}

impl MemoryDirectory {
    fn claimed(&self) -> MutexGuard<'_, HashMap<SubjectTag, HashSet<SessionId>>> {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim_now(&self, lease: &Lease, most: u32) -> bool {
        let mut claimed = self.claimed();
        let sessions = claimed.entry(lease.subject).or_default();
        let has_room = sessions.len() < usize::try_from(most).unwrap_or(usize::MAX);
        if has_room {
            sessions.insert(lease.session.clone());
        } else if sessions.is_empty() {
            claimed.remove(&lease.subject);
        }
        has_room
    }

    fn release_now(&self, leases: &[Lease]) {
        let mut claimed = self.claimed();
        for Lease { session, subject, .. } in leases {
            let Some(sessions) = claimed.get_mut(subject) else { continue };
            sessions.remove(session);
            if sessions.is_empty() {
                claimed.remove(subject);
            }
        }
    }

    fn count_now(&self, subject: SubjectTag) -> u32 {
        self.claimed().get(&subject).map_or(0, |sessions| u32::try_from(sessions.len()).unwrap_or(u32::MAX))
    }
}

impl Directory for MemoryDirectory {
    fn find<'a>(&'a self, _: &'a SessionId) -> BoxFuture<'a, Result<Option<String>, StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn claim<'a>(&'a self, lease: &'a Lease, most: u32) -> BoxFuture<'a, Result<bool, StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(self.claim_now(lease, most))))
    }

    fn lease<'a>(&'a self, _: &'a str, _: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn release<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreUnavailable>> {
        self.release_now(leases);
        Box::pin(std::future::ready(Ok(())))
    }

    fn count(&self, subject: SubjectTag) -> BoxFuture<'_, Result<u32, StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(self.count_now(subject))))
    }

    fn lease_life(&self) -> Option<Duration> {
        None
    }
}
