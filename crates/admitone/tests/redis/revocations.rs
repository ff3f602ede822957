//! What one node takes back, all know.

use std::time::{Duration, Instant};

use admitone::now::Now;
use admitone::principal::Login;
use admitone::revocation::{Cursor, Mark, Revocation, Revocations as _};
use admitone::store::StoreUnavailable;

use crate::contract::{cluster_options, sentinel_options, standalone_options};
use crate::nodes::{self, Node, mint_for};
use crate::servers::{Cluster, Server, Trio, eventually};
use crate::world::{TICKET_LIFE, login, revocations_of_login};

const A_SECOND: Duration = Duration::from_secs(1);

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(4);

async fn knows_within(node: &Node, login: &Login, limit: Duration) {
    let (started, limit) = (Instant::now(), limit + SLACK);
    while !node.knows(login) {
        assert!(started.elapsed() < limit, "unknown after {limit:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_later_knows_what_was_revoked_before() {
    for options in [standalone_options(), sentinel_options(), cluster_options()] {
        let (one, now) = (Node::start(options.clone()).await, Now::read());
        for kind in 0..3 {
            let login = login(&format!("subject-{kind}"), now);
            let revocation = revocations_of_login(&login, now)[kind].clone();
            one.revocations.revoke(revocation, now).await.expect("written");
            assert!(Node::start(options.clone()).await.knows(&login));
        }
    }
}

/// How many marks the shards have.
fn marks(cluster: &Cluster) -> usize {
    cluster.primaries.iter().map(|shard| shard.cli(&["KEYS", "*:m:*"]).lines().count()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_revoked_for_its_owner_is_one_mark_in_a_cluster_and_256_without() {
    let cluster = Cluster::start(false);
    let options = nodes::cluster(&cluster);
    let (one, other) = (Node::start(options.clone()).await, Node::start(options).await);
    let now = Now::read();
    for kind in 0..2 {
        let login = login(&format!("subject-{kind}"), now);
        let revocation = revocations_of_login(&login, now)[kind].clone();
        let minted = mint_for(&login, TICKET_LIFE).await;
        other.put(&minted).await.expect("room");
        let before = marks(&cluster);
        one.revocations.revoke_of(&login.principal, revocation.clone(), now).await.expect("written");
        assert_eq!(marks(&cluster), before + 1);
        let taken = other.take(&minted).await.expect("an answer").expect("what was put");
        assert_eq!(taken.mark, Some(revocation.mark()), "before the node has heard of it");
        knows_within(&other, &login, A_SECOND).await;
        one.revocations.revoke(revocation, now).await.expect("written");
        assert_eq!(marks(&cluster), before + 256);
    }
    let before = marks(&cluster);
    let everything = Revocation::Everything { until: now.unix };
    one.revocations.revoke_of(&login("ada", now).principal, everything, now).await.expect("written");
    assert_eq!(marks(&cluster), before + 256, "nobody owns everything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_before_a_time_covers_what_nobody_has_heard_of() {
    let server = Server::start(&[]);
    let options = nodes::standalone(&server);
    let (one, other) = (Node::start(options.clone()).await, Node::start(options).await);
    let now = Now::read();
    let (before, after) = (login("ada", Now { unix: now.unix - 2, ..now }), login("ada", now));
    let (old, new) = (mint_for(&before, TICKET_LIFE).await, mint_for(&after, TICKET_LIFE).await);
    one.revocations.revoke(Revocation::Everything { until: now.unix - 1 }, now).await.expect("written");
    for minted in [&old, &new] {
        other.put(minted).await.expect("room");
    }
    assert_eq!(other.take(&old).await.expect("an answer").and_then(|taken| taken.mark), Some(Mark::Everything));
    assert_eq!(other.take(&new).await.expect("an answer").expect("what was put").mark, None);
    knows_within(&other, &before, A_SECOND).await;
    assert!(!other.knows(&after));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_what_was_revoked_while_the_server_hung_is_known_everywhere_a_second_after_its_return() {
    let server = Server::start(&[]);
    let options = nodes::standalone(&server);
    let (one, other) = (Node::start(options.clone()).await, Node::start(options.clone()).await);
    let login = login("ada", Now::read());
    let revocation = Revocation::of_login(&login, Now::read().unix);

    server.stop();
    assert_eq!(one.revocations.revoke(revocation, Now::read()).await, Err(StoreUnavailable));
    assert!(one.knows(&login), "the node that was told");
    eventually("the connections are given up", || other.revocations.synced(Now::read()) > Some(2 * A_SECOND));

    server.go_on();
    one.recovers().await;
    knows_within(&other, &login, 2 * A_SECOND).await;
    let has_heard = || other.revocations.synced(Now::read()).is_some_and(|synced| synced < 2 * A_SECOND);
    eventually("it hears from the server again and again", has_heard);
    assert!(Node::start(options).await.knows(&login));
}

/// Whether the stream has its entry again. It has it twice where a node compares again while it still writes.
fn is_whole(server: &Server) -> bool {
    ["1", "2"].contains(&&*server.cli(&["XLEN", "adm:control"]))
}

/// A server that has forgotten everything is told again by those who know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_what_a_server_forgot_is_written_again() {
    let mut server = Server::start(&[]);
    let options = nodes::standalone(&server);
    let (one, other) = (Node::start(options.clone()).await, Node::start(options.clone()).await);
    let now = Now::read();
    let login = login("ada", now);
    one.revocations.revoke(Revocation::of_login(&login, now.unix), now).await.expect("written");
    knows_within(&other, &login, A_SECOND).await;
    drop(one);
    let mut cursor = Cursor::default();
    cursor = other.revocations.follow(cursor).await.cursor;

    server.kill();
    server.restart();
    other.recovers().await;
    let batch = other.revocations.follow(cursor).await;
    assert!(batch.gap, "every session is compared again");
    eventually("the stream is whole again", || is_whole(&server));
    let minted = mint_for(&login, TICKET_LIFE).await;
    other.put(&minted).await.expect("room");
    assert_eq!(other.take(&minted).await.expect("an answer").and_then(|taken| taken.mark), Some(Mark::Sid));
    assert!(Node::start(options).await.knows(&login), "one that starts now");
}

/// The replica that takes over has not heard of the revocation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_f20_what_a_failover_lost_is_written_again() {
    let trio = Trio::start();
    let options = nodes::sentinel(&trio);
    let node = Node::start(options.clone()).await;
    trio.replica.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    let now = Now::read();
    let login = login("ada", now);
    node.revocations.revoke(Revocation::of_login(&login, now.unix), now).await.expect("written");
    trio.primary.kill();
    assert_eq!(trio.replica.cli(&["XLEN", "adm:control"]), "0", "it has not heard");

    eventually("the promotion is announced", || trio.announced() == trio.replica.port);
    node.recovers().await;
    eventually("the stream has it", || is_whole(&trio.replica));
    assert!(Node::start(options).await.knows(&login));
}
