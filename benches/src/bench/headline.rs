use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::gateway::{FALLING_BACK, Folder, Gateway, SUBJECTS};
use crate::http::{Client, mint_request, mint_request_for};
use crate::machine::Watch;
use crate::place::GENERATOR;
use crate::process::Process;
use crate::rounds::percentile;
use crate::socket::{Socket, client_frame, upgrade};
use crate::table::{Goal, Row, Table};
use crate::{Failure, Settings};

/// People who go the whole way again and again, each without a pause.
const PEOPLE: usize = 8;

const TTL_SECONDS: u32 = 60;

const ALIVE: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: gateway.example.com\r\n\r\n";
const READY: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: gateway.example.com\r\n\r\n";

/// What each way is made of: its name, and a tenth of what the older system took, in milliseconds.
const FIGURES: [(&str, f64); 6] = [
    ("health p99 ms: /healthz", 20.0),
    ("health p99 ms: /readyz", 20.0),
    ("ticket p99 ms", 50.0),
    ("connection p99 ms", 200.0),
    ("first event p99 ms", 500.0),
    ("fallback decision p99 ms", 10.0),
];

/// How long each part of a way took, in the order of [`FIGURES`].
type Way = [Duration; FIGURES.len()];

pub(super) async fn run(settings: Settings) -> Result<Table, Failure> {
    let folder = Folder::new()?;
    let (upstream, upstream_address) = Process::in_role(GENERATOR, &["role", "echo"])?;
    let gateway = Gateway::start_falling_back(folder.path(), upstream_address, TTL_SECONDS).await?;
    // One more at the beginning, that does not count.
    people(gateway.address(), settings.run()).await?;
    let watch = Watch::begin(&[gateway.pid(), upstream.pid()])?;
    let mut ways = Vec::new();
    for _ in 0..settings.rounds() {
        ways.extend(people(gateway.address(), settings.run()).await?);
    }
    let others = watch.others()?;

    let mut table = Table::new("headline: a tenth of what the system took that this replaces");
    for (at, (what, most)) in FIGURES.into_iter().enumerate() {
        let mut took: Vec<f64> = ways.iter().map(|way| way[at].as_secs_f64() * 1e3).collect();
        took.sort_by(f64::total_cmp);
        table.add(Row::alone(what, percentile(&took, 99), Some(Goal::AtMost(most))));
    }
    let megabytes = gateway.rss()? as f64 / 1e6;
    table.add(Row::alone("MB resident after all of that", megabytes, Some(Goal::AtMost(20.0))));
    table.note(format!(
        "{} ways by {PEOPLE} people without a pause; any answer but the right one would have failed the run",
        ways.len()
    ));
    table.note("first event: mint, connect, send a message, and the first that comes back");
    table.note("fallback decision: a mint on a route whose rollout is at 0 %, until its 404 says so");
    table.note(format!("other processes used {others:.2} cores meanwhile"));
    Ok(table)
}

async fn people(gateway: SocketAddr, time: Duration) -> Result<Vec<Way>, Failure> {
    let end = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for person in 0..PEOPLE {
        tasks.spawn(again_and_again(gateway, person, end));
    }
    let mut ways = Vec::new();
    while let Some(gone) = tasks.join_next().await {
        ways.extend(gone??);
    }
    Ok(ways)
}

async fn again_and_again(gateway: SocketAddr, person: usize, end: Instant) -> Result<Vec<Way>, Failure> {
    let mut client = Client::connect(gateway).await?;
    let message: Arc<[u8]> = client_frame(&[7; 128]).into();
    let mut ways = Vec::new();
    for turn in (person..).step_by(PEOPLE) {
        let subject = turn % SUBJECTS;
        let requests = (mint_request(subject)?, mint_request_for(subject, FALLING_BACK)?);
        ways.push(go(gateway, &mut client, requests, &message).await?);
        if Instant::now() >= end {
            break;
        }
    }
    Ok(ways)
}

async fn go(
    gateway: SocketAddr,
    client: &mut Client,
    (mint, mint_in_vain): (Vec<u8>, Vec<u8>),
    message: &[u8],
) -> Result<Way, Failure> {
    let alive = answered(client, ALIVE, 200).await?;
    let ready = answered(client, READY, 200).await?;
    let begun = Instant::now();
    let ticket = client.mint(&mint).await?;
    let minted = begun.elapsed();
    let request = upgrade(&ticket);
    let dialled = Instant::now();
    let mut socket = Socket::open(gateway, &request).await?;
    let connected = dialled.elapsed();
    socket.echo(message).await?;
    let first_event = begun.elapsed();
    socket.close().await?;
    let decided = answered(client, &mint_in_vain, 404).await?;
    Ok([alive, ready, minted, connected, first_event, decided])
}

/// How long an answer took, which is this one.
async fn answered(client: &mut Client, request: &[u8], status: u16) -> Result<Duration, Failure> {
    let begun = Instant::now();
    let answer = client.send(request).await?;
    if answer.status != status {
        let body = String::from_utf8_lossy(client.body(&answer));
        return Err(format!("answered {} in place of {status}: {body}", answer.status).into());
    }
    Ok(begun.elapsed())
}
