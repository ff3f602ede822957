//! `[server]`: where the gateway listens and how the world sees it.

use std::net::SocketAddr;
use std::time::Duration;

use super::fault::{Wrong, quoted, wrong};
use super::host::{Host, Network, WebOrigin, parse_origin};
use super::table::{Entry, Table};
use super::tls::{self, Tls};

/// Where the gateway listens and how the world sees it.
#[derive(Debug)]
pub struct Server {
    /// The addresses to listen on, each once and at least one; port 0 takes a free port.
    pub listen: Vec<SocketAddr>,
    /// The origin that clients reach the gateway by. None only where every listen address is loopback: see
    /// [`Server::public_url_on`].
    pub public_url: Option<WebOrigin>,
    /// The proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// How many gateways run together.
    pub replicas: u32,
    /// How long a drain may take.
    pub drain: Duration,
    /// How many client connections may be open at once.
    pub max_connections: usize,
    /// How long a client may take to send a request's head.
    pub header_timeout: Duration,
    /// After how long a silent peer, client or upstream, is asked whether it is still there; never without.
    pub keepalive: Option<Duration>,
    /// TLS on every listen address; none where a proxy ends it or all are loopback.
    pub tls: Option<Tls>,
}

impl Server {
    /// The origin that clients reach the gateway by: the configured one, else the bound loopback address itself.
    #[must_use]
    pub fn public_url_on(&self, bound: SocketAddr) -> WebOrigin {
        let own = || WebOrigin::new(self.tls.is_some(), Host::Ip(bound.ip()), Some(bound.port()));
        self.public_url.clone().unwrap_or_else(own)
    }
}

pub(super) fn read(table: &Table<'_>, store_is_shared: bool) -> Option<Server> {
    let tls = table.section("tls", tls::read);
    let speaks_tls = !matches!(tls, tls::Reading::Absent);
    let trusted_proxies = table.texts("trusted_proxies").unwrap_or_default();
    let is_protected = speaks_tls || !trusted_proxies.is_empty();
    let listen = read_listen(table, is_protected);
    Some(Server {
        public_url: read_public_url(table, listen.as_deref(), speaks_tls),
        trusted_proxies: trusted_proxies.iter().filter_map(|entry| entry.parse(Network::parse)).collect(),
        replicas: read_replicas(table, store_is_shared),
        drain: table.seconds("drain_seconds", 0..=300, 20),
        max_connections: usize::try_from(table.number("max_connections", 1..=1_000_000, 10_000)).ok()?,
        header_timeout: table.seconds("header_timeout_seconds", 1..=60, 5),
        keepalive: Some(table.seconds("tcp_keepalive_seconds", 0..=7200, 60)).filter(|idle| !idle.is_zero()),
        tls: if let tls::Reading::Sound(tls) = tls { Some(tls) } else { None },
        listen: listen?,
    })
}

/// The addresses; one that other machines reach needs TLS somewhere in front of it (OWASP ASVS 5.0, 4.4.1).
fn read_listen(table: &Table<'_>, is_protected: bool) -> Option<Vec<SocketAddr>> {
    let mend = "write an address and port, like `127.0.0.1:8080`";
    if !table.has("listen") {
        table.refuse_absence("listen", mend);
    }
    let entries = table.texts("listen")?;
    if entries.is_empty() {
        table.refuse("listen", wrong("the list is empty", mend));
    }
    let mut listen = Vec::new();
    for entry in &entries {
        let Some(address) = entry.parse(parse_address) else { continue };
        if !address.ip().to_canonical().is_loopback() && !is_protected && table.is_whole() {
            entry.refuse(exposed(entry));
        }
        if address.port() != 0 && listen.contains(&address) {
            entry.refuse(wrong("the address is named twice", "name it once"));
        }
        listen.push(address);
    }
    Some(listen)
}

fn exposed(entry: &Entry<'_>) -> Wrong {
    let problem =
        format!("other machines reach {} without TLS: tickets and tokens would travel in clear", quoted(entry.text()));
    wrong(
        problem,
        "set [server.tls], or set trusted_proxies to the proxies that end TLS in front of the gateway, or listen on 127.0.0.1",
    )
}

pub(super) fn parse_address(text: &str) -> Result<SocketAddr, Wrong> {
    text.parse().map_err(|_| {
        let mend = match text.rsplit_once(':') {
            Some(("localhost", port)) => format!("write `127.0.0.1:{port}`"),
            Some(("" | "*", port)) => format!("write `0.0.0.0:{port}` for every address of this machine"),
            _ => "write it like `127.0.0.1:8080` or `[::1]:8080`".to_owned(),
        };
        wrong(format!("{} is not an IP address and port", quoted(text)), mend)
    })
}

fn read_public_url(table: &Table<'_>, listen: Option<&[SocketAddr]>, tls: bool) -> Option<WebOrigin> {
    let Some(entry) = table.text("public_url") else {
        let all_loopback = listen.is_none_or(|all| all.iter().all(|one| one.ip().to_canonical().is_loopback()));
        if !table.has("public_url") && !all_loopback {
            let mend = "write the origin that clients reach the gateway by, like `https://gateway.example.com`";
            table.refuse_absence("public_url", mend);
        }
        return None;
    };
    let url = entry.parse(parse_origin)?;
    if !url.https && tls {
        entry.refuse(wrong("it is http, but the gateway speaks TLS", "write it with https"));
    } else if !url.https && !url.host.is_loopback() {
        entry.warn(wrong("clients are told to connect without TLS", "write it with https, and end TLS in front"));
    }
    Some(url)
}

fn read_replicas(table: &Table<'_>, store_is_shared: bool) -> u32 {
    let replicas = table.number("replicas", 1..=1000, 1);
    if replicas > 1 && !store_is_shared {
        let problem = format!(
            "{replicas} gateways with store.kind = \"memory\" cannot see each other's tickets: each would refuse what the \
             others minted, and a revocation would reach only one"
        );
        table.refuse(
            "replicas",
            wrong(problem, "set store.kind = \"redis\", or run one gateway: write 1, or leave it out"),
        );
    }
    u32::try_from(replicas).unwrap_or(1)
}
