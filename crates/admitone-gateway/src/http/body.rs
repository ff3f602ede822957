use std::time::Duration;

use admitone::problem::{FieldFault, ProblemCode};
use axum::body::{Body, Bytes, to_bytes};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::rejection::Rejection;

/// Most bytes of a request's body: the metadata's limit and room for the rest.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// How long a body may take to arrive.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

/// What is refused of a body that is JSON.
pub(super) const REFUSALS: &[ProblemCode] = &[
    ProblemCode::InvalidRequest,
    ProblemCode::BodyTooLarge,
    ProblemCode::UnsupportedMediaType,
    ProblemCode::InvalidBody,
];

/// What is refused of a body that is a form.
pub(super) const FORM_REFUSALS: &[ProblemCode] = &[ProblemCode::InvalidRequest, ProblemCode::BodyTooLarge];

/// A body that is a JSON object, or empty, which means `{}`.
pub(crate) async fn object(headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, Rejection> {
    let bytes = read(body).await?;
    if bytes.is_empty() { Ok(Map::new()) } else { parse(headers, &bytes) }
}

/// A body that is a JSON object, and there.
pub(super) async fn needed_object(headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, Rejection> {
    let bytes = read(body).await?;
    if bytes.is_empty() {
        let detail = "a body is needed; {} is enough".to_owned();
        return Err(Rejection::Body(vec![FieldFault { field: String::new(), detail }]));
    }
    parse(headers, &bytes)
}

fn parse(headers: &HeaderMap, bytes: &[u8]) -> Result<Map<String, Value>, Rejection> {
    if !is(headers, "application/json") {
        return Err(Rejection::MediaType);
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Rejection::Request("the body is JSON, but not an object")),
        Err(_) => Err(Rejection::Request("the body is not JSON")),
    }
}

/// The only field of this name in a body that is a form.
pub(super) async fn form_field(headers: &HeaderMap, body: Body, name: &str) -> Result<Zeroizing<String>, Rejection> {
    if !is(headers, "application/x-www-form-urlencoded") {
        return Err(Rejection::FormNeeded);
    }
    let bytes = read(body).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Rejection::Request("the form is not UTF-8"))?;
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Rejection::Request("the form does not have its field exactly once"));
    };
    let value = percent_decode_str(value).decode_utf8();
    let value = value.map_err(|_| Rejection::Request("the form's field is not UTF-8"))?;
    Ok(Zeroizing::new(value.into_owned()))
}

async fn read(body: Body) -> Result<Bytes, Rejection> {
    let read = tokio::time::timeout(DEADLINE, to_bytes(body, MAX_BYTES)).await;
    let bytes = read.map_err(|_| Rejection::Request("the body did not arrive within 5 seconds"))?;
    bytes.map_err(|error| match error.into_inner().is::<http_body_util::LengthLimitError>() {
        true => Rejection::BodyTooLarge(MAX_BYTES),
        false => Rejection::Request("the body ended early"),
    })
}

fn is(headers: &HeaderMap, wanted: &str) -> bool {
    let Some(Ok(text)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let media_type = text.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(wanted)
}
