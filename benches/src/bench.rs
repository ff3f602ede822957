//! What can be measured.

mod algorithms;
mod backing;
mod echo;
mod flood;
mod handshake;
mod headline;
mod idle;
mod mint;
mod paced;
mod redeem;
mod revoke;
mod store;
mod timing;
mod verify;
mod whole;

use std::net::SocketAddr;

use crate::gateway::{Folder, Gateway, Tickets};
use crate::haproxy::HaProxy;
use crate::place::{GENERATOR, SERVER};
use crate::process::Process;
use crate::rounds::{Contender, Rounds};
use crate::table::Table;
use crate::{Failure, Settings, nginx};

/// A benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Bench {
    /// Every numbered goal about connections, beside nginx and HAProxy, in one table.
    Table,
    /// A login becomes a ticket, beside a bare POST of the same HTTP stack.
    Mint,
    /// The library's inspect and redeem, beside an HMAC and a map.
    Redeem,
    /// Whether the time that a refusal takes tells how near a forged ticket came.
    Timing,
    /// Tokens of every algorithm, beside the crypto library's own verify and another JWT crate.
    Verify,
    /// Mints by every algorithm, beside a bare POST and one verification.
    Algorithms,
    /// Redemptions on Redis, beside redis-benchmark.
    Store,
    /// Honest people while forged tickets pour in.
    Flood,
    /// A ticketed handshake, beside nginx and HAProxy without authentication and a direct connection.
    Handshake,
    /// Mint and handshake together, beside nginx that asks a server built by hand.
    Whole,
    /// A handshake with tickets in Redis, beside one with tickets in memory.
    Backing,
    /// The figures of the system that this replaces, to be beaten tenfold.
    Headline,
    /// Messages through the gateway, as many as go, beside nginx, HAProxy and a direct connection.
    Echo,
    /// The same at a pace that leaves everybody idle most of the time.
    Paced,
    /// Memory of idle connections and of an idle gateway, and what operations cost beside them.
    Idle,
    /// Thousands of live connections closed at once.
    Revoke,
}

impl Bench {
    /// Those that are measured when none is named.
    pub(crate) const ALL: [Self; 15] = [
        Self::Headline,
        Self::Mint,
        Self::Redeem,
        Self::Timing,
        Self::Verify,
        Self::Algorithms,
        Self::Store,
        Self::Flood,
        Self::Handshake,
        Self::Whole,
        Self::Backing,
        Self::Echo,
        Self::Paced,
        Self::Idle,
        Self::Revoke,
    ];

    pub(crate) async fn run(self, settings: Settings) -> Result<Table, Failure> {
        match self {
            Self::Table => table(settings).await,
            Self::Headline => headline::run(settings).await,
            Self::Mint => mint::run(settings).await,
            Self::Redeem => redeem::run(settings),
            Self::Timing => timing::run(settings),
            Self::Verify => verify::run(settings),
            Self::Algorithms => algorithms::run(settings).await,
            Self::Store => store::run(settings).await,
            Self::Flood => flood::run(settings).await,
            Self::Handshake => handshake::run(settings).await,
            Self::Whole => whole::run(settings).await,
            Self::Backing => backing::run(settings).await,
            Self::Echo => echo::run(settings, &echo::CONNECTIONS).await,
            Self::Paced => paced::run(settings).await,
            Self::Idle => idle::run().await,
            Self::Revoke => revoke::run().await,
        }
    }
}

/// One after another, each with processes of its own.
async fn table(settings: Settings) -> Result<Table, Failure> {
    let tables = vec![
        handshake::run(settings).await?,
        whole::run(settings).await?,
        backing::run(settings).await?,
        echo::run(settings, &[echo::MANY]).await?,
        paced::run(settings).await?,
        idle::run().await?,
        revoke::run().await?,
    ];
    Ok(Table::of_goals("goals: ours beside the peers that authenticate nobody", tables))
}

/// The gateway, a direct connection's server, nginx and HAProxy: each on the server's core, and the upstream of the proxies
/// beside the load.
#[derive(Debug)]
struct Relays {
    gateway: Gateway,
    tickets: Tickets,
    upstream: Process,
    addresses: Vec<SocketAddr>,
    contenders: Vec<Contender>,
    /// Alive for as long as they are measured.
    _others: Vec<Process>,
    _haproxy: HaProxy,
    _folder: Folder,
}

/// The gateway's place among the contenders, and the others'.
const OURS: usize = 0;
const NGINX: usize = 2;
const HAPROXY: usize = 3;

/// The others, with their places.
const PEERS: [(usize, &str); 3] = [(1, "direct"), (NGINX, "nginx"), (HAPROXY, "HAProxy")];

/// Longer than any benchmark: what a round does not use, the next one does.
const TTL_SECONDS: u32 = 3600;

impl Relays {
    async fn start() -> Result<Self, Failure> {
        let folder = Folder::new()?;
        let (upstream, upstream_address) = Process::in_role(GENERATOR, &["role", "echo"])?;
        let gateway = Gateway::start(folder.path(), upstream_address, TTL_SECONDS).await?;
        let (direct, direct_address) = Process::in_role(SERVER, &["role", "echo"])?;
        let (nginx, nginx_address) = nginx::start(folder.path(), upstream_address).await?;
        let haproxy = HaProxy::start(folder.path(), upstream_address).await?;
        let contender = |name, pid| Contender { name, pids: vec![pid] };
        let contenders = vec![
            contender("admitone", gateway.pid()),
            contender("direct", direct.pid()),
            contender("nginx", nginx.pid()),
            contender("HAProxy", haproxy.pid()),
        ];
        let addresses = vec![gateway.address(), direct_address, nginx_address, haproxy.address()];
        let (tickets, _others) = (Tickets::of(&gateway)?, vec![direct, nginx]);
        Ok(Self { gateway, tickets, upstream, addresses, contenders, _others, _haproxy: haproxy, _folder: folder })
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
