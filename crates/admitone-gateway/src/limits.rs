//! What one address, subject or ticket may take of the gateway, so that enough is left for the others.
//!
//! A failure counts against the address that it came from and nobody else: whatever subject a forgery names, it uses up
//! nothing of theirs. An expired token or ticket is no attack and never counts.

mod dials;
mod places;
mod rate;

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use admitone::principal::Principal;
use admitone::problem::TicketState;
use admitone::ticket::TicketId;
use prometheus_client::metrics::counter::Counter;

use crate::config;
use crate::metrics::Metrics;
use dials::{TicketDial, TicketDials};
pub use places::Place;
use places::Places;
use rate::Rate;

/// When to come back where nobody can tell when there will be room.
const SOON: Duration = Duration::from_secs(1);

/// A connection or session ends when a person closes it: rather later.
const LATER: Duration = Duration::from_secs(5);

/// How often the log tells of one limit.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// One of the limits: the name is that of its key in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Limit {
    SessionsPerSubject,
    ConnectionsPerAddress,
    MintsPerMinutePerSubject,
    MintsPerMinutePerAddress,
    FailedRedeemsPerMinutePerAddress,
    FailedLoginsPerMinutePerAddress,
    DialsPerAddress,
    DialsPerTicket,
}

impl Limit {
    /// Every limit, each at its own index.
    pub const ALL: [Self; 8] = [
        Self::SessionsPerSubject,
        Self::ConnectionsPerAddress,
        Self::MintsPerMinutePerSubject,
        Self::MintsPerMinutePerAddress,
        Self::FailedRedeemsPerMinutePerAddress,
        Self::FailedLoginsPerMinutePerAddress,
        Self::DialsPerAddress,
        Self::DialsPerTicket,
    ];

    /// The key in the configuration; also the label in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionsPerSubject => "sessions_per_subject",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::MintsPerMinutePerSubject => "mints_per_minute_per_subject",
            Self::MintsPerMinutePerAddress => "mints_per_minute_per_address",
            Self::FailedRedeemsPerMinutePerAddress => "failed_redeems_per_minute_per_address",
            Self::FailedLoginsPerMinutePerAddress => "failed_logins_per_minute_per_address",
            Self::DialsPerAddress => "dials_per_address",
            Self::DialsPerTicket => "dials_per_ticket",
        }
    }

    /// What the client may be told.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::SessionsPerSubject => "this login's subject has too many connections",
            Self::ConnectionsPerAddress => "too many connections from this address",
            Self::MintsPerMinutePerSubject => {
                "too many tickets were minted, or connections ended, for this login's subject"
            }
            Self::MintsPerMinutePerAddress => "too many tickets were minted from this address",
            Self::FailedRedeemsPerMinutePerAddress => "too many tickets from this address were not accepted",
            Self::FailedLoginsPerMinutePerAddress => "too many tokens from this address were not accepted",
            Self::DialsPerAddress => "too many connections from this address are being opened",
            Self::DialsPerTicket => "this ticket is being used, or was tried too often: mint a new one",
        }
    }

    /// Whether the ticket that meets it is spent, where anybody has looked at it.
    #[must_use]
    pub const fn ticket(self) -> Option<TicketState> {
        match self {
            Self::DialsPerAddress | Self::DialsPerTicket => Some(TicketState::Unspent),
            Self::SessionsPerSubject => Some(TicketState::Spent),
            _ => None,
        }
    }
}

/// A limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limit {} is reached", .limit.name())]
pub struct Over {
    /// Which.
    pub limit: Limit,
    /// When to come back.
    pub retry_after: Duration,
}

impl Over {
    /// Of an address with too many connections.
    pub const CONNECTIONS: Self = Self { limit: Limit::ConnectionsPerAddress, retry_after: LATER };

    /// When to come back, in whole seconds and at least one.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u64 {
        let seconds = self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0);
        seconds.max(1)
    }
}

/// All limits, and how near everybody is to them.
#[derive(Debug)]
pub struct Limits {
    /// 0 without a limit. The store counts them.
    subject_sessions: AtomicU32,
    connections: Arc<Places>,
    subject_mints: Rate,
    /// Each leaves a mark for a month: as many as there may be tickets.
    subject_ends: Rate,
    address_mints: Rate,
    failed_redeems: Rate,
    failed_logins: Rate,
    dials: Arc<Places>,
    ticket_dials: Arc<TicketDials>,
    refused: [Refused; Limit::ALL.len()],
    epoch: Instant,
}

#[derive(Debug)]
struct Refused {
    count: Counter,
    /// When the log may tell of it again: milliseconds since the epoch.
    silent_until: AtomicU64,
}

impl Limits {
    /// The limits of a configuration; nobody has taken anything yet.
    #[must_use]
    pub fn new(limits: &config::Limits, metrics: &Metrics) -> Self {
        Self {
            subject_sessions: AtomicU32::new(limits.sessions_per_subject.map_or(0, NonZeroU32::get)),
            connections: Places::new(limits.connections_per_address),
            subject_mints: Rate::new(limits.mints_per_minute_per_subject),
            subject_ends: Rate::new(limits.mints_per_minute_per_subject),
            address_mints: Rate::new(limits.mints_per_minute_per_address),
            failed_redeems: Rate::new(limits.failed_redeems_per_minute_per_address),
            failed_logins: Rate::new(limits.failed_logins_per_minute_per_address),
            dials: Places::new(limits.dials_per_address),
            ticket_dials: TicketDials::new(limits.dials_per_ticket_at_once, limits.dials_per_ticket),
            refused: Limit::ALL
                .map(|limit| Refused { count: metrics.limit(limit.name()), silent_until: AtomicU64::default() }),
            epoch: Instant::now(),
        }
    }

    /// Other limits from now on; what everybody has taken stays counted.
    pub fn set(&self, limits: &config::Limits) {
        let sessions = limits.sessions_per_subject.map_or(0, NonZeroU32::get);
        self.subject_sessions.store(sessions, Ordering::Relaxed);
        self.connections.set(limits.connections_per_address);
        self.subject_mints.set(limits.mints_per_minute_per_subject);
        self.subject_ends.set(limits.mints_per_minute_per_subject);
        self.address_mints.set(limits.mints_per_minute_per_address);
        self.failed_redeems.set(limits.failed_redeems_per_minute_per_address);
        self.failed_logins.set(limits.failed_logins_per_minute_per_address);
        self.dials.set(limits.dials_per_address);
        self.ticket_dials.set(limits.dials_per_ticket_at_once, limits.dials_per_ticket);
    }

    /// How often each limit was met since the start.
    pub fn refused(&self) -> impl Iterator<Item = (Limit, u64)> {
        Limit::ALL.into_iter().map(|limit| (limit, self.refused[limit as usize].count.get()))
    }

    /// How many sessions a subject may have, on all nodes of a store.
    #[must_use]
    pub fn sessions_per_subject(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.subject_sessions.load(Ordering::Relaxed))
    }

    /// A subject has as many sessions as it may.
    pub fn too_many_sessions(&self, now: Instant) -> Over {
        self.over(Limit::SessionsPerSubject, LATER, None, now)
    }

    /// A place for one more connection of this address.
    ///
    /// # Errors
    ///
    /// [`Over`].
    pub fn connection(&self, address: IpAddr, now: Instant) -> Result<Place, Over> {
        let place = self.connections.take(network(address));
        place.ok_or_else(|| self.over(Limit::ConnectionsPerAddress, LATER, Some(address), now))
    }

    /// Whether this address may mint at all: asked before anything is verified, and counts nothing.
    ///
    /// # Errors
    ///
    /// [`Over`].
    pub fn check_mint(&self, address: IpAddr, now: Instant) -> Result<(), Over> {
        let within = self.address_mints.check(network(address), now);
        within.map_err(|wait| self.over(Limit::MintsPerMinutePerAddress, wait, Some(address), now))
    }

    /// Counts a mint by a login that was verified.
    ///
    /// # Errors
    ///
    /// [`Over`].
    pub fn count_mint(&self, address: IpAddr, principal: &Principal, now: Instant) -> Result<(), Over> {
        let subject = self.subject_mints.take((principal.issuer(), principal.subject()), now);
        subject.map_err(|wait| self.over(Limit::MintsPerMinutePerSubject, wait, None, now))?;
        let within = self.address_mints.take(network(address), now);
        within.map_err(|wait| self.over(Limit::MintsPerMinutePerAddress, wait, Some(address), now))
    }

    /// Counts a connection that a login ends, live or not: a subject may end as many as it may mint tickets.
    ///
    /// # Errors
    ///
    /// [`Over`].
    pub fn count_end(&self, principal: &Principal, now: Instant) -> Result<(), Over> {
        let within = self.subject_ends.take((principal.issuer(), principal.subject()), now);
        within.map_err(|wait| self.over(Limit::MintsPerMinutePerSubject, wait, None, now))
    }

    /// Whether a ticket from this address is looked at.
    ///
    /// # Errors
    ///
    /// [`Over`], after too many that were not accepted.
    pub fn check_redeem(&self, address: IpAddr, now: Instant) -> Result<(), Over> {
        let within = self.failed_redeems.check(network(address), now);
        within.map_err(|wait| self.over(Limit::FailedRedeemsPerMinutePerAddress, wait, Some(address), now))
    }

    /// Counts a ticket that was not accepted, for another reason than its age.
    pub fn count_failed_redeem(&self, address: IpAddr, now: Instant) {
        // Past the limit already, by those that were looked at together with this one.
        let _ = self.failed_redeems.take(network(address), now);
    }

    /// Whether a token from this address is looked at.
    ///
    /// # Errors
    ///
    /// [`Over`], after too many that were not accepted.
    pub fn check_login(&self, address: IpAddr, now: Instant) -> Result<(), Over> {
        let within = self.failed_logins.check(network(address), now);
        within.map_err(|wait| self.over(Limit::FailedLoginsPerMinutePerAddress, wait, Some(address), now))
    }

    /// Counts a token that was not accepted, for another reason than its age.
    pub fn count_failed_login(&self, address: IpAddr, now: Instant) {
        let _ = self.failed_logins.take(network(address), now);
    }

    /// Lets one dial begin, for a ticket that opens up to `uses` connections, or for a login.
    ///
    /// # Errors
    ///
    /// [`Over`]; the ticket is unspent.
    pub fn dial(&self, address: IpAddr, ticket: Option<TicketId>, uses: u32, now: Instant) -> Result<Dialling, Over> {
        let place = self.dials.take(network(address));
        let place = place.ok_or_else(|| self.over(Limit::DialsPerAddress, SOON, Some(address), now))?;
        let ticket = match ticket {
            None => None,
            Some(ticket) => {
                let dial = self.ticket_dials.begin(ticket, uses, now);
                Some(dial.ok_or_else(|| self.over(Limit::DialsPerTicket, SOON, Some(address), now))?)
            }
        };
        Ok(Dialling { ticket, _place: place })
    }

    /// Counts a refusal, and tells the log now and then: a flood must not become a flood of lines.
    fn over(&self, limit: Limit, retry_after: Duration, address: Option<IpAddr>, now: Instant) -> Over {
        let refused = &self.refused[limit as usize];
        let count = refused.count.inc() + 1;
        let at = u64::try_from(now.saturating_duration_since(self.epoch).as_millis()).unwrap_or(u64::MAX);
        let until = refused.silent_until.load(Ordering::Relaxed);
        let next = at.saturating_add(TOLD_EVERY.as_millis() as u64);
        let tells = || refused.silent_until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if at >= until && tells() {
            let client = fmt::from_fn(|f| address.map_or(Ok(()), |address| write!(f, "{address}")));
            tracing::warn!(limit = limit.name(), %client, refused_since_start = count, "a limit is reached");
        }
        Over { limit, retry_after }
    }
}

/// A dial under way, until it is dropped.
#[derive(Debug)]
pub struct Dialling {
    ticket: Option<TicketDial>,
    _place: Place,
}

impl Dialling {
    /// The ticket was redeemed behind it.
    pub fn redeemed(self) {
        if let Some(ticket) = self.ticket {
            ticket.redeemed();
        }
    }
}

/// What counts as one address: of IPv6 its /64, which is what one household or machine gets.
pub(crate) fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address_and_an_ipv4_address_in_its_clothing_as_itself() {
        assert_eq!(network(address("2001:db8:1:2::1")), network(address("2001:db8:1:2:ffff::9")));
        assert_ne!(network(address("2001:db8:1:2::1")), network(address("2001:db8:1:3::1")));
        assert_eq!(network(address("::ffff:192.0.2.1")), network(address("192.0.2.1")));
        assert_ne!(network(address("192.0.2.2")), network(address("192.0.2.1")));
        assert_ne!(network(address("0.0.0.0")), network(address("::1")));
    }

    #[test]
    fn each_limit_has_its_own_index_and_counts_its_refusals() {
        let config = config::Limits {
            failed_redeems_per_minute_per_address: NonZeroU32::new(2),
            failed_logins_per_minute_per_address: NonZeroU32::new(1),
            ..config::Limits::default()
        };
        let (limits, now, here) = (Limits::new(&config, &Metrics::new()), Instant::now(), address("192.0.2.1"));
        for _ in 0..2 {
            assert_eq!(limits.check_redeem(here, now), Ok(()));
            limits.count_failed_redeem(here, now);
        }
        let over = limits.check_redeem(here, now).expect_err("the third");
        assert_eq!((over.limit, over.retry_after_seconds()), (Limit::FailedRedeemsPerMinutePerAddress, 30));
        assert_eq!(limits.check_login(here, now), Ok(()), "tokens are counted apart from tickets");
        assert_eq!(limits.check_redeem(address("192.0.2.2"), now), Ok(()));
        for (index, (limit, refused)) in limits.refused().enumerate() {
            assert_eq!(limit as usize, index);
            assert_eq!(refused, u64::from(limit == Limit::FailedRedeemsPerMinutePerAddress), "{limit:?}");
        }
    }

    #[test]
    fn a_person_who_mints_too_much_uses_up_nothing_of_the_address() {
        let config = config::Limits {
            mints_per_minute_per_subject: NonZeroU32::new(1),
            mints_per_minute_per_address: NonZeroU32::new(2),
            ..config::Limits::default()
        };
        let (limits, now, here) = (Limits::new(&config, &Metrics::new()), Instant::now(), address("192.0.2.1"));
        let person = |subject| Principal::new("https://issuer", subject, None).expect("a principal");
        let mint = |subject| limits.count_mint(here, &person(subject), now).map_err(|over| over.limit);
        assert_eq!(mint("ada"), Ok(()));
        for _ in 0..10 {
            assert_eq!(mint("ada"), Err(Limit::MintsPerMinutePerSubject));
        }
        assert_eq!(mint("grace"), Ok(()));
        assert_eq!(mint("edsger"), Err(Limit::MintsPerMinutePerAddress));
        limits.set(&config::Limits::default());
        assert_eq!(limits.check_mint(here, now), Ok(()), "no limit any more");
    }
}
