//! Shadow mode: beside a JWT on the upgrade a ticket of our own is minted and redeemed. What becomes of it is counted, and the
//! JWT decides.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use admitone::admission::{MintError, RedeemError, RehearsalError};
use admitone::grant::Grant;
use admitone::now::Now;
use admitone::principal::Login;
use admitone::store::PutError;

use super::App;
use crate::routes::Route;

/// Rehearsals at once; upgrades beyond them go without.
pub(crate) const AT_ONCE: usize = 64;

/// The life of a ticket that is presented at once.
const LIFE: Duration = Duration::from_secs(5);

/// Rehearses a ticket for a login that was accepted, and has nobody wait for it.
pub(super) fn rehearse(app: &Arc<App>, route: &Arc<Route>, login: &Login, origin: Option<&str>, address: IpAddr) {
    if !route.rollout.shadow {
        return;
    }
    let metrics = app.metrics.on(&route.path);
    let Ok(permit) = app.rehearsals.clone().try_acquire_owned() else { return metrics.rehearsed("skipped") };
    let now = Now::read();
    let grant = Grant::of(login, route.path.clone(), LIFE, now.unix);
    let (app, route, origin) = (app.clone(), route.clone(), origin.map(str::to_owned));
    app.tasks.clone().spawn(async move {
        let place = route.minting_place(origin.as_deref(), Some(address));
        let outcome = app.admission.rehearse(grant, &place, now).await;
        metrics.rehearsed(outcome.map_or_else(|error| word(&error), |()| "worked"));
        drop(permit);
    });
}

/// What came of it: the word in metrics.
fn word(error: &RehearsalError) -> &'static str {
    match error {
        RehearsalError::Mint(MintError::Store(PutError::SubjectCap(_))) => "over_limit",
        RehearsalError::Mint(MintError::Store(PutError::Full(_) | PutError::OutOfMemory)) => "overloaded",
        RehearsalError::Mint(MintError::Store(_)) | RehearsalError::Redeem(RedeemError::Unavailable(_)) => {
            "store_unavailable"
        }
        RehearsalError::Redeem(RedeemError::Revoked(_)) => "revoked",
        RehearsalError::Mint(MintError::Expiry) => "expired",
        _ => "internal",
    }
}
