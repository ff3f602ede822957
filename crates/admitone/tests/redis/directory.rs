//! Which sessions are live, by what real servers are told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use admitone::admission::Admission;
use admitone::now::Now;
use admitone::sessions::Sessions;
use admitone::store::directory::Directory;
use admitone::store::redis::{RedisDirectory, RedisOptions};

use crate::directory_contract::lease;
use crate::nodes::{self, Node, apart};
use crate::servers::{Cluster, Server};
use crate::world::{LONG, chat, grant, keys, login};

const A_SECOND: Duration = Duration::from_secs(1);

/// Short, and yet longer than a busy machine holds up a test that looks at what is leased.
const SHORT_LEASE: Duration = Duration::from_secs(5);

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(4);

/// Servers outlive the test that they serve.
async fn directory<T>(servers: T, options: RedisOptions) -> Arc<dyn Directory> {
    let node = Node::start(apart(options)).await;
    std::mem::forget(servers);
    Arc::new(RedisDirectory::new(&node.redis))
}

async fn on_standalone() -> Arc<dyn Directory> {
    let server = Server::start(&[]);
    let options = nodes::standalone(&server);
    directory(server, options).await
}

async fn on_cluster() -> Arc<dyn Directory> {
    let cluster = Cluster::start(false);
    let options = nodes::cluster(&cluster);
    directory(cluster, options).await
}

mod standalone {
    crate::directory_contract::every_directory!(super::on_standalone);
}

mod cluster {
    crate::directory_contract::every_directory!(super::on_cluster);
}

async fn within(limit: Duration, what: &str, is_so: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < limit, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn with_short_leases(mut options: RedisOptions) -> RedisOptions {
    options.lease = SHORT_LEASE;
    apart(options)
}

async fn sessions_of_a_node_that_says_no_more_are_forgotten(options: RedisOptions) {
    let node = Node::start(with_short_leases(options)).await;
    let directory = RedisDirectory::new(&node.redis);
    let leases: Vec<_> = (0..250).map(|number| lease("ada", number)).collect();
    let (first, last) = (&leases[0], &leases[249]);
    assert_eq!(directory.find(&first.session).await, Ok(None));
    directory.lease("node-1", &leases).await.expect("an answer");
    for lease in [first, last] {
        assert_eq!(directory.find(&lease.session).await, Ok(Some("node-1".to_owned())));
    }
    assert_eq!(directory.count(first.subject).await, Ok(250));
    let is_gone = async || directory.find(&last.session).await == Ok(None);
    within(SHORT_LEASE + SLACK, "the lease ends", is_gone).await;
    within(A_SECOND + SLACK, "the places are free", async || directory.count(first.subject).await == Ok(0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_of_a_dead_node_are_forgotten_on_a_standalone_server() {
    let server = Server::start(&[]);
    sessions_of_a_node_that_says_no_more_are_forgotten(nodes::standalone(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_of_a_dead_node_are_forgotten_on_a_cluster() {
    let cluster = Cluster::start(false);
    sessions_of_a_node_that_says_no_more_are_forgotten(nodes::cluster(&cluster)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_listed_from_its_redemption_to_its_end_and_while_its_node_lives() {
    let server = Server::start(&[]);
    let node = Node::start(with_short_leases(nodes::standalone(&server))).await;
    let directory: Arc<dyn Directory> = Arc::new(RedisDirectory::new(&node.redis));
    let admission = Admission::new(keys(), Arc::new(node.store.clone()), node.revocations.clone());
    let admission = admission.on_node("node-1").with_directory(directory.clone());
    let sessions = Arc::new(Sessions::new(node.revocations.clone()).listed_in(directory.clone(), "node-1"));
    let keeping = sessions.clone();
    let keeper = tokio::spawn(async move { keeping.keep_leases().await });

    let now = Now::read();
    let ada = login("ada", now);
    let mut open = Vec::new();
    for _ in 0..2 {
        let minted = admission.mint(grant(&ada, now), &chat(), now).await.expect("a ticket");
        let authentic = admission.inspect(&minted.ticket, &chat(), now).expect("authentic");
        let admitted = admission.redeem(authentic, LONG, now).await.expect("an admission");
        assert_eq!(directory.find(admitted.session_id()).await, Ok(Some("node-1".to_owned())), "at once");
        assert!(admission.claim_place(&admitted, 2).await.expect("an answer"));
        open.push(sessions.open(admitted, now).expect("a session"));
    }
    let ids: Vec<_> = open.iter().map(|session| session.id().clone()).collect();
    let until = Instant::now() + SHORT_LEASE + SHORT_LEASE / 2;
    while Instant::now() < until {
        // A busy machine may be late for an answer; what is answered is so throughout.
        let (found, count) = (directory.find(&ids[1]).await, admission.count_sessions(&ada.principal).await);
        assert!(found.is_err() || found == Ok(Some("node-1".to_owned())), "{found:?}");
        assert!(count.is_err() || count == Ok(2), "{count:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    drop(open.remove(0));
    let is_released = async || admission.count_sessions(&ada.principal).await == Ok(1);
    // Before its lease ends, of which a third at most is over.
    within(SHORT_LEASE / 2, "its place is free", is_released).await;
    assert_eq!(directory.find(&ids[0]).await, Ok(None));

    keeper.abort();
    let is_forgotten = async || directory.find(&ids[1]).await == Ok(None);
    within(SHORT_LEASE + SLACK, "a node that says no more holds nothing", is_forgotten).await;
    within(A_SECOND + SLACK, "nor places", async || admission.count_sessions(&ada.principal).await == Ok(0)).await;
}
