//! One ticket, many upgrades at once, two gateways on one Redis.
//!
//! `ADMITONE_RACES` is how many tickets are raced for in each way of refusing (20).

use std::collections::HashMap;
use std::net::SocketAddr;

use tokio::task::JoinSet;

use crate::broken_take::broken_way_to;
use crate::client::{Connection, Request};
use crate::servers::Server;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

const RACERS: usize = 64;

fn races() -> usize {
    let Ok(races) = std::env::var("ADMITONE_RACES") else { return 20 };
    races.parse().unwrap_or_else(|_| panic!("ADMITONE_RACES is {races:?}: write a whole number"))
}

async fn pair(redis: SocketAddr, refuse_with: &str, upstream: &Upstream) -> [World; 2] {
    let store = format!("kind = \"redis\"\nurl = \"redis://{redis}\"");
    let route = format!("refuse_with = \"{refuse_with}\"");
    let lines = Lines { store: &store, route: &route, ..Lines::default() };
    [World::with(lines, &upstream.url()).await, World::with(lines, &upstream.url()).await]
}

/// What came of a race.
#[derive(Default)]
struct Race {
    admitted: usize,
    /// So many heard that the store did not answer in time: one of them may have spent the ticket.
    unanswered: usize,
}

/// Races for one ticket of the first gateway's.
async fn race(pair: &[World; 2]) -> Race {
    let request = Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket(&pair[0].ticket().await).text();
    let mut connections = Vec::new();
    for at in 0..RACERS {
        connections.push(pair[at % 2].connect().await);
    }
    let racing: JoinSet<Race> = connections.into_iter().map(|connection| run(connection, request.clone())).collect();
    racing.join_all().await.into_iter().fold(Race::default(), |all, one| Race {
        admitted: all.admitted + one.admitted,
        unanswered: all.unanswered + one.unanswered,
    })
}

/// One racer's part of it.
async fn run(mut connection: Connection, request: String) -> Race {
    connection.send(request).await;
    let answer = connection.answer().await;
    let (is_admitted, is_unanswered) = match (answer.status, answer.header("sec-websocket-protocol")) {
        (101, Some("admitone.v1")) => (true, false),
        (101, _) => (false, connection.close().await.0 == 4804),
        (status, _) => (false, status == 503 && answer.problem() == "store_unavailable"),
    };
    Race { admitted: usize::from(is_admitted), unanswered: usize::from(is_unanswered) }
}

/// How many requests have reached the upstream with each session's handle, which is its ticket's.
async fn requests(upstream: &Upstream) -> HashMap<String, usize> {
    let mut requests = HashMap::new();
    for received in upstream.received_by_now().await.iter().filter(|received| !received.is_empty()) {
        let id = received.lines().find_map(|line| line.strip_prefix("x-admitone-session-id: "));
        *requests.entry(id.expect("a session's handle").to_owned()).or_default() += 1;
    }
    requests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_a13_of_64_upgrades_on_two_gateways_with_one_ticket_one_reaches_the_upstream() {
    let redis = Server::start(&[]);
    for refuse_with in ["http", "close"] {
        let upstream = Upstream::echo().await;
        let pair = pair(([127, 0, 0, 1], redis.port).into(), refuse_with, &upstream).await;
        let mut admitted = 0;
        for number in 0..races() {
            let race = race(&pair).await;
            // A busy machine may keep the store's answer from whoever has won.
            let lowest = usize::from(race.unanswered == 0);
            assert!((lowest..=1).contains(&race.admitted), "{refuse_with}, ticket {number}: {}", race.admitted);
            admitted += race.admitted;
        }
        let requests = requests(&upstream).await;
        assert_eq!(requests.len(), admitted, "each ticket once");
        assert!(requests.values().all(|times| *times == 1), "{requests:?}");
        assert!(admitted * 2 > races(), "most races have a winner: {admitted}");
    }
}

/// With a store that looks first and deletes afterwards the same races are lost, or the test above proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_a_store_that_takes_in_two_steps_lets_two_in() {
    let redis = Server::start(&[]);
    let upstream = Upstream::echo().await;
    let pair = pair(broken_way_to(redis.port).await, "http", &upstream).await;
    for _ in 0..100 {
        race(&pair).await;
        if requests(&upstream).await.into_values().any(|times| times > 1) {
            return;
        }
    }
    panic!("in a hundred races nobody came second");
}
