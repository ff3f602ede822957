//! A connection's life: from the upgrade request to the relay.

use std::sync::Arc;
use std::time::Instant;

use admitone::carrier::Offer;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::StatusCode;
use http::header::{HeaderMap, SEC_WEBSOCKET_ACCEPT};
use http::request::Parts;

use super::admit::{Connected, Refused, admit};
use super::conversation::Conversation;
use super::handshake::Handshake;
use super::telling::REQUEST_ID;
use super::{App, Peer, answer, event_stream, forward, problem, refuse};
use crate::rejection::Rejection;
use crate::relay::{self, Why};
use crate::routes::Route;

/// Answers a request to upgrade to a route's socket. Nothing else is answered behind it.
pub(super) async fn connect(app: &Arc<App>, route: &Arc<Route>, mut parts: Parts, client: Conversation) {
    let handshake = match Handshake::read(&parts) {
        Ok(handshake) => handshake,
        Err(error) => return client.end_with(problem::respond(&error.into(), &route.path)).await,
    };
    if let Some(over) = client.over() {
        let refused = Refused { rejection: over.into(), offer: Offer::default() };
        return refuse::refuse(route, refused, &handshake, client).await;
    }
    let began = Instant::now();
    match open(app, route, client.peer(), &mut parts, &handshake).await {
        Ok(connected) => {
            app.metrics.admitted_after(began.elapsed());
            switch(app, route, connected, client).await;
        }
        Err(refused) => {
            app.metrics.refused_after(began.elapsed());
            refuse::refuse(route, refused, &handshake, client).await;
        }
    }
}

/// Everything up to the upstream's 101.
pub(super) async fn open(
    app: &Arc<App>,
    route: &Arc<Route>,
    peer: Peer,
    parts: &mut Parts,
    handshake: &Handshake,
) -> Result<Connected, Refused> {
    let entered = admit(app, route, peer, parts, handshake.origin.as_deref()).await?;
    entered.upgrade(&handshake.key).await
}

/// Answers 101, and relays behind it in a task that holds nothing of the request any more.
async fn switch(app: &Arc<App>, route: &Route, connected: Connected, client: Conversation) {
    let Connected { session, record, upgraded, place, selected } = connected;
    client.trace().answered(StatusCode::SWITCHING_PROTOCOLS.as_u16());
    let id = client.request_id().clone();
    let (mut io, ahead) = client.into_parts();
    let passed = forward::answer(&upgraded.headers).filter(|(name, _)| **name != REQUEST_ID);
    let head = answer::switching_protocols(
        upgraded.headers.get(SEC_WEBSOCKET_ACCEPT),
        selected.as_deref(),
        passed.chain([(&REQUEST_ID, &id)]),
    );
    if answer::write(&mut io, &head).await.is_err() {
        return;
    }
    let (upstream, upstream_ahead) = (upgraded.io, upgraded.ahead);
    let relayed = relay::run(io, ahead, upstream, upstream_ahead, session, route.bounds);
    let metrics = app.metrics.clone();
    // Thousands of these wait at once: a block that awaits what was moved into it would hold it twice.
    app.tasks.spawn(relayed.map(move |ended| {
        if ended.why == Why::Panicked {
            metrics.panicked();
        }
        record.end(&ended);
        drop(place);
    }));
}

/// Whatever is no endpoint of ours and asks for no upgrade.
pub(super) async fn elsewhere(State(app): State<Arc<App>>, request: Request) -> Response {
    let route = app.route_with_upstream(request.uri().path()).cloned();
    match route {
        None => Rejection::NoSuchPath.into_response(),
        Some(route) if route.event_streams => event_stream::answer(app, route, request).await,
        Some(route) => {
            let (parts, _) = request.into_parts();
            let rejection = Handshake::read(&parts).err().map_or(Rejection::NotAnUpgrade, Rejection::from);
            problem::respond(&rejection, &route.path)
        }
    }
}

/// Whether a request asks for an upgrade, of whatever kind.
pub(super) fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(http::header::UPGRADE)
}
