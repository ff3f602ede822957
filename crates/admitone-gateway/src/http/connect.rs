//! A connection's life: from the upgrade request to the relay.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use admitone::admission::Authentic;
use admitone::carrier::{self, Carrier, Kind, Offer, Presented};
use admitone::now::Now;
use admitone::principal::Method;
use admitone::sessions::Session;
use admitone::ticket::Ticket;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::handshake::Handshake;
use super::io::ClientIo;
use super::session_record::{Entrance, SessionRecord};
use super::{App, Peer, client, forward, problem, refuse, replay};
use crate::config::JwtFallback;
use crate::logins::Credential;
use crate::rejection::Rejection;
use crate::relay;
use crate::routes::Route;
use crate::upstream::{DialError, Dialed, UpgradeHead, Upgraded};

/// Whatever is not an endpoint of ours: the routes.
pub(super) async fn connect(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let Some(route) = app.routes.find(parts.uri.path()).cloned() else {
        return Rejection::NoSuchPath.into_response();
    };
    let handshake = match Handshake::read(&parts) {
        Ok(handshake) => handshake,
        Err(rejection) => return problem::respond(&rejection, &route.path),
    };
    let Some(on_upgrade) = parts.extensions.remove::<OnUpgrade>() else {
        return Rejection::Internal("the HTTP stack offers no upgrade").into_response();
    };
    let began = Instant::now();
    match admit(&app, &route, peer, &mut parts, &handshake).await {
        Ok(connected) => {
            app.metrics.admitted_after(began.elapsed());
            switch(&app, connected, on_upgrade)
        }
        Err(refused) => {
            app.metrics.refused_after(began.elapsed());
            refuse::refuse(&app, &route, refused, &handshake, on_upgrade)
        }
    }
}

/// A refusal, and what the client had offered by then.
pub(super) struct Refused {
    pub(super) rejection: Rejection,
    pub(super) offer: Offer,
}

/// Everything up to the upstream's 101.
async fn admit(
    app: &Arc<App>,
    route: &Arc<Route>,
    peer: Peer,
    parts: &mut Parts,
    handshake: &Handshake,
) -> Result<Connected, Refused> {
    let without_offer = |rejection| Refused { rejection, offer: Offer::default() };
    let address = client::address(app, peer, &parts.headers);
    let target = std::mem::take(&mut parts.uri).to_string();
    let taken = carrier::take(&target, &mut parts.headers, &route.carriers);
    let taken = taken.map_err(|error| without_offer(error.into()))?;
    let offer = taken.offer.clone();

    let entering = async {
        app.check_not_draining()?;
        let origin = handshake.origin.as_deref();
        route.check_origin(origin, taken.presented.as_ref().map(|presented| presented.carrier))?;
        let presented = taken.presented.ok_or(Rejection::NoCredential)?;
        let authentic = inspect(app, route, &presented, origin, address).await?;
        let upstream = app.upstreams.get(&route.path).ok_or(Rejection::Internal("the route has no upstream"))?;
        let dialed = upstream.dial(&authentic).await;
        app.metrics.on(&route.path).dialed(dialed.as_ref().map_or_else(DialError::name, |_| "connected"));
        let dialed = dialed?;
        let entry = Entry {
            authentic,
            carrier: presented.carrier,
            address,
            dialed,
            offer: taken.offer,
            key: handshake.key.clone(),
            target: taken.target,
            headers: forward::clean(app, peer, &parts.headers),
        };
        // From here the work runs to its end even if the client goes away: the ticket is being spent.
        let entered = app.tasks.spawn(enter(app.clone(), route.clone(), entry)).await;
        entered.map_err(|_| Rejection::Internal("the upgrade's task panicked"))?
    };
    entering.await.map_err(|rejection| Refused { rejection, offer })
}

/// Judges what was presented, a ticket offline. A credential that is refused is final: nothing else in the request is tried.
async fn inspect(
    app: &Arc<App>,
    route: &Route,
    presented: &Presented,
    origin: Option<&str>,
    address: IpAddr,
) -> Result<Authentic, Rejection> {
    let now = Now::read();
    match presented.kind {
        Kind::Ticket => {
            let ticket = Ticket::parse(presented.expose()).map_err(|error| ticket_refused(app, route, error.into()))?;
            let inspected = app.admission.inspect(&ticket, &route.upgrade_place(origin, address), now);
            inspected.map_err(|refused| ticket_refused(app, route, refused.into()))
        }
        Kind::Jwt => {
            let login = app.logins.authenticate(Credential::bearer(presented.expose()), now).await?;
            route.check_login(&login)?;
            let authentic = app.admission.inspect_login(&login, &route.path, now)?;
            if route.jwt_fallback == JwtFallback::Warn {
                tracing::warn!(
                    route = &*route.path,
                    subject = login.principal.subject(),
                    issuer = login.principal.issuer(),
                    carrier = presented.carrier.name(),
                    "JWT fallback used"
                );
            }
            Ok(authentic)
        }
    }
}

/// Counts what came of a ticket, where that is known: a client that has gone away must not go unnoticed.
fn ticket_refused(app: &Arc<App>, route: &Route, rejection: Rejection) -> Rejection {
    if let Some(outcome) = rejection.redeem_outcome() {
        app.metrics.on(&route.path).redeemed(outcome);
    }
    replay::audited(app, route, rejection)
}

/// What is needed to redeem and to ask the upstream.
struct Entry {
    authentic: Authentic,
    carrier: Carrier,
    address: IpAddr,
    dialed: Dialed,
    offer: Offer,
    key: HeaderValue,
    target: String,
    headers: HeaderMap,
}

/// A session whose upstream has agreed.
struct Connected {
    session: Session,
    record: SessionRecord,
    upgraded: Upgraded,
    selected: Option<String>,
}

/// Redeems, opens the session, and asks the upstream: in this order.
async fn enter(app: Arc<App>, route: Arc<Route>, entry: Entry) -> Result<Connected, Rejection> {
    let Entry { authentic, carrier, address, dialed, offer, key, target, mut headers } = entry;
    let now = Now::read();
    // Again: dialling takes a while, and a session that opens behind the last batch of a drain would be cut without a Close.
    app.check_not_draining()?;
    let method = authentic.method();
    let refused = |rejection| match method {
        Method::Ticket => ticket_refused(&app, &route, rejection),
        _ => rejection,
    };
    let admitted = app.admission.redeem(authentic, route.max_session, now).await;
    let admitted = admitted.map_err(|error| refused(error.into()))?;
    forward::identify(&mut headers, &admitted, &offer)?;
    let entrance = Entrance { method, carrier, address, login: admitted.grant().login.clone() };
    let session = app.sessions.open(admitted, now);
    let session = session.map_err(|revoked| refused(Rejection::RevokedWhileOpening(revoked.0)))?;
    let record = SessionRecord::open(&app, &route, &session, &entrance);
    let key = key.to_str().map_err(|_| Rejection::Request("Sec-WebSocket-Key is not ASCII"))?;
    let head = UpgradeHead { query: query(&target), key, headers: &headers };
    let upgraded = dialed.upgrade(&head, &session).await?;
    let choice = upgraded.headers.get(SEC_WEBSOCKET_PROTOCOL).map(|choice| choice.to_str().unwrap_or_default());
    let selected = offer.answer(choice).map_err(|_| Rejection::UpstreamChoice)?.map(str::to_owned);
    Ok(Connected { session, record, upgraded, selected })
}

fn query(target: &str) -> Option<&str> {
    target.split_once('?').map(|(_, query)| query)
}

/// Answers 101, and relays behind it.
fn switch(app: &Arc<App>, connected: Connected, on_upgrade: OnUpgrade) -> Response {
    let Connected { session, record, upgraded, selected } = connected;
    let mut headers = forward::answer(&upgraded.headers);
    headers.extend(upgraded.headers.get(SEC_WEBSOCKET_ACCEPT).map(|accept| (SEC_WEBSOCKET_ACCEPT, accept.clone())));
    let response = switching_protocols(headers, selected.as_deref());
    app.tasks.spawn(run(session, record, upgraded, on_upgrade));
    response
}

/// A 101 to WebSocket with these headers and this subprotocol.
pub(super) fn switching_protocols(mut headers: HeaderMap, selected: Option<&str>) -> Response {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Some(Ok(selected)) = selected.map(HeaderValue::from_str) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, selected);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    response
}

async fn run(session: Session, record: SessionRecord, upgraded: Upgraded, on_upgrade: OnUpgrade) {
    if let Some((io, ahead)) = client_io(on_upgrade).await {
        record.end(&relay::run(io, ahead, upgraded.io, upgraded.ahead, session).await);
    }
}

/// The socket itself, out of the HTTP stack, and what the stack had read beyond the request.
pub(super) async fn client_io(on_upgrade: OnUpgrade) -> Option<(ClientIo, bytes::Bytes)> {
    let upgraded = on_upgrade.await.ok()?;
    let parts = upgraded.downcast::<TokioIo<ClientIo>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf))
}
