//! Spans as OTLP writes them in JSON (`ExportTraceServiceRequest`): identifiers in hex, 64-bit numbers as text.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::span::{Done, Finished};

/// `SPAN_KIND_…`.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;

/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// Steps that ask somebody else.
const ASKING: [&str; 7] = ["authenticate", "put", "dial", "redeem", "upgrade", "renew", "revoke"];

/// Who tells.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) service: String,
    pub(super) node: String,
}

pub(super) fn request(resource: &Resource, finished: &[Finished]) -> Value {
    let attributes = [
        attribute("service.name", &resource.service),
        attribute("service.instance.id", &resource.node),
        attribute("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let spans: Vec<Value> = finished.iter().flat_map(spans).collect();
    let scope = json!({ "name": "admitone", "version": env!("CARGO_PKG_VERSION") });
    json!({ "resourceSpans": [{
        "resource": { "attributes": attributes },
        "scopeSpans": [{ "scope": scope, "spans": spans }],
    }] })
}

/// How many spans a receiver did not take although it answered that all is well (`ExportTracePartialSuccess`).
pub(super) fn rejected(answer: &[u8]) -> Option<u64> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let spans = &answer["partialSuccess"]["rejectedSpans"];
    let spans = spans.as_u64().or_else(|| spans.as_str()?.parse().ok())?;
    (spans > 0).then_some(spans)
}

fn spans(finished: &Finished) -> Vec<Value> {
    let steps = finished.told.steps.iter().map(|step| of_step(finished, step));
    std::iter::once(of_request(finished)).chain(steps).collect()
}

fn of_request(finished: &Finished) -> Value {
    let told = &finished.told;
    let mut attributes = vec![attribute("http.request.method", &told.method)];
    if !told.route.is_empty() {
        attributes.push(attribute("http.route", &told.route));
    }
    if told.status > 0 {
        let status = json!({ "intValue": told.status.to_string() });
        attributes.push(json!({ "key": "http.response.status_code", "value": status }));
    }
    attributes.extend(told.notes.iter().map(|(key, value)| attribute(key, value)));
    let mut span = json!({
        "traceId": format!("{:032x}", finished.context.trace),
        "spanId": format!("{:016x}", finished.context.span),
        "name": format!("{} {}", told.method, told.route).trim_end(),
        "kind": SERVER,
        "startTimeUnixNano": nanoseconds(finished.at, 0),
        "endTimeUnixNano": nanoseconds(finished.at, finished.nanoseconds),
        "attributes": attributes,
    });
    if let Some(parent) = finished.parent {
        span["parentSpanId"] = format!("{parent:016x}").into();
    }
    if told.status >= 500 {
        span["status"] = json!({ "code": ERROR });
    }
    span
}

fn of_step(finished: &Finished, step: &Done) -> Value {
    let outcome = step.outcome.map(|outcome| attribute("admitone.outcome", outcome));
    json!({
        "traceId": format!("{:032x}", finished.context.trace),
        "spanId": format!("{:016x}", step.span),
        "parentSpanId": format!("{:016x}", finished.context.span),
        "name": step.name,
        "kind": if ASKING.contains(&step.name) { CLIENT } else { INTERNAL },
        "startTimeUnixNano": nanoseconds(finished.at, step.began),
        "endTimeUnixNano": nanoseconds(finished.at, step.ended),
        "attributes": outcome.into_iter().collect::<Vec<_>>(),
    })
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn nanoseconds(from: SystemTime, after: u128) -> String {
    (from.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() + after).to_string()
}
