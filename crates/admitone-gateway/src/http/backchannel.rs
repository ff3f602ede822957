//! `POST /auth/backchannel-logout`: an issuer says that somebody's login is over (OpenID Connect Back-Channel Logout 1.0).

use std::sync::Arc;

use admitone::now::Now;
use admitone::problem::ProblemCode;
use axum::extract::{Request, State};
use axum::routing::on;
use http::header::CACHE_CONTROL;
use http::{HeaderName, StatusCode};

use super::endpoint::{Caller, Endpoint, Given, Reach, Takes, Verb, always};
use super::{App, body};
use crate::audit::{Event, What};
use crate::logins::NoLogout;
use crate::rejection::Rejection;

pub(super) static ENDPOINT: Endpoint = Endpoint {
    name: "backchannelLogout",
    about: "An issuer says that somebody's login is over (OpenID Connect Back-Channel Logout 1.0).",
    verb: Verb::Post,
    paths: &["/auth/backchannel-logout"],
    id: None,
    caller: Caller::Anybody,
    reach: Reach::Servers,
    takes: Takes::Form(FIELD, "What the issuer has signed."),
    gives: &[Given::nothing(StatusCode::OK, "It is over.")],
    refuses: &[body::FORM_REFUSALS, &[ProblemCode::IssuerUnavailable, ProblemCode::StoreUnavailable]],
    is_there: always,
    handler: |by| on(by, logout),
};

const FIELD: &str = "logout_token";

/// Says 200 once the logout counts everywhere: no ticket redeems, and no socket stays open, by what it ends.
async fn logout(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<(StatusCode, [(HeaderName, &'static str); 1]), Rejection> {
    let now = Now::read();
    let (parts, body) = request.into_parts();
    let token = body::form_field(&parts.headers, body, FIELD).await?;
    let logout = app.logins.logout(&token, now).await?;
    let revocation = logout.revocation().ok_or(NoLogout::Nobody)?;
    let mark = revocation.mark();
    if let Err(unavailable) = app.revocations.revoke(revocation, now).await {
        // Whoever could not be served comes again with the same token.
        app.logins.forget_logout(&logout);
        return Err(unavailable.into());
    }
    app.audit.tell(&Event {
        mark: Some(mark.name()),
        by: Some("issuer"),
        issuer: Some(&logout.issuer),
        subject: logout.subject.as_deref(),
        sid: logout.sid.as_deref(),
        ..Event::new(What::LoggedOut)
    });
    Ok((StatusCode::OK, [(CACHE_CONTROL, "no-store")]))
}
