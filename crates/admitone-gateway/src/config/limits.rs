//! `[limits]`: what one address, subject or ticket may take.

use std::num::NonZeroU32;

use super::table::Table;

/// What one address, subject or ticket may take; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Live sessions, on all gateways of a store.
    pub sessions_per_subject: Option<NonZeroU32>,
    /// Client connections at once.
    pub connections_per_address: Option<NonZeroU32>,
    /// Tickets minted in a minute, all at once or spread over it.
    pub mints_per_minute_per_subject: Option<NonZeroU32>,
    /// The same from one address.
    pub mints_per_minute_per_address: Option<NonZeroU32>,
    /// Tickets in a minute that are not accepted.
    pub failed_redeems_per_minute_per_address: Option<NonZeroU32>,
    /// Tokens in a minute that are not accepted.
    pub failed_logins_per_minute_per_address: Option<NonZeroU32>,
    /// Dials at once.
    pub dials_per_address: Option<NonZeroU32>,
    /// Dials in all for one use of a ticket.
    pub dials_per_ticket: Option<NonZeroU32>,
    /// Dials at once for one use of a ticket.
    pub dials_per_ticket_at_once: Option<NonZeroU32>,
}

pub(super) fn read(table: &Table<'_>) -> Limits {
    let at_once = |key, default| limit(table, key, 1_000_000, default);
    let per_minute = |key, default| limit(table, key, 100_000_000, default);
    Limits {
        sessions_per_subject: at_once("sessions_per_subject", 100),
        connections_per_address: at_once("connections_per_address", 1000),
        mints_per_minute_per_subject: per_minute("mints_per_minute_per_subject", 60),
        mints_per_minute_per_address: per_minute("mints_per_minute_per_address", 3000),
        failed_redeems_per_minute_per_address: per_minute("failed_redeems_per_minute_per_address", 300),
        failed_logins_per_minute_per_address: per_minute("failed_logins_per_minute_per_address", 300),
        dials_per_address: at_once("dials_per_address", 100),
        dials_per_ticket: at_once("dials_per_ticket", 3),
        dials_per_ticket_at_once: at_once("dials_per_ticket_at_once", 1),
    }
}

fn limit(table: &Table<'_>, key: &'static str, most: u64, default: u64) -> Option<NonZeroU32> {
    u32::try_from(table.number(key, 0..=most, default)).ok().and_then(NonZeroU32::new)
}
