//! `DELETE /auth/session/{id}`: a connection ends, or the ticket that would open it.

use std::sync::Arc;

use admitone::grant::SessionId;
use admitone::now::Now;
use admitone::problem::ProblemCode;
use axum::extract::State;
use axum::routing::on;
use http::{HeaderMap, StatusCode};

use super::endpoint::{Caller, Endpoint, Given, Reach, Takes, Verb, always};
use super::endpoints::{Id, read_id};
use super::{App, login, telling};
use crate::audit::{Event, What};
use crate::rejection::Rejection;

pub(super) static ENDPOINT: Endpoint = Endpoint {
    name: "endSession",
    about: "Ends a connection, and the ticket that would open it.",
    verb: Verb::Delete,
    paths: &["/auth/session/{id}"],
    id: Some("The connection's public handle, the session_id of the mint's answer."),
    caller: Caller::Login,
    reach: Reach::Pages,
    takes: Takes::Nothing,
    gives: &[Given::nothing(StatusCode::NO_CONTENT, "It is over.")],
    refuses: &[login::REFUSALS, &[ProblemCode::NotFound, ProblemCode::StoreUnavailable]],
    is_there: always,
    handler: |by| on(by, end),
};

/// Says 204 to an owner, whether the session is yet to begin, live, or over.
async fn end(State(app): State<Arc<App>>, id: Id, headers: HeaderMap) -> Result<StatusCode, Rejection> {
    let now = Now::read();
    let login = login::of_request(&app, &headers, now).await?;
    app.limits.count_end(&login.principal, now.instant)?;
    let id = read_id(id).and_then(|id| SessionId::parse(&id).ok()).ok_or(Rejection::NoSuchSession)?;
    if !app.admission.revoke_session(&id, &login.principal, now).await? {
        return Err(Rejection::NoSuchSession);
    }
    let event = Event {
        request_id: telling::request_id(&headers),
        session_id: Some(id.as_str()),
        mark: Some("session"),
        by: Some("subject"),
        ..Event::new(What::Revoked)
    };
    app.audit.tell(&event.of(&login.principal));
    Ok(StatusCode::NO_CONTENT)
}
