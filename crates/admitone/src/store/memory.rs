//! The embedded store: one process, nothing to install.
//!
//! Sharded by the subject's bucket, so that a ticket, its subject's count and its expiry change under one lock.
//! Expired grants are swept while storing; nothing runs in the background.

mod directory;
mod grants;
mod roster;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use grants::{Grants, Held};

use super::{BoxFuture, Opening, PutError, StoreUnavailable, Stored, Taken, TicketKey, TicketStore};
use crate::grant::{Grant, SessionId};
use crate::now::Now;
use crate::revocation::Mark;
use crate::revocation::memory::MemoryRevocations;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard};
use crate::ticket::{SubjectTag, TicketId};

pub use directory::MemoryDirectory;
pub use roster::MemoryRoster;

const SHARDS: usize = 64;

/// Taken ids that a shard may list beside as many as it holds.
const LISTED_ANYWAY: usize = 64;

/// How much a memory store holds.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLimits {
    /// Most outstanding tickets in all.
    pub total: usize,
    /// Most outstanding tickets of one subject.
    pub per_subject: u32,
}

impl Default for MemoryLimits {
    /// A million in all, twenty of one subject.
    fn default() -> Self {
        Self { total: 1_000_000, per_subject: 20 }
    }
}

/// Grants in this process's memory.
#[derive(Debug)]
pub struct MemoryTicketStore {
    limits: MemoryLimits,
    revocations: Arc<MemoryRevocations>,
    held: AtomicUsize,
    shards: Box<[Mutex<Shard>]>,
    epoch: Instant,
}

impl MemoryTicketStore {
    /// An empty store that reads its marks from `revocations`.
    #[must_use]
    pub fn new(limits: MemoryLimits, revocations: Arc<MemoryRevocations>) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { limits, revocations, held: AtomicUsize::new(0), shards, epoch: Instant::now() }
    }

    /// How many grants it holds, those that expired unswept included.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn put_now(&self, key: TicketKey, stored: Stored, now: Now) -> Result<(), PutError> {
        let second = self.second(now);
        let swept = self.shard(key.subject).sweep(second);
        self.held.fetch_sub(swept, Ordering::Relaxed);
        self.reserve(second)?;
        let lifetime = Duration::from_secs(stored.grant.expires_at.saturating_sub(now.unix));
        let held = Held { key, stored, used: 0, ends: now.instant + lifetime };
        let put = self.shard(key.subject).put(held, second + lifetime.as_secs(), self.limits.per_subject);
        if put.is_err() {
            self.held.fetch_sub(1, Ordering::Relaxed);
        }
        put
    }

    /// Counts one more grant, sweeping every shard before giving up.
    fn reserve(&self, second: u64) -> Result<(), PutError> {
        if self.count_one() {
            return Ok(());
        }
        for shard in &self.shards {
            let swept = lock(shard).sweep(second);
            self.held.fetch_sub(swept, Ordering::Relaxed);
        }
        if self.count_one() { Ok(()) } else { Err(PutError::Full(self.limits.total)) }
    }

    fn count_one(&self) -> bool {
        let one_more = |held| (held < self.limits.total).then_some(held + 1);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    fn peek_now(&self, key: TicketKey, now: Now) -> Option<Taken> {
        let held = self.shard(key.subject).grants.get(key.id).filter(|held| now.instant < held.ends).cloned()?;
        let mark = self.covering(&held.stored.grant, &held.stored.session_id);
        Some(Taken { stored: held.stored, use_number: held.used + 1, mark })
    }

    fn take_now(&self, key: TicketKey, now: Now) -> Option<Taken> {
        let held = self.shard(key.subject).take(key.id, now.instant)?;
        if held.is_over(now.instant) {
            self.held.fetch_sub(1, Ordering::Relaxed);
        }
        if now.instant >= held.ends {
            return None;
        }
        let taken = Taken { stored: held.stored, use_number: held.used, mark: None };
        let mark = self.covering(&taken.stored.grant, &taken.session_id());
        Some(Taken { mark, ..taken })
    }

    fn discard_now(&self, key: TicketKey, now: Now) -> bool {
        let Some(held) = self.shard(key.subject).remove(key.id) else { return false };
        self.held.fetch_sub(1, Ordering::Relaxed);
        now.instant < held.ends
    }

    fn discard_session_now(&self, subject: SubjectTag, session: &SessionId, now: Now) -> bool {
        let id = self.shard(subject).id_of(session);
        id.is_some_and(|id| self.discard_now(TicketKey { subject, id }, now))
    }

    fn covering(&self, grant: &Grant, session: &SessionId) -> Option<Mark> {
        self.revocations.mirror().covering(&grant.principal, &grant.login, Some(session))
    }

    fn shard(&self, subject: SubjectTag) -> MutexGuard<'_, Shard> {
        lock(&self.shards[usize::from(subject.bucket()) % SHARDS])
    }

    /// Whole seconds on the monotonic clock since the store was made.
    fn second(&self, now: Now) -> u64 {
        now.instant.saturating_duration_since(self.epoch).as_secs()
    }
}

impl TicketStore for MemoryTicketStore {
    fn put(&self, key: TicketKey, stored: Stored, now: Now) -> BoxFuture<'_, Result<(), PutError>> {
        Box::pin(std::future::ready(self.put_now(key, stored, now)))
    }

    fn peek(&self, key: TicketKey, now: Now) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(self.peek_now(key, now))))
    }

    /// Writes no record: nobody else could read it.
    fn take(&self, key: TicketKey, _: Opening<'_>, now: Now) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(self.take_now(key, now))))
    }

    fn discard(&self, key: TicketKey, now: Now) -> BoxFuture<'_, Result<bool, StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(self.discard_now(key, now))))
    }

    /// Looks through the subject's shard.
    fn discard_session<'a>(
        &'a self,
        subject: SubjectTag,
        session: &'a SessionId,
        now: Now,
    ) -> BoxFuture<'a, Result<bool, StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(self.discard_session_now(subject, session, now))))
    }

    fn enter(
        &self,
        _: SubjectTag,
        entrant: &Grant,
        session_id: &SessionId,
        _: Opening<'_>,
        _: Now,
    ) -> BoxFuture<'_, Result<Option<Mark>, StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(self.covering(entrant, session_id))))
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

#[derive(Debug, Default)]
struct Shard {
    grants: Grants,
    outstanding: HashMap<SubjectTag, u32>,
    /// Ids by the second in which they may be swept; those taken meanwhile are still listed.
    expiring: BTreeMap<u64, Vec<TicketId>>,
    listed: usize,
}

impl Shard {
    fn put(&mut self, held: Held, ends: u64, cap: u32) -> Result<(), PutError> {
        let TicketKey { subject, id } = held.key;
        match self.outstanding.entry(subject) {
            Entry::Occupied(mut outstanding) if *outstanding.get() < cap => *outstanding.get_mut() += 1,
            Entry::Vacant(first) if cap > 0 => drop(first.insert(1)),
            _ => return Err(PutError::SubjectCap(cap)),
        }
        self.grants.insert(held);
        self.expiring.entry(ends + 1).or_default().push(id);
        self.listed += 1;
        if self.listed > 2 * self.grants.len() + LISTED_ANYWAY {
            self.forget_taken();
        }
        Ok(())
    }

    /// Strikes what was taken off the list, so that the list is never much longer than what is held.
    fn forget_taken(&mut self) {
        let grants = &self.grants;
        self.expiring.retain(|_, bucket| {
            bucket.retain(|id| grants.get(*id).is_some());
            bucket.shrink_to_fit();
            !bucket.is_empty()
        });
        self.listed = self.expiring.values().map(Vec::len).sum();
    }

    /// Counts one use down; what has none left, or is over, is gone.
    fn take(&mut self, id: TicketId, now: Instant) -> Option<Held> {
        let held = self.grants.take(id, |held| {
            held.stored.uses = held.stored.uses.saturating_sub(1);
            held.used += 1;
            held.is_over(now)
        })?;
        if held.is_over(now) {
            self.count_down(held.key.subject);
        }
        Some(held)
    }

    fn remove(&mut self, id: TicketId) -> Option<Held> {
        let held = self.grants.remove(id)?;
        self.count_down(held.key.subject);
        Some(held)
    }

    fn id_of(&self, session: &SessionId) -> Option<TicketId> {
        self.grants.iter().find(|held| held.stored.session_id == *session).map(|held| held.key.id)
    }

    /// Removes what has expired before `second`; says how many.
    fn sweep(&mut self, second: u64) -> usize {
        let mut swept = 0;
        while let Some(bucket) = self.expiring.first_entry().filter(|bucket| *bucket.key() <= second) {
            let ids = bucket.remove();
            self.listed -= ids.len();
            swept += ids.into_iter().filter(|id| self.remove(*id).is_some()).count();
        }
        swept
    }

    fn count_down(&mut self, subject: SubjectTag) {
        if let Entry::Occupied(mut outstanding) = self.outstanding.entry(subject) {
            *outstanding.get_mut() -= 1;
            if *outstanding.get() == 0 {
                outstanding.remove();
            }
        }
    }
}

/// A panic while the lock was held leaves a shard whose counts may be high, never a grant that can be taken twice.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::SessionId;
    use crate::principal::{Login, LoginStamp, Permissions, Principal};
    use crate::store::TicketKey;

    #[test]
    fn tickets_that_were_taken_leave_nothing_behind() {
        let store = MemoryTicketStore::new(MemoryLimits::default(), Arc::default());
        let now = Now::read();
        let login = Login {
            principal: Principal::new("https://id.example.com", "ada", None).expect("a principal"),
            permissions: Permissions::default(),
            stamp: LoginStamp { issued_at: now.unix, sid: None, jti: None },
            expires_at: now.unix + 3600,
        };
        let grant = crate::grant::Grant::of(&login, "/chat", Duration::from_secs(3600), now.unix);
        for number in 0..10_000_u128 {
            let key = TicketKey { subject: SubjectTag([0; 8]), id: TicketId(number.to_be_bytes()) };
            let session_id = SessionId::new(0, number.to_be_bytes());
            store.put_now(key, Stored { grant: grant.clone(), session_id, uses: 1 }, now).expect("room");
            assert!(store.take_now(key, now).is_some());
        }
        let shard = store.shard(SubjectTag([0; 8]));
        assert!(shard.listed <= LISTED_ANYWAY + 1, "{} are listed", shard.listed);
        assert_eq!(shard.listed, shard.expiring.values().map(Vec::len).sum::<usize>());
    }
}
