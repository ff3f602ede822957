//! Who gets tickets, and what becomes of that when too many fail by a fault of ours.

use admitone::now::Now;
use admitone::principal::Principal;

use super::App;
use crate::audit::{Event, What};
use crate::config::OnFailures;
use crate::rejection::Rejection;
use crate::routes::Route;

/// Checks that the rollout lets somebody have a ticket. Where there is no fallback, everybody may, whatever is kept of it:
/// another gateway's configuration may still have one.
pub(super) fn check(app: &App, route: &Route, who: &Principal) -> Result<(), Rejection> {
    let are_on = is_on_for(app, route, who);
    app.metrics.on(&route.path).decided(are_on);
    if are_on { Ok(()) } else { Err(Rejection::TicketsDisabled) }
}

/// Whether somebody may have tickets at the moment.
pub(super) fn is_on_for(app: &App, route: &Route, who: &Principal) -> bool {
    !route.may_leave_out() || app.rollouts.are_on_for(&route.path, who, || app.admission.standing(who))
}

/// Whether anybody may.
pub(super) fn is_on(app: &App, route: &Route) -> bool {
    let setting = app.rollouts.of(&route.path).filter(|_| route.may_leave_out());
    setting.is_none_or(|setting| setting.rollout.percent.get() > 0 || !setting.rollout.allow.is_empty())
}

/// A ticket was minted or redeemed.
pub(super) fn worked(app: &App, route: &Route) {
    if route.rollout.guard != OnFailures::Nothing {
        app.rollouts.worked(&route.path, Now::read());
        app.metrics.on(&route.path).guarded(true);
    }
}

/// One was not: the guard looks at it when it is a fault of ours.
pub(super) fn failed(app: &App, route: &Route, rejection: &Rejection) {
    if route.rollout.guard == OnFailures::Nothing || !rejection.is_ticket_failure_of_ours() {
        return;
    }
    let metrics = app.metrics.on(&route.path);
    metrics.guarded(false);
    let is_known = app.rollouts.of(&route.path).is_some();
    let rolls_back = route.on_failures(is_known) == OnFailures::RollBack;
    let Some(trip) = app.rollouts.failed(&route.path, route.rollout.watch, rolls_back, Now::read()) else { return };
    metrics.tripped();
    let (before, percent) = (trip.before.get(), if rolls_back { 0 } else { trip.before.get() });
    tracing::error!(
        route = &*route.path,
        failed = trip.failed,
        worked = trip.worked,
        percent,
        percent_before = before,
        "too many tickets failed by a fault of ours: {}",
        if rolls_back { "nobody gets any until a person acts" } else { "this is an alarm alone" }
    );
    app.audit.tell_beside_log(&Event {
        route: Some(&route.path),
        percent: Some(percent),
        percent_before: Some(before),
        count: Some(trip.failed),
        ..Event::new(What::GuardTripped)
    });
}
