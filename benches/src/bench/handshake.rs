use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{HAPROXY, NGINX, OURS, PEERS, Relays, busyness};
use crate::gateway::Tickets;
use crate::rounds::{Load, Rounds, Sample, Workload};
use crate::socket::{NO_TICKET, Socket, upgrade};
use crate::table::{Goal, Row, Table};
use crate::{Failure, Settings};

/// Tickets for a second: more than any gateway on one core redeems.
const TICKETS_PER_SECOND: f64 = 20_000.0;

pub(super) async fn run(settings: Settings) -> Result<Table, Failure> {
    let relays = Relays::start().await?;
    let mut table =
        Table::new("handshake: connect, upgrade, 101; then closed properly, untimed in p50 and counted in the rest");
    let Relays { gateway: _gateway, tickets, upstream, addresses, contenders, _others, _haproxy, _folder } = relays;
    let tickets = [Some(tickets)].into_iter().chain(addresses.iter().skip(1).map(|_| None)).collect();
    let mut handshakes = Handshakes::new(addresses, tickets, 0);
    for in_flight in [32, 1] {
        handshakes.in_flight = in_flight;
        let rounds = Rounds::measure(&contenders, Some(upstream.pid()), settings, &mut handshakes).await?;
        for (peer, name) in PEERS {
            add(&mut table, &rounds, (peer, name), in_flight);
        }
        table.note(format!("handshake, {in_flight} in flight: {}", busyness(&rounds, &contenders)));
        table.note(format!("handshake, {in_flight} in flight: {}", rounds.quietness()));
    }
    table.note("handshake: tickets were minted before the clock started: the figures hold redemption and upgrade");
    Ok(table)
}

fn add(table: &mut Table, rounds: &Rounds, (peer, name): (usize, &'static str), in_flight: usize) {
    let label = |what: &str| format!("{what}, {in_flight} in flight");
    let mut row = |what: &str, figure: fn(&Sample) -> f64, goal: Option<(u8, Goal)>| {
        let row = Row::of_rounds(label(what), rounds, (OURS, peer, name), figure, goal.map(|(_, goal)| goal));
        table.add(if let Some((number, _)) = goal { row.numbered(number) } else { row });
    };
    let throughput = peer == NGINX && in_flight > 1;
    let latency = peer == HAPROXY && in_flight == 1;
    row("handshakes/s", |sample| sample.rate, throughput.then_some((1, Goal::AtLeast(0.95))));
    row("handshake CPU us", |sample| sample.cpu, throughput.then_some((1, Goal::AtMost(1.05))));
    row("handshake p50 us", |sample| sample.p50, latency.then_some((3, Goal::AtMost(1.15))));
}

/// The same request for every contender, but for the ticket.
pub(super) struct Handshakes {
    addresses: Vec<SocketAddr>,
    /// Of those contenders that want one.
    tickets: Vec<Option<Tickets>>,
    /// Those of the next run, a share for each task.
    shares: Vec<Vec<String>>,
    in_flight: usize,
}

impl Handshakes {
    pub(super) fn new(addresses: Vec<SocketAddr>, tickets: Vec<Option<Tickets>>, in_flight: usize) -> Self {
        Self { addresses, tickets, shares: Vec::new(), in_flight }
    }
}

impl Workload for Handshakes {
    async fn prepare(&mut self, contender: usize, time: Duration) -> Result<(), Failure> {
        self.shares = vec![Vec::new(); self.in_flight];
        if let Some(tickets) = &mut self.tickets[contender] {
            let wanted = (TICKETS_PER_SECOND * time.as_secs_f64()).ceil() as usize / self.in_flight;
            tickets.fill(wanted * self.in_flight).await?;
            self.shares.fill_with(|| tickets.take(wanted));
        }
        Ok(())
    }

    async fn run(&mut self, contender: usize, time: Duration) -> Result<Load, Failure> {
        let (address, end) = (self.addresses[contender], Instant::now() + time);
        let mut tasks = JoinSet::new();
        for tickets in self.shares.drain(..) {
            let ticketed = self.tickets[contender].is_some();
            tasks.spawn(shake_until(end, address, tickets, ticketed));
        }
        let mut load = Load::default();
        while let Some(shaken) = tasks.join_next().await {
            let (took, left) = shaken??;
            load.operations += took.len() as u64;
            load.took.extend(took);
            if let Some(tickets) = &mut self.tickets[contender] {
                tickets.put_back(left);
            }
        }
        Ok(load)
    }
}

/// How long each handshake took, and the tickets that are left.
async fn shake_until(
    end: Instant,
    address: SocketAddr,
    mut tickets: Vec<String>,
    ticketed: bool,
) -> Result<(Vec<Duration>, Vec<String>), Failure> {
    let mut took = Vec::new();
    while Instant::now() < end {
        let request = match tickets.pop() {
            Some(ticket) => upgrade(&ticket),
            None if ticketed => return Err("the tickets ran out: raise TICKETS_PER_SECOND".into()),
            None => upgrade(NO_TICKET),
        };
        let begun = Instant::now();
        let socket = Socket::open(address, &request).await?;
        took.push(begun.elapsed());
        socket.close().await?;
    }
    Ok((took, tickets))
}
