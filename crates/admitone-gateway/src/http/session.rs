//! `DELETE /auth/session/{id}`: a connection ends, or the ticket that would open it.

use std::sync::Arc;

use admitone::grant::SessionId;
use admitone::now::Now;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};

use super::{App, login, telling};
use crate::audit::{Event, What};
use crate::rejection::Rejection;

/// Says 204 to an owner, whether the session is yet to begin, live, or over.
pub(super) async fn end(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Rejection> {
    let now = Now::read();
    let login = login::of_request(&app, &headers, now).await?;
    let id = SessionId::parse(&id).map_err(|_| Rejection::NoSuchSession)?;
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
