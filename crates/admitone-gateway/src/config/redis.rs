//! The keys of `[store]` that count with `kind = "redis"`: which servers, who logs in there, and what they promise.

use std::fmt;
use std::sync::Arc;

use rustls::ClientConfig;
use zeroize::Zeroizing;

use super::fault::{Wrong, quoted, wrong};
use super::host::{Host, parse_authority};
use super::secret::{MAX_BUNDLE_BYTES, read_password, read_public};
use super::table::{Entry, Table};
use super::upstream::complaint;
use crate::upstream::tls_config;

const KEYS: [&str; 11] = [
    "url",
    "mode",
    "sentinel_master",
    "sentinel_username",
    "sentinel_password_file",
    "username",
    "password_file",
    "ca_file",
    "fence",
    "prefix",
    "revocation_gap",
];

/// How to reach a Redis or Valkey, and how to use it.
#[derive(Debug)]
pub struct Redis {
    /// Which servers, and how they stand to one another.
    pub servers: RedisServers,
    /// The database's number; 0 in a Cluster.
    pub database: u32,
    /// Who logs in there.
    pub login: RedisLogin,
    /// With it every connection is TLS, the Sentinels' too.
    pub tls: Option<Arc<ClientConfig>>,
    /// What keeps a ticket from being redeemed again after a failover.
    pub fence: RedisFence,
    /// What all its keys begin with.
    pub prefix: String,
    /// What becomes of open sessions while no revocation could reach them.
    pub revocation_gap: RevocationGap,
}

/// Which servers, and how they stand to one another.
#[derive(Debug)]
pub enum RedisServers {
    /// One server.
    Standalone(RedisServer),
    /// Sentinels know which server is the primary.
    Sentinel {
        /// At least one of them.
        sentinels: Vec<RedisServer>,
        /// Their name for the primary.
        master: String,
        /// Who logs in to the Sentinels.
        login: RedisLogin,
    },
    /// A Cluster.
    Cluster {
        /// At least one of its servers.
        seeds: Vec<RedisServer>,
    },
}

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisServer {
    /// A DNS name, or an address; IPv6 in brackets.
    pub host: Host,
    /// The TCP port.
    pub port: u16,
}

/// An ACL user, or the password alone. Redacted in `Debug`.
#[derive(Default)]
pub struct RedisLogin {
    /// The user; `default` without one.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Zeroizing<String>>,
}

impl fmt::Debug for RedisLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLogin").field("username", &self.username).finish_non_exhaustive()
    }
}

/// What keeps a spent ticket from coming back with a replica or a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisFence {
    /// A ticket redeems only where it was minted: at most once always.
    Replid,
    /// Nothing: at most once while nothing fails over.
    None,
}

impl RedisFence {
    /// Its name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replid => "replid",
            Self::None => "none",
        }
    }
}

/// What becomes of open sessions while no revocation could reach them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationGap {
    /// They stay, and are compared again afterwards.
    Keep,
    /// They are closed.
    Close,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Standalone,
    Sentinel,
    Cluster,
}

const MODES: [(&str, Mode); 3] =
    [("standalone", Mode::Standalone), ("sentinel", Mode::Sentinel), ("cluster", Mode::Cluster)];

const FENCES: [(&str, RedisFence); 2] = [("replid", RedisFence::Replid), ("none", RedisFence::None)];

const GAPS: [(&str, RevocationGap); 2] = [("keep", RevocationGap::Keep), ("close", RevocationGap::Close)];

/// Refuses every key of this module where the store is another one.
pub(super) fn refuse_all(table: &Table<'_>) {
    for key in KEYS {
        if table.has(key) {
            table.refuse(key, wrong("the store is not redis", "set kind = \"redis\", or leave this out"));
        }
    }
}

pub(super) fn read(table: &Table<'_>) -> Option<Redis> {
    let mode = table.choice("mode", &MODES, Mode::Standalone);
    let urls = read_urls(table, mode);
    let tls = read_tls(table, urls.as_ref().map(|urls| urls.tls));
    let login = read_login(table, "username", "password_file");
    let sentinel = read_sentinel(table, mode);
    let (fence, prefix) = (read_fence(table), read_prefix(table));
    let revocation_gap = table.choice("revocation_gap", &GAPS, RevocationGap::Keep);
    let Urls { servers, database, .. } = urls?;
    let servers = match mode {
        Mode::Standalone => RedisServers::Standalone(servers.into_iter().next()?),
        Mode::Sentinel => {
            sentinel.map(|(master, login)| RedisServers::Sentinel { sentinels: servers, master, login })?
        }
        Mode::Cluster => RedisServers::Cluster { seeds: servers },
    };
    Some(Redis { servers, database, login, tls: tls?, fence, prefix: prefix?, revocation_gap })
}

/// What all URLs say together.
struct Urls {
    tls: bool,
    servers: Vec<RedisServer>,
    database: u32,
}

struct Url {
    tls: bool,
    server: RedisServer,
    database: u32,
}

fn read_urls(table: &Table<'_>, mode: Mode) -> Option<Urls> {
    let mend = match mode {
        Mode::Standalone => "write the server's URL, like `rediss://redis.internal:6379`",
        Mode::Sentinel => "write the Sentinels' URLs, like `rediss://sentinel-1.internal:26379`",
        Mode::Cluster => "write the URLs of some of the Cluster's servers, like `rediss://redis-1.internal:6379`",
    };
    if !table.has("url") {
        table.refuse_absence("url", mend);
    }
    let entries = table.texts("url")?;
    if entries.is_empty() {
        table.refuse("url", wrong("the list is empty", mend));
    }
    if mode == Mode::Standalone && entries.len() > 1 {
        let problem = "a standalone server has one URL";
        table.refuse("url", wrong(problem, "write one, or set mode = \"sentinel\" or \"cluster\""));
    }
    let default_port = if mode == Mode::Sentinel { 26379 } else { 6379 };
    let urls: Option<Vec<Url>> = entries.iter().map(|entry| read_url(entry, mode, default_port)).collect();
    let urls = urls?;
    let first = urls.first()?;
    let (tls, database) = (first.tls, first.database);
    for (entry, url) in entries.iter().zip(&urls) {
        if url.tls != tls {
            entry.refuse(wrong("some URLs are rediss and some are redis", "write rediss:// in all of them"));
        }
        if url.database != database {
            entry.refuse(wrong("it names another database than the first", "write the same in all of them"));
        }
    }
    Some(Urls { tls, database, servers: urls.into_iter().map(|url| url.server).collect() })
}

fn read_url(entry: &Entry<'_>, mode: Mode, default_port: u16) -> Option<Url> {
    let url = entry.parse(|text| parse_url(text, default_port))?;
    if mode == Mode::Cluster && url.database != 0 {
        entry.refuse(wrong("a Cluster has database 0 only", "leave the path out"));
    }
    if !url.tls && !url.server.host.is_loopback() {
        let problem = "grants, and the password, travel to the server in clear";
        entry.warn(wrong(problem, "write rediss:// where the server speaks TLS"));
    }
    Some(url)
}

fn parse_url(text: &str, default_port: u16) -> Result<Url, Wrong> {
    let mend = "write it like `rediss://redis.internal:6379`";
    let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no scheme", mend))?;
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "rediss" | "valkeys" => true,
        "redis" | "valkey" => false,
        _ => return Err(wrong(format!("the scheme {} is not allowed", quoted(scheme)), mend)),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        let mend = "leave out everything up to the `@`; set username and password_file";
        return Err(wrong("it holds a user name or password", mend));
    }
    let (host, port) = parse_authority(authority)?;
    let database = match path {
        "" => 0,
        number => number.parse().map_err(|_| {
            let problem = format!("{} is not a database's number", quoted(number));
            wrong(problem, "write a number after the host and port, like `/1`, or nothing")
        })?,
    };
    Ok(Url { tls, server: RedisServer { host, port: port.unwrap_or(default_port) }, database })
}

/// `None` when something is wrong; `Some(None)` without TLS.
#[expect(clippy::option_option, reason = "the outer one is about the reading, the inner one is what was read")]
fn read_tls(table: &Table<'_>, speaks_tls: Option<bool>) -> Option<Option<Arc<ClientConfig>>> {
    let file = table.text("ca_file");
    if let (Some(file), Some(false)) = (&file, speaks_tls) {
        file.refuse(wrong("the URL is redis, without TLS", "write the URL with rediss, or leave this out"));
    }
    let made = match &file {
        Some(file) => {
            let pem = read_public(file, MAX_BUNDLE_BYTES)?;
            file.parse(|_| tls_config(Some(&pem)).map_err(complaint))?
        }
        None => tls_config(None).map_err(|error| table.refuse("url", complaint(error))).ok()?,
    };
    let mut config = ClientConfig::clone(&made);
    config.alpn_protocols.clear();
    Some(speaks_tls.filter(|tls| *tls).map(|_| Arc::new(config)))
}

fn read_login(table: &Table<'_>, username: &'static str, password_file: &'static str) -> RedisLogin {
    let username = table.text(username).map(|entry| entry.text().to_owned());
    let password = table.text(password_file).and_then(|entry| read_password(&entry));
    if username.is_some() && !table.has(password_file) {
        table.refuse_absence(password_file, "a user logs in with a password: name the file that holds it");
    }
    RedisLogin { username, password }
}

fn read_sentinel(table: &Table<'_>, mode: Mode) -> Option<(String, RedisLogin)> {
    const KEYS: [&str; 3] = ["sentinel_master", "sentinel_username", "sentinel_password_file"];
    if mode != Mode::Sentinel {
        for key in KEYS {
            if table.has(key) {
                table.refuse(key, wrong("the mode is not sentinel", "set mode = \"sentinel\", or leave this out"));
            }
        }
        return None;
    }
    let login = read_login(table, "sentinel_username", "sentinel_password_file");
    let master =
        table.required_text("sentinel_master", "write the Sentinels' name for the primary, like `mymaster`")?;
    Some((master.text().to_owned(), login))
}

fn read_fence(table: &Table<'_>) -> RedisFence {
    let Some(entry) = table.text("fence") else { return RedisFence::Replid };
    let fence = entry.choice(&FENCES).unwrap_or(RedisFence::Replid);
    if fence == RedisFence::None {
        let problem = "after a failover, a restart or a restored backup a spent ticket may be redeemed again";
        entry.warn(wrong(problem, "leave it out, or write `replid`, where the server has a replication id"));
    }
    fence
}

fn read_prefix(table: &Table<'_>) -> Option<String> {
    let Some(entry) = table.text("prefix") else {
        return (!table.has("prefix")).then(|| "adm".to_owned());
    };
    entry.parse(|text| {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
        match text.len() <= 32 && text.bytes().all(is_legal) {
            true => Ok(text.to_owned()),
            false => Err(wrong(format!("{} is not a prefix", quoted(text)), "write 1 to 32 letters, digits or ._-:")),
        }
    })
}
