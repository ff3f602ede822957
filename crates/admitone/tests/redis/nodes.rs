//! Nodes of one deployment, as a gateway would set them up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use admitone::grant::{Grant, SessionId};
use admitone::now::Now;
use admitone::principal::Login;
use admitone::revocation::Revocations;
use admitone::revocation::redis::RedisRevocations;
use admitone::store::redis::{ConnectError, Deployment, Fence, Redis, RedisOptions, RedisTicketStore};
use admitone::store::{Opening, PutError, StoreUnavailable, Stored, Taken, TicketKey, TicketStore};

use crate::servers::{Cluster, Server, Trio};
use crate::world::{TICKET_LIFE, UNLIMITED, World, chat, keys, login};

pub(crate) fn standalone(server: &Server) -> RedisOptions {
    RedisOptions::new(Deployment::Standalone(server.address().parse().expect("an address")))
}

pub(crate) fn sentinel(trio: &Trio) -> RedisOptions {
    let sentinels = trio.sentinels.iter().map(|sentinel| sentinel.address().parse().expect("an address")).collect();
    let service = Trio::SERVICE.to_owned();
    RedisOptions::new(Deployment::Sentinel { sentinels, service, credentials: Default::default() })
}

pub(crate) fn cluster(cluster: &Cluster) -> RedisOptions {
    let seeds = cluster.members().take(2).map(|member| member.address().parse().expect("an address")).collect();
    RedisOptions::new(Deployment::Cluster { seeds })
}

/// Keys that nobody else uses, so that servers can be shared.
pub(crate) fn apart(mut options: RedisOptions) -> RedisOptions {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    options.prefix = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
    options
}

pub(crate) fn unfenced(mut options: RedisOptions) -> RedisOptions {
    options.fence = Fence::None;
    options
}

/// A node: its store and its revocations.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) redis: Redis,
    pub(crate) store: RedisTicketStore,
    pub(crate) revocations: Arc<RedisRevocations>,
}

impl Node {
    pub(crate) async fn start(options: RedisOptions) -> Self {
        let started = Instant::now();
        loop {
            match Self::try_start(options.clone()).await {
                Ok(node) => return node,
                // A busy machine may hold up a server for longer than one answer may take.
                Err(fault) => assert!(started.elapsed().as_secs() < 20, "it does not start: {fault}"),
            }
        }
    }

    /// Why not, where a server was not heard from in time; other faults are the test's end.
    async fn try_start(options: RedisOptions) -> Result<Self, String> {
        let redis = match Redis::connect(options).await {
            Err(fault @ ConnectError::Unreachable(_)) => return Err(fault.to_string()),
            connected => connected.expect("servers that can be used"),
        };
        let keys = keys();
        let tag_of = move |issuer: &str, subject: &str| keys.subject_tag(issuer, subject);
        let revocations = RedisRevocations::start(&redis, tag_of).await;
        let revocations = revocations.map_err(|StoreUnavailable| "no stream to read".to_owned())?;
        Ok(Self { store: RedisTicketStore::new(&redis), revocations: Arc::new(revocations), redis })
    }

    pub(crate) async fn put(&self, minted: &Minted) -> Result<(), PutError> {
        self.store.put(minted.key, minted.stored.clone(), Now::read()).await
    }

    pub(crate) async fn take(&self, minted: &Minted) -> Result<Option<Taken>, StoreUnavailable> {
        let now = Now::read();
        self.store.take(minted.key, Opening { node: "node-1", deadline: now.unix + 600 }, now).await
    }

    pub(crate) async fn takes(&self, minted: &Minted) -> bool {
        self.take(minted).await.expect("an answer").is_some()
    }

    /// Mints and redeems until both work; how long that took.
    pub(crate) async fn recovers(&self) -> std::time::Duration {
        let started = Instant::now();
        loop {
            let minted = mint("somebody").await;
            if self.put(&minted).await.is_ok() && matches!(self.take(&minted).await, Ok(Some(_))) {
                return started.elapsed();
            }
            assert!(started.elapsed().as_secs() < 20, "it does not recover");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn knows(&self, login: &Login) -> bool {
        self.revocations.mirror().covering(&login.principal, &login.stamp, None).is_some()
    }
}

/// What minting puts into a store.
pub(crate) struct Minted {
    pub(crate) key: TicketKey,
    pub(crate) stored: Stored,
}

pub(crate) async fn mint(subject: &str) -> Minted {
    mint_for(&login(subject, Now::read()), TICKET_LIFE).await
}

pub(crate) async fn mint_for(login: &Login, life: std::time::Duration) -> Minted {
    let (world, now) = (World::with_limits(UNLIMITED), Now::read());
    let grant = Grant::of(login, crate::world::ROUTE, life, now.unix);
    world.node.mint(grant, &chat(), now).await.expect("a store in memory");
    let (key, stored) = world.store.all_put().remove(0);
    Minted { key, stored }
}

/// Finds a subject whose tickets are on a given server of a Cluster.
pub(crate) async fn mint_on(cluster: &Cluster, server: &Server) -> Minted {
    for number in 0.. {
        let minted = mint(&format!("subject-{number}")).await;
        let bucket = SessionId::bucket(&minted.stored.session_id);
        let slot = cluster.primaries[0].cli(&["CLUSTER", "KEYSLOT", &format!("{bucket:02x}")]);
        let slot: usize = slot.parse().expect("a slot");
        let own = server.cli(&["CLUSTER", "NODES"]);
        let own = own.lines().find(|line| line.contains("myself")).expect("itself");
        let range = own.split(' ').nth(8).expect("slots").split_once('-').expect("a range");
        if (range.0.parse().expect("first")..=range.1.parse().expect("last")).contains(&slot) {
            return minted;
        }
    }
    unreachable!("a third of all subjects")
}
