use std::sync::Arc;

use admitone::problem::TicketState;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::telling::Refusal;
use crate::rejection::{Rejection, Row};

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
    *response.status_mut() = row.told.status;
    row.told.write_headers(response.headers_mut(), rejection.is_invalid_token());
    response.extensions_mut().insert(Refusal::new(rejection, &row, route, problem));
    if rejection.is_failed_login() {
        response.extensions_mut().insert(FailedLogin);
    }
    response
}

fn body(rejection: &Rejection, row: &Row) -> Vec<u8> {
    let errors = if let Rejection::Body(faults) = rejection { faults.clone() } else { Vec::new() };
    // Strings and numbers always serialise.
    serde_json::to_vec(&row.told.problem(rejection.public_detail(), errors)).unwrap_or_default()
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
