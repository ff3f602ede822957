//! The demo's page, on its own origin, under a strict CSP.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state, map_response_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::HeaderValue;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, InvalidHeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use serde_json::json;

use super::issuer::PEOPLE;
use super::{Addresses, ROUTE};

const INDEX: &str = include_str!("../../pages/demo/index.html");
const SCRIPT: &str = include_str!("../../pages/demo/page.js");
const STYLE: &str = include_str!("../../pages/demo/style.css");
const ICON: &str = include_str!("../../pages/demo/favicon.svg");

/// What the page's listener answers.
pub(super) struct Page {
    own: Arc<Own>,
    addresses: String,
}

struct Own {
    origin: String,
    policy: HeaderValue,
}

impl Page {
    pub(super) fn new(addresses: &Addresses) -> Result<Self, InvalidHeaderValue> {
        let Addresses { page, gateway, issuer, admin, .. } = addresses;
        let sockets = gateway.replacen("http", "ws", 1);
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self' {gateway} {sockets} {issuer}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        );
        let own = Own { origin: page.clone(), policy: HeaderValue::from_str(&policy)? };
        let addresses =
            json!({ "gateway": gateway, "issuer": issuer, "operators": admin, "route": ROUTE, "people": &PEOPLE });
        Ok(Self { own: Arc::new(own), addresses: addresses.to_string() })
    }

    pub(super) fn router(self) -> Router {
        let file =
            |media_type: &'static str, text: &'static str| get(async move || ([(CONTENT_TYPE, media_type)], text));
        let addresses = self.addresses;
        Router::new()
            .route("/", file("text/html; charset=utf-8", INDEX))
            .route("/page.js", file("text/javascript; charset=utf-8", SCRIPT))
            .route("/style.css", file("text/css; charset=utf-8", STYLE))
            .route("/favicon.svg", file("image/svg+xml", ICON))
            .route("/demo.json", get(async move || ([(CONTENT_TYPE, "application/json")], addresses)))
            .layer(from_fn_with_state(self.own.clone(), own_name))
            .layer(map_response_with_state(self.own, secure))
    }
}

/// Under another name (`localhost`) the page would have an origin that neither issuer nor gateway lists.
async fn own_name(State(own): State<Arc<Own>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if own.origin.strip_prefix("http://") == Some(host) {
        return next.run(request).await;
    }
    Redirect::temporary(&format!("{}{}", own.origin, request.uri().path())).into_response()
}

async fn secure(State(own): State<Arc<Own>>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, own.policy.clone());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("permissions-policy", HeaderValue::from_static("camera=(), geolocation=(), microphone=()"));
    response
}
