//! The configuration: one TOML file, overridden by `ADMITONE_…` variables, parsed once into types that cannot be wrong.
//!
//! Every fault of a file is found in one reading, each with its line. A variable overrides a single value or a list of
//! strings (written with commas) outside arrays of tables; two underscores stand between levels, as in
//! `ADMITONE_SERVER__LISTEN`. Secrets are only ever named by file. `examples/admitone.toml` shows every key.

mod admin;
mod aliases;
mod assertion;
mod audit;
mod document;
mod fault;
mod host;
mod issuers;
mod limits;
mod log;
mod outline;
mod redis;
mod remote;
mod routes;
mod secret;
mod server;
mod starting;
mod table;
#[cfg(test)]
mod tests;
mod tickets;
mod tls;
mod traces;
mod upstream;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use document::{Document, PREFIX, line_starts};
use fault::wrong;
use routes::Routes;
use table::Table;

use crate::logins::Source;

pub use admin::{Admin, AdminSecret};
pub use aliases::{ALIAS_TTL_SECONDS, Aliases};
pub use assertion::Assertion;
pub use audit::Audit;
pub use fault::{Fault, Faults, Place};
pub use host::{Host, Network, WebOrigin};
pub use issuers::{AskedApplication, AskedServer, Issuer, Published};
pub use limits::Limits;
pub use log::{Log, LogFormat, LogLevel};
pub use outline::Outline;
pub use redis::{Redis, RedisFence, RedisLogin, RedisServer, RedisServers, RevocationGap};
pub use routes::{JwtFallback, Listed, OnFailures, OnReplay, Rollout, Route, RoutePath};
pub use server::Server;
pub use starting::Starting;
pub use tickets::{Store, StoreKind, TTL_SECONDS, Tickets};
pub(crate) use tls::HTTP_2;
pub use tls::Tls;
pub use traces::Traces;

/// Longest configuration file, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// All that the gateway was told.
#[derive(Debug)]
pub struct Config {
    /// Where the gateway listens and how the world sees it.
    pub server: Server,
    /// How it tells what it does.
    pub log: Log,
    /// Where it is told who was connected, and why that ended.
    pub audit: Audit,
    /// The listener for operators, where there is one.
    pub admin: Option<Admin>,
    /// Where it is told how long each step of a request took, where it is.
    pub traces: Option<Traces>,
    /// What one address, subject or ticket may take.
    pub limits: Limits,
    /// Where tickets are kept.
    pub store: Store,
    /// How long tickets live and what signs them.
    pub tickets: Tickets,
    /// The keys that sign what upstreams are told.
    pub assertion: Assertion,
    /// Whose tokens are logins: at least one, with names and identifiers of their own.
    pub issuers: Vec<Issuer>,
    /// In which order a request is looked through for a login's credential.
    pub chain: Vec<Source>,
    /// Which paths lead where: at least one, with paths of their own.
    pub routes: Vec<Route>,
    /// The path of the route that a ticket is for when the mint request does not say; one of `routes`. A single route is
    /// the default by itself; among several there may be none.
    pub default_route: Option<RoutePath>,
    /// The wire of an older ticket system, where it is on.
    pub aliases: Option<Aliases>,
    /// What is risky in it, though allowed.
    pub warnings: Vec<Fault>,
}

impl Config {
    /// Reads a configuration file. Of the environment, only variables that begin with `ADMITONE_` count.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the file, the files that it names, and the variables.
    pub fn load(path: &Path, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, Faults> {
        let name = path.to_string_lossy();
        let text = read_text(path, &name).map_err(|fault| Faults::new(vec![fault]))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, &name, folder, environment)
    }

    /// Parses a configuration: `name` is what faults call it, and relative paths in it start at `folder`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text, the files that it names, and the variables.
    pub fn parse(
        text: &str,
        name: &str,
        folder: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Faults> {
        let document = Document::new(text, name, folder, environment);
        let root = document.root();
        let config = read(&root);
        root.refuse_unknown_keys();
        let config = config.ok_or_else(|| Faults::new(Vec::new()));
        let warnings = document.finish()?;
        config.map(|config| Self { warnings, ..config })
    }
}

/// The variables of this process that [`Config::load`] looks at. Unlike [`std::env::vars`] it does not panic when another
/// variable is not Unicode.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let owned = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(move |(name, value)| (owned(name), owned(value)))
        .filter(|(name, _)| name.starts_with(PREFIX))
}

fn read(root: &Table<'_>) -> Option<Config> {
    let store = root.section("store", tickets::read_store);
    let server = root.section("server", |table| server::read(table, store.is_shared));
    let log = root.section("log", log::read);
    let audit = root.section("audit", audit::read);
    let admin = root.section("admin", admin::read);
    let traces = root.section("traces", traces::read);
    let limits = root.section("limits", limits::read);
    let tickets = root.section("tickets", |table| tickets::read_tickets(table, store.is_shared));
    let issuers = issuers::read(root);
    let chain = root.section("authn", |table| issuers::read_chain(table, &issuers));
    // Of a section with a fault, nobody can tell.
    let any_proxy = server.as_ref().is_none_or(|server| !server.trusted_proxies.is_empty());
    let routes = routes::read(root, &issuers.names, any_proxy);
    let is_wanted = routes.sound.iter().any(|route| route.upstream_assertion);
    let assertion = root.section("assertion", |table| assertion::read(table, is_wanted, store.is_shared));
    let default_route = read_default_route(root, &routes);
    let aliases = root.section("aliases", |table| aliases::read(table, root, &routes, default_route.as_ref()));
    Some(Config {
        server: server?,
        log,
        audit,
        admin,
        traces,
        limits,
        store: store.sound?,
        tickets,
        assertion,
        chain: chain?,
        issuers: issuers.sound,
        routes: routes.sound,
        default_route,
        aliases,
        warnings: Vec::new(),
    })
}

fn read_default_route(root: &Table<'_>, routes: &Routes) -> Option<RoutePath> {
    let Some(entry) = root.text("default_route") else {
        return if let [only] = &*routes.paths { Some(only.clone()) } else { None };
    };
    let default = routes.paths.iter().find(|path| path.as_str() == entry.text());
    if default.is_none() && root.is_whole() && !routes.paths.is_empty() {
        let problem = format!("no route has the path {}", fault::quoted(entry.text()));
        let mend = format!("the routes are {}", fault::listed(routes.paths.iter().map(RoutePath::as_str)));
        entry.refuse(wrong(problem, mend));
    }
    default.cloned()
}

fn read_text(path: &Path, name: &str) -> Result<String, Fault> {
    let fault =
        |place, problem: String, mend: &str| Fault { place, key: String::new(), problem, mend: mend.to_owned() };
    let whole = || Place::File { file: name.to_owned() };
    let bytes = read_bytes(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => fault(whole(), "there is no such file".to_owned(), "name a configuration file"),
        _ => fault(whole(), format!("it cannot be read: {error}"), "name a file that the gateway's user can read"),
    })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(fault(whole(), format!("it is longer than {} KiB", MAX_BYTES / 1024), "is it the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let starts = line_starts(&before);
        let column = before[starts[starts.len() - 1]..].chars().count() + 1;
        let place = Place::Character { file: name.to_owned(), line: starts.len(), column };
        fault(place, "this is not UTF-8".to_owned(), "save the file as UTF-8")
    })
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
