//! `GET /websocket/tickets/status`: whether tickets can be had.

use std::sync::Arc;

use admitone::now::Now;
use admitone::ticket::PREFIX;
use axum::extract::State;
use axum::response::Response;
use axum::routing::on;
use http::{HeaderMap, StatusCode};

use super::are_on;
use crate::config::ALIAS_TTL_SECONDS;
use crate::http::endpoint::{Caller, Endpoint, Given, Reach, Takes, Verb};
use crate::http::readiness::Ability;
use crate::http::shape::{Shaped as _, written};
use crate::http::{App, login, reply, rollout};
use crate::rejection::Rejection;

pub(in crate::http) static ENDPOINT: Endpoint = Endpoint {
    name: "aliasStatus",
    about: "Whether tickets can be had.",
    verb: Verb::Get,
    paths: &["/websocket/tickets/status", "/api/websocket/tickets/status"],
    id: None,
    caller: Caller::AnybodyOrLogin,
    reach: Reach::Pages,
    takes: Takes::Nothing,
    gives: &[Given::json(StatusCode::OK, "How tickets are.", Status::shape)],
    refuses: &[login::REFUSALS],
    is_there: are_on,
    handler: |by| on(by, status),
};

written! {
    struct Status {
        /// Whether the caller may have tickets; without a login, whether anybody may.
        ticket_system_enabled: bool,
        /// Whether the store answers, of whatever kind it is.
        redis_available: bool,
        /// connected, unavailable; or memory, where there is no Redis
        redis_status: &'static str,
        default_ttl_seconds: u64,
        max_ttl_seconds: u64,
        /// What every ticket begins with; null to those who are not logged in.
        ticket_prefix: Option<&'static str>,
    }
}

async fn status(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Rejection> {
    let now = Now::read();
    let login = login::if_any(&app, &headers, now).await?;
    let answers = app.readiness.ability(now).await == Ability::Ready;
    let route = app.routes.default_route();
    let longest = route.map_or(*ALIAS_TTL_SECONDS.end(), |route| route.max_ttl.as_secs());
    let default_ttl = app.aliases.as_ref().map_or(app.default_ttl, |aliases| aliases.ttl).as_secs();
    reply::json(
        StatusCode::OK,
        &Status {
            ticket_system_enabled: route.is_some_and(|route| match &login {
                Some(login) => rollout::is_on_for(&app, route, &login.principal),
                None => rollout::is_on(&app, route),
            }),
            redis_available: answers,
            redis_status: match (answers, app.readiness.kind()) {
                (false, _) => "unavailable",
                (true, "memory") => "memory",
                (true, _) => "connected",
            },
            default_ttl_seconds: default_ttl.min(longest),
            max_ttl_seconds: longest,
            ticket_prefix: login.map(|_| PREFIX),
        },
    )
}
