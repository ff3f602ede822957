//! `POST /auth/session/{id}/renew`: a live connection goes on with a fresh login.

use std::sync::Arc;

use admitone::grant::SessionId;
use admitone::now::Now;
use admitone::problem::FieldFault;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::json;

use super::{App, body, login, telling};
use crate::audit::{Event, What};
use crate::rejection::Rejection;

pub(super) async fn renew(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Rejection> {
    app.check_not_draining()?;
    let (parts, body) = request.into_parts();
    let login = login::of_request(&app, &parts.headers, Now::read()).await?;
    let fields = body::object(&parts.headers, body).await?;
    if !fields.is_empty() {
        let fault =
            |field: &String| FieldFault { field: field.clone(), detail: "no such field; there is none".to_owned() };
        return Err(Rejection::Body(fields.keys().map(fault).collect()));
    }
    let id = SessionId::parse(&id).map_err(|_| Rejection::NoSuchSession)?;
    let now = Now::read();
    let renewed = app.control.renew(&id, &login, now).await?;
    let event = Event {
        request_id: telling::request_id(&parts.headers),
        session_id: Some(id.as_str()),
        expires_at: Some(renewed.expires_at),
        ..Event::new(What::Renewed)
    };
    app.audit.tell(&event.of(&login.principal).by_login(&login.stamp));
    let expires_in = renewed.expires_at.saturating_sub(now.unix);
    let answer = json!({ "session_id": id.as_str(), "expires_at": renewed.expires_at, "expires_in": expires_in });
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    Ok((StatusCode::OK, headers, answer.to_string()).into_response())
}
