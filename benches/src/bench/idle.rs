use std::net::SocketAddr;

use crate::gateway::{Folder, Gateway, Tickets};
use crate::place::GENERATOR;
use crate::process::{Process, rss};
use crate::socket::{NO_TICKET, Socket, client_frame, upgrade};
use crate::table::{Goal, Row, Table};
use crate::{Failure, nginx};

const HELD: [usize; 3] = [100, 1_000, 5_000];

const TTL_SECONDS: u32 = 60;

const MEGABYTE: f64 = 1_000_000.0;

/// What a process kept in memory, in bytes.
struct Memory {
    before: u64,
    held: u64,
    after: u64,
}

impl Memory {
    fn each(&self, connections: usize) -> f64 {
        self.held.saturating_sub(self.before) as f64 / connections as f64
    }

    fn kept(&self) -> f64 {
        self.after.saturating_sub(self.before) as f64 / MEGABYTE
    }
}

pub(super) async fn run() -> Result<Table, Failure> {
    let folder = Folder::new()?;
    let (_upstream, upstream) = Process::in_role(GENERATOR, &["role", "echo"])?;
    let mut table = Table::new("idle: resident memory, a fresh process for each size");
    let mut is_peerless = false;
    for connections in HELD {
        let ours = of_gateway(&folder, upstream, connections).await?;
        let nginx = of_nginx(&folder, upstream, connections).await?;
        is_peerless |= nginx.is_none();
        if connections == HELD[0] {
            let goal = Some(Goal::AtMost(20.0));
            table.add(Row::alone("MB of a gateway that has served nobody", ours.before as f64 / MEGABYTE, goal));
        }
        let label = format!("bytes per connection, {connections} held");
        table.add(row(label, ours.each(connections), nginx.as_ref().map(|nginx| nginx.each(connections))));
        let label = format!("MB kept after {connections} closes");
        table.add(row(label, ours.kept(), nginx.as_ref().map(Memory::kept)));
    }
    table.note("each connection has minted, upgraded and echoed one message of 128 B before; one run of each size");
    table.note("the goals are beside HAProxy with 8000 held (0.60 held, 0.60 kept), which is not measured here yet");
    if is_peerless {
        table.note(nginx::ABSENT);
    }
    Ok(table)
}

fn row(what: String, ours: f64, nginx: Option<f64>) -> Row {
    match nginx {
        Some(peers) => Row::beside(what, ("nginx", peers), ours, vec![ours / peers], None),
        None => Row::alone(what, ours, None),
    }
}

async fn of_gateway(folder: &Folder, upstream: SocketAddr, connections: usize) -> Result<Memory, Failure> {
    let gateway = Gateway::start(folder.path(), upstream, TTL_SECONDS).await?;
    let mut tickets = Tickets::of(&gateway)?;
    let before = gateway.rss()?;
    let mut sockets = Vec::with_capacity(connections);
    for _ in 0..connections {
        // One at a time: outstanding tickets would count as memory of the connections.
        tickets.fill(1).await?;
        let ticket = tickets.take(1).pop().ok_or("a ticket that was minted is missing")?;
        sockets.push(used(gateway.address(), &ticket).await?);
    }
    let held = gateway.rss()?;
    close(sockets).await?;
    Ok(Memory { before, held, after: gateway.rss()? })
}

async fn of_nginx(folder: &Folder, upstream: SocketAddr, connections: usize) -> Result<Option<Memory>, Failure> {
    let Some((nginx, address)) = nginx::start(folder.path(), upstream).await? else { return Ok(None) };
    let before = rss(nginx.pid())?;
    let mut sockets = Vec::with_capacity(connections);
    for _ in 0..connections {
        sockets.push(used(address, NO_TICKET).await?);
    }
    let held = rss(nginx.pid())?;
    close(sockets).await?;
    Ok(Some(Memory { before, held, after: rss(nginx.pid())? }))
}

/// A connection that has carried one message.
async fn used(address: SocketAddr, ticket: &str) -> Result<Socket, Failure> {
    let mut socket = Socket::open(address, &upgrade(ticket)).await?;
    socket.echo(&client_frame(&[7; 128])).await?;
    Ok(socket)
}

async fn close(sockets: Vec<Socket>) -> Result<(), Failure> {
    for socket in sockets {
        socket.close().await?;
    }
    Ok(())
}
