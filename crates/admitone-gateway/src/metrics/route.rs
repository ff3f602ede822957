use std::sync::Arc;

use admitone::carrier::Carrier;
use admitone::close::CloseCode;
use admitone::principal::Method;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::words::{Labels, Words};

/// What may come of a ticket that was presented.
const REDEEMS: [&str; 9] = [
    "admitted",
    "forged",
    "expired",
    "misbound",
    "malformed",
    "unknown_key",
    "replayed",
    "revoked",
    "store_unavailable",
];

const METHODS: [Method; 2] = [Method::Ticket, Method::Jwt];

const DIALS: [&str; 5] = ["connected", "unresolved", "unreachable", "tls", "timeout"];

/// Why a session ends, beside our own close codes.
const ENDS: [&str; 9] = [
    "closed",
    "client_gone",
    "upstream_gone",
    "stalled",
    "bad_frame",
    "frame_too_long",
    "failed",
    "never_relayed",
    "panicked",
];

/// What may come of a ticket that is rehearsed beside a JWT.
const REHEARSALS: [&str; 4] = ["worked", "store_unavailable", "over_limit", "skipped"];

/// What has a route for a label.
#[derive(Debug)]
pub(super) struct RouteFamilies {
    redeems: Family<Labels, Counter>,
    admissions: Family<Labels, Counter>,
    sessions: Family<Labels, Gauge>,
    ends: Family<Labels, Counter>,
    dials: Family<Labels, Counter>,
    bytes: Family<Labels, Counter>,
    decisions: Family<Labels, Counter>,
    percent: Family<Labels, Gauge>,
    guard: Family<Labels, Counter>,
    tripped: Family<Labels, Gauge>,
    trips: Family<Labels, Counter>,
    rehearsals: Family<Labels, Counter>,
}

impl RouteFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut counters = |name: &str, help: &str| {
            let family = Family::<Labels, Counter>::default();
            registry.register(name, help, family.clone());
            family
        };
        let redeems = counters("redeems", "Tickets presented, by what came of them");
        let admissions = counters("admissions", "Upgrades admitted, by the credential's method and carrier");
        let ends =
            counters("sessions_ended", "Sessions that have ended, by cause: a close code's name or what a side did");
        let dials = counters("dials", "Dials of the upstream, by what came of them");
        let bytes = counters("relayed_bytes", "Bytes that ended sessions relayed, by whom they went to");
        let decisions =
            counters("rollout_decisions", "Mint requests of people whom the rollout lets have tickets, or not");
        let guard = counters("rollout_guard_seen", "Tickets that the rollout's guard counts, by what came of them");
        let trips = counters("rollout_guard_trips", "How often the rollout's guard found too many failures");
        let rehearsals = counters("shadow_rehearsals", "Tickets rehearsed beside JWTs, by what came of them");
        let mut gauges = |name: &str, help: &str| {
            let family = Family::<Labels, Gauge>::default();
            registry.register(name, help, family.clone());
            family
        };
        let sessions = gauges("sessions_open", "Sessions that are live");
        let percent = gauges("rollout_percent", "How many of a hundred people get tickets");
        let tripped = gauges("rollout_guard_tripped", "1 from when the guard acted until a person did");
        Self {
            redeems,
            admissions,
            sessions,
            ends,
            dials,
            bytes,
            decisions,
            percent,
            guard,
            tripped,
            trips,
            rehearsals,
        }
    }
}

/// The handles of one route.
#[derive(Debug)]
pub struct RouteMetrics {
    redeems: Words,
    admissions: [[Counter; Carrier::ALL.len()]; METHODS.len()],
    sessions: Gauge,
    ends: Words,
    dials: Words,
    to_client: Counter,
    to_upstream: Counter,
    decisions: Words,
    percent: Gauge,
    guard: Words,
    tripped: Gauge,
    trips: Counter,
    rehearsals: Words,
}

impl RouteMetrics {
    pub(super) fn new(families: &RouteFamilies, route: &str) -> Self {
        let on = || vec![("route", route.to_owned())];
        let with = |label, value: &str| vec![("route", route.to_owned()), (label, value.to_owned())];
        let admissions = METHODS.map(|method| {
            Carrier::ALL.map(|carrier| {
                let mut labels = with("method", method.name());
                labels.push(("carrier", carrier.name().to_owned()));
                families.admissions.get_or_create_owned(&labels)
            })
        });
        let codes = CloseCode::ALL.iter().map(|code| code.name());
        let ends: Vec<&'static str> = ENDS.into_iter().chain(codes).collect();
        Self {
            redeems: Words::new(families.redeems.clone(), on(), "outcome", &REDEEMS),
            admissions,
            sessions: families.sessions.get_or_create_owned(&on()),
            ends: Words::new(families.ends.clone(), on(), "cause", &ends),
            dials: Words::new(families.dials.clone(), on(), "outcome", &DIALS),
            to_client: families.bytes.get_or_create_owned(&with("to", "client")),
            to_upstream: families.bytes.get_or_create_owned(&with("to", "upstream")),
            decisions: Words::new(families.decisions.clone(), on(), "decision", &["ticket", "fallback"]),
            percent: families.percent.get_or_create_owned(&on()),
            guard: Words::new(families.guard.clone(), on(), "outcome", &["worked", "failed"]),
            tripped: families.tripped.get_or_create_owned(&on()),
            trips: families.trips.get_or_create_owned(&on()),
            rehearsals: Words::new(families.rehearsals.clone(), on(), "outcome", &REHEARSALS),
        }
    }

    /// A mint request was made by somebody who gets tickets, or does not.
    pub fn decided(&self, are_on: bool) {
        self.decisions.count(if are_on { "ticket" } else { "fallback" });
    }

    /// A ticket was minted or redeemed, or was not by a fault of ours.
    pub fn guarded(&self, has_worked: bool) {
        self.guard.count(if has_worked { "worked" } else { "failed" });
    }

    /// The guard found too many failures.
    pub fn tripped(&self) {
        self.trips.inc();
    }

    /// How the rollout is, just before it is read.
    pub fn rollout_is(&self, percent: u8, is_tripped: bool) {
        self.percent.set(i64::from(percent));
        self.tripped.set(i64::from(is_tripped));
    }

    /// A ticket was rehearsed beside a JWT.
    pub fn rehearsed(&self, outcome: &'static str) {
        self.rehearsals.count(outcome);
    }

    /// A ticket was presented: `admitted`, or why not.
    pub fn redeemed(&self, outcome: &'static str) {
        self.redeems.count(outcome);
    }

    /// An upgrade was admitted.
    pub fn admitted(&self, method: Method, carrier: Carrier) {
        let method = METHODS.iter().position(|known| *known == method);
        let carrier = Carrier::ALL.iter().position(|known| *known == carrier);
        if let (Some(method), Some(carrier)) = (method, carrier) {
            self.admissions[method][carrier].inc();
        }
    }

    /// The upstream was dialled: `connected`, or why not.
    pub fn dialed(&self, outcome: &'static str) {
        self.dials.count(outcome);
    }

    /// A session has opened; it counts as open until what comes back is dropped.
    #[must_use]
    pub fn open(self: &Arc<Self>) -> OpenSession {
        self.sessions.inc();
        OpenSession(self.clone())
    }

    /// How many sessions are live.
    #[must_use]
    pub fn sessions(&self) -> i64 {
        self.sessions.get()
    }
}

/// A session that counts as open.
#[derive(Debug)]
pub struct OpenSession(Arc<RouteMetrics>);

impl OpenSession {
    /// It ended from this cause, and had relayed so many bytes.
    pub fn ended(&self, cause: &'static str, to_client: u64, to_upstream: u64) {
        self.0.ends.count(cause);
        self.0.to_client.inc_by(to_client);
        self.0.to_upstream.inc_by(to_upstream);
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.0.sessions.dec();
    }
}
