//! Bodies that are JSON objects.

use std::error::Error;
use std::time::Duration;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::{Map, Value};

use crate::problem::FieldFault;
use crate::tower::Refusal;

/// Most bytes of a request's body: the metadata's limit and room for the rest.
const MAX_BYTES: usize = 16 * 1024;

/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(5);

/// A body that is a JSON object, or empty, which means `{}`.
pub(super) async fn object<B>(headers: &HeaderMap, body: B) -> Result<Map<String, Value>, Refusal>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let read = tokio::time::timeout(DEADLINE, Limited::new(body, MAX_BYTES).collect()).await;
    let read = read.map_err(|_| Refusal::Request("the body did not arrive within 5 seconds"))?;
    let bytes = read.map_err(|error| match error.is::<LengthLimitError>() {
        true => Refusal::BodyTooLarge(MAX_BYTES),
        false => Refusal::Request("the body ended early"),
    })?;
    let bytes = bytes.to_bytes();
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    if !is_json(headers) {
        return Err(Refusal::MediaType);
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::Request("the body is JSON, but not an object")),
        Err(_) => Err(Refusal::Request("the body is not JSON")),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(text)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    text.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// Every fault of the fields at once: what is wrong with each, by `read`.
pub(super) fn read_each<'f>(
    fields: &'f Map<String, Value>,
    mut read: impl FnMut(&'f str, &'f Value) -> Result<(), String>,
) -> Vec<FieldFault> {
    let fault = |(field, value): (&'f String, &'f Value)| {
        let detail = read(field, value).err()?;
        Some(FieldFault { field: field.clone(), detail })
    };
    fields.iter().filter_map(fault).collect()
}

/// A fault for each field that there is not.
pub(super) fn refuse_all(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let faults = read_each(fields, |_, _| Err("no such field; there is none".to_owned()));
    if faults.is_empty() { Ok(()) } else { Err(Refusal::Body(faults)) }
}
