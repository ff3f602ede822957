//! Many redeem one ticket at once: tasks of two nodes, and two processes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

use admitone::admission::{Admission, MintError, RedeemError};
use admitone::now::Now;
use admitone::store::PutError;
use admitone::store::redis::{Address, Deployment, RedisOptions};
use admitone::ticket::Ticket;
use tokio::task::JoinSet;

use crate::contract::{cluster_options, sentinel_options, standalone_options};
use crate::nodes::{Node, mint};
use crate::servers::Trio;
use crate::store_contract::Tally;
use crate::world::{Refused, chat, grant, keys, login, present};

async fn of_a_hundred_takes_one_wins_a_thousand_times(options: RedisOptions) {
    let pair = [Node::start(options.clone()).await, Node::start(options).await];
    let mut won = 0;
    for round in 0..1000 {
        let (minted, tally) = (Arc::new(mint(&format!("subject-{round}")).await), Arc::new(Tally::default()));
        if pair[round % 2].put(&minted).await.is_err() {
            continue;
        }
        let mut takers = JoinSet::new();
        for taker in 0..100 {
            let (node, minted, tally) = (pair[taker % 2].clone(), minted.clone(), tally.clone());
            takers.spawn(async move { tally.count(&node.take(&minted).await) });
        }
        takers.join_all().await;
        won += usize::from(tally.one_won(round));
    }
    assert!(won > 900, "too few were answered: {won}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_a13_of_a_hundred_takes_on_two_nodes_of_a_standalone_server_one_wins_a_thousand_times() {
    of_a_hundred_takes_one_wins_a_thousand_times(standalone_options()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_a13_of_a_hundred_takes_on_two_nodes_behind_sentinels_one_wins_a_thousand_times() {
    of_a_hundred_takes_one_wins_a_thousand_times(sentinel_options()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_a13_of_a_hundred_takes_on_two_nodes_of_a_cluster_one_wins_a_thousand_times() {
    of_a_hundred_takes_one_wins_a_thousand_times(cluster_options()).await;
}

/// Makes [`RACE`]'s own process a racer at the servers that this names.
const RACE_AT: &str = "ADMITONE_TEST_RACE_AT";

/// The test that does it.
const RACE: &str = "races::s7_a13_of_two_processes_on_a_standalone_server_with_the_same_tickets_one_wins_each";

const TICKETS: usize = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_a13_of_two_processes_on_a_standalone_server_with_the_same_tickets_one_wins_each() {
    match std::env::var(RACE_AT) {
        Ok(servers) => race(read(&servers)).await,
        Err(_) => of_two_processes_one_wins_each(standalone_options()).await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_a13_of_two_processes_behind_sentinels_with_the_same_tickets_one_wins_each() {
    of_two_processes_one_wins_each(sentinel_options()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_a13_of_two_processes_on_a_cluster_with_the_same_tickets_one_wins_each() {
    of_two_processes_one_wins_each(cluster_options()).await;
}

/// The test starts itself twice: each process redeems every ticket, and says which it won.
async fn of_two_processes_one_wins_each(mut options: RedisOptions) {
    options.per_subject = u32::MAX;
    let servers = written(&options);
    let minting = admission(options).await;
    let mut racers = [Racer::start(&servers), Racer::start(&servers)];
    for _ in 0..TICKETS {
        let now = Now::read();
        // Not answered in time, on a machine that is busy, it is none of those that are counted.
        let minted = match minting.mint(grant(&login("ada", now), now), &chat(), now).await {
            Err(MintError::Store(PutError::Unavailable)) => continue,
            minted => minted.expect("a ticket"),
        };
        for racer in &mut racers {
            racer.give(&minted.ticket);
        }
    }
    let [one, other] = racers.map(Racer::won);
    assert!(!one.is_empty() && !other.is_empty(), "no race: {} and {}", one.len(), other.len());
    let (mut all, before) = (one.iter().chain(&other).collect::<Vec<_>>(), one.len() + other.len());
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), before, "a ticket that both have won");
    assert!(before > TICKETS * 9 / 10, "too few were answered: {before}");
}

/// The deployment as a racer reads it: its keys' prefix, its kind, and where it is.
fn written(options: &RedisOptions) -> String {
    let (kind, addresses) = match &options.deployment {
        Deployment::Standalone(address) => ("standalone", vec![address]),
        Deployment::Sentinel { sentinels, .. } => ("sentinel", sentinels.iter().collect()),
        Deployment::Cluster { seeds } => ("cluster", seeds.iter().collect()),
        other => unreachable!("no test has {other:?}"),
    };
    let addresses: Vec<String> = addresses.into_iter().map(ToString::to_string).collect();
    format!("{} {kind} {}", options.prefix, addresses.join(" "))
}

fn read(servers: &str) -> RedisOptions {
    let mut words = servers.split(' ').map(str::to_owned);
    let [prefix, kind] = [words.next(), words.next()].map(|word| word.expect("a word"));
    let mut addresses: Vec<Address> = words.map(|address| address.parse().expect("an address")).collect();
    let service = Trio::SERVICE.to_owned();
    let deployment = match &*kind {
        "standalone" => Deployment::Standalone(addresses.remove(0)),
        "sentinel" => Deployment::Sentinel { sentinels: addresses, service, credentials: Default::default() },
        _ => Deployment::Cluster { seeds: addresses },
    };
    let mut options = RedisOptions::new(deployment);
    options.prefix = prefix;
    options
}

async fn admission(options: RedisOptions) -> Admission {
    let Node { store, revocations, .. } = Node::start(options).await;
    Admission::new(keys(), Arc::new(store), revocations)
}

/// Redeems what comes in, line by line, and says the numbers of the lines that were admitted.
async fn race(options: RedisOptions) {
    let node = Arc::new(admission(options).await);
    println!("\nready");
    let mut redeeming = JoinSet::new();
    let (lines, mut line) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let all = std::io::stdin().lines().map_while(Result::ok);
        all.for_each(|text| lines.send(text).expect("the racer reads on"));
    });
    let mut number = 0;
    while let Some(text) = line.recv().await {
        let node = node.clone();
        redeeming.spawn(async move { (number, is_admitted(&node, &text).await) });
        number += 1;
    }
    for (number, _) in redeeming.join_all().await.into_iter().filter(|(_, is_admitted)| *is_admitted) {
        println!("won {number}");
    }
    println!("raced {number}");
}

async fn is_admitted(node: &Admission, ticket: &str) -> bool {
    let ticket = Ticket::parse(ticket).expect("a ticket");
    match present(node, &ticket, Now::read()).await {
        Ok(_) => true,
        // Not answered in time it may have been taken, and nobody is admitted.
        Err(Refused::AtRedeem(RedeemError::Replayed(_) | RedeemError::Unavailable(_))) => false,
        Err(other) => panic!("neither admitted nor spent: {other:?}"),
    }
}

struct Racer {
    process: Child,
    tickets: ChildStdin,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Racer {
    /// A process that is connected and waits for tickets.
    fn start(servers: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", RACE, "--nocapture"]).env(RACE_AT, servers);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
        let (tickets, said) = (process.stdin.take().expect("piped"), process.stdout.take().expect("piped"));
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        assert!(lines.any(|line| line == "ready"), "a racer that is ready");
        Self { process, tickets, lines: Box::new(lines) }
    }

    fn give(&mut self, ticket: &Ticket) {
        writeln!(self.tickets, "{}", ticket.expose()).expect("a racer that reads");
    }

    /// The numbers of the tickets that it won, once all are answered.
    fn won(self) -> Vec<usize> {
        let Self { mut process, tickets, mut lines } = self;
        drop(tickets);
        let said: Vec<String> = lines.by_ref().take_while(|line| !line.starts_with("raced ")).collect();
        lines.for_each(drop);
        assert!(process.wait().expect("its end").success(), "{said:?}");
        said.iter().filter_map(|line| line.strip_prefix("won ")?.parse().ok()).collect()
    }
}
