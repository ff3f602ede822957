use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::{NGINX, OURS, PEERS, Relays, busyness};
use crate::gateway::Tickets;
use crate::rounds::{Load, Rounds, Sample, Workload};
use crate::socket::{NO_TICKET, Socket, client_frame, upgrade};
use crate::table::{Goal, Row, Table};
use crate::{Failure, Settings};

const CONNECTIONS: u32 = 64;

/// Between two messages of a connection; the connections take turns. All in all 2,560 messages in a second.
const PACE: Duration = Duration::from_millis(25);

const PAYLOAD: usize = 128;

/// What it is called, how it is read, and the most that it may be of the peer's.
type Figure = (&'static str, fn(&Sample) -> f64, f64);

pub(super) async fn run(settings: Settings) -> Result<Table, Failure> {
    let relays = Relays::start().await?;
    let mut table =
        Table::new(format!("paced echo: {PAYLOAD} B every {} ms on {CONNECTIONS} connections", PACE.as_millis()));
    let Relays { gateway: _gateway, tickets, upstream, addresses, contenders, _others, _haproxy, _folder } = relays;
    let mut paced = Paced { addresses, tickets, sockets: Vec::new() };
    let rounds = Rounds::measure(&contenders, Some(upstream.pid()), settings, &mut paced).await?;
    for (peer, name) in PEERS {
        let figures: [Figure; 2] =
            [("paced echo p50 us", |sample| sample.p50, 1.05), ("paced echo p99 us", |sample| sample.p99, 1.2)];
        for (what, figure, bound) in figures {
            let goal = Some(Goal::AtMost(bound)).filter(|_| peer == NGINX);
            let row = Row::of_rounds(what, &rounds, (OURS, peer, name), figure, goal);
            table.add(if peer == NGINX { row.numbered(6) } else { row });
        }
    }
    table.note(format!("paced echo: {}", busyness(&rounds, &contenders)));
    table.note(format!("paced echo: {}", rounds.quietness()));
    Ok(table)
}

/// The same messages at the same times for every contender.
struct Paced {
    addresses: Vec<SocketAddr>,
    tickets: Tickets,
    sockets: Vec<Socket>,
}

impl Workload for Paced {
    async fn prepare(&mut self, contender: usize, _: Duration) -> Result<(), Failure> {
        for _ in 0..CONNECTIONS {
            let ticket = if contender == OURS { Some(self.tickets.one().await?) } else { None };
            let request = upgrade(ticket.as_deref().unwrap_or(NO_TICKET));
            self.sockets.push(Socket::open(self.addresses[contender], &request).await?);
        }
        Ok(())
    }

    async fn run(&mut self, _: usize, time: Duration) -> Result<Load, Failure> {
        let (frame, begun): (Arc<[u8]>, _) = (client_frame(&[7; PAYLOAD]).into(), Instant::now());
        let mut tasks = JoinSet::new();
        for (turn, socket) in (0..).zip(self.sockets.drain(..)) {
            tasks.spawn(echo_at_pace(begun + PACE / CONNECTIONS * turn, begun + time, socket, frame.clone()));
        }
        let mut load = Load::default();
        while let Some(echoed) = tasks.join_next().await {
            load.took.extend(echoed??);
        }
        load.operations = load.took.len() as u64;
        Ok(load)
    }
}

/// How long each echo took, from its sending on.
async fn echo_at_pace(
    first: Instant,
    end: Instant,
    mut socket: Socket,
    frame: Arc<[u8]>,
) -> Result<Vec<Duration>, Failure> {
    let mut took = Vec::new();
    let mut beat = tokio::time::interval_at(first.into(), PACE);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while Instant::now() < end {
        beat.tick().await;
        let sent = Instant::now();
        socket.echo(&frame).await?;
        took.push(sent.elapsed());
    }
    socket.close().await?;
    Ok(took)
}
