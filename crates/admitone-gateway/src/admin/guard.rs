//! Who may call: the names of the listener, the origins of its pages, the secret.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::request::Parts;

use super::Admin;
use super::login::Session;
use crate::http::Peer;
use crate::http::telling::Teller;
use crate::rejection::Rejection;

/// Nothing from elsewhere, nothing inline, nowhere framed.
const POLICY: &str = "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// For every request, whoever asks: a name that a page elsewhere was made to resolve to this machine is not ours, and no page
/// elsewhere may change anything.
pub(super) async fn check_request(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match admin.check_request(&parts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(rejection) => rejection.into_response(),
    };
    secure(response.headers_mut(), admin.is_https);
    response
}

/// For every request: a name, and a word about it if it is refused.
pub(super) async fn tell(
    State(admin): State<Arc<Admin>>,
    peer: Extension<Peer>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    Teller::of_operators(&admin.app()).answer(peer, path, request, next).await
}

/// For everything but signing in.
pub(super) async fn check_caller(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match admin.check_caller(&parts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(rejection) => rejection.into_response(),
    }
}

impl Admin {
    fn check_request(&self, parts: &Parts) -> Result<(), Rejection> {
        let host = only(&parts.headers, &HOST)?.ok_or(Rejection::AdminHost)?;
        if !self.hosts.iter().any(|known| known.name.eq_ignore_ascii_case(host)) {
            return Err(Rejection::AdminHost);
        }
        let origin = only(&parts.headers, &ORIGIN)?;
        match origin {
            Some(origin) if !self.hosts.iter().any(|known| known.origin == origin) => Err(Rejection::AdminOrigin),
            _ => Ok(()),
        }
    }

    fn check_caller(&self, parts: &Parts) -> Result<(), Rejection> {
        if parts.headers.contains_key(AUTHORIZATION) {
            return self.check_secret(peer(parts), bearer(&parts.headers)?);
        }
        let session = Session::of_cookie(&parts.headers, self.is_https).ok_or(Rejection::NoCredential)?;
        if !self.logins.has(&session, Instant::now()) {
            return Err(Rejection::NoCredential);
        }
        // Browsers send the cookie by themselves: the page that makes them do so has to be ours.
        let is_safe = parts.method.is_safe();
        let site = only(&parts.headers, &SEC_FETCH_SITE)?;
        let is_foreign = site.is_some_and(|site| !matches!(site, "same-origin" | "none"));
        if is_foreign || (!is_safe && !parts.headers.contains_key(ORIGIN)) {
            return Err(Rejection::AdminOrigin);
        }
        Ok(())
    }

    /// Past a few failures the secret is not even compared for a while.
    pub(super) fn check_secret(&self, peer: Option<Peer>, presented: &str) -> Result<(), Rejection> {
        let (address, now) = (peer.map(|peer| peer.0.ip()), Instant::now());
        if !self.logins.takes_try(address, now) {
            return Err(Rejection::AdminTries);
        }
        if !self.secret.is(presented.as_bytes()) {
            return Err(Rejection::AdminSecret);
        }
        self.logins.was_right(address);
        Ok(())
    }
}

pub(super) fn peer(parts: &Parts) -> Option<Peer> {
    parts.extensions.get().copied()
}

/// The only header line of this name.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Rejection> {
    let mut lines = headers.get_all(name).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    match (line.to_str(), lines.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(Rejection::Request("Host, Origin or Authorization stands twice, or is not ASCII")),
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Rejection> {
    let line = only(headers, &AUTHORIZATION)?.unwrap_or_default();
    let (scheme, secret) = line.split_once(' ').ok_or(Rejection::NoCredential)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(secret.trim()) } else { Err(Rejection::NoCredential) }
}

fn secure(headers: &mut HeaderMap, is_https: bool) {
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        (CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}
