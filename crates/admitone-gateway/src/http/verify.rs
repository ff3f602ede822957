//! `/auth/verify`, any method: a proxy asks whether a request may pass (forward-auth).
//!
//! The checks are an upgrade's, up to [`Admitted`]: there is no upstream to dial and no session, so nothing to renew or close.

use std::net::IpAddr;
use std::sync::Arc;

use admitone::admission::Admitted;
use admitone::carrier::{self, Carrier, Kind, Offer, Taken};
use admitone::now::Now;
use admitone::problem::ProblemCode;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::on;
use http::header::{HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};

use super::endpoint::{Caller, Endpoint, Given, Reach, Takes, Verb};
use super::forwarded::{FORWARDED_FOR, FORWARDED_METHOD, FORWARDED_URI, Forwarded, ForwardedError, ORIGINAL_URI};
use super::handshake::read_origin;
use super::telling::request_id;
use super::{App, Peer, admit, client, event_stream, forward, problem};
use crate::audit::{Event, What};
use crate::rejection::Rejection;
use crate::routes::Route;
use crate::traces::Trace;

/// Where proxies ask, with or without the path of the request that they ask about behind it.
pub(super) const PATH: &str = "/auth/verify";

/// The request's target without its credential.
const CLEAN_URI: &str = "x-admitone-uri";

/// What the upstream may choose from.
const PROTOCOLS: &str = "sec-websocket-protocol";

/// What to select when the upstream selects no subprotocol.
const SUBPROTOCOL: &str = "x-admitone-subprotocol";

/// The headers that Envoy takes out of the request: those that it would otherwise leave as the client sent them.
const ENVOY_REMOVES: &str = "x-envoy-auth-headers-to-remove";

pub(super) static ENDPOINT: Endpoint = Endpoint {
    name: "verify",
    about: "A proxy asks whether a request to open a socket may pass (forward-auth); to anybody else nothing is here. \
            The path of the request may also stand behind this one.",
    verb: Verb::Any,
    paths: &[PATH, "/auth/verify/{*target}"],
    id: None,
    caller: Caller::Anybody,
    reach: Reach::Machines,
    takes: Takes::Headers(&[
        (ORIGINAL_URI, "The request's path and query; or"),
        (FORWARDED_URI, "the same."),
        (FORWARDED_METHOD, "Its method, where it is not the question's own."),
        (FORWARDED_FOR, "The client's address; it has to be there."),
    ]),
    gives: &[Given {
        status: StatusCode::OK,
        about: "It may pass, with these headers.",
        content: None,
        headers: &[&forward::IDENTITY, &[forward::ASSERTION, CLEAN_URI, PROTOCOLS, SUBPROTOCOL, ENVOY_REMOVES]],
    }],
    refuses: &[&[
        ProblemCode::AmbiguousCredential,
        ProblemCode::QueryTokenNotAllowed,
        ProblemCode::NotLoggedIn,
        ProblemCode::TicketNotAccepted,
        ProblemCode::OriginNotAllowed,
        ProblemCode::Forbidden,
        ProblemCode::NotFound,
        ProblemCode::MethodNotAllowed,
        ProblemCode::UpgradeRequired,
        ProblemCode::IssuerUnavailable,
        ProblemCode::StoreUnavailable,
        ProblemCode::Draining,
    ]],
    is_there: |app| app.routes.iter().any(|route| route.forward_auth),
    handler: |by| on(by, verify),
};

/// Whether a request asks here.
pub(super) fn is_asked(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a proxy; to anybody else nothing is here.
async fn verify(State(app): State<Arc<App>>, Extension(peer): Extension<Peer>, request: Request) -> Response {
    if !app.trusts(peer.0.ip()) {
        return Rejection::NoSuchPath.into_response();
    }
    let (parts, _) = request.into_parts();
    let (asked, route) = match find(&app, &parts) {
        Ok(found) => found,
        Err(rejection) => return problem::respond(&rejection, &Arc::from(PATH)),
    };
    let path = route.path.clone();
    // In a task: from the redemption on the work has to reach its end even if the proxy hangs up.
    let admitting = app.tasks.spawn(admit(app.clone(), route, peer, parts, asked));
    let admitted = admitting.await.unwrap_or_else(|_| {
        app.metrics.panicked();
        Err(Rejection::Internal("admitting panicked"))
    });
    admitted.unwrap_or_else(|rejection| problem::respond(&rejection, &path))
}

/// The request that is asked about, and its route.
fn find(app: &App, parts: &Parts) -> Result<(Forwarded, Arc<Route>), Rejection> {
    let asked = Forwarded::read(parts)?;
    let route = app.routes.find(asked.target.path()).filter(|route| route.forward_auth);
    let route = route.cloned().ok_or(Rejection::NoRouteAsked)?;
    if asked.method != Method::GET {
        return Err(Rejection::Method);
    }
    if asked.is_upgrade || route.event_streams && event_stream::is_wanted(&parts.headers) {
        Ok((asked, route))
    } else {
        Err(ForwardedError::NotAnUpgrade.into())
    }
}

/// An upgrade's checks, the redemption included.
async fn admit(
    app: Arc<App>,
    route: Arc<Route>,
    peer: Peer,
    mut parts: Parts,
    asked: Forwarded,
) -> Result<Response, Rejection> {
    app.check_not_draining()?;
    let address = client::address(&app, peer, &parts.headers);
    let headers = &parts.headers;
    let origin = if asked.is_upgrade { read_origin(headers) } else { event_stream::origin(&app, headers) };
    let taken = carrier::take(&asked.target.to_string(), &mut parts.headers, &route.carriers)?;
    route.check_origin(origin.as_deref(), taken.presented.as_ref().map(|presented| presented.carrier))?;
    let presented = taken.presented.as_ref().ok_or(Rejection::NoCredential)?;
    let trace = Trace::of(&parts.extensions);
    let step = trace.step(if presented.kind == Kind::Ticket { "inspect" } else { "authenticate" });
    let authentic = admit::inspect(&app, &route, presented, origin.as_deref(), address).await?;
    step.ended("authentic");
    let now = Now::read();
    let step = trace.step("redeem");
    let admitted = admit::redeem(&app, &route, address, authentic, now).await?;
    step.ended("admitted");
    trace.note("admitone.route", &route.path);
    admit::tell(&trace, &admitted, presented.carrier);
    tell(&app, &route, &admitted, presented.carrier, address, &parts.headers);
    let assertion = admit::assertion(&app, &route, &admitted, now)?;
    answer(&admitted, assertion.as_deref(), &taken, asked.is_path)
}

fn tell(app: &App, route: &Route, admitted: &Admitted, carrier: Carrier, address: IpAddr, headers: &HeaderMap) {
    let metrics = app.metrics.on(&route.path);
    metrics.admitted(admitted.method(), carrier);
    if admitted.method() == admitone::principal::Method::Ticket {
        metrics.redeemed("admitted");
    }
    let grant = admitted.grant();
    let event = Event {
        route: Some(&route.path),
        session_id: Some(admitted.session_id().as_str()),
        method: Some(admitted.method().name()),
        carrier: Some(carrier.name()),
        address: Some(address),
        request_id: request_id(headers),
        ..Event::new(What::Verified)
    };
    app.audit.tell(&event.of(&grant.principal).by_login(&grant.login));
}

/// What the proxy writes into the request before it passes it on.
fn answer(admitted: &Admitted, assertion: Option<&str>, taken: &Taken, is_envoy: bool) -> Result<Response, Rejection> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    let mut write = |name: &'static str, value: &str| {
        let value = HeaderValue::from_str(value);
        headers.insert(name, value.map_err(|_| Rejection::Internal("what was admitted does not fit into a header"))?);
        Ok::<_, Rejection>(())
    };
    for (name, value) in forward::identity(admitted) {
        write(name, &value)?;
    }
    if let Some(assertion) = assertion {
        write(forward::ASSERTION, assertion)?;
    }
    write(CLEAN_URI, &taken.target)?;
    let Offer { protocols, .. } = &taken.offer;
    if !protocols.is_empty() {
        write(PROTOCOLS, &protocols.join(", "))?;
    }
    if let Ok(Some(marker)) = taken.offer.answer(None) {
        write(SUBPROTOCOL, marker)?;
    }
    write("cache-control", "no-store")?;
    if is_envoy {
        headers.insert(ENVOY_REMOVES, absent(headers)?);
    }
    Ok(response)
}

/// The headers of an answer that this one does not have.
fn absent(headers: &HeaderMap) -> Result<HeaderValue, Rejection> {
    let own = [CLEAN_URI, SUBPROTOCOL, PROTOCOLS, forward::ASSERTION];
    let all = forward::IDENTITY.into_iter().chain(own);
    let absent: Vec<&str> = all.filter(|name| !headers.contains_key(*name)).collect();
    HeaderValue::from_str(&absent.join(",")).map_err(|_| Rejection::Internal("a list of headers is no header"))
}
