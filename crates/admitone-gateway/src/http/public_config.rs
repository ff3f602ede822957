//! `GET /auth/config`: what a page has to know before anybody is logged in. Everybody may read it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Value, json};

use super::App;

const GOOGLE: &str = "https://accounts.google.com";

pub(super) async fn public_config(State(app): State<Arc<App>>) -> Response {
    let at = |path: &str| format!("{}{path}", app.public_url.as_str());
    let clients = app.logins.clients();
    let google = clients.iter().find(|client| client.issuer == GOOGLE);
    let listed: Vec<Value> =
        clients.iter().map(|client| json!({ "issuer": client.issuer, "client_id": client.client_id })).collect();
    let answer = json!({
        "oauth_enabled": !clients.is_empty(),
        "google_client_id": google.map(|client| &client.client_id),
        "issuers": listed,
        "endpoints": {
            "ticket": at("/auth/ticket"),
            "logout": at("/auth/logout"),
            "backchannel_logout": at("/auth/backchannel-logout"),
        },
    });
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")];
    (headers, answer.to_string()).into_response()
}
