//! The connections that are live on this node.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use tokio::sync::Notify;

use crate::admission::Admitted;
use crate::close::CloseCode;
use crate::grant::SessionId;
use crate::now::Now;
use crate::principal::{LoginStamp, Principal};
use crate::revocation::{Cursor, Mark, Revocation, Revocations};

const SHARDS: usize = 16;

/// How often a gradual close closes some.
const DRAIN_STEP: Duration = Duration::from_millis(100);

/// The register of live connections.
pub struct Sessions {
    register: Arc<Register>,
    revocations: Arc<dyn Revocations>,
}

impl Sessions {
    /// An empty register, compared with the marks of `revocations`. Run [`follow`](Self::follow) beside it.
    #[must_use]
    pub fn new(revocations: Arc<dyn Revocations>) -> Self {
        Self { register: Arc::default(), revocations }
    }

    /// Opens a session that lasts until its login ends, at most for `longest`.
    ///
    /// It is registered first and compared with the marks afterwards: a revocation that races the upgrade meets it in one place
    /// or the other.
    ///
    /// # Errors
    ///
    /// [`Revoked`] when a mark covers it.
    pub fn open(&self, admitted: Admitted, longest: Duration, now: Now) -> Result<Session, Revoked> {
        let (grant, id) = admitted.into_parts();
        let lifetime = Duration::from_secs(grant.login_expires_at.saturating_sub(now.unix)).min(longest);
        let live = Arc::new(Live {
            id,
            principal: grant.principal,
            login: grant.login,
            deadline: now.instant + lifetime,
            code: OnceLock::new(),
            closed: Notify::new(),
        });
        self.register.shard(&live.id).insert(live.id.clone(), live.clone());
        let session = Session { live, register: self.register.clone() };
        let Live { principal, login, id, .. } = &*session.live;
        match self.revocations.mirror().covering(principal, login, Some(id)) {
            Some(mark) => Err(Revoked(mark)),
            None => Ok(session),
        }
    }

    /// How many are live.
    #[must_use]
    pub fn count(&self) -> usize {
        self.register.shards().map(|shard| shard.len()).sum()
    }

    /// Closes every session.
    pub fn close_all(&self, code: CloseCode) {
        self.close_where(code, |_| true);
    }

    /// Closes every session, evenly spread over a time, so that their clients do not come back all at once. Returns early when
    /// none is left.
    pub async fn close_gradually(&self, code: CloseCode, over: Duration) {
        let mut waiting: Vec<Weak<Live>> = Vec::with_capacity(self.count());
        for shard in self.register.shards() {
            waiting.extend(shard.values().map(Arc::downgrade));
        }
        let steps = usize::try_from(over.as_millis() / DRAIN_STEP.as_millis()).unwrap_or(usize::MAX).max(1);
        let batch = waiting.len().div_ceil(steps);
        while !waiting.is_empty() {
            let rest = waiting.split_off(batch.min(waiting.len()));
            waiting.iter().filter_map(Weak::upgrade).for_each(|live| live.close(code));
            waiting = rest;
            if !waiting.is_empty() {
                tokio::time::sleep(DRAIN_STEP).await;
            }
        }
        self.close_all(code);
    }

    /// Closes what revocations cover, for as long as it runs.
    pub async fn follow(&self) {
        let mut cursor = Cursor::default();
        loop {
            let batch = self.revocations.follow(cursor).await;
            cursor = batch.cursor;
            if batch.gap {
                self.compare_all();
            }
            for revocation in &batch.revocations {
                self.close_covered(revocation);
            }
        }
    }

    fn close_covered(&self, revocation: &Revocation) {
        self.close_where(CloseCode::Revoked, |live| revocation.covers(&live.principal, &live.login, &live.id));
    }

    /// Compares every session with the marks, after some revocations may have been missed.
    fn compare_all(&self) {
        let mirror = self.revocations.mirror();
        self.close_where(CloseCode::Revoked, |live| {
            mirror.covering(&live.principal, &live.login, Some(&live.id)).is_some()
        });
    }

    fn close_where(&self, code: CloseCode, covers: impl Fn(&Live) -> bool) {
        for shard in self.register.shards() {
            shard.values().filter(|live| covers(live)).for_each(|live| live.close(code));
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("count", &self.count()).finish_non_exhaustive()
    }
}

/// One admitted live connection. It leaves the register when it is dropped.
///
/// Made by [`Sessions::open`] only.
pub struct Session {
    live: Arc<Live>,
    register: Arc<Register>,
}

impl Session {
    /// Its public handle.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.live.id
    }

    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.live.principal
    }

    /// Waits until the connection has to be closed: its deadline, a revocation or a drain, whichever is first.
    pub async fn closing(&self) -> CloseCode {
        let closed = self.live.closed();
        tokio::time::timeout_at(self.live.deadline.into(), closed).await.unwrap_or(CloseCode::SessionExpired)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.register.shard(&self.live.id).remove(&self.live.id);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.live.id).finish_non_exhaustive()
    }
}

/// A mark covers the connection: it was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the login was revoked ({})", .0.name())]
pub struct Revoked(pub Mark);

struct Live {
    id: SessionId,
    principal: Principal,
    login: LoginStamp,
    deadline: Instant,
    code: OnceLock<CloseCode>,
    closed: Notify,
}

impl Live {
    /// The first code stays.
    fn close(&self, code: CloseCode) {
        if self.code.set(code).is_ok() {
            self.closed.notify_waiters();
        }
    }

    async fn closed(&self) -> CloseCode {
        loop {
            // Made before the look: a close between the look and the wait wakes it too.
            let closed = self.closed.notified();
            if let Some(code) = self.code.get() {
                return *code;
            }
            closed.await;
        }
    }
}

struct Register([Mutex<HashMap<SessionId, Arc<Live>>>; SHARDS]);

impl Default for Register {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Register {
    fn shard(&self, id: &SessionId) -> MutexGuard<'_, HashMap<SessionId, Arc<Live>>> {
        // The last character but one carries six random bits, the last only four.
        let random = id.as_str().as_bytes().iter().nth_back(1).copied().unwrap_or_default();
        lock(&self.0[usize::from(random) % SHARDS])
    }

    fn shards(&self) -> impl Iterator<Item = MutexGuard<'_, HashMap<SessionId, Arc<Live>>>> {
        self.0.iter().map(lock)
    }
}

fn lock(shard: &Mutex<HashMap<SessionId, Arc<Live>>>) -> MutexGuard<'_, HashMap<SessionId, Arc<Live>>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
