//! `POST /auth/ticket/introspect` and `/auth/ticket/revoke`: asking about a ticket, and taking it back.

use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::{Asked, body, json};
use crate::admission::{Asker, Introspection};
use crate::principal::Login;
use crate::problem::FieldFault;
use crate::ticket::Ticket;
use crate::tower::{Refusal, Shared};

const NO_SUCH_TICKET: Refusal = Refusal::Absent("this login has no such ticket that could still be revoked");

/// Consumes nothing. Whoever may not know learns as much as about a ticket that never was.
pub(super) async fn introspect(shared: &Shared, asked: Asked) -> Result<Response<Vec<u8>>, Refusal> {
    let told = match read_ticket(&asked.fields)? {
        Some(ticket) => shared.engine.admission.introspect(&ticket, asker(shared, &asked.login), asked.now).await?,
        None => None,
    };
    json(StatusCode::OK, &told.map_or_else(|| json!({ "active": false }), |told| active(&told)))
}

pub(super) async fn revoke(shared: &Shared, asked: Asked) -> Result<Response<Vec<u8>>, Refusal> {
    let ticket = read_ticket(&asked.fields)?.ok_or(NO_SUCH_TICKET)?;
    let revoked = shared.engine.admission.revoke_ticket(&ticket, &asked.login.principal, asked.now).await?;
    let session_id = revoked.ok_or(NO_SUCH_TICKET)?;
    json(StatusCode::OK, &json!({ "revoked": true, "session_id": session_id.as_str() }))
}

fn asker<'a>(shared: &Shared, login: &'a Login) -> Asker<'a> {
    let is_service = shared.service_permission.as_ref().is_some_and(|permission| login.permissions.has(permission));
    if is_service { Asker::Service } else { Asker::Owner(&login.principal) }
}

/// The ticket that is asked about; none when the text could be nobody's ticket.
fn read_ticket(fields: &Map<String, Value>) -> Result<Option<Ticket>, Refusal> {
    let mut ticket = None;
    let mut faults = body::read_each(fields, |field, value| match field {
        "ticket" => {
            ticket = Some(value.as_str().ok_or("a string is needed")?);
            Ok(())
        }
        _ => Err("no such field; there is ticket".to_owned()),
    });
    if !fields.contains_key("ticket") {
        faults.push(FieldFault { field: "ticket".to_owned(), detail: "a string is needed".to_owned() });
    }
    match ticket.filter(|_| faults.is_empty()) {
        Some(ticket) => Ok(Ticket::parse(ticket).ok()),
        None => Err(Refusal::Body(faults)),
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
