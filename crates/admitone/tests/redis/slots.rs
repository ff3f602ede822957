//! A Cluster that moves a slot from one shard to another while tickets in it are outstanding.

use std::time::{Duration, Instant};

use admitone::store::redis::RedisOptions;

use crate::nodes::{self, Minted, Node, mint, mint_on, unfenced};
use crate::servers::{Cluster, Server};

/// The two seconds in which a move is followed, and three that a busy machine may add.
const FOLLOWED: Duration = Duration::from_secs(5);

/// The slot of a ticket, on its way from the first shard to the second.
struct Move<'a> {
    cluster: &'a Cluster,
    slot: String,
    from: &'a Server,
    to: &'a Server,
}

impl<'a> Move<'a> {
    /// From now on what is not there any more is to be asked for at the second.
    fn begin(cluster: &'a Cluster, minted: &Minted) -> Self {
        let [from, to, _] = &cluster.primaries[..] else { unreachable!("three shards") };
        let slot = from.cli(&["CLUSTER", "KEYSLOT", &format!("{:02x}", minted.key.subject.bucket())]);
        let (from_id, to_id) = (from.cli(&["CLUSTER", "MYID"]), to.cli(&["CLUSTER", "MYID"]));
        assert_eq!(to.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]), "OK");
        assert_eq!(from.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]), "OK");
        Self { cluster, slot, from, to }
    }

    /// Moves every key.
    fn carry(&self) {
        let keys = self.from.cli(&["CLUSTER", "GETKEYSINSLOT", &self.slot, "1000"]);
        let port = self.to.port.to_string();
        let mut command = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        command.extend(keys.lines());
        assert_eq!(self.from.cli(&command), "OK");
    }

    /// The slot is the second's.
    fn finish(self) {
        let id = self.to.cli(&["CLUSTER", "MYID"]);
        let others = self.cluster.primaries.iter().filter(|shard| shard.port != self.to.port);
        for shard in [self.to].into_iter().chain(others) {
            assert_eq!(shard.cli(&["CLUSTER", "SETSLOT", &self.slot, "NODE", &id]), "OK");
        }
    }
}

/// How often each of three tickets is admitted that are presented before, during and after their slot's way, and again at
/// its end; and how long it takes until one that is minted after it redeems.
async fn admissions(options: impl Fn(&Cluster) -> RedisOptions) -> ([usize; 3], Duration) {
    let cluster = Cluster::start(false);
    let node = Node::start(options(&cluster)).await;
    let before = mint_on(&cluster, &cluster.primaries[0]).await;
    let subject = before.stored.grant.principal.subject().to_owned();
    let tickets = [before, mint(&subject).await, mint(&subject).await];
    for minted in &tickets {
        node.put(minted).await.expect("room");
    }
    let mut admitted = [0; 3];
    let mut present = async |at: usize| {
        // An error admits nobody.
        let taken = node.take(&tickets[at]).await;
        admitted[at] += usize::from(matches!(taken, Ok(Some(_))));
        taken.is_ok()
    };
    present(0).await;
    let moving = Move::begin(&cluster, &tickets[0]);
    present(1).await;
    moving.carry();
    present(1).await;
    moving.finish();
    let finished = Instant::now();
    // Until the move is followed there may be no answer.
    while !present(2).await && finished.elapsed() < FOLLOWED {}
    for at in [2, 1, 0] {
        present(at).await;
    }
    loop {
        let again = mint(&subject).await;
        if node.put(&again).await.is_ok() && matches!(node.take(&again).await, Ok(Some(_))) {
            return (admitted, finished.elapsed());
        }
        assert!(finished.elapsed() < Duration::from_secs(10), "not followed: {:?}", node.redis.latest_fault());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_while_a_slot_moves_its_fenced_tickets_are_admitted_at_most_once() {
    let (admitted, followed) = admissions(nodes::cluster).await;
    assert_eq!(admitted[0], 1, "before the move");
    assert!(admitted[1] <= 1, "during it: {admitted:?}");
    assert_eq!(admitted[2], 0, "minted under another server's history");
    assert!(followed < FOLLOWED, "{followed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_slot_moves_its_unfenced_tickets_go_with_it() {
    let (admitted, followed) = admissions(|cluster| unfenced(nodes::cluster(cluster))).await;
    assert_eq!((admitted[0], admitted[2]), (1, 1), "before the move, and after it: {admitted:?}");
    assert!(admitted[1] <= 1, "during it: {admitted:?}");
    assert!(followed < FOLLOWED, "{followed:?}");
}
