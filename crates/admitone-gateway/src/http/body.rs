use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::rejection::Rejection;

/// Most bytes of a request's body: the metadata's limit and room for the rest.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// How long a body may take to arrive.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

/// A body that is a JSON object, or empty, which means `{}`.
pub(crate) async fn object(headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, Rejection> {
    let read = tokio::time::timeout(DEADLINE, to_bytes(body, MAX_BYTES)).await;
    let bytes = read.map_err(|_| Rejection::Request("the body did not arrive within 5 seconds"))?;
    let bytes = bytes.map_err(|error| match error.into_inner().is::<http_body_util::LengthLimitError>() {
        true => Rejection::BodyTooLarge(MAX_BYTES),
        false => Rejection::Request("the body ended early"),
    })?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    if !is_json(headers) {
        return Err(Rejection::MediaType);
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Rejection::Request("the body is JSON, but not an object")),
        Err(_) => Err(Rejection::Request("the body is not JSON")),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(text)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let media_type = text.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}
