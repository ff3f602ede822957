use std::sync::Arc;

use admitone::problem::{MEDIA_TYPE, Problem, TicketState};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::telling::Refusal;
use crate::rejection::{Rejection, Row, title};

/// Says whether the ticket of a refused request is spent.
pub(super) const TICKET_STATE: HeaderName = HeaderName::from_static("admitone-ticket");

/// Goes with an answer to a token that was not accepted, for another reason than its age.
#[derive(Clone, Copy, Debug)]
pub(super) struct FailedLogin;

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        answer(&self, None)
    }
}

/// The problem that tells of a refusal on a route.
pub(super) fn respond(rejection: &Rejection, route: &Arc<str>) -> Response {
    answer(rejection, Some(route))
}

/// It is told of where the answer leaves.
fn answer(rejection: &Rejection, route: Option<&Arc<str>>) -> Response {
    let row = rejection.row();
    let problem = body(rejection, &row);
    let mut response = Response::new(Body::from(problem.clone()));
    *response.status_mut() = row.status;
    write_headers(response.headers_mut(), rejection, &row);
    response.extensions_mut().insert(Refusal::new(rejection, &row, route, problem));
    if rejection.is_failed_login() {
        response.extensions_mut().insert(FailedLogin);
    }
    response
}

fn body(rejection: &Rejection, row: &Row) -> Vec<u8> {
    let problem = Problem {
        kind: format!("urn:admitone:problem:{}", row.code.name()),
        title: title(row.code),
        status: row.status.as_u16(),
        code: row.code,
        detail: rejection.public_detail(),
        errors: match rejection {
            Rejection::Body(faults) => faults.clone(),
            _ => Vec::new(),
        },
        ticket: row.ticket,
    };
    // Strings and numbers always serialise.
    serde_json::to_vec(&problem).unwrap_or_default()
}

/// The shape of every problem.
pub(super) fn shape() -> Value {
    let fault = json!({
        "type": "object",
        "properties": { "field": { "type": "string" }, "detail": { "type": "string" } },
        "required": ["field", "detail"],
    });
    json!({
        "type": "object",
        "description": "RFC 9457.",
        "properties": {
            "type": { "type": "string", "description": "`urn:admitone:problem:` and the code." },
            "title": { "type": "string", "description": "The same for every problem of this code." },
            "status": { "type": "integer" },
            "code": { "type": "string" },
            "detail": { "type": "string", "description": "What is particular to this one." },
            "errors": { "type": "array", "items": fault, "description": "The fields that are wrong." },
            "ticket": { "enum": [TicketState::Spent.name(), TicketState::Unspent.name()] },
            "request_id": { "type": "string", "description": "The request's name in the gateway's log." },
        },
        "required": ["type", "title", "status", "code", "request_id"],
    })
}

fn write_headers(headers: &mut HeaderMap, rejection: &Rejection, row: &Row) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(after) = row.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
    if let Some(state) = row.ticket {
        headers.insert(TICKET_STATE, HeaderValue::from_static(state.name()));
    }
    match row.status {
        StatusCode::UNAUTHORIZED => {
            let challenge = if rejection.is_invalid_token() { "Bearer error=\"invalid_token\"" } else { "Bearer" };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        StatusCode::UPGRADE_REQUIRED => {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
        }
        _ => {}
    }
}
