use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;

use crate::rejection::Rejection;

/// An answer that nobody keeps.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Result<Response, Rejection> {
    write(status, "no-store", body)
}

/// An answer that everybody may have, and keep for five minutes.
pub(super) fn public(body: &impl Serialize) -> Result<Response, Rejection> {
    write(StatusCode::OK, PUBLIC, body)
}

/// How long what everybody may have is kept.
pub(super) const PUBLIC: &str = "public, max-age=300";

fn write(status: StatusCode, caching: &'static str, body: &impl Serialize) -> Result<Response, Rejection> {
    let json = serde_json::to_vec(body).map_err(|_| Rejection::Internal("the answer does not serialise"))?;
    Ok((status, [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, caching)], json).into_response())
}
