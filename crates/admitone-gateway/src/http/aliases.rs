//! The wire of an older ticket system, so that its clients work unchanged. What differs on purpose is in `docs/older-clients.md`.

pub(super) mod mint;
pub(super) mod status;
pub(super) mod tickets;

use super::App;

/// Whether the configuration has turned them on.
fn are_on(app: &App) -> bool {
    app.aliases.is_some()
}

/// Unix seconds, as these clients know them: with a fraction.
fn fractional(unix: u64) -> f64 {
    unix as f64
}
