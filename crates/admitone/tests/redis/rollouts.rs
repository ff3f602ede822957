//! Who gets tickets, as real servers keep it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use admitone::now::Now;
use admitone::rollout::{By, Edit, Percent, RedisSettings, Rollouts, Said, Settings};
use tokio::task::JoinSet;

use crate::nodes::{self, Node, apart};
use crate::servers::{Server, Trio};
use crate::world::ROUTE;

/// Its revocations follow the stream by which changes are heard, for as long as the test runs.
async fn settings(options: admitone::store::redis::RedisOptions) -> Arc<dyn Settings> {
    let node = Node::start(options).await;
    let settings = Arc::new(RedisSettings::new(&node.redis));
    std::mem::forget(node);
    settings
}

async fn on_standalone() -> Arc<dyn Settings> {
    settings(crate::contract::standalone_options()).await
}

async fn on_cluster() -> Arc<dyn Settings> {
    settings(crate::contract::cluster_options()).await
}

mod standalone {
    crate::settings_contract::every_settings!(super::on_standalone);
}

mod cluster {
    crate::settings_contract::every_settings!(super::on_cluster);
}

/// A node that follows.
struct Following {
    rollouts: Arc<Rollouts>,
    _node: Node,
    _following: JoinSet<()>,
}

impl Following {
    async fn start(options: admitone::store::redis::RedisOptions, name: &str) -> Self {
        let node = Node::start(options).await;
        let rollouts = Arc::new(Rollouts::new(Arc::new(RedisSettings::new(&node.redis)), name));
        rollouts.load().await.expect("an answer");
        let (mut following, follower) = (JoinSet::new(), rollouts.clone());
        following.spawn(async move { follower.follow(|_, _| {}).await });
        Self { rollouts, _node: node, _following: following }
    }

    async fn set(&self, percent: u64) {
        let edit =
            Edit { route: ROUTE, by: By::Admin, may_leave_out: true, answers_guard: true, said: Said::default() };
        let percent = Percent::new(percent).expect("a percentage");
        self.rollouts.change(&edit, Now::read(), |rollout| rollout.percent = percent).await.expect("a change");
    }

    async fn is(&self, percent: u8, limit: Duration) {
        let started = Instant::now();
        while self.rollouts.of(ROUTE).is_none_or(|setting| setting.rollout.percent.get() != percent) {
            assert!(started.elapsed() < limit, "not at {percent} % within {limit:?}: {:?}", self.rollouts.of(ROUTE));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

const A_SECOND: Duration = Duration::from_secs(1);

/// A second, and four that a busy machine may add.
const IN_A_SECOND: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_every_node_has_a_change_within_a_second_and_the_last_one_counts() {
    let server = Server::start(&[]);
    let options = apart(nodes::standalone(&server));
    let (one, other) =
        (Following::start(options.clone(), "one").await, Following::start(options.clone(), "other").await);
    for percent in [0, 25, 100, 40] {
        one.set(u64::from(percent)).await;
        other.is(percent, IN_A_SECOND).await;
        other.set(u64::from(percent) / 2).await;
        one.is(percent / 2, IN_A_SECOND).await;
    }
    let later = Following::start(options, "later").await;
    later.is(20, Duration::ZERO + Duration::from_millis(1)).await;
}

/// F5: a server that comes back without what it had is told again, and those that were cut off hear what they missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f5_a_rollout_outlives_the_server_that_keeps_it() {
    let mut server = Server::start(&[]);
    let options = nodes::standalone(&server);
    let (one, other) = (Following::start(options.clone(), "one").await, Following::start(options, "other").await);
    one.set(25).await;
    other.is(25, IN_A_SECOND).await;
    server.kill();
    one.set(0).await;
    assert!(!one.rollouts.is_kept(ROUTE), "set here, and told to nobody yet");
    one.is(0, Duration::from_millis(1)).await;
    other.is(25, Duration::from_millis(1)).await;
    server.restart();
    other.is(0, 4 * IN_A_SECOND).await;
    // The other may hear of it before the one is answered.
    crate::servers::eventually_within(IN_A_SECOND, "the store has it", || one.rollouts.is_kept(ROUTE));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_rollout_outlives_a_failover() {
    let trio = Trio::start();
    let options = nodes::sentinel(&trio);
    let (one, other) = (Following::start(options.clone(), "one").await, Following::start(options, "other").await);
    one.set(25).await;
    other.is(25, IN_A_SECOND).await;
    trio.primary.kill();
    crate::servers::eventually("a promotion", || trio.announced() == trio.replica.port);
    let started = Instant::now();
    while !one.rollouts.is_kept(ROUTE) || other.rollouts.of(ROUTE).is_none_or(|known| known.revision < 2) {
        one.set(10).await;
        assert!(started.elapsed() < 30 * A_SECOND, "the new primary is not told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    other.is(10, 4 * IN_A_SECOND).await;
}
