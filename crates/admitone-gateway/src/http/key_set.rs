//! `GET /.well-known/jwks.json`: what upstreams verify assertions with.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::on;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Map, Value};

use super::App;
use super::endpoint::{Caller, Content, Endpoint, Given, Reach, Takes, Verb};
use super::reply::PUBLIC;
use super::shape::{Shaped, object};
use crate::rejection::Rejection;

const MEDIA_TYPE: &str = "application/jwk-set+json";

pub(super) static ENDPOINT: Endpoint = Endpoint {
    name: "assertionKeys",
    about: "The public keys of the assertions that upstreams receive (RFC 7517).",
    verb: Verb::Get,
    paths: &["/.well-known/jwks.json"],
    id: None,
    caller: Caller::Anybody,
    reach: Reach::Machines,
    takes: Takes::Nothing,
    gives: &[Given {
        status: StatusCode::OK,
        about: "A JWK set.",
        content: Some(Content { media_type: MEDIA_TYPE, shape: key_set_shape }),
        headers: &[],
    }],
    refuses: &[],
    is_there: |app| app.assertions.is_some(),
    handler: |by| on(by, key_set),
};

fn key_set_shape() -> Value {
    object([("keys", "JWKs.", <Vec<Map<String, Value>> as Shaped>::shape())])
}

/// It changes only with the configuration.
async fn key_set(State(app): State<Arc<App>>) -> Result<Response, Rejection> {
    let assertions = app.assertions.as_ref().ok_or(Rejection::Internal("key set without keys"))?;
    Ok(([(CONTENT_TYPE, MEDIA_TYPE), (CACHE_CONTROL, PUBLIC)], assertions.key_set()).into_response())
}
