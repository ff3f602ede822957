use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Failure;
use crate::gateway::{Folder, Gateway, Tickets};
use crate::haproxy::HaProxy;
use crate::place::GENERATOR;
use crate::process::{Process, cpu};
use crate::rounds::median;
use crate::socket::{NO_TICKET, Socket, client_frame, upgrade};
use crate::table::{Goal, Row, Table};

const CONNECTIONS: usize = 5_000;

const ROUNDS: usize = 3;

const TTL_SECONDS: u32 = 60;

/// What a server may still do once the last client has been told.
const SETTLING: Duration = Duration::from_millis(500);

/// How long it took until the last client had been told, and the server's CPU time for each, in microseconds.
struct Closed {
    milliseconds: f64,
    cpu: f64,
}

/// What it is called, how it is read, and the most that it may be of the peer's.
type Figure = (&'static str, fn(&Closed) -> f64, f64);

pub(super) async fn run() -> Result<Table, Failure> {
    let folder = Folder::new()?;
    let (_upstream, upstream) = Process::in_role(GENERATOR, &["role", "echo"])?;
    let gateway = Gateway::start(folder.path(), upstream, TTL_SECONDS).await?;
    let haproxy = HaProxy::start(folder.path(), upstream).await?;
    let (mut ours, mut peers) = (Vec::new(), Vec::new());
    // One more at the beginning, that does not count.
    for round in 0..=ROUNDS {
        let closed = (of_gateway(&gateway, round).await?, of_haproxy(&haproxy).await?);
        if round > 0 {
            ours.push(closed.0);
            peers.push(closed.1);
        }
    }
    let mut table = Table::new(format!("revoke: {CONNECTIONS} live connections of one subject ended at once"));
    let figures: [Figure; 2] = [
        ("ms until the last was closed", |closed| closed.milliseconds, 1.0),
        ("CPU us of a close", |closed| closed.cpu, 1.2),
    ];
    for (what, figure, bound) in figures {
        let of = |all: &[Closed]| median(all.iter().map(figure).collect());
        let ratios = ours.iter().zip(&peers).map(|(ours, peer)| figure(ours) / figure(peer)).collect();
        let label = format!("{what}, {CONNECTIONS} at once");
        let row = Row::beside(label, ("HAProxy", of(&peers)), of(&ours), ratios, Some(Goal::AtMost(bound)));
        table.add(row.numbered(14));
    }
    table.note("revoke: every client of ours was sent 4900; HAProxy's saw the end of the stream");
    Ok(table)
}

async fn of_gateway(gateway: &Gateway, round: usize) -> Result<Closed, Failure> {
    // A subject for each round: its logins of before are over.
    let mut tickets = Tickets::of_subject(gateway, round)?;
    let mut sockets = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        sockets.push(used(gateway.address(), &tickets.one().await?).await?);
    }
    closed(gateway.pid(), sockets, gateway.revoke(round), Socket::revoked).await
}

async fn of_haproxy(haproxy: &HaProxy) -> Result<Closed, Failure> {
    let mut sockets = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        sockets.push(used(haproxy.address(), NO_TICKET).await?);
    }
    closed(haproxy.pid(), sockets, haproxy.end_all(), Socket::ended).await
}

/// Begins to close, and waits until every client has noticed.
async fn closed<F>(
    pid: u32,
    sockets: Vec<Socket>,
    closing: impl Future<Output = Result<(), Failure>>,
    notice: impl Fn(Socket) -> F,
) -> Result<Closed, Failure>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let mut noticing: JoinSet<Result<(), Failure>> = sockets.into_iter().map(notice).collect();
    tokio::task::yield_now().await;
    let (before, begun) = (cpu(pid)?, Instant::now());
    closing.await?;
    while let Some(noticed) = noticing.join_next().await {
        noticed??;
    }
    let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
    tokio::time::sleep(SETTLING).await;
    let cpu = (cpu(pid)? - before).as_secs_f64() * 1e6 / CONNECTIONS as f64;
    Ok(Closed { milliseconds, cpu })
}

async fn used(address: SocketAddr, ticket: &str) -> Result<Socket, Failure> {
    let mut socket = Socket::open(address, &upgrade(ticket)).await?;
    socket.echo(&client_frame(&[7; 128])).await?;
    Ok(socket)
}
