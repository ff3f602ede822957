//! A configuration becomes an application.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use admitone::admission::Admission;
use admitone::control::Control;
use admitone::rollout::Rollouts;
use admitone::sessions::Sessions;
use admitone::ticket::keys::TicketKeys;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::{StartError, rollouts};
use crate::assertion::{Assertions, SigningKey};
use crate::audit::Audit;
use crate::config::{self, Config, JwtFallback, RevocationGap, StoreKind, WebOrigin};
use crate::http::readiness::Readiness;
use crate::http::{App, RequestNames, shadow};
use crate::keepalive::Keepalive;
use crate::limits::Limits;
use crate::logins::Logins;
use crate::metrics::Metrics;
use crate::routes::Routes;
use crate::stores::Stores;
use crate::traces::{Sender, Traces};
use crate::upstream::{Sockets, Upstream};

/// Makes everything, and connects to the store.
pub(super) async fn wire(
    config: Config,
    bound: SocketAddr,
    has_operators: bool,
) -> Result<(App, Option<Sender>), StartError> {
    let (gap, fence) = match &config.store.kind {
        StoreKind::Redis(redis) => (redis.revocation_gap, Some(redis.fence.name())),
        _ => (RevocationGap::Keep, None),
    };
    let routes = Routes::new(&config);
    let any_fallback = any_fallback(&config);
    let keys = config.tickets.keys.map_or_else(TicketKeys::random, Ok)?;
    let (metrics, node) = (Arc::new(Metrics::new()), node_name(bound));
    let audit = Audit::open(&config.audit, &node, &metrics).map_err(StartError::Audit)?;
    let audit = Arc::new(if has_operators { audit.remembering() } else { audit });
    let (traces, sender) = config.traces.map(|traces| Traces::new(traces, &node, &metrics)).unzip();
    let public_url = config.server.public_url_on(bound);
    let keepalive = Keepalive::after(config.server.keepalive);
    let assertions = assertions(config.assertion, &public_url)?;
    let stores = Stores::open(config.store, &keys, &node).await?;
    let Stores { kind, tickets, revocations, directory, channel, roster, settings } = stores.measured(&metrics);
    let rollouts = Arc::new(Rollouts::new(settings, &node));
    rollouts::begin(&rollouts, &routes, &audit).await?;
    let admission = Admission::new(keys, tickets.clone(), revocations.clone());
    let admission = Arc::new(admission.on_node(&node).with_directory(directory.clone()));
    let sessions = Arc::new(Sessions::new(revocations.clone()).listed_in(directory, &node));
    let app = App {
        control: Arc::new(Control::new(admission.clone(), sessions.clone(), channel)),
        admission,
        sessions,
        readiness: Arc::new(Readiness::new(kind, tickets, revocations.clone(), any_fallback)),
        bound,
        revocations,
        rollouts,
        rehearsals: Arc::new(Semaphore::new(shadow::AT_ONCE)),
        roster,
        node,
        fence,
        request_names: Arc::new(RequestNames::of_process(RandomState::new().hash_one(bound))),
        issuers: config.issuers.iter().map(|issuer| issuer.issuer.clone()).collect(),
        audit,
        traces: traces.map(Arc::new),
        limits: Arc::new(Limits::new(&config.limits, &metrics)),
        metrics,
        gap,
        logins: Arc::new(Logins::new(config.issuers, config.chain)?),
        routes,
        upstreams: config.routes.into_iter().filter_map(|route| upstream(route, &keepalive)).collect(),
        assertions: assertions.map(Arc::new),
        public_url,
        trusted_proxies: config.server.trusted_proxies,
        default_ttl: config.tickets.ttl,
        aliases: config.aliases,
        openapi: OnceLock::new(),
        service_permission: config.tickets.service_permission,
        draining: Arc::new(AtomicBool::new(false)),
        tasks: TaskTracker::new(),
    };
    Ok((app, sender))
}

/// The same application with what another configuration changes; the rest, and everything that is live, is shared. The logins
/// too, with the keys that their issuers published, where the issuers are `the_same`.
pub(super) fn rewire(app: &App, config: Config, the_same: bool) -> Result<App, StartError> {
    let (routes, any_fallback) = (Routes::new(&config), any_fallback(&config));
    let public_url = config.server.public_url_on(app.bound);
    let keepalive = Keepalive::after(config.server.keepalive);
    // A key that was made at the start goes on: those who verify have it.
    let assertions = match &app.assertions {
        Some(assertions) if config.assertion.is_wanted && config.assertion.keys.is_empty() => Some(assertions.clone()),
        _ => assertions(config.assertion, &public_url)?.map(Arc::new),
    };
    let issuers = config.issuers.iter().map(|issuer| issuer.issuer.clone()).collect();
    let logins = match the_same {
        true => app.logins.clone(),
        false => Arc::new(Logins::new(config.issuers, config.chain)?),
    };
    let app = App {
        issuers,
        logins,
        routes,
        upstreams: config.routes.into_iter().filter_map(|route| upstream(route, &keepalive)).collect(),
        assertions,
        public_url,
        trusted_proxies: config.server.trusted_proxies,
        default_ttl: config.tickets.ttl,
        aliases: config.aliases,
        openapi: OnceLock::new(),
        service_permission: config.tickets.service_permission,
        admission: app.admission.clone(),
        sessions: app.sessions.clone(),
        control: app.control.clone(),
        revocations: app.revocations.clone(),
        rollouts: app.rollouts.clone(),
        rehearsals: app.rehearsals.clone(),
        roster: app.roster.clone(),
        node: app.node.clone(),
        bound: app.bound,
        fence: app.fence,
        request_names: app.request_names.clone(),
        audit: app.audit.clone(),
        traces: app.traces.clone(),
        metrics: app.metrics.clone(),
        gap: app.gap,
        limits: app.limits.clone(),
        readiness: app.readiness.clone(),
        draining: app.draining.clone(),
        tasks: app.tasks.clone(),
    };
    app.readiness.any_fallback(any_fallback);
    // What everybody has taken by now stays counted.
    app.limits.set(&config.limits);
    Ok(app)
}

fn any_fallback(config: &Config) -> bool {
    config.routes.iter().any(|route| route.jwt_fallback != JwtFallback::Deny)
}

/// The configured keys, or where assertions are wanted and there are none, one that nobody else has.
fn assertions(config: config::Assertion, public_url: &WebOrigin) -> Result<Option<Assertions>, StartError> {
    let mut keys = config.keys.into_iter();
    let first = match keys.next() {
        None if !config.is_wanted => return Ok(None),
        None => SigningKey::generate().map_err(|_| StartError::AssertionKey)?,
        Some(first) => first,
    };
    Ok(Some(Assertions::new(public_url.as_str(), first, keys.collect())))
}

/// A name that no other node has: random, as a restarted node is another one.
fn node_name(bound: SocketAddr) -> String {
    format!("{bound}-{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// Where a route's sockets lead, if anywhere.
fn upstream(route: config::Route, keepalive: &Keepalive) -> Option<(Arc<str>, Upstream)> {
    let mut addresses = route.upstreams.into_iter();
    let upstream = Upstream::new(addresses.next()?, route.upstream_tls, route.connect_timeout, route.upgrade_timeout);
    let sockets = Sockets::new(route.bind_addresses, keepalive.clone());
    Some((Arc::from(route.path.as_str()), upstream.and_at(addresses).over(sockets)))
}
