//! `/healthz` and `/readyz`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use admitone::now::Now;
use axum::extract::State;
use axum::response::Response;
use axum::routing::on;
use http::StatusCode;

use super::endpoint::{Caller, Endpoint, Given, Reach, Takes, Verb, always};
use super::readiness::Ability;
use super::shape::{Shaped as _, written};
use super::{App, reply};
use crate::logins::Reachable;
use crate::rejection::Rejection;

pub(super) static LIVE: Endpoint = Endpoint {
    name: "live",
    about: "The process answers.",
    verb: Verb::Get,
    paths: &["/healthz"],
    id: None,
    caller: Caller::Anybody,
    reach: Reach::Machines,
    takes: Takes::Nothing,
    gives: &[Given::json(StatusCode::OK, "It does.", Alive::shape)],
    refuses: &[],
    is_there: always,
    handler: |by| on(by, live),
};

pub(super) static READY: Endpoint = Endpoint {
    name: "ready",
    about: "Whether new connections can be admitted.",
    verb: Verb::Get,
    paths: &["/readyz"],
    id: None,
    caller: Caller::Anybody,
    reach: Reach::Machines,
    takes: Takes::Nothing,
    gives: &[
        Given::json(StatusCode::OK, "They can, by some route at least.", Readiness::shape),
        Given::json(StatusCode::SERVICE_UNAVAILABLE, "They cannot.", Readiness::shape),
    ],
    refuses: &[],
    is_there: always,
    handler: |by| on(by, ready),
};

written! {
    struct Alive {
        /// ok
        status: &'static str,
    }
}

written! {
    struct Readiness {
        /// ready, degraded, unavailable or draining
        status: &'static str,
        store: Store,
        /// ok, partial (the keys of some have not come) or unavailable (of all)
        issuers: &'static str,
    }
}

written! {
    struct Store {
        /// memory or redis
        kind: &'static str,
        /// ok or unavailable
        status: &'static str,
    }
}

/// The process answers.
pub(super) async fn live() -> Result<Response, Rejection> {
    reply::json(StatusCode::OK, &Alive { status: "ok" })
}

/// New connections can be admitted.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Response, Rejection> {
    let now = Now::read();
    let (ability, reachable) = (app.readiness.ability(now).await, app.logins.reachable(now));
    let (status, word) = match ability {
        _ if app.draining.load(Ordering::Relaxed) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        // Without a login there is no ticket.
        _ if reachable == Reachable::None => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        Ability::Ready => (StatusCode::OK, "ready"),
        Ability::Degraded => (StatusCode::OK, "degraded"),
        Ability::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let store = if ability == Ability::Ready { "ok" } else { "unavailable" };
    let store = Store { kind: app.readiness.kind(), status: store };
    reply::json(status, &Readiness { status: word, store, issuers: reachable.name() })
}
