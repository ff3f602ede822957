//! `[[routes]]`: which paths lead where, for whom, and how.

mod fallback;
mod path;
mod rollout;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use admitone::carrier::{Carrier, TICKET_COOKIE};
use admitone::grant::MAX_USES;
use admitone::principal::Permissions;
use admitone::refusal::{CloseProfile, RefuseWith};
use admitone::sessions::Narrowed;
use rustls::ClientConfig;

use super::fault::{listed, nearest, quoted, wrong};
use super::host::{WebOrigin, parse_origin};
use super::table::Table;
use super::tickets::TTL_SECONDS;
use super::upstream;
use crate::upstream::{Address, tls_config};
use fallback::FALLBACKS;
pub use fallback::JwtFallback;
pub use path::RoutePath;
pub use rollout::{Listed, OnFailures, Rollout};

/// A path and its policy.
#[derive(Debug)]
pub struct Route {
    /// The path of its sockets, which no other route has.
    pub path: RoutePath,
    /// Where its sockets lead, all of them in turn; nowhere, and then only with `forward_auth`.
    pub upstreams: Vec<Address>,
    /// Whether trusted proxies may ask about its requests, and pass the admitted ones on themselves.
    pub forward_auth: bool,
    /// Whose certificates are believed there, when the address is reached by TLS: those signed by the authorities in
    /// `upstream_ca_file`, or without it by Mozilla's.
    pub upstream_tls: Arc<ClientConfig>,
    /// Whether it is told who was admitted in a signed assertion too.
    pub upstream_assertion: bool,
    /// Whether event streams are asked for there as well, with `GET`.
    pub event_streams: bool,
    /// The addresses of this machine to dial from, in turn; any without.
    pub bind_addresses: Vec<IpAddr>,
    /// The headers of clients that the upstream does not see, in lower case.
    pub drop_headers: Vec<String>,
    /// The origins of the pages that may connect, compared exactly. Empty: no page may, only what sends no `Origin`.
    pub origins: Vec<WebOrigin>,
    /// The names of the issuers whose logins count here; at least one, and each exists.
    pub issuers: Vec<String>,
    /// Where a ticket may be; at least one.
    pub ticket_carriers: Vec<Carrier>,
    /// What becomes of a JWT on the upgrade.
    pub jwt_fallback: JwtFallback,
    /// Where that JWT may be; at least one. Holds [`Carrier::Query`] only by `danger_query_token`.
    pub jwt_carriers: Vec<Carrier>,
    /// The cookie that holds that JWT; set if and only if `jwt_carriers` has [`Carrier::Cookie`].
    pub jwt_cookie: Option<String>,
    /// Who gets tickets, and what watches over that.
    pub rollout: Rollout,
    /// The query names of tokens that are passed to the upstream instead of refused.
    pub query_passthrough: Vec<&'static str>,
    /// The longest life of a ticket.
    pub max_ttl: Duration,
    /// How many connections a ticket may open that is not minted for a single use.
    pub max_uses: NonZeroU32,
    /// What becomes of the connection that a ticket has opened when the ticket is presented again.
    pub on_replay: OnReplay,
    /// The longest life of a session; it ends with its login if that is earlier.
    pub max_session: Duration,
    /// How long a session stays open behind its login's end, for a renewal that comes late.
    pub expiry_grace: Duration,
    /// How long nothing may pass through a socket, either way, before it is closed.
    pub idle_timeout: Option<Duration>,
    /// The longest payload of a frame, in bytes.
    pub max_frame: Option<NonZeroU32>,
    /// What becomes of a session that is renewed with a login that may do less.
    pub renew_narrowed: Narrowed,
    /// Whether a ticket is bound to the `Origin` of the mint request.
    pub bind_origin: bool,
    /// Whether a ticket is bound to the address prefix of the mint request.
    pub bind_address: bool,
    /// What a login has to hold, all of it, for a ticket or a fallback.
    pub required_permissions: Permissions,
    /// How a refused upgrade is answered.
    pub refuse_with: RefuseWith,
    /// How a refusing Close reads.
    pub close_profile: CloseProfile,
    /// How long dialling the upstream may take.
    pub connect_timeout: Duration,
    /// How long the upstream may take to answer the upgrade.
    pub upgrade_timeout: Duration,
}

/// What becomes of the connection that a ticket has opened when the ticket is presented again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnReplay {
    /// It stays.
    Nothing,
    /// It is closed: one of the two who held the ticket was not meant to.
    Close,
}

impl OnReplay {
    /// The word in the configuration and the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Close => "close",
        }
    }
}

const CARRIERS: [(&str, Carrier); 4] = [
    (Carrier::Subprotocol.name(), Carrier::Subprotocol),
    (Carrier::Authorization.name(), Carrier::Authorization),
    (Carrier::Cookie.name(), Carrier::Cookie),
    (Carrier::Query.name(), Carrier::Query),
];

const REPLAYS: [(&str, OnReplay); 2] =
    [(OnReplay::Nothing.name(), OnReplay::Nothing), (OnReplay::Close.name(), OnReplay::Close)];

const NARROWED: [(&str, Narrowed); 2] = [("refuse", Narrowed::Refuse), ("close", Narrowed::Close)];

const REFUSALS: [(&str, RefuseWith); 3] =
    [("auto", RefuseWith::Auto), ("close", RefuseWith::Close), ("http", RefuseWith::Http)];

const PROFILES: [(&str, CloseProfile); 2] = [("standard", CloseProfile::Standard), ("1008", CloseProfile::Policy1008)];

const QUERY_TOKENS: [(&str, &str); 4] =
    [("token", "token"), ("jwt", "jwt"), ("auth_token", "auth_token"), ("access_token", "access_token")];

/// What has been read so far: the paths of routes that are wrong in another way count too.
#[derive(Default)]
pub(super) struct Routes {
    pub(super) sound: Vec<Route>,
    pub(super) paths: Vec<RoutePath>,
}

/// `any_proxy`: somebody is trusted to ask about routes with `forward_auth`.
pub(super) fn read(root: &Table<'_>, issuers: &[String], any_proxy: bool) -> Routes {
    if !root.is_written("routes") {
        root.refuse_absence("routes", "add a [[routes]] section for each path that leads to a socket server");
    }
    let mut routes = Routes::default();
    let public = match tls_config(None) {
        Ok(public) => public,
        Err(error) => {
            root.refuse("routes", upstream::complaint(error));
            return routes;
        }
    };
    root.tables("routes", |table| {
        let forward_auth = read_forward_auth(table, any_proxy);
        let route = read_route(table, issuers, &public, forward_auth, &mut routes.paths);
        routes.sound.extend(route);
        Some(())
    });
    routes
}

fn read_route(
    table: &Table<'_>,
    issuers: &[String],
    public: &Arc<ClientConfig>,
    forward_auth: bool,
    taken: &mut Vec<RoutePath>,
) -> Option<Route> {
    let path = read_path(table, taken);
    let upstream = upstream::read(table, public, forward_auth);
    let origins = read_origins(table);
    let (jwt_carriers, jwt_cookie) = read_jwt_carriers(table);
    let query_passthrough = read_query_passthrough(table, jwt_carriers.contains(&Carrier::Query));
    let default_carriers = [Carrier::Subprotocol, Carrier::Authorization, Carrier::Cookie];
    let (upstreams, upstream_tls) = upstream.unzip();
    let drop_headers = upstream::read_drop_headers(table);
    let bind_addresses = upstream::read_bind_addresses(table);
    let jwt_fallback = table.choice("jwt_fallback", &FALLBACKS, JwtFallback::Deny);
    let issuers = read_issuers(table, issuers);
    let rollout = table.section("rollout", |table| rollout::read(table, &issuers, jwt_fallback));
    Some(Route {
        issuers,
        ticket_carriers: table.choices("ticket_carriers", &CARRIERS, &default_carriers),
        jwt_fallback,
        rollout,
        upstream_assertion: table.switch("upstream_assertion", false),
        event_streams: table.switch("event_streams", false),
        max_ttl: table.seconds("max_ttl_seconds", TTL_SECONDS, 3600),
        max_uses: read_max_uses(table),
        on_replay: table.choice("on_replay", &REPLAYS, OnReplay::Nothing),
        max_session: table.seconds("max_session_seconds", 1..=2_592_000, 86_400),
        expiry_grace: table.seconds("expiry_grace_seconds", 0..=30, 0),
        idle_timeout: table.optional_number("idle_timeout_seconds", 1..=86_400).map(Duration::from_secs),
        max_frame: table
            .optional_number("max_frame_bytes", 125..=u64::from(u32::MAX))
            .and_then(|bytes| u32::try_from(bytes).ok().and_then(NonZeroU32::new)),
        renew_narrowed: table.choice("renew_narrowed", &NARROWED, Narrowed::Refuse),
        bind_origin: table.switch("bind_origin", true),
        bind_address: table.switch("bind_address", false),
        required_permissions: read_permissions(table),
        refuse_with: table.choice("refuse_with", &REFUSALS, RefuseWith::Auto),
        close_profile: table.choice("close_profile", &PROFILES, CloseProfile::Standard),
        connect_timeout: table.seconds("connect_timeout_seconds", 1..=60, 5),
        upgrade_timeout: table.seconds("upgrade_timeout_seconds", 1..=120, 10),
        path: path?,
        upstreams: upstreams?,
        forward_auth,
        bind_addresses,
        drop_headers,
        upstream_tls: upstream_tls?,
        origins: origins?,
        jwt_carriers,
        jwt_cookie,
        query_passthrough,
    })
}

fn read_forward_auth(table: &Table<'_>, any_proxy: bool) -> bool {
    let forward_auth = table.switch("forward_auth", false);
    if forward_auth && !any_proxy {
        let problem = "no proxy is trusted to ask about it";
        table.refuse("forward_auth", wrong(problem, "name the proxy's address in trusted_proxies of [server]"));
    }
    forward_auth
}

fn read_max_uses(table: &Table<'_>) -> NonZeroU32 {
    let uses = table.number("max_uses", 1..=u64::from(MAX_USES), 1);
    u32::try_from(uses).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

fn read_path(table: &Table<'_>, taken: &mut Vec<RoutePath>) -> Option<RoutePath> {
    let entry = table.required_text("path", "write the path of its sockets, like `/chat`")?;
    let path = entry.parse(path::parse)?;
    if taken.contains(&path) {
        entry.refuse(wrong(format!("another route has the path {}", quoted(path.as_str())), "write each path once"));
    }
    taken.push(path.clone());
    Some(path)
}

fn read_origins(table: &Table<'_>) -> Option<Vec<WebOrigin>> {
    let allows_http = table.switch("danger_http_origins", false);
    let mend = "write the origins of your pages, like `https://app.example.com`; `[]` lets no page in, only clients that \
                send no Origin";
    if !table.has("origins") {
        table.refuse_absence("origins", mend);
    }
    let entries = table.texts("origins")?;
    let mut origins = Vec::new();
    for entry in &entries {
        if let Some(mend) = match entry.text() {
            "*" => Some("any site could open sockets in a visitor's name: write each of your origins"),
            "null" => Some("sandboxed frames and local files of anybody send it: write each of your origins"),
            _ => None,
        } {
            entry.refuse(wrong(format!("{} is not an origin to trust", quoted(entry.text())), mend));
            continue;
        }
        let Some(origin) = entry.parse(parse_origin) else { continue };
        if !origin.https && !origin.host.is_loopback() && !allows_http {
            let problem =
                format!("whoever is on the way to a visitor can change the page at {}", quoted(origin.as_str()));
            entry.refuse(wrong(problem, "write it with https, or set danger_http_origins = true on this route"));
        }
        if origins.contains(&origin) {
            entry.refuse(wrong(format!("{} is named twice", quoted(origin.as_str())), "name it once"));
        }
        origins.push(origin);
    }
    Some(origins)
}

fn read_issuers(table: &Table<'_>, known: &[String]) -> Vec<String> {
    let Some(entries) = table.texts("issuers") else { return known.to_vec() };
    if entries.is_empty() {
        table.refuse(
            "issuers",
            wrong("the list is empty: nobody could log in", "name an issuer, or leave it out for all"),
        );
    }
    for (index, entry) in entries.iter().enumerate() {
        let name = entry.text();
        if entries[..index].iter().any(|other| other.text() == name) {
            entry.refuse(wrong(format!("{} is named twice", quoted(name)), "name it once"));
        }
        if table.is_whole() && !known.iter().any(|known| known == name) {
            let names = || known.iter().map(String::as_str);
            let mend = match nearest(name, names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if known.is_empty() => "add an [[issuers]] section of this name".to_owned(),
                None => format!("the issuers are {}", listed(names())),
            };
            entry.refuse(wrong(format!("no issuer is named {}", quoted(name)), mend));
        }
    }
    entries.iter().map(|entry| entry.text().to_owned()).collect()
}

fn read_jwt_carriers(table: &Table<'_>) -> (Vec<Carrier>, Option<String>) {
    let default = [Carrier::Subprotocol, Carrier::Authorization];
    let mut carriers = table.choices("jwt_carriers", &CARRIERS, &default);
    if carriers.contains(&Carrier::Query) {
        let problem = "a token in a URL ends up in histories and logs";
        table.refuse("jwt_carriers", wrong(problem, "leave `query` out; danger_query_token = true adds it"));
    }
    if table.switch("danger_query_token", false) && !carriers.contains(&Carrier::Query) {
        carriers.push(Carrier::Query);
    }
    let cookie = read_jwt_cookie(table, carriers.contains(&Carrier::Cookie));
    (carriers, cookie)
}

fn read_jwt_cookie(table: &Table<'_>, is_carrier: bool) -> Option<String> {
    if is_carrier && !table.has("jwt_cookie") {
        table.refuse_absence("jwt_cookie", "jwt_carriers has `cookie`: write the cookie's name");
    }
    let entry = table.text("jwt_cookie")?;
    if !is_carrier {
        entry.refuse(wrong("jwt_carriers does not have `cookie`", "add it there, or leave this out"));
    }
    let name = entry.text();
    // RFC 6265 §4.1.1: a cookie's name is a token, as a header's is.
    if http::HeaderName::try_from(name).is_err() {
        entry.refuse(wrong(format!("{} is not a cookie's name", quoted(name)), "write letters, digits, - and _"));
    }
    if name.eq_ignore_ascii_case(TICKET_COOKIE) {
        entry.refuse(wrong("that cookie holds tickets", "name the cookie that holds the JWT"));
    }
    Some(name.to_owned())
}

fn read_query_passthrough(table: &Table<'_>, takes_query_tokens: bool) -> Vec<&'static str> {
    if !table.has("query_passthrough") {
        return Vec::new();
    }
    let is_empty = table.texts("query_passthrough").is_some_and(|entries| entries.is_empty());
    if is_empty {
        return Vec::new();
    }
    if takes_query_tokens {
        let problem = "danger_query_token takes these names out of the query";
        table.refuse("query_passthrough", wrong(problem, "keep one of the two"));
    }
    table.choices("query_passthrough", &QUERY_TOKENS, &[])
}

fn read_permissions(table: &Table<'_>) -> Permissions {
    let mut held = Vec::new();
    for entry in table.texts("required_permissions").unwrap_or_default() {
        match Permissions::new([entry.text()]) {
            Ok(_) => held.push(entry.text()),
            Err(error) => {
                entry.refuse(wrong(format!("{} is not a permission", quoted(entry.text())), error.to_string()))
            }
        }
    }
    Permissions::new(held).unwrap_or_default()
}
