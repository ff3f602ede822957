use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::Method;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::App;
use super::problem::TICKET_STATE;
use crate::routes::Route;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

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
    let set = [
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        (CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.public_url.https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
}
