//! Histories: eight clients and two real gateways over a Redis and its replica, while faults strike. What the upstream has
//! seen is the truth.
//!
//! `ADMITONE_HISTORY_SECONDS` is how long faults strike (6), `ADMITONE_HISTORY_SEED` replays a schedule. The soak among them
//! has `ADMITONE_SOAK_SECONDS` (12) and `ADMITONE_SOAK_PEOPLE` (200).

mod book;
#[path = "../it/client.rs"]
#[allow(dead_code, reason = "another test's, which uses all of it")]
mod client;
mod clients;
mod dice;
mod faults;
mod gateways;
mod history;
mod ledger;
mod link;
mod pair;
#[path = "../../../admitone/tests/redis/ports.rs"]
mod ports;
#[path = "../../../admitone/tests/redis/servers.rs"]
#[allow(dead_code, reason = "the library's tests use all of it")]
mod servers;
mod soak;
#[path = "../it/tokens.rs"]
#[allow(dead_code, reason = "another test's, which uses all of it")]
mod tokens;
#[path = "../it/world.rs"]
#[allow(dead_code, reason = "another test's, which uses all of it")]
mod world;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Mutex;

use crate::history::{Plan, Strikes};
use crate::soak::Soak;

/// Histories share two cores with nobody, lest a busy machine look like a fault.
static ALONE: Mutex<()> = Mutex::const_new(());

fn plan(fence: &'static str, strikes: Strikes) -> Plan {
    let length = Duration::from_secs(from_environment("ADMITONE_HISTORY_SECONDS").unwrap_or(6));
    let seed = from_environment("ADMITONE_HISTORY_SEED").unwrap_or_else(some_seed);
    Plan { fence, strikes, length, seed }
}

fn some_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    since.as_secs() * 1000 + u64::from(since.subsec_millis())
}

fn from_environment(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is {value:?}: write a whole number")))
}

/// Liveness.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_without_a_fault_every_ticket_is_admitted_exactly_once() {
    let _alone = ALONE.lock().await;
    let summary = plan("replid", Strikes::Never).run().await;
    summary.is_safe();
    summary.is_live();
}

/// Safety.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_m12_whatever_strikes_a_fenced_ticket_is_admitted_at_most_once() {
    let _alone = ALONE.lock().await;
    plan("replid", Strikes::Random).run().await.is_safe();
}

/// Without the fence the same history admits twice, or the test above proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_without_the_fence_the_same_history_admits_tickets_twice() {
    let _alone = ALONE.lock().await;
    let summary = plan("none", Strikes::Random).run().await;
    assert!(summary.cut_and_promotion_admits_twice(), "the replica had not heard that these tickets were spent");
}

/// Many sockets, faults, and nothing left of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m13_s30_whatever_strikes_nobody_comes_in_unasked_and_nothing_is_left_behind() {
    let _alone = ALONE.lock().await;
    let length = Duration::from_secs(from_environment("ADMITONE_SOAK_SECONDS").unwrap_or(12));
    let people = from_environment("ADMITONE_SOAK_PEOPLE").unwrap_or(200);
    let seed = from_environment("ADMITONE_HISTORY_SEED").unwrap_or_else(some_seed);
    Soak { people: usize::try_from(people).expect("64 bits"), length, seed }.run().await;
}
