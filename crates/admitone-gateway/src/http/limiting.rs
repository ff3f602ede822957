//! What is asked of every request before anything in it is verified.

use std::sync::Arc;

use admitone::now::Now;
use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::FailedLogin;
use super::{App, Peer, client};
use crate::rejection::Rejection;

/// Looks at no token from an address that has sent too many which were not accepted.
pub(super) async fn logins(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let address = client::address(&app, peer, request.headers());
    if let Err(over) = app.limits.check_login(address, Now::read().instant) {
        return Rejection::from(over).into_response();
    }
    let response = next.run(request).await;
    if response.extensions().get::<FailedLogin>().is_some() {
        app.limits.count_failed_login(address, Now::read().instant);
    }
    response
}
