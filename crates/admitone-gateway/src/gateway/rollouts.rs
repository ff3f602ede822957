//! Who gets tickets: what the configuration says of it beside what is kept in the store.
//!
//! What is kept counts. A configuration counts where nothing was kept yet, and where it is changed while the gateway runs.

use std::sync::Arc;

use admitone::now::Now;
use admitone::rollout::{By, Edit, Rollout, Rollouts, Said, Setting};

use super::StartError;
use crate::audit::{Audit, Event, What};
use crate::http::App;
use crate::routes::{Route, Routes};
use crate::stores::StoreError;

/// Whoever has no ticket could not connect at all.
#[derive(Debug, thiserror::Error)]
#[error(
    "the route {route} has jwt_fallback = \"deny\", but tickets are not for everybody there: the rollout is {percent} %, with \
     {denied} on its deny list, as the store has it (changed by {by}); set jwt_fallback to \"warn\" or \"allow\" until \
     `admitone rollout set 100 --route {route}` and `admitone rollout unlist` have let everybody have tickets"
)]
pub struct LockedOut {
    route: Arc<str>,
    percent: u8,
    denied: usize,
    by: &'static str,
}

impl LockedOut {
    fn check(route: &Route, rollout: &Rollout, kept: &Setting) -> Result<(), Self> {
        if route.may_leave_out() || rollout.is_for_everybody() {
            return Ok(());
        }
        let (percent, denied) = (rollout.percent.get(), rollout.deny.len());
        Err(Self { route: route.path.clone(), percent, denied, by: kept.by.name() })
    }
}

/// Reads what is kept, and has the configuration count where nothing is.
pub(super) async fn begin(rollouts: &Rollouts, routes: &Routes, audit: &Audit) -> Result<(), StartError> {
    rollouts.load().await.map_err(|_| StoreError::Rollouts)?;
    for route in routes.iter() {
        let (path, said) = (&*route.path, &route.rollout.said);
        match rollouts.of(path) {
            None if said.is_something() => count(rollouts, route, said.clone(), audit).await,
            None => {}
            Some(kept) => {
                LockedOut::check(route, &kept.rollout, &kept)?;
                let percent = kept.rollout.percent.get();
                if !said.is_true_of(&kept.rollout) {
                    tracing::warn!(
                        route = path,
                        percent,
                        "the configuration says something else of the rollout than the store, which counts: change it by \
                         `admitone rollout`, or in the configuration while the gateway runs"
                    );
                }
                if let Some(trip) = &kept.trip {
                    tracing::warn!(
                        route = path,
                        percent,
                        at = trip.at,
                        "the guard has acted; it stays until a person acts"
                    );
                }
            }
        }
    }
    Ok(())
}

/// What a new configuration changes, by route.
pub(super) fn news(app: &App, routes: &Routes) -> Result<Vec<(Arc<Route>, Said)>, LockedOut> {
    let mut all = Vec::new();
    for route in routes.iter() {
        let kept = app.rollouts.of(&route.path);
        let said = &route.rollout.said;
        let news = match (&kept, app.routes.find(&route.path)) {
            (Some(kept), Some(before)) => said.news(&before.rollout.said, &kept.file),
            (Some(_), None) => Said::default(),
            (None, Some(before)) => said.news(&before.rollout.said, &Said::default()),
            (None, None) => said.clone(),
        };
        let kept = kept.unwrap_or_default();
        let mut rollout = kept.rollout.clone();
        news.apply(&mut rollout);
        LockedOut::check(route, &rollout, &kept)?;
        if news.is_something() {
            all.push((route.clone(), news));
        }
    }
    Ok(all)
}

/// Has what a configuration says count.
pub(super) async fn count(rollouts: &Rollouts, route: &Route, said: Said, audit: &Audit) {
    let edit = Edit {
        route: &route.path,
        by: By::File,
        may_leave_out: route.may_leave_out(),
        answers_guard: said.percent.is_some(),
        said: said.clone(),
    };
    let before = rollouts.of(&route.path).unwrap_or_default();
    match rollouts.change(&edit, Now::read(), |rollout| said.apply(rollout)).await {
        Ok(now) => audit.tell(&Event {
            route: Some(&route.path),
            by: Some(By::File.name()),
            change: Some(&in_words(&said)),
            percent: Some(now.rollout.percent.get()),
            percent_before: Some(before.rollout.percent.get()),
            ..Event::new(What::RolloutChanged)
        }),
        Err(error) => tracing::error!(route = &*route.path, %error, "the rollout stays as it was"),
    }
}

/// As `25 %, allow 2 people`.
fn in_words(said: &Said) -> String {
    let lists = [("allow", &said.allow), ("deny", &said.deny)];
    let lists =
        lists.into_iter().filter_map(|(name, people)| Some(format!("{name} {} people", people.as_ref()?.len())));
    said.percent.map(|percent| percent.to_string()).into_iter().chain(lists).collect::<Vec<_>>().join(", ")
}

/// Hears what other gateways change, and tells the store what it has not heard of.
pub(super) async fn follow(rollouts: Arc<Rollouts>) {
    rollouts
        .follow(|route, setting| {
            let (percent, by, node) = (setting.rollout.percent.get(), setting.by.name(), &*setting.node);
            match setting.trip {
                None => tracing::info!(route, percent, by, node, "the rollout was changed on another gateway"),
                Some(_) => tracing::warn!(route, percent, by, node, "the rollout's guard has acted on another gateway"),
            }
        })
        .await;
}
