//! The gateway under test: the release binary's `serve`, as in production.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::http::{Client, logout_request, mint_request};
use crate::place::SERVER;
use crate::process::{Process, free_port};
use crate::redis::Server;
use crate::token::{AUDIENCE, ISSUER, ORIGIN, SECRET};
use crate::{Failure, process};

/// The route of the sockets.
pub(crate) const ROUTE: &str = "/echo";

/// One whose rollout lets nobody have tickets, where there is one.
pub(crate) const FALLING_BACK: &str = "/falling-back";

/// How many people there are.
pub(crate) const SUBJECTS: usize = 1000;

/// How long a connection for minting is used again.
const KEPT_ALIVE: Duration = Duration::from_secs(1);

const IN_MEMORY: &str = "max_tickets = 10000000";

/// They guard nothing.
const TAG_SECRET: &str = "d3b07384d113edec49eaa6238ad5ff00c157a79031e1c40f85931829bc5fc552";
const TICKET_SECRET: &str = "9e107d9d372bb6826bd81d3542a419d6e4d909c290d0fb1ca068ffaddf22cbd0";

/// The end of `[tickets]` where other processes share the store.
const TICKET_KEYS: &str = r#"tag_secret_file = "tag.secret"

[[tickets.keys]]
id = 1
secret_file = "ticket.secret"
"#;

/// A running gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    process: Process,
    address: SocketAddr,
}

impl Gateway {
    /// Starts one before `upstream`, with its files in `folder`; tickets live for `ttl_seconds`.
    pub(crate) async fn start(folder: &Path, upstream: SocketAddr, ttl_seconds: u32) -> Result<Self, Failure> {
        Self::configured(folder, |address| configuration(address, upstream, ttl_seconds, IN_MEMORY)).await
    }

    /// The same with more issuers, whose files are in `folder`.
    pub(crate) async fn trusting(
        folder: &Path,
        upstream: SocketAddr,
        ttl_seconds: u32,
        issuers: &str,
    ) -> Result<Self, Failure> {
        Self::configured(folder, |address| configuration(address, upstream, ttl_seconds, IN_MEMORY) + issuers).await
    }

    /// The same with the route [`FALLING_BACK`].
    pub(crate) async fn start_falling_back(
        folder: &Path,
        upstream: SocketAddr,
        ttl_seconds: u32,
    ) -> Result<Self, Failure> {
        let route = format!(
            "\n[[routes]]\npath = \"{FALLING_BACK}\"\nupstream = \"ws://{upstream}{ROUTE}\"\norigins = [\"{ORIGIN}\"]\n\
             jwt_fallback = \"allow\"\n[routes.rollout]\npercent = 0\n"
        );
        Self::configured(folder, |address| configuration(address, upstream, ttl_seconds, IN_MEMORY) + &route).await
    }

    /// The same with its tickets in Redis.
    pub(crate) async fn start_on(
        redis: &Server,
        folder: &Path,
        upstream: SocketAddr,
        ttl_seconds: u32,
    ) -> Result<Self, Failure> {
        let store = format!("kind = \"redis\"\nurl = \"redis://{}\"", redis.address());
        write_secret(&folder.join("tag.secret"), TAG_SECRET)?;
        write_secret(&folder.join("ticket.secret"), TICKET_SECRET)?;
        let configured = |address| configuration(address, upstream, ttl_seconds, &store) + TICKET_KEYS;
        Self::configured(folder, configured).await
    }

    async fn configured(folder: &Path, text: impl FnOnce(SocketAddr) -> String) -> Result<Self, Failure> {
        let address = free_port()?;
        write_secret(&folder.join("issuer.secret"), SECRET)?;
        let file = folder.join("admitone.toml");
        std::fs::write(&file, text(address))?;
        let arguments = ["serve".as_ref(), "--config".as_ref(), file.as_os_str()];
        let mut process = Process::start(SERVER, &program()?, arguments)?;
        process.listens(address).await.map_err(|error| format!("admitone serve: {error}"))?;
        Ok(Self { process, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(crate) fn rss(&self) -> Result<u64, Failure> {
        process::rss(self.pid())
    }
}

impl Gateway {
    /// Logs a subject out everywhere: its live sockets are told so.
    pub(crate) async fn revoke(&self, subject: usize) -> Result<(), Failure> {
        log_out(&mut Client::connect(self.address).await?, subject).await
    }

    /// The same for all of them.
    pub(crate) async fn revoke_everybody(&self) -> Result<(), Failure> {
        let mut client = Client::connect(self.address).await?;
        for subject in 0..SUBJECTS {
            log_out(&mut client, subject).await?;
        }
        Ok(())
    }
}

async fn log_out(client: &mut Client, subject: usize) -> Result<(), Failure> {
    match client.send(&logout_request(subject)?).await?.status {
        204 => Ok(()),
        status => Err(format!("a logout was answered {status}").into()),
    }
}

/// Tickets of a gateway, minted ahead.
#[derive(Debug)]
pub(crate) struct Tickets {
    gateway: SocketAddr,
    requests: Vec<Vec<u8>>,
    minted: usize,
    held: Vec<String>,
    /// With the time of its last use.
    client: Option<(Client, Instant)>,
}

impl Tickets {
    pub(crate) fn of(gateway: &Gateway) -> Result<Self, Failure> {
        let requests = (0..SUBJECTS).map(mint_request).collect::<Result<_, _>>()?;
        Self::by(gateway, requests)
    }

    /// Of one subject.
    pub(crate) fn of_subject(gateway: &Gateway, subject: usize) -> Result<Self, Failure> {
        Self::by(gateway, vec![mint_request(subject)?])
    }

    fn by(gateway: &Gateway, requests: Vec<Vec<u8>>) -> Result<Self, Failure> {
        Ok(Self { gateway: gateway.address(), requests, minted: 0, held: Vec::new(), client: None })
    }

    /// Mints until `count` are held.
    pub(crate) async fn fill(&mut self, count: usize) -> Result<(), Failure> {
        if self.held.len() >= count {
            return Ok(());
        }
        // A connection that was not used for a while is closed by the gateway.
        let client = match self.client.take().filter(|(_, used)| used.elapsed() < KEPT_ALIVE) {
            Some((client, _)) => client,
            None => Client::connect(self.gateway).await?,
        };
        let (client, used) = self.client.insert((client, Instant::now()));
        while self.held.len() < count {
            self.minted += 1;
            self.held.push(client.mint(&self.requests[self.minted % self.requests.len()]).await?);
        }
        *used = Instant::now();
        Ok(())
    }

    /// One that is minted now, unless one is held.
    pub(crate) async fn one(&mut self) -> Result<String, Failure> {
        self.fill(1).await?;
        Ok(self.held.pop().ok_or("a ticket that was minted is missing")?)
    }

    /// Takes `count`, or as many as are held.
    pub(crate) fn take(&mut self, count: usize) -> Vec<String> {
        self.held.split_off(self.held.len() - count.min(self.held.len()))
    }

    /// Puts back what was not used.
    pub(crate) fn put_back(&mut self, tickets: impl IntoIterator<Item = String>) {
        self.held.extend(tickets);
    }
}

/// Builds the gateway, where cargo started us.
pub(crate) fn build() -> Result<(), Failure> {
    let Some(cargo) = std::env::var_os("CARGO") else { return Ok(()) };
    let arguments = ["build", "--quiet", "--release", "--package", "admitone-gateway", "--bin", "admitone"];
    let status = Command::new(cargo).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).status()?;
    if status.success() { Ok(()) } else { Err("the gateway does not build".into()) }
}

fn program() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?.with_file_name("admitone");
    if program.is_file() {
        return Ok(program);
    }
    Err(format!("{} is missing: cargo build --release --bin admitone", program.display()).into())
}

pub(crate) fn write_secret(path: &Path, secret: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    Ok(file.write_all(secret.as_ref())?)
}

fn configuration(address: SocketAddr, upstream: SocketAddr, ttl_seconds: u32, store: &str) -> String {
    format!(
        r#"
[server]
listen = "{address}"
max_connections = 100000

[limits]
sessions_per_subject = 1000000
connections_per_address = 100000
mints_per_minute_per_subject = 100000000
mints_per_minute_per_address = 100000000
failed_redeems_per_minute_per_address = 100000000
failed_logins_per_minute_per_address = 100000000
dials_per_address = 100000

[store]
{store}
max_tickets_per_subject = 1000000

[[issuers]]
name = "bench"
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
algorithms = "HS256"
secret_file = "issuer.secret"

[[routes]]
path = "{ROUTE}"
upstream = "ws://{upstream}{ROUTE}"
origins = ["{ORIGIN}"]

[tickets]
ttl_seconds = {ttl_seconds}
"#
    )
}

/// A folder for configurations, gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Result<Self, Failure> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("admitone-benches-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind is in the system's folder for that.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
