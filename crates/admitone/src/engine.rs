//! Everything that one node mints, redeems and keeps, made of a store.

use std::fmt;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::admission::Admission;
use crate::control::{Channel, Control, MemoryChannel};
use crate::revocation::Revocations;
use crate::revocation::memory::MemoryRevocations;
use crate::sessions::Sessions;
use crate::store::TicketStore;
use crate::store::directory::Directory;
use crate::store::memory::{MemoryDirectory, MemoryLimits, MemoryTicketStore};
use crate::ticket::keys::{KeyError, TicketKeys};

/// Where a node keeps what it has to remember, and how it hears of other nodes.
pub struct Stores {
    /// The tickets.
    pub tickets: Arc<dyn TicketStore>,
    /// The marks.
    pub revocations: Arc<dyn Revocations>,
    /// Which sessions are live, and where.
    pub directory: Arc<dyn Directory>,
    /// What nodes ask one another.
    pub channel: Arc<dyn Channel>,
}

impl Stores {
    /// In this process: for one node.
    #[must_use]
    pub fn in_memory(limits: MemoryLimits) -> Self {
        let revocations = Arc::new(MemoryRevocations::default());
        Self {
            tickets: Arc::new(MemoryTicketStore::new(limits, revocations.clone())),
            revocations,
            directory: Arc::new(MemoryDirectory::default()),
            channel: Arc::new(MemoryChannel::default()),
        }
    }

    /// In Redis or Valkey: for the node of this name among others that are given the same `keys`. Beside them, what is to be
    /// warned of: what the servers are not set up for.
    ///
    /// # Errors
    ///
    /// [`RedisStoresError`].
    #[cfg(feature = "redis")]
    pub async fn in_redis(
        mut options: crate::store::redis::RedisOptions,
        keys: &TicketKeys,
        node: &str,
    ) -> Result<(Self, Vec<crate::store::redis::Warning>), RedisStoresError> {
        use crate::revocation::redis::RedisRevocations;
        use crate::store::redis::{Redis, RedisDirectory, RedisTicketStore};

        options.node = Some(node.to_owned());
        let redis = Redis::connect(options).await?;
        let revocations = RedisRevocations::start(&redis, keys.tagging()).await;
        let revocations = Arc::new(revocations.map_err(|_| RedisStoresError::Revocations)?);
        let stores = Self {
            tickets: Arc::new(RedisTicketStore::new(&redis)),
            revocations: revocations.clone(),
            directory: Arc::new(RedisDirectory::new(&redis)),
            channel: revocations,
        };
        Ok((stores, redis.greeting().warnings.clone()))
    }
}

/// Why a store in Redis cannot be used.
#[cfg(feature = "redis")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisStoresError {
    /// It cannot be reached, or cannot keep what is promised.
    #[error(transparent)]
    Connect(#[from] crate::store::redis::ConnectError),
    /// Its stream of revocations cannot be read.
    #[error("the stream of revocations cannot be read: without it this node would not know what was revoked")]
    Revocations,
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}

/// One node. Its parts belong to one another; a clone is the same node.
#[derive(Clone)]
pub struct Engine {
    /// Mints and redeems.
    pub admission: Arc<Admission>,
    /// What is live here.
    pub sessions: Arc<Sessions>,
    /// This node among the others.
    pub control: Arc<Control>,
    /// Takes back.
    pub revocations: Arc<dyn Revocations>,
}

impl Engine {
    /// The node of this name, which no other one of these stores has.
    #[must_use]
    pub fn new(keys: TicketKeys, stores: Stores, node: &str) -> Self {
        let Stores { tickets, revocations, directory, channel } = stores;
        let admission = Admission::new(keys, tickets, revocations.clone());
        let admission = Arc::new(admission.on_node(node).with_directory(directory.clone()));
        let sessions = Arc::new(Sessions::new(revocations.clone()).listed_in(directory, node));
        let control = Arc::new(Control::new(admission.clone(), sessions.clone(), channel));
        Self { admission, sessions, control, revocations }
    }

    /// A node by itself: everything is in this process, and a restart forgets it, its keys too.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when the system has no random bytes.
    pub fn in_memory() -> Result<Self, KeyError> {
        Ok(Self::new(TicketKeys::random()?, Stores::in_memory(MemoryLimits::default()), ""))
    }

    /// Closes what revocations cover, obeys other nodes and keeps its sessions listed, until the value is dropped. Without it a
    /// logout closes no socket.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use = "dropped, nobody hears of revocations any more"]
    pub fn follow(&self) -> Following {
        let [revoking, listing] = [self.sessions.clone(), self.sessions.clone()];
        Following([
            tokio::spawn(async move { revoking.follow().await }),
            tokio::spawn(async move { listing.keep_leases().await }),
            tokio::spawn(self.control.clone().follow()),
        ])
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

/// The tasks that keep a node up to date. They end when it is dropped.
#[derive(Debug)]
pub struct Following([JoinHandle<()>; 3]);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}
