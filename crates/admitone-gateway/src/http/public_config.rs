//! `GET /auth/config`: what a page has to know before anybody is logged in. Everybody may read it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::on;
use http::StatusCode;

use super::endpoint::{Caller, Endpoint, Given, Reach, Takes, Verb, always};
use super::shape::{Shaped as _, written};
use super::{App, reply};
use crate::rejection::Rejection;

const GOOGLE: &str = "https://accounts.google.com";

pub(super) static ENDPOINT: Endpoint = Endpoint {
    name: "publicConfig",
    about: "What a page has to know before anybody is logged in.",
    verb: Verb::Get,
    paths: &["/auth/config"],
    id: None,
    caller: Caller::Anybody,
    reach: Reach::Pages,
    takes: Takes::Nothing,
    gives: &[Given::json(StatusCode::OK, "The same for everybody.", Answer::shape)],
    refuses: &[],
    is_there: always,
    handler: |by| on(by, public_config),
};

written! {
    struct Answer<'a> {
        /// Whether pages log in with a client id.
        oauth_enabled: bool,
        /// Null where Google is no issuer.
        google_client_id: Option<&'a str>,
        issuers: Vec<Client<'a>>,
        endpoints: Endpoints,
    }
}

written! {
    struct Client<'a> {
        /// The issuer's identifier.
        issuer: &'a str,
        client_id: &'a str,
    }
}

written! {
    struct Endpoints {
        ticket: String,
        logout: String,
        backchannel_logout: String,
    }
}

async fn public_config(State(app): State<Arc<App>>) -> Result<Response, Rejection> {
    let at = |path: &str| format!("{}{path}", app.public_url.as_str());
    let clients = app.logins.clients();
    let google = clients.iter().find(|client| client.issuer == GOOGLE);
    reply::public(&Answer {
        oauth_enabled: !clients.is_empty(),
        google_client_id: google.map(|client| &*client.client_id),
        issuers: clients.iter().map(|client| Client { issuer: &client.issuer, client_id: &client.client_id }).collect(),
        endpoints: Endpoints {
            ticket: at("/auth/ticket"),
            logout: at("/auth/logout"),
            backchannel_logout: at("/auth/backchannel-logout"),
        },
    })
}
