//! Who asks: what the endpoints under `/auth` share.

use admitone::now::Now;
use admitone::principal::Login;
use admitone::problem::ProblemCode;
use http::HeaderMap;
use http::header::{HeaderName, ORIGIN};

use super::App;
use crate::rejection::Rejection;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What is refused here.
pub(super) const REFUSALS: &[ProblemCode] = &[
    ProblemCode::InvalidRequest,
    ProblemCode::NotLoggedIn,
    ProblemCode::OriginNotAllowed,
    ProblemCode::IssuerUnavailable,
];

/// The login of a request to an endpoint, as its source says, and compared with the marks.
pub(super) async fn of_request(app: &App, headers: &HeaderMap, now: Now) -> Result<Login, Rejection> {
    if_any(app, headers, now).await?.ok_or(Rejection::NoCredential)
}

/// The same, where nobody has to be logged in; but a credential that is refused is final.
pub(super) async fn if_any(app: &App, headers: &HeaderMap, now: Now) -> Result<Option<Login>, Rejection> {
    let Some(credential) = app.logins.presented(headers)? else { return Ok(None) };
    if app.logins.is_cookie(&credential) {
        check_same_site(app, headers)?;
    }
    let login = app.logins.authenticate(credential, now).await?;
    app.admission.accept(&login, now)?;
    Ok(Some(login))
}

/// Refuses what another site could have caused: a browser sends cookies unasked, but it says who asks (Fetch Metadata).
fn check_same_site(app: &App, headers: &HeaderMap) -> Result<(), Rejection> {
    let origin = only(headers, &ORIGIN).ok_or(Rejection::CookieWithoutOrigin)?;
    if !app.routes.list_origin(origin) {
        return Err(Rejection::Origin);
    }
    match only(headers, &SEC_FETCH_SITE) {
        Some(b"same-origin" | b"same-site") => Ok(()),
        Some(_) | None => Err(Rejection::CrossSite),
    }
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    let mut lines = headers.get_all(name).iter();
    lines.next().filter(|_| lines.next().is_none()).map(|line| line.as_bytes())
}
