//! What can be measured.

mod echo;
mod flood;
mod handshake;
mod idle;
mod mint;
mod redeem;
mod store;
mod verify;

use std::net::SocketAddr;

use crate::gateway::{Folder, Gateway, Tickets};
use crate::place::{GENERATOR, SERVER};
use crate::process::Process;
use crate::rounds::{Contender, Rounds};
use crate::table::Table;
use crate::{Failure, Settings, nginx};

/// A benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Bench {
    /// A login becomes a ticket, beside a bare POST of the same HTTP stack.
    Mint,
    /// The library's inspect and redeem, beside an HMAC and a map.
    Redeem,
    /// Tokens of every algorithm, beside the crypto library's own verify and another JWT crate.
    Verify,
    /// Redemptions on Redis, beside redis-benchmark.
    Store,
    /// Honest people while forged tickets pour in.
    Flood,
    /// A ticketed handshake, beside nginx without authentication and a direct connection.
    Handshake,
    /// Messages through the gateway, beside nginx and a direct connection.
    Echo,
    /// Memory of idle connections and of an idle gateway.
    Idle,
}

impl Bench {
    pub(crate) async fn run(self, settings: Settings) -> Result<Table, Failure> {
        match self {
            Self::Mint => mint::run(settings).await,
            Self::Redeem => redeem::run(settings),
            Self::Verify => verify::run(settings),
            Self::Store => store::run(settings).await,
            Self::Flood => flood::run(settings).await,
            Self::Handshake => handshake::run(settings).await,
            Self::Echo => echo::run(settings).await,
            Self::Idle => idle::run().await,
        }
    }
}

/// The gateway, a direct connection's server and, where installed, nginx: each on the server's core, and the upstream of the
/// two proxies beside the load.
#[derive(Debug)]
struct Relays {
    gateway: Gateway,
    tickets: Tickets,
    upstream: Process,
    addresses: Vec<SocketAddr>,
    contenders: Vec<Contender>,
    /// Alive for as long as they are measured.
    _others: Vec<Process>,
    _folder: Folder,
}

/// The gateway's place among the contenders.
const OURS: usize = 0;
const NGINX: usize = 2;

/// Longer than any benchmark: what a round does not use, the next one does.
const TTL_SECONDS: u32 = 3600;

impl Relays {
    async fn start() -> Result<Self, Failure> {
        let folder = Folder::new()?;
        let (upstream, upstream_address) = Process::in_role(GENERATOR, &["role", "echo"])?;
        let gateway = Gateway::start(folder.path(), upstream_address, TTL_SECONDS).await?;
        let (direct, direct_address) = Process::in_role(SERVER, &["role", "echo"])?;
        let mut contenders =
            vec![Contender { name: "admitone", pid: gateway.pid() }, Contender { name: "direct", pid: direct.pid() }];
        let mut addresses = vec![gateway.address(), direct_address];
        let mut others = vec![direct];
        if let Some((nginx, address)) = nginx::start(folder.path(), upstream_address).await? {
            contenders.push(Contender { name: "nginx", pid: nginx.pid() });
            addresses.push(address);
            others.push(nginx);
        }
        let tickets = Tickets::of(&gateway)?;
        Ok(Self { gateway, tickets, upstream, addresses, contenders, _others: others, _folder: folder })
    }

    /// The peers that there are, with their places.
    fn peers(&self) -> Vec<(usize, &'static str)> {
        self.contenders.iter().enumerate().skip(1).map(|(at, peer)| (at, peer.name)).collect()
    }

    fn has_nginx(&self) -> bool {
        self.contenders.len() > NGINX
    }
}

/// How busy both cores were: a rate says something of the server only where its core was the full one.
fn busyness(rounds: &Rounds, contenders: &[Contender]) -> String {
    let one = |(at, contender): (usize, &Contender)| {
        let percent = |figure| rounds.median(at, figure) * 100.0;
        let (server, load) = (percent(|sample| sample.server), percent(|sample| sample.generator));
        format!("{} {server:.0} % / {load:.0} %", contender.name)
    };
    let all: Vec<String> = contenders.iter().enumerate().map(one).collect();
    format!("core of the server / of the load in use: {}", all.join(", "))
}
