//! The promises of every store, kept by real servers; and what two nodes keep between them.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use admitone::now::Now;
use admitone::store::TicketStore as _;
use admitone::store::memory::MemoryLimits;
use admitone::store::redis::RedisOptions;

use crate::nodes::{self, Node, apart, mint_for};
use crate::servers::{Cluster, Server, Trio};
use crate::store_contract::Fresh;
use crate::world::login;

/// One for all tests that run at a time.
pub(crate) struct Common<T>(Mutex<Weak<T>>);

impl<T> Common<T> {
    const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    pub(crate) fn get(&self, start: impl FnOnce() -> T) -> Arc<T> {
        let mut common = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        common.upgrade().unwrap_or_else(|| {
            let started = Arc::new(start());
            *common = Arc::downgrade(&started);
            started
        })
    }
}

pub(crate) static STANDALONE: Common<Server> = Common::new();
pub(crate) static SENTINEL: Common<Trio> = Common::new();
pub(crate) static CLUSTER: Common<Cluster> = Common::new();

async fn fresh<T: Send + Sync + 'static>(servers: Arc<T>, options: RedisOptions, limits: MemoryLimits) -> Fresh {
    let mut options = apart(options);
    options.per_subject = limits.per_subject;
    let Node { store, revocations, .. } = Node::start(options).await;
    // Servers outlive the test that they serve: the next one uses them, the last one's end is the process's.
    std::mem::forget(servers);
    Fresh { store: Arc::new(store), revocations }
}

async fn on_standalone(limits: MemoryLimits) -> Fresh {
    let server = STANDALONE.get(|| Server::start(&[]));
    let options = nodes::standalone(&server);
    fresh(server, options, limits).await
}

async fn on_sentinel(limits: MemoryLimits) -> Fresh {
    let trio = SENTINEL.get(Trio::start);
    let options = nodes::sentinel(&trio);
    fresh(trio, options, limits).await
}

async fn on_cluster(limits: MemoryLimits) -> Fresh {
    let cluster = CLUSTER.get(|| Cluster::start(false));
    let options = nodes::cluster(&cluster);
    fresh(cluster, options, limits).await
}

mod standalone {
    crate::store_contract::every_store!(super::on_standalone);
}

mod sentinel {
    crate::store_contract::every_store!(super::on_sentinel);
}

mod cluster {
    crate::store_contract::every_store!(super::on_cluster);
}

/// The server's own clock ends a ticket, whatever the nodes' say.
#[tokio::test]
async fn f18_a_ticket_ends_by_the_servers_clock() {
    let server = Server::start(&[]);
    let node = Node::start(apart(nodes::standalone(&server))).await;
    let minted = mint_for(&login("ada", Now::read()), Duration::from_secs(1)).await;
    node.put(&minted).await.expect("room");
    let put = Instant::now();
    let is_there = async || node.store.peek(minted.key, Now::read()).await.expect("an answer").is_some();
    assert!(is_there().await);
    while is_there().await {
        assert!(put.elapsed() < Duration::from_secs(2), "it does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(put.elapsed() >= Duration::from_millis(900), "it ended early: {:?}", put.elapsed());
    let behind = Now { unix: Now::read().unix - 3600, ..Now::read() };
    let opening = admitone::store::Opening { node: "behind", deadline: behind.unix + 600 };
    assert!(node.store.take(minted.key, opening, behind).await.expect("an answer").is_none());
}
