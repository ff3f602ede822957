use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{OURS, Relays, busyness};
use crate::gateway::Tickets;
use crate::rounds::{Load, Rounds, Workload};
use crate::socket::{NO_TICKET, Socket, client_frame, upgrade};
use crate::table::{Row, Table};
use crate::{Failure, Settings, nginx};

const PAYLOADS: [(usize, &str); 2] = [(128, "128 B"), (16 * 1024, "16 KB")];

const CONNECTIONS: [usize; 2] = [1, 64];

pub(super) async fn run(settings: Settings) -> Result<Table, Failure> {
    let relays = Relays::start().await?;
    let mut table = Table::new("echo: one message in flight on each connection");
    let (peers, has_nginx) = (relays.peers(), relays.has_nginx());
    let Relays { gateway: _gateway, tickets, upstream, addresses, contenders, _others, _folder } = relays;
    let mut echoes = Echoes { addresses, tickets, sockets: Vec::new(), connections: 0, payload: Vec::new() };
    for (bytes, size) in PAYLOADS {
        for connections in CONNECTIONS {
            (echoes.connections, echoes.payload) = (connections, (0..bytes).map(|byte| byte as u8).collect());
            let rounds = Rounds::measure(&contenders, Some(upstream.pid()), settings, &mut echoes).await?;
            let label = |what: &str| format!("{size} x {connections}, {what}");
            for &(peer, name) in &peers {
                let pair = (OURS, peer, name);
                table.add(Row::of_rounds(label("echoes/s"), &rounds, pair, |sample| sample.rate, None));
                table.add(Row::of_rounds(label("CPU us"), &rounds, pair, |sample| sample.cpu, None));
            }
            table.note(format!("{size} x {connections}: {}", busyness(&rounds, &contenders)));
            table.note(format!("{size} x {connections}: {}", rounds.quietness()));
        }
    }
    table.note(
        "the goals are beside HAProxy (128 B: 1.0 and 0.95; 16 KB: 1.2 and 0.65), which is not measured here yet",
    );
    if !has_nginx {
        table.note(nginx::ABSENT);
    }
    Ok(table)
}

/// The same messages for every contender.
struct Echoes {
    addresses: Vec<SocketAddr>,
    tickets: Tickets,
    sockets: Vec<Socket>,
    connections: usize,
    payload: Vec<u8>,
}

impl Workload for Echoes {
    /// Opens the connections, and compares the first echo of each byte by byte.
    async fn prepare(&mut self, contender: usize, _: Duration) -> Result<(), Failure> {
        if contender == OURS {
            self.tickets.fill(self.connections).await?;
        }
        let frame = client_frame(&self.payload);
        for _ in 0..self.connections {
            let ticket = if contender == OURS { self.tickets.take(1).pop() } else { None };
            let request = upgrade(ticket.as_deref().unwrap_or(NO_TICKET));
            let mut socket = Socket::open(self.addresses[contender], &request).await?;
            let echo = socket.echo(&frame).await?;
            if socket.payload(&echo) != self.payload {
                return Err("an echo differs from what was sent".into());
            }
            self.sockets.push(socket);
        }
        Ok(())
    }

    async fn run(&mut self, _: usize, time: Duration) -> Result<Load, Failure> {
        let (frame, end): (Arc<[u8]>, _) = (client_frame(&self.payload).into(), Instant::now() + time);
        let mut tasks = JoinSet::new();
        for socket in self.sockets.drain(..) {
            tasks.spawn(echo_until(end, socket, frame.clone()));
        }
        let mut load = Load::default();
        while let Some(echoed) = tasks.join_next().await {
            load.operations += echoed??;
        }
        Ok(load)
    }
}

async fn echo_until(end: Instant, mut socket: Socket, frame: Arc<[u8]>) -> Result<u64, Failure> {
    let mut echoed = 0;
    while Instant::now() < end {
        socket.echo(&frame).await?;
        echoed += 1;
    }
    socket.close().await?;
    Ok(echoed)
}
