use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{HAPROXY, OURS, PEERS, Relays, busyness};
use crate::gateway::Tickets;
use crate::rounds::{Load, Rounds, Workload};
use crate::socket::{NO_TICKET, Socket, client_frame, upgrade};
use crate::table::{Goal, Row, Table};
use crate::{Failure, Settings};

/// With the goals: their numbers, of the rate and of the CPU time.
const PAYLOADS: [(usize, &str, u8, f64, f64); 2] = [(128, "128 B", 4, 1.0, 0.95), (16 * 1024, "16 KB", 5, 1.2, 0.65)];

/// Enough that the server's core is full.
pub(super) const MANY: usize = 64;

pub(super) const CONNECTIONS: [usize; 2] = [1, MANY];

pub(super) async fn run(settings: Settings, counts: &[usize]) -> Result<Table, Failure> {
    let relays = Relays::start().await?;
    let mut table = Table::new("echo: one message in flight on each connection");
    let Relays { gateway: _gateway, tickets, upstream, addresses, contenders, _others, _haproxy, _folder } = relays;
    let mut echoes = Echoes { addresses, tickets, sockets: Vec::new(), connections: 0, payload: Vec::new() };
    for (bytes, size, number, rate, cpu) in PAYLOADS {
        for &connections in counts {
            (echoes.connections, echoes.payload) = (connections, (0..bytes).map(|byte| byte as u8).collect());
            let rounds = Rounds::measure(&contenders, Some(upstream.pid()), settings, &mut echoes).await?;
            let label = |what: &str| format!("{what}, {size} x {connections}");
            for (peer, name) in PEERS {
                let pair = (OURS, peer, name);
                let counts = peer == HAPROXY && connections == MANY;
                let goal = |goal| Some(goal).filter(|_| counts);
                let rate =
                    Row::of_rounds(label("echoes/s"), &rounds, pair, |sample| sample.rate, goal(Goal::AtLeast(rate)));
                let cpu =
                    Row::of_rounds(label("echo CPU us"), &rounds, pair, |sample| sample.cpu, goal(Goal::AtMost(cpu)));
                for row in [rate, cpu] {
                    table.add(if counts { row.numbered(number) } else { row });
                }
            }
            table.note(format!("echo, {size} x {connections}: {}", busyness(&rounds, &contenders)));
            table.note(format!("echo, {size} x {connections}: {}", rounds.quietness()));
        }
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
