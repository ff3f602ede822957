//! Admission in an axum router.
//!
//! [`Admit::door`] is a layer for the handler of a socket, [`Admit::routes`] has the endpoints that mint for it, and the handler
//! takes an [`Admitted`]: who it is, and when to close.
//!
//! ```
//! use admitone::axum::{Admit, Admitted};
//! use admitone::origin::WebOrigin;
//! use admitone::route::Route;
//! use axum::Router;
//! use axum::routing::get;
//! # use admitone::now::Now;
//! # use admitone::principal::Login;
//! # use admitone::tower::NoLogin;
//! # fn logins(_: &str, _: Now) -> Result<Login, NoLogin> { Err(NoLogin::Refused("nobody".into())) }
//! # async fn chat(admitted: Admitted) -> String { admitted.principal().subject().to_owned() }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let page = WebOrigin::parse("https://app.example.com")?;
//! let admit = Admit::in_memory("https://chat.example.com", [Route::new("/chat", [page])], logins)?;
//! let app: Router = Router::new()
//!     .route("/chat", get(chat).layer(admit.door("/chat")?))
//!     .merge(admit.routes());
//! # Ok(()) }
//! ```
//!
//! With axum's feature `ws`, the handler is
//!
//! ```text
//! async fn chat(admitted: Admitted, upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.on_upgrade(|mut socket| async move {
//!         let talk = async { while let Some(Ok(message)) = socket.recv().await { socket.send(message).await?; } Ok(()) };
//!         if let Err(code) = admitted.until_closing(talk).await {
//!             let close = CloseFrame { code: code.code(), reason: code.reason().into() };
//!             let _ = socket.send(Message::Close(Some(close))).await;
//!         }
//!     })
//! }
//! ```
//!
//! A layer that logs requests belongs inside the door: outside of it, it sees them with their credential.

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, OriginalUri, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::Uri;
use http::request::Parts;

use crate::tower::{PATHS, Refusal};

pub use crate::tower::{Admit, AdmitBuilder, Admitted, Door, Logins};

impl Admit {
    /// The endpoints that pages ask: mint, introspect, revoke, logout, renew and end, as [`answer`](Self::answer) says.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        PATHS.into_iter().fold(Router::new(), |router, path| {
            let admit = self.clone();
            let answer = move |request: Request| async move { admit.answer(request).await.map(Body::from) };
            router.route(path, any(answer))
        })
    }
}

/// Takes it out of a request that came through a [`Door`]; once. Without one, or a second time, the answer is 500.
impl<S: Sync> FromRequestParts<S> for Admitted {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let outside = "an `Admitted` is only behind a `Door`, as `.layer(admit.door(…)?)` around the handler, and once";
        Self::take(&mut parts.extensions).ok_or(Refusal::Fault(outside))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.answer()
    }
}

/// axum keeps the URI that a request came with.
pub(crate) fn hide_query(parts: &mut Parts) {
    if let Some(OriginalUri(uri)) = parts.extensions.get_mut() {
        *uri = with_query_of(uri, &parts.uri).unwrap_or_default();
    }
}

/// The same path with another query.
fn with_query_of(uri: &Uri, other: &Uri) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    let target = match other.query() {
        Some(query) => format!("{}?{query}", uri.path()),
        None => uri.path().to_owned(),
    };
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}
