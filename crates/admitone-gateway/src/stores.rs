//! The configured store, made.

mod measured;

use std::sync::Arc;

use admitone::control::{Channel, MemoryChannel};
use admitone::revocation::Revocations;
use admitone::revocation::memory::MemoryRevocations;
use admitone::revocation::redis::RedisRevocations;
use admitone::rollout::{MemorySettings, RedisSettings, Settings};
use admitone::store::directory::Directory;
use admitone::store::memory::{MemoryDirectory, MemoryLimits, MemoryRoster, MemoryTicketStore};
use admitone::store::redis::{
    Address, ConnectError, Credentials, Deployment, Fence, Redis, RedisDirectory, RedisOptions, RedisRoster,
    RedisTicketStore, Warning,
};
use admitone::store::roster::Roster;
use admitone::store::{StoreUnavailable, TicketStore};
use admitone::ticket::keys::TicketKeys;

use self::measured::Measured;
use crate::config::{self, Host, RedisFence, RedisLogin, RedisServer, RedisServers, Store, StoreKind};
use crate::metrics::Metrics;

/// Where tickets are kept, and the marks that go with them.
pub struct Stores {
    /// The configuration's name for it.
    pub kind: &'static str,
    /// The tickets.
    pub tickets: Arc<dyn TicketStore>,
    /// The marks.
    pub revocations: Arc<dyn Revocations>,
    /// Where live sessions are listed.
    pub directory: Arc<dyn Directory>,
    /// How this node asks others.
    pub channel: Arc<dyn Channel>,
    /// Who gets tickets.
    pub settings: Arc<dyn Settings>,
    /// Where nodes say how they are.
    pub roster: Arc<dyn Roster>,
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Redis cannot be reached, or cannot keep what is promised.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Its stream of revocations cannot be read.
    #[error("the stream of revocations cannot be read: without it this gateway would not know what was revoked")]
    Revocations,
    /// Its rollouts cannot be read.
    #[error("the rollouts cannot be read: without them this gateway would not know who gets tickets")]
    Rollouts,
}

impl Stores {
    /// Makes what the configuration says, for the node of this name; a server is connected to, and asked whether it can keep what is promised.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn open(store: Store, keys: &TicketKeys, node: &str) -> Result<Self, StoreError> {
        let per_subject = store.max_tickets_per_subject;
        match store.kind {
            StoreKind::Memory => Ok(Self::in_memory(MemoryLimits { total: store.max_tickets, per_subject })),
            StoreKind::Redis(redis) => Self::in_redis(*redis, per_subject, keys, node).await,
        }
    }

    fn in_memory(limits: MemoryLimits) -> Self {
        let revocations = Arc::new(MemoryRevocations::default());
        let tickets = Arc::new(MemoryTicketStore::new(limits, revocations.clone()));
        Self {
            kind: "memory",
            tickets,
            revocations,
            directory: Arc::new(MemoryDirectory::default()),
            channel: Arc::new(MemoryChannel::default()),
            settings: Arc::new(MemorySettings::default()),
            roster: Arc::new(MemoryRoster),
        }
    }

    /// The same, measured.
    #[must_use]
    pub fn measured(self, metrics: &Arc<Metrics>) -> Self {
        Self {
            kind: self.kind,
            tickets: Arc::new(Measured::new(self.tickets, metrics)),
            revocations: Arc::new(Measured::new(self.revocations, metrics)),
            directory: self.directory,
            channel: self.channel,
            settings: self.settings,
            roster: self.roster,
        }
    }

    async fn in_redis(
        redis: config::Redis,
        per_subject: u32,
        keys: &TicketKeys,
        node: &str,
    ) -> Result<Self, StoreError> {
        let mut options = options(redis, per_subject);
        options.node = Some(node.to_owned());
        let redis = Redis::connect(options).await?;
        for (server, version) in &redis.greeting().versions {
            tracing::info!(%server, version, "connected");
        }
        // That there is no fence is a warning of the configuration already.
        for warning in redis.greeting().warnings.iter().filter(|warning| **warning != Warning::Unfenced) {
            tracing::warn!(%warning, "store");
        }
        let revocations = RedisRevocations::start(&redis, keys.tagging()).await;
        let revocations = Arc::new(revocations.map_err(|StoreUnavailable| StoreError::Revocations)?);
        Ok(Self {
            kind: "redis",
            tickets: Arc::new(RedisTicketStore::new(&redis)),
            revocations: revocations.clone(),
            directory: Arc::new(RedisDirectory::new(&redis)),
            channel: revocations,
            settings: Arc::new(RedisSettings::new(&redis)),
            roster: Arc::new(RedisRoster::new(&redis)),
        })
    }
}

fn options(redis: config::Redis, per_subject: u32) -> RedisOptions {
    let all = |servers: &[RedisServer]| servers.iter().map(address).collect();
    let deployment = match redis.servers {
        RedisServers::Standalone(server) => Deployment::Standalone(address(&server)),
        RedisServers::Sentinel { sentinels, master, login } => {
            Deployment::Sentinel { sentinels: all(&sentinels), service: master, credentials: credentials(login) }
        }
        RedisServers::Cluster { seeds } => Deployment::Cluster { seeds: all(&seeds) },
    };
    let mut options = RedisOptions::new(deployment);
    options.credentials = credentials(redis.login);
    options.database = redis.database;
    options.fence = match redis.fence {
        RedisFence::Replid => Fence::Replid,
        RedisFence::None => Fence::None,
    };
    options.prefix = redis.prefix;
    options.per_subject = per_subject;
    options.tls = redis.tls;
    options
}

fn address(server: &RedisServer) -> Address {
    let host = match &server.host {
        Host::Name(name) => name.to_string(),
        Host::Ip(address) => address.to_string(),
    };
    Address { host, port: server.port }
}

fn credentials(login: RedisLogin) -> Credentials {
    Credentials { username: login.username, password: login.password }
}
