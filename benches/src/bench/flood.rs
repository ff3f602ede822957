use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::gateway::{Folder, Gateway, SUBJECTS};
use crate::http::{Client, mint_request};
use crate::place::GENERATOR;
use crate::process::Process;
use crate::redis::Server;
use crate::rounds::{Contender, Load, Rounds, Workload};
use crate::socket::{Socket, upgrade};
use crate::table::{Goal, Row, Table};
use crate::{Failure, Settings};

/// What honest people do in a second: mint a ticket and connect with it.
const HONEST: u32 = 300;

/// Connections that present forged tickets, one after another without a pause.
const FORGERS: usize = 8;

const TTL_SECONDS: u32 = 60;

/// How long nobody comes at least, to see which scripts a gateway runs all the same.
const QUIET: Duration = Duration::from_secs(3);

pub(super) async fn run(settings: Settings) -> Result<Table, Failure> {
    let mut table = Table::new("flood: honest people while forged tickets pour in, a gateway on Redis");
    let Some(server) = Server::start().await? else {
        table.note("redis-server is not installed (apt-get install redis-server): nothing was measured");
        return Ok(table);
    };
    let folder = Folder::new()?;
    let (upstream, upstream_address) = Process::in_role(GENERATOR, &["role", "echo"])?;
    let gateway = Gateway::start_on(&server, folder.path(), upstream_address, TTL_SECONDS).await?;

    let requests: Vec<Vec<u8>> = (0..SUBJECTS).map(mint_request).collect::<Result<_, _>>()?;
    let genuine = Client::connect(gateway.address()).await?.mint(&requests[0]).await?;
    let forgery = upgrade(&forged(&genuine));
    let (refused, touched) = forged_alone(&gateway, &forgery, &server, settings.run()).await?;
    let contenders = ["in a flood", "alone"].map(|name| Contender { name, pids: vec![gateway.pid()] });
    let mut people = People { gateway: gateway.address(), requests, forgery, refused: 0, seconds: 0.0 };
    let rounds = Rounds::measure(&contenders, Some(upstream.pid()), settings, &mut people).await?;

    let goal = Some(Goal::AtLeast(0.9));
    table.add(Row::of_rounds("honest mint + connect/s", &rounds, (0, 1, "alone"), |sample| sample.rate, goal));
    table.add(Row::of_rounds("p50 us of both", &rounds, (0, 1, "alone"), |sample| sample.p50, None));
    table.add(Row::alone("forged tickets refused/s meanwhile", people.refused as f64 / people.seconds, None));
    table.add(Row::alone("scripts run for forged tickets", touched as f64, Some(Goal::AtMost(0.0))));
    table.note(format!(
        "{HONEST} honest a second are tried, at even times; {FORGERS} connections forge without a pause, on the load's core"
    ));
    table.note(format!("{refused} forged tickets alone: every script that the server ran meanwhile, as MONITOR tells"));
    table.note("without those that the gateway runs as often when nobody comes: a node's word of itself each second");
    table.note(rounds.quietness());
    Ok(table)
}

/// How many forged tickets were refused in that time, and how many scripts the server ran for them: the only way in which a
/// gateway touches tickets. What it runs as often while nobody comes, it does not run for them.
async fn forged_alone(
    gateway: &Gateway,
    forgery: &[u8],
    server: &Server,
    time: Duration,
) -> Result<(u64, u64), Failure> {
    let quiet = time.max(QUIET);
    let ((), of_itself) = server.scripts_during(pause(quiet)).await?;
    let flood = async {
        let mut forgers = forgers(Instant::now() + time, gateway.address(), forgery);
        let mut refused = 0;
        while let Some(one) = forgers.join_next().await {
            refused += one??;
        }
        Ok(refused)
    };
    let (refused, run) = server.scripts_during(flood).await?;
    Ok((refused, beyond(&run, &of_itself, time.as_secs_f64() / quiet.as_secs_f64())))
}

/// How many more scripts were run than in that share of a quiet time.
fn beyond(run: &HashMap<String, u64>, quiet: &HashMap<String, u64>, share: f64) -> u64 {
    let more = run.iter().map(|(script, count)| match quiet.get(script) {
        // One more, for where in its period the time begins.
        Some(often) => count.saturating_sub((*often as f64 * share).ceil() as u64 + 1),
        None => *count,
    });
    more.sum()
}

async fn pause(time: Duration) -> Result<(), Failure> {
    tokio::time::sleep(time).await;
    Ok(())
}

/// A ticket that lacks nothing but a right MAC.
fn forged(genuine: &str) -> String {
    let (rest, last) = genuine.split_at(genuine.len() - 1);
    format!("{rest}{}", if last == "A" { "B" } else { "A" })
}

struct People {
    gateway: SocketAddr,
    requests: Vec<Vec<u8>>,
    forgery: Vec<u8>,
    refused: u64,
    seconds: f64,
}

impl Workload for People {
    async fn prepare(&mut self, _: usize, _: Duration) -> Result<(), Failure> {
        Ok(())
    }

    async fn run(&mut self, contender: usize, time: Duration) -> Result<Load, Failure> {
        let end = Instant::now() + time;
        if contender > 0 {
            return self.connect_until(end).await;
        }
        let mut forgers = forgers(end, self.gateway, &self.forgery);
        let load = self.connect_until(end).await?;
        while let Some(one) = forgers.join_next().await {
            self.refused += one??;
        }
        self.seconds += time.as_secs_f64();
        Ok(load)
    }
}

impl People {
    /// At even times, whatever has become of those before.
    async fn connect_until(&self, end: Instant) -> Result<Load, Failure> {
        let mut beat = tokio::time::interval(Duration::from_secs(1) / HONEST);
        beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut visits = JoinSet::new();
        for at in 0.. {
            beat.tick().await;
            if Instant::now() >= end {
                break;
            }
            visits.spawn(visit(self.gateway, self.requests[at % self.requests.len()].clone()));
        }
        let mut load = Load::default();
        while let Some(visited) = visits.join_next().await {
            let took = visited??;
            // What comes late was not served at the rate that was asked for.
            if Instant::now() < end + Duration::from_millis(100) {
                load.operations += 1;
            }
            load.took.push(took);
        }
        Ok(load)
    }
}

async fn visit(gateway: SocketAddr, request: Vec<u8>) -> Result<Duration, Failure> {
    let begun = Instant::now();
    let ticket = Client::connect(gateway).await?.mint(&request).await?;
    let socket = Socket::open(gateway, &upgrade(&ticket)).await?;
    let took = begun.elapsed();
    socket.close().await?;
    Ok(took)
}

fn forgers(end: Instant, gateway: SocketAddr, forgery: &[u8]) -> JoinSet<Result<u64, Failure>> {
    (0..FORGERS).map(|_| forge_one_by_one(end, gateway, forgery.to_vec())).collect()
}

async fn forge_one_by_one(end: Instant, gateway: SocketAddr, request: Vec<u8>) -> Result<u64, Failure> {
    let mut refused = 0;
    while Instant::now() < end {
        let mut stream = TcpStream::connect(gateway).await?;
        stream.write_all(&request).await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        if &answer != b"HTTP/1.1 401" {
            return Err(format!("a forged ticket was answered {:?}", String::from_utf8_lossy(&answer)).into());
        }
        refused += 1;
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_counts_unless_it_runs_as_often_when_nobody_comes() {
        let scripts =
            |counts: &[(&str, u64)]| counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let quiet: HashMap<String, u64> = scripts(&[("word", 3)]);
        assert_eq!(beyond(&scripts(&[("word", 2)]), &quiet, 1.0 / 3.0), 0);
        assert_eq!(beyond(&scripts(&[("word", 5)]), &quiet, 1.0 / 3.0), 3);
        assert_eq!(beyond(&scripts(&[("word", 1), ("take", 1)]), &quiet, 1.0 / 3.0), 1);
    }
}
