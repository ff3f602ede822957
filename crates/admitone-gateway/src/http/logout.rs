//! `POST /auth/logout`: a login ends, with its tickets and its sockets.

use std::sync::Arc;

use admitone::now::Now;
use admitone::problem::ProblemCode;
use admitone::revocation::Revocation;
use axum::extract::{Request, State};
use axum::routing::on;
use http::StatusCode;
use serde_json::json;

use super::endpoint::{Caller, Endpoint, Given, Reach, Takes, Verb, always};
use super::fields::{Field, Fields, Reader, Switch};
use super::{App, body, login, telling};
use crate::audit::{Event, What};
use crate::rejection::Rejection;
use crate::traces::Trace;

pub(super) static ENDPOINT: Endpoint = Endpoint {
    name: "logout",
    about: "Ends a login, or all of its subject's, with their tickets and connections.",
    verb: Verb::Post,
    paths: &["/auth/logout"],
    id: None,
    caller: Caller::Login,
    reach: Reach::Pages,
    takes: Takes::Json(FIELDS),
    gives: &[Given::nothing(StatusCode::NO_CONTENT, "It is over.")],
    refuses: &[login::REFUSALS, body::REFUSALS, &[ProblemCode::StoreUnavailable]],
    is_there: always,
    handler: |by| on(by, logout),
};

const FIELDS: Fields = &[&EVERYWHERE];

static EVERYWHERE: Field<Switch> =
    Field::new("everywhere", "Whether all logins of the subject end.", Switch).by_default(|_| json!(false));

async fn logout(State(app): State<Arc<App>>, request: Request) -> Result<StatusCode, Rejection> {
    let now = Now::read();
    let (parts, body) = request.into_parts();
    let trace = Trace::of(&parts.extensions);
    let step = trace.step("authenticate");
    let login = login::of_request(&app, &parts.headers, now).await?;
    step.ended("accepted");
    let fields = body::object(&parts.headers, body).await?;
    let mut reader = Reader::strict(&app, FIELDS, &fields);
    let everywhere = reader.read(&EVERYWHERE).unwrap_or(false);
    reader.finish()?;
    let revocation = match everywhere {
        // An issuer's clock may be ahead of ours, and its logins with it: this one is over too.
        true => Revocation::of_subject(&login.principal, now.unix.max(login.stamp.issued_at)),
        false => Revocation::of_login(&login, now.unix),
    };
    let mark = revocation.mark();
    let step = trace.step("revoke");
    app.revocations.revoke_of(&login.principal, revocation, now).await?;
    step.ended("revoked");
    let event = Event {
        request_id: telling::request_id(&parts.headers),
        mark: Some(mark.name()),
        by: Some("subject"),
        ..Event::new(What::LoggedOut)
    };
    app.audit.tell(&event.of(&login.principal).by_login(&login.stamp));
    Ok(StatusCode::NO_CONTENT)
}
