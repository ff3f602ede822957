use std::sync::Arc;
use std::time::{Duration, Instant};

use admitone::admission::Admission;
use admitone::grant::Grant;
use admitone::now::Now;
use admitone::principal::{Login, LoginStamp, Permissions, Principal};
use admitone::revocation::redis::RedisRevocations;
use admitone::store::redis::{Deployment, Fence, Redis, RedisOptions, RedisTicketStore};
use admitone::ticket::keys::TicketKeys;
use admitone::ticket::{Place, Ticket};
use tokio::task::JoinSet;

use crate::redis::Server;
use crate::rounds::{Contender, Load, Rounds, Workload};
use crate::table::{Goal, Row, Table};
use crate::token::{ISSUER, ORIGIN};
use crate::{Failure, Settings};

/// Tickets that are there all the time and redeemed by nobody.
const OUTSTANDING: usize = 1_000_000;

/// Operations under way at once.
const IN_FLIGHT: usize = 64;

/// The longest session of the tickets' route.
const LONGEST: Duration = Duration::from_secs(86_400);

const TICKETS_OF_A_SUBJECT: usize = 10;

/// More than either side does in a second.
const PER_SECOND: f64 = 150_000.0;

const PLACE: Place<'static> = Place { route: "/echo", origin: Some(ORIGIN), address: None };

pub(super) async fn run(settings: Settings) -> Result<Table, Failure> {
    let mut table = Table::new("store: redemptions on Redis, one script each, beside redis-benchmark's GETDEL");
    let Some(server) = Server::start().await? else {
        table.note("redis-server is not installed (apt-get install redis-server): nothing was measured");
        return Ok(table);
    };
    let (unfenced, fenced) = (Node::start(&server, Fence::None).await?, Node::start(&server, Fence::Replid).await?);
    let before = server.told("memory", "used_memory").await?;
    fenced.mint_many(OUTSTANDING).await?;
    let bytes = server.told("memory", "used_memory").await?.saturating_sub(before) as f64 / OUTSTANDING as f64;

    let names = ["unfenced", "fenced", "redis-benchmark"];
    let contenders = names.map(|name| Contender { name, pids: vec![server.pid()] });
    let mut takes = Takes { nodes: [unfenced, fenced], server: &server, tickets: Default::default() };
    let rounds = Rounds::measure(&contenders, None, settings, &mut takes).await?;

    let peer = "GETDEL -c 50 -P 1";
    let goals = [Goal::AtLeast(0.85), Goal::AtLeast(0.6)];
    for (at, goal) in goals.into_iter().enumerate() {
        let what = format!("redemptions/s, {}", names[at]);
        table.add(Row::of_rounds(what, &rounds, (at, 2, peer), |sample| sample.rate, Some(goal)));
        let what = format!("server's CPU us, {}", names[at]);
        table.add(Row::of_rounds(what, &rounds, (at, 2, peer), |sample| sample.cpu, None));
    }
    table.add(Row::of_rounds("redemptions/s, fenced", &rounds, (1, 0, "unfenced"), |sample| sample.rate, None));
    table.add(Row::of_rounds("server's CPU us, fenced", &rounds, (1, 0, "unfenced"), |sample| sample.cpu, None));
    table.add(Row::alone("bytes per outstanding ticket", bytes, None));
    table.note(format!("{IN_FLIGHT} redemptions in flight; {OUTSTANDING} other tickets outstanding in the server"));
    table.note("a redemption takes the grant, reads the marks and writes the session's record; fenced, it compares the fence too");
    table.note(rounds.quietness());
    Ok(table)
}

/// The library as a gateway uses it.
struct Node {
    admission: Arc<Admission>,
}

impl Node {
    async fn start(server: &Server, fence: Fence) -> Result<Self, Failure> {
        let mut options = RedisOptions::new(Deployment::Standalone(server.address().to_string().parse()?));
        (options.fence, options.per_subject) = (fence, u32::MAX);
        let redis = Redis::connect(options).await?;
        let keys = TicketKeys::new(&[(1, &[7; 32])], &[9; 32])?;
        let revocations = Arc::new(RedisRevocations::start(&redis, keys.tagging()).await?);
        let store = Arc::new(RedisTicketStore::new(&redis));
        Ok(Self { admission: Arc::new(Admission::new(keys, store, revocations).on_node("bench")) })
    }

    /// Mints with as many requests in flight as redemptions later.
    async fn mint_many(&self, count: usize) -> Result<Vec<Ticket>, Failure> {
        let mut tasks = JoinSet::new();
        for at in 0..IN_FLIGHT {
            let admission = self.admission.clone();
            let numbers = (at..count).step_by(IN_FLIGHT);
            tasks.spawn(async move {
                let mut minted = Vec::new();
                for number in numbers {
                    minted.push(mint(&admission, number / TICKETS_OF_A_SUBJECT).await?);
                }
                Ok::<_, Failure>(minted)
            });
        }
        let mut tickets = Vec::with_capacity(count);
        for minted in tasks.join_all().await {
            tickets.extend(minted?);
        }
        Ok(tickets)
    }
}

async fn mint(admission: &Admission, number: usize) -> Result<Ticket, Failure> {
    let now = Now::read();
    let (subject, email) = (format!("user-{number}"), format!("user-{number}@example.com"));
    let login = Login {
        principal: Principal::new(ISSUER, &subject, Some(&email))?,
        permissions: Permissions::new(["chat"])?,
        stamp: LoginStamp { issued_at: now.unix, sid: None, jti: Some(Arc::from(format!("token-{number}"))) },
        expires_at: now.unix + 7200,
    };
    let grant = Grant::of(&login, PLACE.route, Duration::from_secs(3600), now.unix);
    Ok(admission.mint(grant, &PLACE, now).await?.ticket)
}

struct Takes<'a> {
    nodes: [Node; 2],
    server: &'a Server,
    /// Of each node; what one run leaves is for its next one, or the server would hold more each time.
    tickets: [Vec<Ticket>; 2],
}

impl Workload for Takes<'_> {
    async fn prepare(&mut self, contender: usize, time: Duration) -> Result<(), Failure> {
        let count = (time.as_secs_f64() * PER_SECOND) as usize;
        match self.nodes.get(contender) {
            Some(node) => {
                let tickets = &mut self.tickets[contender];
                tickets.extend(node.mint_many(count.saturating_sub(tickets.len())).await?);
            }
            None => self.server.fill(count)?,
        }
        Ok(())
    }

    async fn run(&mut self, contender: usize, time: Duration) -> Result<Load, Failure> {
        let operations = match self.nodes.get(contender) {
            Some(node) => redeem(&node.admission, &mut self.tickets[contender], time).await?,
            None => {
                // As long as a run is meant to take, about.
                let count = (time.as_secs_f64() * PER_SECOND / 2.0) as usize;
                self.server.take_all(count)?;
                count
            }
        };
        Ok(Load { operations: operations as u64, took: Vec::new() })
    }
}

async fn redeem(admission: &Arc<Admission>, tickets: &mut Vec<Ticket>, time: Duration) -> Result<usize, Failure> {
    let end = Instant::now() + time;
    let mut shares: Vec<Vec<Ticket>> = (0..IN_FLIGHT).map(|_| Vec::new()).collect();
    for (at, ticket) in tickets.drain(..).enumerate() {
        shares[at % IN_FLIGHT].push(ticket);
    }
    let mut tasks = JoinSet::new();
    for share in shares {
        tasks.spawn(redeem_share(admission.clone(), share, end));
    }
    let mut redeemed = 0;
    for done in tasks.join_all().await {
        let (count, left) = done?;
        redeemed += count;
        tickets.extend(left);
    }
    Ok(redeemed)
}

/// How many it redeemed until the end, and the tickets that are left.
async fn redeem_share(
    admission: Arc<Admission>,
    share: Vec<Ticket>,
    end: Instant,
) -> Result<(usize, Vec<Ticket>), Failure> {
    let mut share = share.into_iter();
    let mut redeemed = 0;
    loop {
        let now = Now::read();
        if now.instant >= end {
            return Ok((redeemed, share.collect()));
        }
        let Some(ticket) = share.next() else { return Ok((redeemed, Vec::new())) };
        let authentic = admission.inspect(&ticket, &PLACE, now)?;
        admission.redeem(authentic, LONGEST, now).await?;
        redeemed += 1;
    }
}
