//! Who asks.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, ORIGIN};

use crate::now::Now;
use crate::principal::Login;
use crate::route::OriginRefused;
use crate::tower::{Refusal, Shared};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The login of a request, compared with the marks. The first credential that is there is final.
pub(super) async fn of_request(shared: &Shared, headers: &HeaderMap, now: Now) -> Result<Login, Refusal> {
    let secret = match bearer(headers)? {
        Some(token) => token,
        None => match cookie(shared, headers)? {
            Some(secret) => {
                check_same_site(shared, headers)?;
                secret
            }
            None => return Err(Refusal::NoCredential),
        },
    };
    let login = shared.logins.login(secret, now).await?;
    shared.engine.admission.accept(&login, now)?;
    Ok(login)
}

/// The token of the only `Authorization: Bearer` (RFC 6750 §2.1). A scheme alone is an empty token, which is no login.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(Refusal::Request("more than one Authorization header"));
    }
    let text = line.to_str().map_err(|_| Refusal::Request("Authorization is not printable ASCII"))?;
    let (scheme, token) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    Ok(scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()))
}

/// The value of the login's cookie, where there is one.
fn cookie<'h>(shared: &Shared, headers: &'h HeaderMap) -> Result<Option<&'h str>, Refusal> {
    let Some(name) = &shared.login_cookie else { return Ok(None) };
    let mut found = None;
    for line in headers.get_all(COOKIE) {
        // A line that is not text may hold others' cookies only.
        let pairs = line.to_str().unwrap_or_default().split(';').filter_map(|pair| pair.trim().split_once('='));
        for (_, value) in pairs.filter(|(known, _)| known == name) {
            if found.replace(value).is_some() {
                return Err(Refusal::Request("more than one cookie of the login's name"));
            }
        }
    }
    Ok(found)
}

/// Refuses what another site could have caused: a browser sends cookies unasked, but it says who asks (Fetch Metadata).
fn check_same_site(shared: &Shared, headers: &HeaderMap) -> Result<(), Refusal> {
    let origin = only(headers, &ORIGIN).ok_or(OriginRefused::CookieAlone)?;
    if !shared.routes.iter().any(|route| route.lists_origin(origin)) {
        return Err(OriginRefused::Unlisted.into());
    }
    match only(headers, &SEC_FETCH_SITE) {
        Some(b"same-origin" | b"same-site") => Ok(()),
        Some(_) | None => Err(Refusal::CrossSite),
    }
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    let mut lines = headers.get_all(name).iter();
    lines.next().filter(|_| lines.next().is_none()).map(|line| line.as_bytes())
}
