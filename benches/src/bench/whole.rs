use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::busyness;
use crate::gateway::{Folder, Gateway, SUBJECTS};
use crate::http::{Client, mint_request};
use crate::place::{GENERATOR, SERVER};
use crate::process::Process;
use crate::rounds::{Contender, Load, Rounds, Workload};
use crate::socket::{Socket, upgrade};
use crate::table::{Goal, Row, Table};
use crate::{Failure, Settings, nginx};

const IN_FLIGHT: usize = 32;

const TTL_SECONDS: u32 = 60;

/// The way that teams build it themselves.
const BY_HAND: &str = "nginx auth_request";

pub(super) async fn run(settings: Settings) -> Result<Table, Failure> {
    let folder = Folder::new()?;
    let (upstream, upstream_address) = Process::in_role(GENERATOR, &["role", "echo"])?;
    let gateway = Gateway::start(folder.path(), upstream_address, TTL_SECONDS).await?;
    let (authenticator, authenticator_address) = Process::in_role(SERVER, &["role", "authenticator"])?;
    let (nginx, nginx_address) = nginx::asking(folder.path(), upstream_address, authenticator_address).await?;
    let contenders = [
        Contender { name: "admitone", pids: vec![gateway.pid()] },
        Contender { name: BY_HAND, pids: vec![nginx.pid(), authenticator.pid()] },
    ];
    let places = [
        Place { mints: gateway.address(), opens: gateway.address() },
        Place { mints: authenticator_address, opens: nginx_address },
    ];
    let requests = (0..SUBJECTS).map(mint_request).collect::<Result<_, _>>()?;
    let mut visits = Visits { places, requests, minters: Vec::new() };
    let rounds = Rounds::measure(&contenders, Some(upstream.pid()), settings, &mut visits).await?;

    let mut table = Table::new(format!("whole: mint (HS256), connect, upgrade, close; {IN_FLIGHT} in flight"));
    let pair = (0, 1, BY_HAND);
    table
        .add(Row::of_rounds("handshakes/s", &rounds, pair, |sample| sample.rate, Some(Goal::AtLeast(1.6))).numbered(2));
    table.add(Row::of_rounds("CPU us of all", &rounds, pair, |sample| sample.cpu, Some(Goal::AtMost(0.6))).numbered(2));
    table.note(format!("whole: {}", busyness(&rounds, &contenders)));
    table.note(format!("whole: {}", rounds.quietness()));
    table.note("whole: by hand, a server on hyper verifies the JWT and keeps tickets in a map; nginx asks it over kept-alive connections");
    Ok(table)
}

/// Where tickets come from, and where they go.
#[derive(Clone, Copy, Debug)]
struct Place {
    mints: SocketAddr,
    opens: SocketAddr,
}

struct Visits {
    places: [Place; 2],
    requests: Arc<[Vec<u8>]>,
    minters: Vec<Client>,
}

impl Workload for Visits {
    async fn prepare(&mut self, contender: usize, _: Duration) -> Result<(), Failure> {
        for _ in 0..IN_FLIGHT {
            self.minters.push(Client::connect(self.places[contender].mints).await?);
        }
        Ok(())
    }

    async fn run(&mut self, contender: usize, time: Duration) -> Result<Load, Failure> {
        let (opens, end) = (self.places[contender].opens, Instant::now() + time);
        let mut tasks = JoinSet::new();
        for (at, minter) in self.minters.drain(..).enumerate() {
            tasks.spawn(visit_until(end, minter, opens, self.requests.clone(), at * SUBJECTS / IN_FLIGHT));
        }
        let mut load = Load::default();
        while let Some(visits) = tasks.join_next().await {
            load.operations += visits??;
        }
        Ok(load)
    }
}

async fn visit_until(
    end: Instant,
    mut minter: Client,
    opens: SocketAddr,
    requests: Arc<[Vec<u8>]>,
    first: usize,
) -> Result<u64, Failure> {
    let mut visits = 0;
    for request in requests.iter().cycle().skip(first) {
        let ticket = minter.mint(request).await?;
        Socket::open(opens, &upgrade(&ticket)).await?.close().await?;
        visits += 1;
        if Instant::now() >= end {
            break;
        }
    }
    Ok(visits)
}
