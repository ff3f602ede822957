use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use tokio::sync::Notify;

use super::Terms;
use crate::admission::Admitted;
use crate::close::CloseCode;
use crate::grant::SessionId;
use crate::now::Now;
use crate::principal::{LoginStamp, Method, Permissions, Principal};
use crate::store::directory::Lease;
use crate::sync::{Mutex, MutexGuard};
use crate::ticket::SubjectTag;

const SHARDS: usize = 16;

/// Every live session of this node.
#[derive(Default)]
pub(super) struct Register {
    shards: [Mutex<HashMap<SessionId, Arc<Live>>>; SHARDS],
    /// Set when nothing is to stay open any more.
    pub(super) ended: OnceLock<CloseCode>,
    /// Sessions that are over and still in the directory; absent when there is none.
    pub(super) over: Option<Over>,
}

/// What the directory has yet to be told.
#[derive(Default)]
pub(super) struct Over {
    pub(super) leases: Mutex<Vec<Lease>>,
    pub(super) added: Notify,
}

impl Register {
    /// One that remembers what is over, for the directory.
    pub(super) fn listed() -> Self {
        Self { over: Some(Over::default()), ..Self::default() }
    }

    pub(super) fn find(&self, id: &SessionId) -> Option<Arc<Live>> {
        self.shard(id).get(id).cloned()
    }

    pub(super) fn add(&self, live: &Arc<Live>) {
        let before = self.shard(&live.id).insert(live.id.clone(), live.clone());
        if let Some(before) = before {
            // A store that has lost writes can let one use in twice: what is registered no more, nothing could close later.
            before.close(CloseCode::TicketNotAccepted);
        }
        if let Some(code) = self.ended.get() {
            live.close(*code);
        }
    }

    /// Unless another one has taken its place by now, to which the handle's lease belongs as well.
    pub(super) fn remove(&self, live: &Arc<Live>) {
        {
            let mut shard = self.shard(&live.id);
            if shard.get(&live.id).is_none_or(|registered| !Arc::ptr_eq(registered, live)) {
                return;
            }
            shard.remove(&live.id);
        }
        if let Some(over) = &self.over {
            lock(&over.leases).push(live.lease(0));
            over.added.notify_one();
        }
    }

    fn shard(&self, id: &SessionId) -> MutexGuard<'_, HashMap<SessionId, Arc<Live>>> {
        lock(&self.shards[usize::from(id.bytes()[1]) % SHARDS])
    }

    pub(super) fn shards(&self) -> impl Iterator<Item = MutexGuard<'_, HashMap<SessionId, Arc<Live>>>> {
        self.shards.iter().map(lock)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One live session.
pub(super) struct Live {
    pub(super) id: SessionId,
    pub(super) principal: Principal,
    pub(super) permissions: Permissions,
    pub(super) route: Arc<str>,
    pub(super) terms: Terms,
    pub(super) subject: SubjectTag,
    pub(super) method: Method,
    pub(super) opened: Now,
    authority: Mutex<Authority>,
    code: OnceLock<CloseCode>,
    changed: Notify,
}

/// By what right a session is open.
pub(super) struct Authority {
    pub(super) login: LoginStamp,
    /// The login's end, Unix seconds.
    expires_at: u64,
    /// The same on the monotonic clock, by which the session ends.
    pub(super) ends: Instant,
}

impl Authority {
    /// Of a login that ends at `expires_at`, Unix seconds: from here on its end is on the monotonic clock.
    pub(super) fn new(login: LoginStamp, expires_at: u64, now: Now) -> Self {
        Self { login, expires_at, ends: now.instant + Duration::from_secs(expires_at.saturating_sub(now.unix)) }
    }
}

impl Live {
    pub(super) fn new(admitted: Admitted, now: Now) -> Self {
        let Admitted { grant, session_id, subject, method, terms } = admitted;
        Self {
            id: session_id,
            principal: grant.principal,
            permissions: grant.permissions,
            route: grant.route,
            terms,
            subject,
            method,
            opened: now,
            authority: Mutex::new(Authority::new(grant.login, grant.login_expires_at, now)),
            code: OnceLock::new(),
            changed: Notify::new(),
        }
    }

    /// Closes it; the first code stays.
    pub(super) fn close(&self, code: CloseCode) {
        if self.code.set(code).is_ok() {
            self.changed.notify_waiters();
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.code.get().is_some()
    }

    /// What it is open by. While it is held, the session neither expires nor is compared with marks.
    pub(super) fn authority(&self) -> MutexGuard<'_, Authority> {
        lock(&self.authority)
    }

    /// Has those who wait for its end look at its authority again.
    pub(super) fn renewed(&self) {
        self.changed.notify_waiters();
    }

    /// When it ends if nobody renews it, not counting the grace, Unix seconds.
    pub(super) fn expires_at(&self, authority: &Authority) -> u64 {
        authority.expires_at.min(self.opened.unix.saturating_add(self.terms.longest.as_secs()))
    }

    pub(super) fn deadline(&self, authority: &Authority) -> Instant {
        (authority.ends + self.terms.grace).min(self.opened.instant + self.terms.longest)
    }

    pub(super) async fn closing(&self) -> CloseCode {
        loop {
            // Made before the look: a change between the look and the wait wakes it too.
            let changed = self.changed.notified();
            if let Some(code) = self.code.get() {
                return *code;
            }
            let deadline = self.deadline(&self.authority());
            if tokio::time::timeout_at(deadline.into(), changed).await.is_err() {
                self.expire(deadline);
            }
        }
    }

    /// Closes it at its deadline, unless that has moved: a renewal that has been answered is kept.
    fn expire(&self, deadline: Instant) {
        let authority = self.authority();
        if self.deadline(&authority) <= deadline {
            self.close(CloseCode::SessionExpired);
        }
    }

    pub(super) fn lease(&self, deadline: u64) -> Lease {
        Lease { session: self.id.clone(), subject: self.subject, deadline }
    }
}
