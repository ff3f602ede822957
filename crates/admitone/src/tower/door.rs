use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sha1::{Digest as _, Sha1};
use tokio::io::AsyncWriteExt as _;
use tower_layer::Layer;
use tower_service::Service;

use super::admitted::{Admitted, Slot, Watch};
use super::entering::{Refused, enter};
use super::{Refusal, Shared};
use crate::carrier::Offer;
use crate::handshake::{Handshake, HandshakeError};
use crate::refusal;
use crate::route::Route;

/// How long a client may take to read a refusal.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a handler is told by, that answers with a socket and let go of its session.
const UNGOVERNED: &str = "the handler opened a socket and dropped its `Admitted`: nobody could close that socket";

/// What stands before the handler of a route's sockets: whoever comes through was admitted.
///
/// It is a layer, for axum and for every other server that takes tower's; [`admit`](Self::admit) does the same to one request,
/// without tower. Whatever is behind it is only reached by upgrades that redeemed a ticket (or, where the route's policy says
/// so, by a login): it takes the place of no other route, so put it around the socket's handler alone.
#[derive(Clone)]
pub struct Door {
    shared: Arc<Shared>,
    route: Arc<Route>,
}

impl Door {
    pub(super) fn new(shared: Arc<Shared>, route: Arc<Route>) -> Self {
        Self { shared, route }
    }

    /// Answers a request for a socket: admits, has the `handler` answer, and selects the subprotocol. Or refuses, by a Close
    /// where the client can read one.
    ///
    /// The handler gets the request without its credential, without our subprotocols and without any `x-admitone-*`.
    ///
    /// # Errors
    ///
    /// Those of the handler.
    pub async fn admit<B, R, E, F, A>(&self, request: Request<B>, handler: F) -> Result<Response<R>, E>
    where
        F: FnOnce(Request<B>, Admitted) -> A,
        A: Future<Output = Result<Response<R>, E>>,
        R: From<Vec<u8>>,
    {
        let (mut parts, body) = request.into_parts();
        let asking = match Asking::read(&parts) {
            Ok(asking) => asking,
            Err(refusal) => {
                self.tell(&refusal);
                return Ok(refusal.last_answer());
            }
        };
        match enter(&self.shared, &self.route, &mut parts, &asking.handshake).await {
            Err(refused) => Ok(self.refuse(refused, &asking, parts.extensions.remove())),
            Ok((admitted, offer)) => {
                let watch = admitted.watch();
                let response = handler(Request::from_parts(parts, body), admitted).await?;
                Ok(self.opened(response, &asking, &offer, &watch))
            }
        }
    }

    /// Selects the subprotocol of a socket that the handler opened, and sees to it that somebody governs it.
    fn opened<R: From<Vec<u8>>>(
        &self,
        mut response: Response<R>,
        asking: &Asking,
        offer: &Offer,
        watch: &Watch,
    ) -> Response<R> {
        if response.status() != asking.switching() {
            return response;
        }
        let selecting = || {
            if !watch.is_held() {
                return Err(Refusal::Fault(UNGOVERNED));
            }
            let choice = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
            let choice = choice.map(|choice| choice.to_str().unwrap_or_default());
            let selected = offer.answer(choice);
            let selected =
                selected.map_err(|_| Refusal::Fault("the handler selected a subprotocol that was not offered"))?;
            Ok(selected.and_then(|selected| HeaderValue::from_str(selected).ok()))
        };
        match selecting() {
            Ok(selected) => {
                if let Some(selected) = selected {
                    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, selected);
                }
                response
            }
            Err(refusal) => {
                self.tell(&refusal);
                refusal.last_answer()
            }
        }
    }

    fn refuse<R: From<Vec<u8>>>(&self, refused: Refused, asking: &Asking, socket: Option<OnUpgrade>) -> Response<R> {
        let Refused { refusal, offer } = refused;
        self.tell(&refusal);
        let reads_refusals = asking.handshake.reads_refusals;
        let code = refusal.row().close.filter(|_| self.route.refuse_with.by_close(reads_refusals));
        let (Some(code), Some(socket)) = (code, socket) else { return refusal.last_answer() };
        tokio::spawn(say_farewell(socket, self.route.close_profile.farewell(code)));
        asking.switch(refusal::selected(offer, reads_refusals).as_deref())
    }

    fn tell(&self, refusal: &Refusal) {
        self.shared.tell(&self.route.path, refusal);
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("route", &self.route.path).finish_non_exhaustive()
    }
}

/// Writes the frames of a refusal, and reads on until the client has seen them: a socket that is dropped with unread input
/// resets the connection, which can destroy the Close on its way.
async fn say_farewell(socket: OnUpgrade, frames: Vec<u8>) {
    let telling = async {
        let mut socket = TokioIo::new(socket.await.ok()?);
        socket.write_all(&frames).await.ok()?;
        socket.shutdown().await.ok()?;
        tokio::io::copy(&mut socket, &mut tokio::io::sink()).await.ok()
    };
    let _ = tokio::time::timeout(FAREWELL, telling).await;
}

/// A request for a socket.
struct Asking {
    handshake: Handshake,
    /// By extended CONNECT over HTTP/2 (RFC 8441).
    is_extended: bool,
}

impl Asking {
    fn read(parts: &Parts) -> Result<Self, Refusal> {
        #[cfg(feature = "http2")]
        if let Some(protocol) = parts.extensions.get::<hyper::ext::Protocol>() {
            if parts.method != http::Method::CONNECT {
                return Err(HandshakeError::NotAnUpgrade.into());
            }
            // Nobody is asked with its key.
            let handshake = Handshake::read_extended(parts, protocol.as_str(), HeaderValue::from_static(""))?;
            return Ok(Self { handshake, is_extended: true });
        }
        let handshake = Handshake::read(parts).map_err(HandshakeError::into);
        handshake.map(|handshake| Self { handshake, is_extended: false })
    }

    /// The status of an answer behind which there is a socket.
    const fn switching(&self) -> StatusCode {
        if self.is_extended { StatusCode::OK } else { StatusCode::SWITCHING_PROTOCOLS }
    }

    /// The answer behind which there is a socket.
    fn switch<R: From<Vec<u8>>>(&self, selected: Option<&str>) -> Response<R> {
        let mut response = Response::new(R::from(Vec::new()));
        *response.status_mut() = self.switching();
        let headers = response.headers_mut();
        if !self.is_extended {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            if let Ok(accept) = HeaderValue::from_str(&accept_key(self.handshake.key.as_bytes())) {
                headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
            }
        }
        if let Some(Ok(selected)) = selected.map(HeaderValue::from_str) {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, selected);
        }
        response
    }
}

/// `Sec-WebSocket-Accept` (RFC 6455 §4.2.2).
fn accept_key(key: &[u8]) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    STANDARD.encode(digest)
}

impl<S> Layer<S> for Door {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { door: self.clone(), inner }
    }
}

/// A service behind a [`Door`]: it finds whom it is called for by [`Admitted::take`].
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    door: Door,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<Vec<u8>> + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let door = self.door.clone();
        // The one that was polled ready; its clone need not be.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        Box::pin(async move {
            let handler = async |mut request: Request<B>, admitted| {
                let slot = Slot::holding(admitted);
                request.extensions_mut().insert(slot.clone());
                let response = inner.call(request).await;
                // What nobody took governs nothing.
                drop(slot.empty());
                response
            };
            door.admit(request, handler).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_key_is_that_of_rfc_6455() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
