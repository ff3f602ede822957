//! What is asked of every request before anything in it is verified.

use std::net::IpAddr;
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
    let guard = match Guard::of(&app, peer, &request) {
        Ok(guard) => guard,
        Err(over) => return over.into_response(),
    };
    let response = next.run(request).await;
    guard.count(&app, &response);
    response
}

/// Watches what becomes of a request's login.
pub(super) struct Guard(IpAddr);

impl Guard {
    /// # Errors
    ///
    /// The rejection of an address that is over its limit.
    pub(super) fn of(app: &App, peer: Peer, request: &Request) -> Result<Self, Rejection> {
        let address = client::address(app, peer, request.headers());
        app.limits.check_login(address, Now::read().instant)?;
        Ok(Self(address))
    }

    pub(super) fn count(self, app: &App, response: &Response) {
        if response.extensions().get::<FailedLogin>().is_some() {
            app.limits.count_failed_login(self.0, Now::read().instant);
        }
    }
}
