//! What the gateway counts and times, as Prometheus reads it.
//!
//! Whoever counts holds handles: nothing is looked up, locked or allocated on the way of a connection but the route, once.
//! Labels are words of the code and configured paths, never what a client sent. `docs/observing.md` has the table.

mod latency;
mod route;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub use latency::{BOUNDS as LATENCY_BOUNDS_MICROS, Latency};
use route::RouteFamilies;
pub use route::{OpenSession, RouteMetrics};
use words::{Labels, Words};

/// The media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of one gateway.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    started: Instant,
    families: RouteFamilies,
    routes: ArcSwap<HashMap<Arc<str>, Arc<RouteMetrics>>>,
    mints: Words,
    mint_seconds: Latency,
    admitted_seconds: Latency,
    refused_seconds: Latency,
    refusals: Family<Labels, Counter>,
    limits: Family<Labels, Counter>,
    revocations: Words,
    reloads: Words,
    store: StoreMetrics,
    panics: Counter,
    audit_lost: Counter,
    traces_lost: Counter,
    mirror_age: Gauge<f64, std::sync::atomic::AtomicU64>,
    issuer_keys: Family<Labels, Gauge>,
    issuer_failures: Family<Labels, Gauge>,
}

/// The handles of what a store is asked to do.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of `TicketStore` and `Revocations`")]
pub struct StoreMetrics {
    pub put: StoreOperation,
    pub peek: StoreOperation,
    pub take: StoreOperation,
    pub discard: StoreOperation,
    pub enter: StoreOperation,
    pub probe: StoreOperation,
    pub revoke: StoreOperation,
}

/// The handles of one operation of the store.
#[derive(Clone, Debug)]
pub struct StoreOperation {
    seconds: Latency,
    errors: Counter,
}

impl StoreOperation {
    /// It was answered, well or badly, after this time.
    pub fn took(&self, elapsed: Duration, failed: bool) {
        self.seconds.observe(elapsed);
        if failed {
            self.errors.inc();
        }
    }
}

impl Metrics {
    /// Everything at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("admitone");
        let families = RouteFamilies::register(&mut registry);
        let counters = |registry: &mut Registry, name: &str, help: &str| {
            let family = Family::<Labels, Counter>::default();
            registry.register(name, help, family.clone());
            family
        };
        let mints = counters(&mut registry, "mints", "Mint requests, by what came of them");
        let refusals = counters(&mut registry, "refusals", "Refused requests, by route and the problem's code");
        let limits = counters(&mut registry, "limits", "What was refused for a limit, by its key in the configuration");
        let reloads = counters(&mut registry, "reloads", "Configurations read again, by what came of them");
        let revocations = counters(&mut registry, "revocations", "Revocations asked for on this node, by mark");
        let handshakes = latencies(&mut registry, "handshake", "From an upgrade's head to its 101 or refusal");
        let metrics = Self {
            mints: Words::new(mints, vec![], "outcome", &["minted", "not_logged_in", "store_unavailable"]),
            mint_seconds: latency(&mut registry, "mint", "From a mint request's head to its answer"),
            admitted_seconds: handshakes.get_or_create_owned(&labels("outcome", "admitted")),
            refused_seconds: handshakes.get_or_create_owned(&labels("outcome", "refused")),
            refusals,
            limits,
            revocations: Words::new(revocations, vec![], "mark", &["session", "subject", "sid", "jti", "everything"]),
            reloads: Words::new(reloads, vec![], "outcome", &["accepted", "refused"]),
            store: store_metrics(&mut registry),
            panics: counter(&mut registry, "panics", "Faults of ours that cost one connection"),
            audit_lost: counter(
                &mut registry,
                "audit_lost",
                "Audit lines lost because the queue was full or could not be written",
            ),
            traces_lost: counter(
                &mut registry,
                "traces_lost",
                "Traces lost because the queue was full or the receiver did not take them",
            ),
            mirror_age: Gauge::default(),
            issuer_keys: Family::default(),
            issuer_failures: Family::default(),
            routes: ArcSwap::default(),
            families,
            registry,
            started: Instant::now(),
        };
        metrics.with_facts()
    }

    /// What is known from the start.
    fn with_facts(mut self) -> Self {
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        self.registry.register("build", "The release that runs", version);
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let help = "When the gateway started, Unix time";
        self.registry.register_with_unit("start_time", help, Unit::Seconds, ConstGauge::new(started.as_secs_f64()));
        let help = "How long ago this node last knew every revocation; below zero when it never did";
        self.registry.register_with_unit("mirror_age", help, Unit::Seconds, self.mirror_age.clone());
        let help = "Whether an issuer's published keys count: 1, or 0 while its tokens are answered 503";
        self.registry.register("issuer_keys", help, self.issuer_keys.clone());
        let help = "How often fetching an issuer's keys has failed since it last succeeded";
        self.registry.register("issuer_key_failures", help, self.issuer_failures.clone());
        self
    }

    /// How long it has been counting.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The handles of a route, by its path.
    #[must_use]
    pub fn on(&self, route: &str) -> Arc<RouteMetrics> {
        if let Some(known) = self.routes.load().get(route) {
            return known.clone();
        }
        let handles = Arc::new(RouteMetrics::new(&self.families, route));
        self.routes.rcu(|routes| {
            let mut routes = HashMap::clone(routes);
            routes.entry(Arc::from(route)).or_insert_with(|| handles.clone());
            routes
        });
        // Whoever was first has made the handles that count; those of one family are the same ones anyway.
        handles
    }

    /// A mint request was answered: `minted`, or the code of its problem.
    pub fn minted(&self, outcome: &'static str, elapsed: Duration) {
        self.mints.count(outcome);
        self.mint_seconds.observe(elapsed);
    }

    /// An upgrade was admitted.
    pub fn admitted_after(&self, elapsed: Duration) {
        self.admitted_seconds.observe(elapsed);
    }

    /// An upgrade was refused.
    pub fn refused_after(&self, elapsed: Duration) {
        self.refused_seconds.observe(elapsed);
    }

    /// A request was refused with this problem code. `route` is a configured path or an endpoint's, else empty.
    pub fn refused(&self, route: &str, reason: &'static str) {
        self.refusals.get_or_create(&vec![("route", route.into()), ("reason", reason.into())]).inc();
    }

    /// The counter of what one limit refuses.
    #[must_use]
    pub fn limit(&self, name: &'static str) -> Counter {
        self.limits.get_or_create_owned(&labels("limit", name))
    }

    /// Something was revoked, which left this kind of mark.
    pub fn revoked(&self, mark: &'static str) {
        self.revocations.count(mark);
    }

    /// The handles of the store's operations.
    #[must_use]
    pub const fn store(&self) -> &StoreMetrics {
        &self.store
    }

    /// Something of ours panicked.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// A configuration was read again.
    pub fn reloaded(&self, is_accepted: bool) {
        self.reloads.count(if is_accepted { "accepted" } else { "refused" });
    }

    /// So many lines of the audit stream were lost.
    pub fn audit_lost(&self, lines: u64) {
        self.audit_lost.inc_by(lines);
    }

    /// So many traces were lost.
    pub fn traces_lost(&self, traces: u64) {
        self.traces_lost.inc_by(traces);
    }

    /// How many lines of the audit stream were lost.
    #[must_use]
    pub fn audit_lines_lost(&self) -> u64 {
        self.audit_lost.get()
    }

    /// How old the mirror of the marks is, just before it is read.
    pub fn mirror_is(&self, age: Option<Duration>) {
        self.mirror_age.set(age.map_or(-1.0, |age| age.as_secs_f64()));
    }

    /// How an issuer's published keys are, by its name in the configuration, just before it is read.
    pub fn issuer_keys_are(&self, issuer: &str, do_count: bool, failures: u32) {
        let labels = vec![("issuer", issuer.to_owned())];
        self.issuer_keys.get_or_create(&labels).set(i64::from(do_count));
        self.issuer_failures.get_or_create(&labels).set(i64::from(failures));
    }

    /// All of it, as [`MEDIA_TYPE`].
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

fn latency(registry: &mut Registry, name: &str, help: &str) -> Latency {
    let latency = Latency::default();
    registry.register_with_unit(name, help, Unit::Seconds, latency.clone());
    latency
}

fn latencies(registry: &mut Registry, name: &str, help: &str) -> Family<Labels, Latency> {
    let family = Family::default();
    registry.register_with_unit(name, help, Unit::Seconds, family.clone());
    family
}

fn labels(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}

fn store_metrics(registry: &mut Registry) -> StoreMetrics {
    let seconds = latencies(registry, "store_operation", "How long the store took, by operation");
    let errors = Family::<Labels, Counter>::default();
    registry.register("store_errors", "Operations that the store did not do or answer in time", errors.clone());
    let operation = |name| {
        let labels = labels("operation", name);
        StoreOperation { seconds: seconds.get_or_create_owned(&labels), errors: errors.get_or_create_owned(&labels) }
    };
    StoreMetrics {
        put: operation("put"),
        peek: operation("peek"),
        take: operation("take"),
        discard: operation("discard"),
        enter: operation("enter"),
        probe: operation("probe"),
        revoke: operation("revoke"),
    }
}
