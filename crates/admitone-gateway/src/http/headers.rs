use std::sync::Arc;
use std::time::Duration;

use admitone::refusal::TICKET_STATE;
use axum::extract::State;
use axum::response::Response;
use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, AUTHORIZATION,
    CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    RETRY_AFTER, STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::App;
use super::answer::line;
use crate::routes::Route;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What pages may read of an answer.
const EXPOSED: &str = "retry-after,admitone-ticket";

/// What an answer to a page depends on, for caches.
const VARIES: &str = "origin";

/// Security headers on everything we answer ourselves.
const SECURITY: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"),
];

const TRANSPORT_SECURITY: &str = "max-age=31536000; includeSubDomains";

/// Lets the pages of listed origins call `/auth/*`: with cookies only where a session is in one, else what they need is in
/// `Authorization`.
pub(super) fn cors(app: &Arc<App>) -> CorsLayer {
    let app = app.clone();
    let mut allowed = vec![AUTHORIZATION, CONTENT_TYPE];
    allowed.extend(app.logins.session_headers().cloned());
    let with_cookies = app.logins.any_cookie();
    CorsLayer::new()
        .allow_credentials(with_cookies)
        .allow_origin(AllowOrigin::predicate(move |origin, _| app.routes.list_origin(origin.as_bytes())))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers(allowed)
        .expose_headers([RETRY_AFTER, TICKET_STATE])
        .max_age(Duration::from_secs(600))
}

/// Lets the pages of a route's own origins read its event streams, with cookies where a credential may be in one.
pub(super) fn stream_cors(route: &Arc<Route>) -> CorsLayer {
    let of_route = route.clone();
    CorsLayer::new()
        .allow_credentials(route.carriers.any_cookie())
        .allow_origin(AllowOrigin::predicate(move |origin, _| of_route.lists_origin(origin.as_bytes())))
        .allow_methods([Method::GET])
        .allow_headers([AUTHORIZATION, LAST_EVENT_ID])
        .expose_headers([RETRY_AFTER, TICKET_STATE])
        .max_age(Duration::from_secs(600))
}

/// The lines that [`cors`] and [`secure`] add to an answer, other than a preflight's, to a request with this `Origin`.
pub(super) fn lines(app: &App, origin: Option<&HeaderValue>) -> Vec<u8> {
    let mut lines = Vec::with_capacity(1024);
    if let Some(origin) = origin.filter(|origin| app.routes.list_origin(origin.as_bytes())) {
        line(&mut lines, ACCESS_CONTROL_ALLOW_ORIGIN.as_str(), origin.as_bytes());
    }
    if app.logins.any_cookie() {
        line(&mut lines, ACCESS_CONTROL_ALLOW_CREDENTIALS.as_str(), b"true");
    }
    for (name, value) in [(VARY, VARIES), (ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED)].iter().chain(&SECURITY) {
        line(&mut lines, name.as_str(), value.as_bytes());
    }
    if app.public_url.https {
        line(&mut lines, STRICT_TRANSPORT_SECURITY.as_str(), TRANSPORT_SECURITY.as_bytes());
    }
    lines
}

/// Ends the connection after this answer.
pub(super) async fn last(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Security headers on everything we answer ourselves.
pub(super) async fn secure_response(State(app): State<Arc<App>>, mut response: Response) -> Response {
    secure(&app, response.headers_mut());
    response
}

/// What we serve is data: it loads nothing, frames nothing.
pub(super) fn secure(app: &App, headers: &mut HeaderMap) {
    for (name, value) in SECURITY {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.public_url.https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TRANSPORT_SECURITY));
    }
}
