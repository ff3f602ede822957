//! `/healthz` and `/readyz`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Value, json};

use super::App;

/// The process answers.
pub(super) async fn live() -> Response {
    answer(StatusCode::OK, &json!({ "status": "ok" }))
}

/// New connections can be admitted.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let store = json!({ "kind": "memory", "status": "ok" });
    if app.draining.load(Ordering::Relaxed) {
        return answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "draining", "store": store }));
    }
    answer(StatusCode::OK, &json!({ "status": "ready", "store": store }))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}
