use std::net::SocketAddr;
use std::time::Duration;

use crate::gateway::{Folder, Gateway, Tickets};
use crate::haproxy::HaProxy;
use crate::place::GENERATOR;
use crate::process::{Process, cpu, rss};
use crate::socket::{NO_TICKET, Socket, client_frame, upgrade};
use crate::table::{Goal, Row, Table};
use crate::{Failure, nginx};

const HELD: [usize; 3] = [100, 1_000, 8_000];

/// The size that the goals are for.
const MOST: usize = HELD[2];

const TTL_SECONDS: u32 = 60;

/// Echoes, and handshakes, that are measured beside the connections that are held.
const ECHOES: usize = 4_000;
const HANDSHAKES: usize = 1_000;

/// What a server may still do once the last client has gone.
const SETTLING: Duration = Duration::from_millis(500);

const MEGABYTE: f64 = 1_000_000.0;

/// What a process kept in memory, in bytes, and what operations cost it meanwhile, in microseconds.
struct Held {
    before: u64,
    held: u64,
    after: u64,
    echo: f64,
    handshake: f64,
}

impl Held {
    fn each(&self, connections: usize) -> f64 {
        self.held.saturating_sub(self.before) as f64 / connections as f64
    }

    fn kept(&self) -> f64 {
        self.after.saturating_sub(self.before) as f64 / MEGABYTE
    }
}

pub(super) async fn run() -> Result<Table, Failure> {
    let folder = Folder::new()?;
    let mut table = Table::new("idle: resident memory, a fresh process for each size");
    for connections in HELD {
        let (_upstream, upstream) = Process::in_role(GENERATOR, &["role", "echo"])?;
        let ours = of_gateway(&folder, upstream, connections).await?;
        let nginx = of_nginx(&folder, upstream, connections).await?;
        let haproxy = of_haproxy(&folder, upstream, connections).await?;
        if connections == HELD[0] {
            let goal = Some(Goal::AtMost(20.0));
            table.add(Row::alone("MB of a gateway that has served nobody", ours.before as f64 / MEGABYTE, goal));
        }
        for (name, peer) in [("nginx", &nginx), ("HAProxy", &haproxy)] {
            rows(&mut table, connections, &ours, (name, peer));
        }
    }
    table.note(
        "idle: each connection has minted, upgraded and echoed one message of 128 B before; one run of each size",
    );
    table.note("idle: our sockets ended by revocation, each with 4900; the peers' by a Close of the client's");
    Ok(table)
}

fn rows(table: &mut Table, connections: usize, ours: &Held, (name, peer): (&'static str, &Held)) {
    let counts = connections == MOST && name == "HAProxy";
    let mut row = |what: &str, figure: fn(&Held, usize) -> f64, goal: Option<u8>| {
        let (ours, peers) = (figure(ours, connections), figure(peer, connections));
        let bound = goal.map(|_| Goal::AtMost(0.60));
        let row = Row::beside(format!("{what}, {connections} held"), (name, peers), ours, vec![ours / peers], bound);
        table.add(if let Some(number) = goal { row.numbered(number) } else { row });
    };
    row("bytes per connection", Held::each, counts.then_some(7));
    row("MB kept after their end", |held, _| held.kept(), counts.then_some(8));
    row("CPU us of an echo", |held, _| held.echo, None);
    row("CPU us of a handshake", |held, _| held.handshake, None);
}

async fn of_gateway(folder: &Folder, upstream: SocketAddr, connections: usize) -> Result<Held, Failure> {
    let gateway = Gateway::start(folder.path(), upstream, TTL_SECONDS).await?;
    let mut tickets = Tickets::of(&gateway)?;
    let before = gateway.rss()?;
    let mut sockets = Vec::with_capacity(connections);
    for _ in 0..connections {
        // One at a time: outstanding tickets would count as memory of the connections.
        sockets.push(used(gateway.address(), &tickets.one().await?).await?);
    }
    let held = gateway.rss()?;
    let echo = echoes(gateway.pid(), &mut sockets).await?;
    tickets.fill(HANDSHAKES).await?;
    let handshake = handshakes(gateway.pid(), gateway.address(), tickets.take(HANDSHAKES)).await?;
    gateway.revoke_everybody().await?;
    for socket in sockets {
        socket.revoked().await?;
    }
    tokio::time::sleep(SETTLING).await;
    Ok(Held { before, held, after: gateway.rss()?, echo, handshake })
}

async fn of_nginx(folder: &Folder, upstream: SocketAddr, connections: usize) -> Result<Held, Failure> {
    let (nginx, address) = nginx::start(folder.path(), upstream).await?;
    of_peer(nginx.pid(), address, connections).await
}

async fn of_haproxy(folder: &Folder, upstream: SocketAddr, connections: usize) -> Result<Held, Failure> {
    let haproxy = HaProxy::start(folder.path(), upstream).await?;
    of_peer(haproxy.pid(), haproxy.address(), connections).await
}

async fn of_peer(pid: u32, address: SocketAddr, connections: usize) -> Result<Held, Failure> {
    let before = rss(pid)?;
    let mut sockets = Vec::with_capacity(connections);
    for _ in 0..connections {
        sockets.push(used(address, NO_TICKET).await?);
    }
    let held = rss(pid)?;
    let echo = echoes(pid, &mut sockets).await?;
    let handshake = handshakes(pid, address, vec![NO_TICKET.to_owned(); HANDSHAKES]).await?;
    for socket in sockets {
        socket.close().await?;
    }
    tokio::time::sleep(SETTLING).await;
    Ok(Held { before, held, after: rss(pid)?, echo, handshake })
}

/// A connection that has carried one message.
async fn used(address: SocketAddr, ticket: &str) -> Result<Socket, Failure> {
    let mut socket = Socket::open(address, &upgrade(ticket)).await?;
    socket.echo(&client_frame(&[7; 128])).await?;
    Ok(socket)
}

/// What an echo costs a process, one at a time over all of its connections.
async fn echoes(pid: u32, sockets: &mut [Socket]) -> Result<f64, Failure> {
    let (frame, count, before) = (client_frame(&[7; 128]), sockets.len(), cpu(pid)?);
    // A step that has no factor with the count, so that neighbours are not neighbours in time.
    let steps = (0..ECHOES).map(|at| at * 7919 % count);
    for at in steps {
        sockets[at].echo(&frame).await?;
    }
    Ok(each(cpu(pid)? - before, ECHOES))
}

async fn handshakes(pid: u32, address: SocketAddr, tickets: Vec<String>) -> Result<f64, Failure> {
    let (count, before) = (tickets.len(), cpu(pid)?);
    for ticket in tickets {
        Socket::open(address, &upgrade(&ticket)).await?.close().await?;
    }
    Ok(each(cpu(pid)? - before, count))
}

fn each(time: Duration, operations: usize) -> f64 {
    time.as_secs_f64() * 1e6 / operations as f64
}
