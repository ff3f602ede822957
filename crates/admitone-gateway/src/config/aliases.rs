//! `[aliases]`: the wire of an older ticket system.

use std::time::Duration;

use admitone::carrier::Carrier;

use super::fault::{quoted, wrong};
use super::routes::{RoutePath, Routes};
use super::table::Table;

/// Shortest and longest life of a ticket that is minted by an alias, in seconds.
pub const ALIAS_TTL_SECONDS: std::ops::RangeInclusive<u64> = 30..=3600;

/// The wire of an older ticket system, where it is on. There is a default route then, which takes tickets from the query.
#[derive(Clone, Debug)]
pub struct Aliases {
    /// How long a ticket lives when the request does not say.
    pub ttl: Duration,
}

pub(super) fn read(
    table: &Table<'_>,
    root: &Table<'_>,
    routes: &Routes,
    default: Option<&RoutePath>,
) -> Option<Aliases> {
    let is_on = table.switch("enabled", false);
    let ttl = table.seconds("ttl_seconds", ALIAS_TTL_SECONDS, 300);
    if !is_on {
        return None;
    }
    match default {
        None if root.is_whole() && !root.has("default_route") && !routes.paths.is_empty() => {
            let problem = "their requests name no route, and there are several";
            table.refuse("enabled", wrong(problem, "set default_route to the one that they are for"));
        }
        None => {}
        Some(path) => refuse_without_query(table, routes, path),
    }
    Some(Aliases { ttl })
}

/// What they answer is a URL with the ticket in its query.
fn refuse_without_query(table: &Table<'_>, routes: &Routes, path: &RoutePath) {
    let route = routes.sound.iter().find(|route| route.path == *path);
    if route.is_some_and(|route| !route.ticket_carriers.contains(&Carrier::Query)) {
        let problem = format!(
            "their websocket_url carries the ticket in the query, and {} takes none there",
            quoted(path.as_str())
        );
        table.refuse("enabled", wrong(problem, "add `query` to that route's ticket_carriers"));
    }
}
