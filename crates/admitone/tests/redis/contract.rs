//! The promises of every store, kept by real servers; and what two nodes keep between them.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use admitone::now::Now;
use admitone::store::TicketStore as _;
use admitone::store::memory::MemoryLimits;
use admitone::store::redis::RedisOptions;
use tokio::task::JoinSet;

use crate::nodes::{self, Node, apart, mint, mint_for};
use crate::servers::{Cluster, Server, Trio};
use crate::store_contract::Fresh;
use crate::world::login;

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

/// S7, A13.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_of_a_hundred_takes_on_two_nodes_one_wins_a_thousand_times() {
    let server = Server::start(&[]);
    let options = apart(nodes::standalone(&server));
    let pair = [Node::start(options.clone()).await, Node::start(options).await];
    for round in 0..1000 {
        let minted = Arc::new(mint("ada").await);
        pair[round % 2].put(&minted).await.expect("room");
        let mut takers = JoinSet::new();
        for taker in 0..100 {
            let (node, minted) = (pair[taker % 2].clone(), minted.clone());
            takers.spawn(async move { node.takes(&minted).await });
        }
        let winners = takers.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(winners, 1, "round {round}");
    }
}

/// F18: the server's own clock ends a ticket, whatever the nodes' say.
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

/// S4.
#[tokio::test]
async fn s4_what_the_server_holds_redeems_nothing() {
    let server = Server::start(&[]);
    let node = Node::start(nodes::standalone(&server)).await;
    let minted = mint("ada").await;
    node.put(&minted).await.expect("room");
    let mut held = server.cli(&["KEYS", "*"]);
    for key in held.clone().lines() {
        held += &server.cli(&["--no-raw", "GET", key]);
    }
    assert!(held.contains("ada"), "the grant is there: {held}");
    let secret = minted.ticket.expose();
    // The MAC is the last 16 bytes of 54, so the last 21 characters are nothing else.
    for part in [secret, &secret[5..], &secret[secret.len() - 21..]] {
        assert!(!held.contains(part), "part of the ticket is in the server");
    }
}

/// A14.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a14_takes_that_nobody_waits_for_are_whole_and_mix_no_answers() {
    let server = Server::start(&[]);
    let node = Node::start(apart(nodes::standalone(&server))).await;
    for round in 0..20 {
        let mut mints = Vec::new();
        for at in 0..50 {
            let minted = mint(&format!("subject-{round}-{at}")).await;
            node.put(&minted).await.expect("room");
            mints.push(Arc::new(minted));
        }
        let mut takers = JoinSet::new();
        for (at, minted) in mints.iter().cloned().enumerate() {
            let node = node.clone();
            let abandoned = Duration::from_micros(at as u64 * 20);
            takers.spawn(async move {
                let taken = tokio::time::timeout(abandoned, node.take(&minted)).await;
                let Ok(taken) = taken else { return };
                let taken = taken.expect("an answer").expect("what was put");
                assert_eq!(taken.stored.grant.principal, minted.stored.grant.principal);
                assert_eq!(taken.stored.session_id, minted.stored.session_id);
            });
        }
        takers.join_all().await;
        // Once it was polled, a take is a take: the abandoned ones end while others are asked.
        for minted in &mints {
            if let Some(taken) = node.take(minted).await.expect("an answer") {
                assert_eq!(taken.stored.grant.principal, minted.stored.grant.principal);
            }
            assert!(!node.takes(minted).await);
        }
    }
}
