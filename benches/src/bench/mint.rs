use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::busyness;
use crate::gateway::{Folder, Gateway, SUBJECTS};
use crate::http::{Client, mint_request};
use crate::place::{GENERATOR, SERVER};
use crate::process::Process;
use crate::rounds::{Contender, Load, Rounds, Workload};
use crate::table::{Goal, Row, Table};
use crate::{Failure, Settings};

const CONNECTIONS: usize = 32;

/// The shortest that the gateway allows: tickets that nobody redeems do not pile up.
const TTL_SECONDS: u32 = 5;

pub(super) async fn run(settings: Settings) -> Result<Table, Failure> {
    let folder = Folder::new()?;
    let (_upstream, upstream) = Process::in_role(GENERATOR, &["role", "echo"])?;
    let gateway = Gateway::start(folder.path(), upstream, TTL_SECONDS).await?;
    let requests: Arc<[Vec<u8>]> = (0..SUBJECTS).map(mint_request).collect::<Result<_, _>>()?;
    let bytes = answer_bytes(gateway.address(), &requests[0]).await?.to_string();
    let (hyper, hyper_address) = Process::in_role(SERVER, &["role", "floor", "hyper", &bytes])?;
    let (axum, axum_address) = Process::in_role(SERVER, &["role", "floor", "axum", &bytes])?;
    let contenders = [
        Contender { name: "admitone", pids: vec![gateway.pid()] },
        Contender { name: "bare hyper", pids: vec![hyper.pid()] },
        Contender { name: "bare axum", pids: vec![axum.pid()] },
    ];
    let addresses = [gateway.address(), hyper_address, axum_address];
    let mut posts = Posts::new(addresses.into(), vec![requests; 3]);
    let rounds = Rounds::measure(&contenders, None, settings, &mut posts).await?;

    let mut table = Table::new(format!("mint: POST /auth/ticket, HS256, {CONNECTIONS} kept-alive connections"));
    let (goal, peers) = (Some(Goal::AtLeast(0.70)), [(1, "bare hyper", true), (2, "bare axum", false)]);
    for (peer, name, counts) in peers {
        let pair = (0, peer, name);
        let row = Row::of_rounds("mints/s", &rounds, pair, |sample| sample.rate, goal.filter(|_| counts));
        table.add(if counts { row.numbered(9) } else { row });
        table.add(Row::of_rounds("CPU us/mint", &rounds, pair, |sample| sample.cpu, None));
    }
    table.note(busyness(&rounds, &contenders));
    table.note(rounds.quietness());
    table.note(format!(
        "{SUBJECTS} subjects; tickets live {TTL_SECONDS} s and are swept by later mints, which is measured too"
    ));
    Ok(table)
}

pub(super) async fn answer_bytes(gateway: SocketAddr, request: &[u8]) -> Result<usize, Failure> {
    let mut client = Client::connect(gateway).await?;
    client.mint(request).await?;
    let answer = client.send(request).await?;
    Ok(client.body(&answer).len())
}

/// Requests to each contender.
pub(super) struct Posts {
    addresses: Vec<SocketAddr>,
    requests: Vec<Arc<[Vec<u8>]>>,
    clients: Vec<Client>,
}

impl Posts {
    pub(super) fn new(addresses: Vec<SocketAddr>, requests: Vec<Arc<[Vec<u8>]>>) -> Self {
        Self { addresses, requests, clients: Vec::new() }
    }
}

impl Workload for Posts {
    async fn prepare(&mut self, contender: usize, _: Duration) -> Result<(), Failure> {
        for _ in 0..CONNECTIONS {
            self.clients.push(Client::connect(self.addresses[contender]).await?);
        }
        Ok(())
    }

    async fn run(&mut self, contender: usize, time: Duration) -> Result<Load, Failure> {
        let (end, requests) = (Instant::now() + time, &self.requests[contender]);
        let mut tasks = JoinSet::new();
        for (at, client) in self.clients.drain(..).enumerate() {
            tasks.spawn(post_until(end, client, requests.clone(), at * requests.len() / CONNECTIONS));
        }
        let mut load = Load::default();
        while let Some(posted) = tasks.join_next().await {
            load.operations += posted??;
        }
        Ok(load)
    }
}

async fn post_until(end: Instant, mut client: Client, requests: Arc<[Vec<u8>]>, first: usize) -> Result<u64, Failure> {
    let mut posted = 0;
    for request in requests.iter().cycle().skip(first) {
        let answer = client.send(request).await?;
        if answer.status != 201 {
            let body = String::from_utf8_lossy(client.body(&answer));
            return Err(format!("a POST was answered {}: {body}", answer.status).into());
        }
        posted += 1;
        if Instant::now() >= end {
            break;
        }
    }
    Ok(posted)
}
