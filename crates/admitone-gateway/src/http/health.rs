//! `/healthz` and `/readyz`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use admitone::now::Now;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Value, json};

use super::App;
use super::readiness::Ability;
use crate::logins::Reachable;

/// The process answers.
pub(super) async fn live() -> Response {
    answer(StatusCode::OK, &json!({ "status": "ok" }))
}

/// New connections can be admitted.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
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
    let store = json!({ "kind": app.readiness.kind(), "status": store });
    answer(status, &json!({ "status": word, "store": store, "issuers": reachable.name() }))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}
