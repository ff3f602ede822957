use admitone::now::Now;
use admitone::principal::Login;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::App;
use crate::logins::Credential;
use crate::rejection::Rejection;

/// The login of a request to `/auth/*`: exactly one `Authorization: Bearer` (RFC 6750 §2.1), verified and compared with the marks.
pub(super) async fn of_request(app: &App, headers: &HeaderMap, now: Now) -> Result<Login, Rejection> {
    let login = app.logins.authenticate(Credential::bearer(bearer(headers)?), now).await?;
    app.admission.accept(&login, now)?;
    Ok(login)
}

fn bearer(headers: &HeaderMap) -> Result<&str, Rejection> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let line = lines.next().ok_or(Rejection::NoCredential)?;
    if lines.next().is_some() {
        return Err(Rejection::Request("more than one Authorization header"));
    }
    let text = line.to_str().map_err(|_| Rejection::Request("Authorization is not printable ASCII"))?;
    let (scheme, token) = text.split_once(' ').ok_or(Rejection::NoCredential)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Rejection::NoCredential);
    }
    Ok(token.trim())
}
