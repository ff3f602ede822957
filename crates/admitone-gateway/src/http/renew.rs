//! `POST /auth/session/{id}/renew`: a live connection goes on with a fresh login.

use std::sync::Arc;

use admitone::grant::SessionId;
use admitone::now::Now;
use admitone::problem::ProblemCode;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::on;
use http::StatusCode;

use super::endpoint::{Caller, Endpoint, Given, Reach, Takes, Verb, always};
use super::endpoints::{Id, read_id};
use super::fields::{Fields, Reader};
use super::shape::{Shaped as _, written};
use super::{App, body, login, reply, telling};
use crate::audit::{Event, What};
use crate::rejection::Rejection;
use crate::traces::Trace;

pub(super) static ENDPOINT: Endpoint = Endpoint {
    name: "renew",
    about: "Lets a live connection go on with a fresh login of the same person.",
    verb: Verb::Post,
    paths: &["/auth/session/{id}/renew"],
    id: Some("The connection's public handle, the session_id of the mint's answer."),
    caller: Caller::Login,
    reach: Reach::Pages,
    takes: Takes::Json(FIELDS),
    gives: &[Given::json(StatusCode::OK, "It goes on.", Answer::shape)],
    refuses: &[
        login::REFUSALS,
        body::REFUSALS,
        &[ProblemCode::Forbidden, ProblemCode::NotFound, ProblemCode::StoreUnavailable, ProblemCode::Draining],
    ],
    is_there: always,
    handler: |by| on(by, renew),
};

const FIELDS: Fields = &[];

written! {
    /// A connection that goes on.
    struct Answer<'a> {
        session_id: &'a str,
        /// Unix seconds: when the connection ends now.
        expires_at: u64,
        /// Seconds.
        expires_in: u64,
    }
}

async fn renew(State(app): State<Arc<App>>, id: Id, request: Request) -> Result<Response, Rejection> {
    app.check_not_draining()?;
    let (parts, body) = request.into_parts();
    let trace = Trace::of(&parts.extensions);
    let step = trace.step("authenticate");
    let login = login::of_request(&app, &parts.headers, Now::read()).await?;
    step.ended("accepted");
    let fields = body::object(&parts.headers, body).await?;
    Reader::strict(&app, FIELDS, &fields).finish()?;
    let id = read_id(id).and_then(|id| SessionId::parse(&id).ok()).ok_or(Rejection::NoSuchSession)?;
    let now = Now::read();
    let step = trace.step("renew");
    let renewed = app.control.renew(&id, &login, now).await?;
    step.ended("renewed");
    trace.note("admitone.session_id", id.as_str());
    let event = Event {
        request_id: telling::request_id(&parts.headers),
        session_id: Some(id.as_str()),
        expires_at: Some(renewed.expires_at),
        ..Event::new(What::Renewed)
    };
    app.audit.tell(&event.of(&login.principal).by_login(&login.stamp));
    let expires_in = renewed.expires_at.saturating_sub(now.unix);
    reply::json(StatusCode::OK, &Answer { session_id: id.as_str(), expires_at: renewed.expires_at, expires_in })
}
