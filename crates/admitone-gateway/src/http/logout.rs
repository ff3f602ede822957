//! `POST /auth/logout`: a login ends, with its tickets and its sockets.

use std::sync::Arc;

use admitone::now::Now;
use admitone::problem::FieldFault;
use admitone::revocation::Revocation;
use axum::extract::{Request, State};
use http::StatusCode;
use serde_json::{Map, Value};

use super::{App, body, login, telling};
use crate::audit::{Event, What};
use crate::rejection::Rejection;

pub(super) async fn logout(State(app): State<Arc<App>>, request: Request) -> Result<StatusCode, Rejection> {
    let now = Now::read();
    let (parts, body) = request.into_parts();
    let login = login::of_request(&app, &parts.headers, now).await?;
    let fields = body::object(&parts.headers, body).await?;
    let revocation = match read_everywhere(&fields)? {
        // An issuer's clock may be ahead of ours, and its logins with it: this one is over too.
        true => Revocation::of_subject(&login.principal, now.unix.max(login.stamp.issued_at)),
        false => Revocation::of_login(&login, now.unix),
    };
    let mark = revocation.mark();
    app.revocations.revoke_of(&login.principal, revocation, now).await?;
    let event = Event {
        request_id: telling::request_id(&parts.headers),
        mark: Some(mark.name()),
        by: Some("subject"),
        ..Event::new(What::LoggedOut)
    };
    app.audit.tell(&event.of(&login.principal).by_login(&login.stamp));
    Ok(StatusCode::NO_CONTENT)
}

fn read_everywhere(fields: &Map<String, Value>) -> Result<bool, Rejection> {
    let mut everywhere = false;
    let mut faults = Vec::new();
    for (field, value) in fields {
        match (field.as_str(), value) {
            ("everywhere", Value::Bool(value)) => everywhere = *value,
            ("everywhere", _) => faults.push(fault(field, "true or false is needed")),
            _ => faults.push(fault(field, "no such field; there is everywhere")),
        }
    }
    if faults.is_empty() { Ok(everywhere) } else { Err(Rejection::Body(faults)) }
}

fn fault(field: &str, detail: &str) -> FieldFault {
    FieldFault { field: field.to_owned(), detail: detail.to_owned() }
}
