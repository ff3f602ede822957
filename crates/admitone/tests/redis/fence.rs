//! What a failover, a restart or a restore lets in again, with the fence and without.

use std::time::{Duration, Instant};

use admitone::store::redis::RedisOptions;

use crate::nodes::{self, Node, apart, mint, mint_on, unfenced};
use crate::servers::{Cluster, Server, Trio, eventually, replica_of};

/// The two seconds in which a failover is followed, and three that a busy machine may add.
const FOLLOWED: Duration = Duration::from_secs(5);

/// How often one ticket is admitted when the replica that takes over has not heard that it was spent.
async fn admissions_over_a_cut_and_promotion(options: impl Fn(&Server) -> RedisOptions) -> usize {
    let primary = Server::start(&[]);
    let replica = replica_of(&primary);
    let before = Node::start(options(&primary)).await;
    let minted = mint("ada").await;
    before.put(&minted).await.expect("room");
    eventually("the replica has the ticket", || replica.cli(&["DBSIZE"]) == primary.cli(&["DBSIZE"]));

    // A primary that is not there: the replica keeps what it has and hears no more.
    replica.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    let first = before.takes(&minted).await;
    primary.kill();
    replica.cli(&["REPLICAOF", "NO", "ONE"]);
    let after = Node::start(options(&replica)).await;
    // What is not answered in time may have been taken: the server has met the scripts before it counts.
    after.recovers().await;
    let second = after.takes(&minted).await;
    let third = after.takes(&minted).await;

    let again = mint("ada").await;
    after.put(&again).await.expect("room");
    assert!(after.takes(&again).await, "minted again, it redeems");
    [first, second, third].into_iter().filter(|admitted| *admitted).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_over_a_cut_and_promotion_a_fenced_ticket_is_admitted_once() {
    assert_eq!(admissions_over_a_cut_and_promotion(nodes::standalone).await, 1);
}

/// Without the fence the same history admits twice, or the test above proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_over_a_cut_and_promotion_an_unfenced_ticket_is_admitted_twice() {
    assert_eq!(admissions_over_a_cut_and_promotion(|server| unfenced(nodes::standalone(server))).await, 2);
}

/// How often one ticket is admitted when the server comes back from a snapshot of before.
async fn admissions_over_a_restore(options: impl Fn(&Server) -> RedisOptions) -> usize {
    let mut server = Server::start(&[]);
    let node = Node::start(options(&server)).await;
    let minted = mint("ada").await;
    node.put(&minted).await.expect("room");
    assert_eq!(server.cli(&["SAVE"]), "OK");
    assert!(server.folder().join("dump.rdb").exists());
    let first = node.takes(&minted).await;
    server.kill();
    server.restart();
    node.recovers().await;
    let second = node.takes(&minted).await;
    usize::from(first) + usize::from(second)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_restored_from_a_snapshot_a_fenced_ticket_is_admitted_once() {
    assert_eq!(admissions_over_a_restore(nodes::standalone).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_restored_from_a_snapshot_an_unfenced_ticket_is_admitted_twice() {
    assert_eq!(admissions_over_a_restore(|server| unfenced(nodes::standalone(server))).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f5_f6_a_sentinel_failover_is_followed_within_two_seconds_and_ends_old_tickets() {
    let trio = Trio::start();
    let node = Node::start(nodes::sentinel(&trio)).await;
    let minted = mint("ada").await;
    node.put(&minted).await.expect("room");
    eventually("the replica has the ticket", || trio.replica.cli(&["DBSIZE"]) == trio.primary.cli(&["DBSIZE"]));

    trio.primary.kill();
    eventually("the promotion is announced", || trio.announced() == trio.replica.port);
    let recovery = node.recovers().await;
    assert!(recovery < FOLLOWED, "{recovery:?}");
    assert!(!node.takes(&minted).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f5_f6_a_shards_failover_is_followed_and_ends_its_old_tickets_only() {
    let cluster = Cluster::start(true);
    let node = Node::start(apart(nodes::cluster(&cluster))).await;
    let [killed, other, _] = &cluster.primaries[..] else { unreachable!("three shards") };
    let (lost, kept) = (mint_on(&cluster, killed).await, mint_on(&cluster, other).await);
    for minted in [&lost, &kept] {
        node.put(minted).await.expect("room");
    }
    killed.kill();
    let alive = || cluster.members().filter(|member| member.port != killed.port);
    let has_three = |member: &Server| {
        let nodes = member.cli(&["CLUSTER", "NODES"]);
        let serves = |line: &&str| line.contains("master") && line.split(' ').count() > 8;
        nodes.lines().filter(serves).filter(|line| !line.contains(&killed.address())).count() == 3
    };
    let is_well = |member: &Server| member.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok");
    eventually("a replica is promoted", || alive().all(|member| has_three(member) && is_well(member)));
    let announced = Instant::now();
    while node.take(&lost).await.map(|taken| assert!(taken.is_none())).is_err() {
        assert!(announced.elapsed() < FOLLOWED, "not followed: {:?}", node.redis.latest_fault());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(node.takes(&kept).await, "another shard's");
    let again = mint(lost.stored.grant.principal.subject()).await;
    node.put(&again).await.expect("room");
    assert!(node.takes(&again).await);
}
