//! All endpoints.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use super::endpoint::{Endpoint, Reach};
use super::{
    App, aliases, backchannel, health, key_set, logout, mint, openapi, public_config, renew, session, tickets, verify,
};

static ALL: &[&Endpoint] = &[
    &mint::ENDPOINT,
    &tickets::INTROSPECT,
    &tickets::REVOKE,
    &session::ENDPOINT,
    &renew::ENDPOINT,
    &logout::ENDPOINT,
    &public_config::ENDPOINT,
    &backchannel::ENDPOINT,
    &key_set::ENDPOINT,
    &openapi::ENDPOINT,
    &health::LIVE,
    &health::READY,
    &verify::ENDPOINT,
    &aliases::mint::MINT,
    &aliases::mint::GENERATE,
    &aliases::tickets::VALIDATE,
    &aliases::tickets::DELETE,
    &aliases::status::ENDPOINT,
];

/// Those that this gateway has.
pub(super) fn of(app: &App) -> impl Iterator<Item = &'static Endpoint> {
    ALL.iter().copied().filter(|endpoint| (endpoint.is_there)(app))
}

/// Those that are reached from there.
pub(super) fn router(app: &App, reach: Reach) -> Router<Arc<App>> {
    let reached = of(app).filter(|endpoint| endpoint.reach == reach);
    let at = reached.flat_map(|endpoint| endpoint.paths.iter().map(move |path| (endpoint, path)));
    at.fold(Router::new(), |router, (endpoint, path)| router.route(path, (endpoint.handler)(endpoint.verb.filter())))
}

/// Whether an endpoint is described as answering with this code. One of none is not described.
pub(super) fn may_refuse(path: &str, method: &http::Method, code: &str) -> bool {
    let is_meant = |endpoint: &&&Endpoint| {
        endpoint.paths.contains(&path)
            && endpoint.verb.names().iter().any(|verb| method.as_str().eq_ignore_ascii_case(verb))
    };
    ALL.iter().find(is_meant).is_none_or(|endpoint| endpoint.codes().any(|known| known.name() == code))
}

/// The `{id}` of a path; none where it is not UTF-8, and so nobody's.
pub(super) type Id = Result<Path<String>, PathRejection>;

pub(super) fn read_id(id: Id) -> Option<String> {
    id.ok().map(|Path(id)| id)
}
