//! Revocations shared by all nodes of a Redis or Valkey.
//!
//! A revocation becomes marks, which every redemption reads in its own step, and an entry in a stream, which every node
//! follows. Entries are kept as long as marks are, [`MARK_RETENTION`], and for no other reason let go: a node that starts
//! reads the whole stream and has every mark. What the servers forgot (a failover, a restart) the nodes write again from
//! their mirrors.

mod entry;
mod follower;
mod marks;
mod orders;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::journal::Journal;
use super::{Batch, Cursor, MARK_RETENTION, Mirror, Revocation, Revocations};
use crate::control::Order;
use crate::now::Now;
use crate::principal::Principal;
use crate::store::redis::{ANNOUNCE, Fault, Redis, Servers, Task};
use crate::store::{BoxFuture, StoreUnavailable};
use crate::ticket::SubjectTag;

use entry::Entry;
use follower::Follower;

/// Marks and their stream in Redis or Valkey, and this node's mirror of them.
pub struct RedisRevocations {
    shared: Arc<Shared>,
    _follower: Task,
}

impl RedisRevocations {
    /// Reads the marks that there are and follows the stream for as long as it is held. `tag_of` is
    /// [`TicketKeys::subject_tag`](crate::ticket::keys::TicketKeys::subject_tag) of the keys that all nodes share: issuer,
    /// then subject.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`] when the stream cannot be read: without it this node would not know what was revoked.
    pub async fn start(
        redis: &Redis,
        tag_of: impl Fn(&str, &str) -> SubjectTag + Send + Sync + 'static,
    ) -> Result<Self, StoreUnavailable> {
        let shared = Arc::new(Shared {
            servers: redis.servers().clone(),
            tag_of: Box::new(tag_of),
            mirror: Mirror::default(),
            journal: Journal::default(),
            orders: Journal::default(),
            heard: Mutex::default(),
            unwritten: Notify::new(),
        });
        let follower = Follower::start(shared.clone()).await.map_err(|_| StoreUnavailable)?;
        Ok(Self { shared, _follower: Task::spawn(follower.run()) })
    }
}

impl RedisRevocations {
    fn revoke_in(
        &self,
        bucket: Option<u8>,
        revocation: Revocation,
        now: Now,
    ) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        let shared = self.shared.clone();
        let revoking = async move { shared.revoke(bucket, revocation, now).await };
        // In a task of its own: half a revocation would be none.
        Box::pin(async move { tokio::spawn(revoking).await.map_err(|_| StoreUnavailable)? })
    }
}

impl Revocations for RedisRevocations {
    /// Even when it fails, this node knows: it closes its own sessions, and goes on trying to tell the servers.
    fn revoke(&self, revocation: Revocation, now: Now) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        self.revoke_in(None, revocation, now)
    }

    fn revoke_of(
        &self,
        owner: &Principal,
        revocation: Revocation,
        now: Now,
    ) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        let bucket = (self.shared.tag_of)(owner.issuer(), owner.subject()).bucket();
        self.revoke_in(Some(bucket), revocation, now)
    }

    fn mirror(&self) -> &Mirror {
        &self.shared.mirror
    }

    fn synced(&self, now: Now) -> Option<Duration> {
        let heard = *self.shared.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.map(|heard| now.instant.saturating_duration_since(heard))
    }

    fn follow(&self, cursor: Cursor) -> BoxFuture<'_, Batch> {
        Box::pin(async move { self.shared.journal.follow(cursor).await.into() })
    }
}

impl fmt::Debug for RedisRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRevocations").finish_non_exhaustive()
    }
}

/// Tags a subject, as the ticket keys do: issuer, then subject.
type TagOf = Box<dyn Fn(&str, &str) -> SubjectTag + Send + Sync>;

struct Shared {
    servers: Arc<Servers>,
    tag_of: TagOf,
    mirror: Mirror,
    journal: Journal<Revocation>,
    orders: Journal<Order>,
    /// When the stream was last heard from.
    heard: Mutex<Option<Instant>>,
    /// The mirror has something that the servers may not have.
    unwritten: Notify,
}

impl Shared {
    /// With a `bucket`, all that it covers is there.
    async fn revoke(&self, bucket: Option<u8>, revocation: Revocation, now: Now) -> Result<(), StoreUnavailable> {
        self.apply(&revocation, MARK_RETENTION, now);
        let write = async {
            marks::write(self, bucket, &revocation, MARK_RETENTION).await?;
            self.announce(&revocation, MARK_RETENTION, now).await
        };
        write.await.map_err(|fault| {
            self.unwritten.notify_one();
            StoreUnavailable::from(fault)
        })
    }

    fn apply(&self, revocation: &Revocation, life: Duration, now: Now) {
        self.mirror.add_for(revocation, life, now);
        self.journal.add(revocation.clone());
    }

    async fn announce(&self, revocation: &Revocation, life: Duration, now: Now) -> Result<(), Fault> {
        let entry = Entry::of(revocation, now.unix + life.as_secs()).to_string();
        let kept = MARK_RETENTION.as_millis().to_string();
        let args = [kept.as_bytes(), entry::FIELD.as_bytes(), entry.as_bytes()];
        let stream = self.servers.names.control();
        self.servers.run_at_control(ANNOUNCE.by_text(&[&stream], &args)).await.map(drop)
    }

    fn hear(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}
