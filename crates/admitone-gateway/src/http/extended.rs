//! An upgrade over HTTP/2, by extended CONNECT (RFC 8441): the checks, the upstream and the relay of every other one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use admitone::carrier::Offer;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use http::request::Parts;
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::admit::{Connected, Refused};
use super::handshake::read_extended;
use super::refuse::{self, Told};
use super::telling::{Asked, Teller};
use super::{App, Peer, connect, forward, problem};
use crate::limits::Over;
use crate::rejection::Rejection;
use crate::relay::{self, Why};
use crate::routes::Route;

/// How long the client may take to read a refusal.
const FAREWELL: Duration = Duration::from_secs(2);

/// A stream that asks to become a socket.
pub(super) struct Asking {
    pub(super) peer: Peer,
    pub(super) parts: Parts,
    pub(super) stream: OnUpgrade,
    /// Its place among the requests of its connection.
    pub(super) of_connection: OwnedSemaphorePermit,
    /// Where its place among all connections is: it is one more.
    pub(super) places: Arc<Semaphore>,
    /// Why there is no upgrade for its connection.
    pub(super) over: Option<Over>,
}

/// What a socket takes, until it ends.
struct Held {
    _of_connection: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// The answer to an extended CONNECT. What follows it, frames or a refusal's Close, is a task's of its own.
pub(super) async fn answer(app: &Arc<App>, mut asking: Asking) -> Response {
    let parts = &mut asking.parts;
    let path = app.route_with_upstream(parts.uri.path()).map_or("", |route| &*route.path);
    let asked = Asked::traced(app, asking.peer, &parts.method, path, &mut parts.headers);
    asked.trace().travel(&mut parts.extensions);
    let mut response = respond(app, asking, &asked).await;
    Teller::public(app).tell(&asked, "", &mut response);
    response
}

async fn respond(app: &Arc<App>, asking: Asking, asked: &Asked) -> Response {
    let Asking { peer, mut parts, stream, of_connection, places, over } = asking;
    let Some(protocol) = parts.extensions.remove::<Protocol>() else { return Rejection::Method.into_response() };
    let Some(route) = app.route_with_upstream(parts.uri.path()).cloned() else {
        return Rejection::NoSuchPath.into_response();
    };
    let handshake = match read_extended(&parts, &protocol) {
        Ok(handshake) => handshake,
        Err(rejection) => return problem::respond(&rejection, &route.path),
    };
    let refuse = |refused, stream| told(app, refuse::tell(&route, refused, &handshake), asked, stream);
    let without_offer = |rejection| Refused { rejection, offer: Offer::default() };
    if let Some(over) = over {
        return refuse(without_offer(over.into()), stream);
    }
    let Ok(of_all) = places.try_acquire_owned() else { return refuse(without_offer(Rejection::Overloaded), stream) };
    let began = Instant::now();
    match connect::open(app, &route, peer, &mut parts, &handshake).await {
        Ok(connected) => {
            app.metrics.admitted_after(began.elapsed());
            switch(app, &route, connected, stream, Held { _of_connection: of_connection, _of_all: of_all })
        }
        Err(refused) => {
            app.metrics.refused_after(began.elapsed());
            refuse(refused, stream)
        }
    }
}

/// Answers 200, and relays behind it.
fn switch(app: &App, route: &Route, connected: Connected, stream: OnUpgrade, held: Held) -> Response {
    let Connected { session, record, upgraded, place, selected } = connected;
    let response = selecting(selected.as_deref(), |response| {
        for (name, value) in forward::answer(&upgraded.headers) {
            response.headers_mut().append(name, value.clone());
        }
    });
    let (upstream, upstream_ahead) = (upgraded.io, upgraded.ahead);
    let (bounds, metrics) = (route.bounds, app.metrics.clone());
    app.tasks.spawn(async move {
        // A stream that was reset meanwhile never opens: the record says so as it is dropped.
        let Ok(stream) = stream.await else { return };
        let client = TokioIo::new(stream);
        let ended = relay::run(client, Bytes::new(), upstream, upstream_ahead, session, bounds).await;
        if ended.why == Why::Panicked {
            metrics.panicked();
        }
        record.end(&ended);
        drop((place, held));
    });
    response
}

fn told(app: &Arc<App>, told: Told, asked: &Asked, stream: OnUpgrade) -> Response {
    match told {
        Told::Answer(response) => response,
        Told::Frames { selected, frames, refusal } => {
            Teller::public(app).refused(asked, "", &refusal);
            app.tasks.spawn(async move {
                let telling = async {
                    let mut stream = TokioIo::new(stream.await.ok()?);
                    stream.write_all(&frames).await.ok()?;
                    stream.shutdown().await.ok()
                };
                // A client that reads nothing is left to its stream.
                let _ = tokio::time::timeout(FAREWELL, telling).await;
            });
            selecting(selected.as_deref(), |_| {})
        }
    }
}

fn selecting(selected: Option<&str>, with: impl FnOnce(&mut Response)) -> Response {
    let mut response = Response::new(Body::empty());
    with(&mut response);
    if let Some(Ok(selected)) = selected.map(HeaderValue::from_str) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, selected);
    }
    response
}
