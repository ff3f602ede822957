//! The promises of every store and of every implementation of revocations, kept by real servers.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use admitone::store::memory::MemoryLimits;
use admitone::store::redis::RedisOptions;

use crate::nodes::{self, Node, apart};
use crate::servers::{Cluster, Server, Trio};
use crate::store_contract::Fresh;

/// One for all tests that run at a time.
struct Common<T>(Mutex<Weak<T>>);

impl<T> Common<T> {
    const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    fn get(&self, start: impl FnOnce() -> T) -> Arc<T> {
        let mut common = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        common.upgrade().unwrap_or_else(|| {
            let started = Arc::new(start());
            *common = Arc::downgrade(&started);
            started
        })
    }
}

static STANDALONE: Common<Server> = Common::new();
static SENTINEL: Common<Trio> = Common::new();
static CLUSTER: Common<Cluster> = Common::new();

impl From<Node> for Fresh {
    fn from(Node { store, revocations, .. }: Node) -> Self {
        Self { store: Arc::new(store), revocations }
    }
}

/// The options of a deployment that all tests share.
fn shared<T: Send + Sync + 'static>(servers: Arc<T>, options: impl FnOnce(&T) -> RedisOptions) -> RedisOptions {
    let options = apart(options(&servers));
    // Servers outlive the test that they serve: the next one uses them, the last one's end is the process's.
    std::mem::forget(servers);
    options
}

pub(crate) fn standalone_options() -> RedisOptions {
    shared(STANDALONE.get(|| Server::start(&[])), nodes::standalone)
}

pub(crate) fn sentinel_options() -> RedisOptions {
    shared(SENTINEL.get(Trio::start_steady), nodes::sentinel)
}

pub(crate) fn cluster_options() -> RedisOptions {
    shared(CLUSTER.get(|| Cluster::start(false)), nodes::cluster)
}

async fn fresh(mut options: RedisOptions, limits: MemoryLimits) -> Fresh {
    options.per_subject = limits.per_subject;
    Node::start(options).await.into()
}

async fn pair(options: RedisOptions) -> [Fresh; 2] {
    [Node::start(options.clone()).await.into(), Node::start(options).await.into()]
}

macro_rules! contract {
    ($deployment:ident, $options:path) => {
        mod $deployment {
            use super::*;

            async fn one(limits: MemoryLimits) -> Fresh {
                fresh($options(), limits).await
            }

            async fn two() -> [Fresh; 2] {
                pair($options()).await
            }

            crate::store_contract::every_store!(self::one);
            crate::revocation_contract::every_revocations!(self::two);
        }
    };
}

contract!(standalone, standalone_options);
contract!(sentinel, sentinel_options);
contract!(cluster, cluster_options);
