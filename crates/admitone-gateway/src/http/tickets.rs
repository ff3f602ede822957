//! `POST /auth/ticket/introspect` and `/auth/ticket/revoke`: asking about a ticket, and taking it back.

use std::sync::Arc;

use admitone::admission::{Asker, Introspection};
use admitone::now::Now;
use admitone::principal::Login;
use admitone::problem::FieldFault;
use admitone::ticket::Ticket;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Map, Value, json};

use super::{App, body, login};
use crate::audit::{Event, What};
use crate::rejection::Rejection;

/// Consumes nothing. Whoever may not know learns as much as about a ticket that never was.
pub(super) async fn introspect(State(app): State<Arc<App>>, request: Request) -> Result<Response, Rejection> {
    let now = Now::read();
    let (login, ticket) = read(&app, request, now).await?;
    let told = match ticket {
        Some(ticket) => app.admission.introspect(&ticket, asker(&app, &login), now).await?,
        None => None,
    };
    Ok(answer(&told.map_or_else(|| json!({ "active": false }), |told| active(&told))))
}

pub(super) async fn revoke(State(app): State<Arc<App>>, request: Request) -> Result<Response, Rejection> {
    let now = Now::read();
    let (login, ticket) = read(&app, request, now).await?;
    let ticket = ticket.ok_or(Rejection::NoSuchTicket)?;
    let revoked = app.admission.revoke_ticket(&ticket, &login.principal, now).await?;
    let session_id = revoked.ok_or(Rejection::NoSuchTicket)?;
    let event = Event {
        session_id: Some(session_id.as_str()),
        mark: Some("ticket"),
        by: Some("subject"),
        ..Event::new(What::Revoked)
    };
    app.audit.tell(&event.of(&login.principal));
    Ok(answer(&json!({ "revoked": true, "session_id": session_id.as_str() })))
}

fn asker<'a>(app: &App, login: &'a Login) -> Asker<'a> {
    let is_service = app.service_permission.as_ref().is_some_and(|permission| login.permissions.has(permission));
    if is_service { Asker::Service } else { Asker::Owner(&login.principal) }
}

/// Who asks, and about which ticket; none when the text could be nobody's ticket.
async fn read(app: &App, request: Request, now: Now) -> Result<(Login, Option<Ticket>), Rejection> {
    let (parts, body) = request.into_parts();
    let login = login::of_request(app, &parts.headers, now).await?;
    let fields = body::object(&parts.headers, body).await?;
    Ok((login, read_ticket(&fields)?))
}

fn read_ticket(fields: &Map<String, Value>) -> Result<Option<Ticket>, Rejection> {
    let fault = |field: &str, detail: &str| FieldFault { field: field.to_owned(), detail: detail.to_owned() };
    let unknown = fields.keys().filter(|field| *field != "ticket");
    let mut faults: Vec<_> = unknown.map(|field| fault(field, "no such field; there is ticket")).collect();
    let ticket = fields.get("ticket").and_then(Value::as_str);
    if ticket.is_none() {
        faults.push(fault("ticket", "a string is needed"));
    }
    match ticket.filter(|_| faults.is_empty()) {
        Some(ticket) => Ok(Ticket::parse(ticket).ok()),
        None => Err(Rejection::Body(faults)),
    }
}

fn active(told: &Introspection) -> Value {
    let grant = &told.grant;
    // What was stored was written by a JSON serialiser.
    let metadata = grant.metadata.as_deref().and_then(|json| serde_json::from_str::<Value>(json).ok());
    json!({
        "active": true,
        "subject": grant.principal.subject(),
        "issuer": grant.principal.issuer(),
        "permissions": grant.permissions.iter().collect::<Vec<_>>(),
        "route": &*grant.route,
        "expires_at": grant.expires_at,
        "uses_left": told.uses_left,
        "session_id": told.session_id.as_str(),
        "metadata": metadata,
    })
}

fn answer(body: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (StatusCode::OK, headers, body.to_string()).into_response()
}
