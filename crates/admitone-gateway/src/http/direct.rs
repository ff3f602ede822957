//! A mint request in its usual form, answered without the router: the same steps in the same order, without a box for each.
//! The router has them for every other way to ask, and a test compares what the two say.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::ORIGIN;
use http::{Method, Request};

use super::telling::{Asked, Teller};
use super::{App, Peer, headers, limiting, mint};

/// Whether a request is for a ticket.
pub(super) fn is_mint(request: &Request<Body>) -> bool {
    request.method() == Method::POST && request.uri().path() == mint::PATH
}

/// The answer to it, and more lines of its head.
pub(super) async fn mint(app: &Arc<App>, peer: Peer, mut request: Request<Body>) -> (Response, Vec<u8>) {
    let asked = Asked::traced(app, peer, &Method::POST, mint::PATH, request.headers_mut());
    asked.trace().travel(request.extensions_mut());
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response = match limiting::check(app, peer, request.headers()) {
        Err(over) => over.into_response(),
        Ok(address) => {
            let response = mint::mint(State(app.clone()), Extension(peer), request).await.into_response();
            limiting::count(app, address, &response);
            response
        }
    };
    Teller::public(app).tell(&asked, mint::PATH, &mut response);
    (response, headers::lines(app, origin.as_ref()))
}
