//! What is asked of every request before anything in it is verified.

use std::net::IpAddr;
use std::sync::Arc;

use admitone::now::Now;
use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;

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
    match check(&app, peer, request.headers()) {
        Err(over) => over.into_response(),
        Ok(address) => {
            let response = next.run(request).await;
            count(&app, address, &response);
            response
        }
    }
}

/// The client's address, unless no more tokens from there are looked at.
pub(super) fn check(app: &App, peer: Peer, headers: &HeaderMap) -> Result<IpAddr, Rejection> {
    let address = client::address(app, peer, headers);
    app.limits.check_login(address, Now::read().instant)?;
    Ok(address)
}

/// Counts an answer that refused a token.
pub(super) fn count(app: &App, address: IpAddr, response: &Response) {
    if response.extensions().get::<FailedLogin>().is_some() {
        app.limits.count_failed_login(address, Now::read().instant);
    }
}
