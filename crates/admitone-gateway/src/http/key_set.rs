use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::App;
use crate::rejection::Rejection;

/// `/.well-known/jwks.json`: what upstreams verify assertions with. It changes only with the configuration.
pub(super) async fn key_set(State(app): State<Arc<App>>) -> Result<Response, Rejection> {
    let assertions = app.assertions.as_ref().ok_or(Rejection::NoSuchPath)?;
    let headers = [(CONTENT_TYPE, "application/jwk-set+json"), (CACHE_CONTROL, "public, max-age=300")];
    Ok((headers, assertions.key_set()).into_response())
}
