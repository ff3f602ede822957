//! What every upgrade and every event stream goes through, whatever the HTTP version and the socket it came by.

use std::net::IpAddr;
use std::sync::Arc;

use admitone::admission::{Admitted, Authentic, RedeemError};
use admitone::carrier::{self, Carrier, Kind, Offer, Presented, Taken};
use admitone::now::Now;
use admitone::principal::Method;
use admitone::sessions::Session;
use admitone::ticket::Ticket;
use http::Version;
use http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use http::request::Parts;

use super::session_record::{Entrance, SessionRecord};
use super::telling::REQUEST_ID;
use super::{App, Peer, client, forward, replay, rollout, shadow};
use crate::config::JwtFallback;
use crate::limits::{Dialling, Place};
use crate::rejection::Rejection;
use crate::routes::Route;
use crate::traces::Trace;
use crate::upstream::{DialError, Dialed, HeaderLines, Streamed, UpgradeHead, Upgraded};

/// A refusal, and what the client had offered by then.
pub(super) struct Refused {
    pub(super) rejection: Rejection,
    pub(super) offer: Offer,
}

/// A session whose upstream has agreed to be a socket.
pub(super) struct Connected {
    pub(super) session: Session,
    pub(super) record: SessionRecord,
    pub(super) upgraded: Upgraded,
    /// Its place among those of its address, where its connection has none for it.
    pub(super) place: Option<Place>,
    /// The subprotocol to select.
    pub(super) selected: Option<String>,
}

/// A session whose upstream has agreed to stream.
pub(super) struct Streaming {
    pub(super) session: Session,
    pub(super) record: SessionRecord,
    pub(super) streamed: Streamed,
    /// As above.
    pub(super) place: Option<Place>,
}

/// Everything up to the upstream's answer, which the caller asks for: to the first byte of a request, that is. `origin` is whose
/// page asks.
///
/// Run it in a task that ends only with it: from the redemption on the work has to reach its end even if the client goes
/// away, or a ticket is spent for nothing.
pub(super) async fn admit(
    app: &Arc<App>,
    route: &Arc<Route>,
    peer: Peer,
    parts: &mut Parts,
    origin: Option<&str>,
) -> Result<Entered, Refused> {
    let without_offer = |rejection| Refused { rejection, offer: Offer::default() };
    let address = client::address(app, peer, &parts.headers);
    let trace = Trace::of(&parts.extensions);
    let target = std::mem::take(&mut parts.uri).to_string();
    let taken = carrier::take(&target, &mut parts.headers, &route.carriers);
    let Taken { presented, target, offer } = taken.map_err(|error| without_offer(error.into()))?;

    let entering = async {
        app.check_not_draining()?;
        route.check_origin(origin, presented.as_ref().map(|presented| presented.carrier))?;
        let presented = presented.ok_or(Rejection::NoCredential)?;
        let place = app.place_of_session(peer, address, parts.version)?;
        let step = trace.step(if presented.kind == Kind::Ticket { "inspect" } else { "authenticate" });
        let authentic = inspect(app, route, &presented, origin, address).await?;
        step.ended("authentic");
        let uses = if authentic.is_single_use() { 1 } else { route.max_uses.get() };
        let dialling = app.limits.dial(address, authentic.ticket_id(), uses, Now::read().instant)?;
        let upstream = app.upstreams.get(&route.path).ok_or(Rejection::Internal("the route has no upstream"))?;
        let step = trace.step("dial");
        let dialed = upstream.dial(&authentic).await;
        let outcome = dialed.as_ref().map_or_else(DialError::name, |_| "connected");
        step.ended(outcome);
        app.metrics.on(&route.path).dialed(outcome);
        let entry = Entry {
            carrier: presented.carrier,
            address,
            trace,
            request_id: parts.headers.get(REQUEST_ID).cloned(),
            place,
            dialling,
            dialed: dialed?,
            offer: &offer,
            version: parts.version,
            target,
            headers: forward::clean(app, route, peer, &parts.headers)?,
        };
        enter(app, route, authentic, entry).await
    };
    match entering.await {
        Ok(entered) => Ok(Entered { offer, ..entered }),
        Err(rejection) => Err(Refused { rejection, offer }),
    }
}

/// Judges what was presented, a ticket offline. A credential that is refused is final: nothing else in the request is tried.
pub(super) async fn inspect(
    app: &Arc<App>,
    route: &Arc<Route>,
    presented: &Presented,
    origin: Option<&str>,
    address: IpAddr,
) -> Result<Authentic, Rejection> {
    let now = Now::read();
    match presented.kind {
        Kind::Ticket => {
            app.limits.check_redeem(address, now.instant)?;
            let refused = |rejection| ticket_refused(app, route, address, rejection);
            let ticket = Ticket::parse(presented.expose()).map_err(|error| refused(error.into()))?;
            let inspected = app.admission.inspect(&ticket, &route.upgrade_place(origin, Some(address)), now);
            inspected.map_err(|error| refused(error.into()))
        }
        Kind::Jwt => {
            app.limits.check_login(address, now.instant)?;
            let credential = app.logins.of_upgrade(presented, route.carriers.jwt_cookie.as_deref());
            let credential = credential.ok_or(Rejection::NoCredential)?;
            let login = app.logins.authenticate(credential, now).await;
            let login = login.map_err(|error| login_refused(app, address, error.into()))?;
            route.check_login(&login)?;
            let authentic = app.admission.inspect_login(&login, &route.path, now)?;
            shadow::rehearse(app, route, &login, origin, address);
            if route.jwt_fallback == JwtFallback::Warn {
                tracing::warn!(
                    route = &*route.path,
                    subject = login.principal.subject(),
                    issuer = login.principal.issuer(),
                    source = credential.source().name(),
                    carrier = presented.carrier.name(),
                    "JWT fallback used"
                );
            }
            Ok(authentic)
        }
    }
}

/// Counts what came of a ticket, where that is known: a client that has gone away must not go unnoticed.
fn ticket_refused(app: &Arc<App>, route: &Route, address: IpAddr, rejection: Rejection) -> Rejection {
    if rejection.is_failed_redeem() {
        app.limits.count_failed_redeem(address, Now::read().instant);
    }
    if let Some(outcome) = rejection.redeem_outcome() {
        app.metrics.on(&route.path).redeemed(outcome);
    }
    rollout::failed(app, route, &rejection);
    replay::audited(app, route, rejection)
}

/// What is not redeemed any more counts against whom it came from, where it was a ticket.
fn refused(app: &Arc<App>, route: &Route, address: IpAddr, method: Method, rejection: Rejection) -> Rejection {
    match method {
        Method::Ticket => ticket_refused(app, route, address, rejection),
        _ => rejection,
    }
}

/// Spends what is authentic.
pub(super) async fn redeem(
    app: &Arc<App>,
    route: &Route,
    address: IpAddr,
    authentic: Authentic,
    now: Now,
) -> Result<Admitted, Rejection> {
    let method = authentic.method();
    let admitted = app.admission.redeem(authentic, route.terms.clone(), now).await;
    let admitted = admitted.map_err(|error| refused(app, route, address, method, error.into()))?;
    if method == Method::Ticket {
        rollout::worked(app, route);
    }
    Ok(admitted)
}

/// What a trace says of whom it is about: by which way, and the public handle.
pub(super) fn tell(trace: &Trace, admitted: &Admitted, carrier: Carrier) {
    trace.note("admitone.session_id", admitted.session_id().as_str());
    trace.note("admitone.method", admitted.method().name());
    trace.note("admitone.carrier", carrier.name());
}

/// What says who was admitted, signed, on the routes that want it.
pub(super) fn assertion(app: &App, route: &Route, admitted: &Admitted, now: Now) -> Result<Option<String>, Rejection> {
    if !route.upstream_assertion {
        return Ok(None);
    }
    let signed = app.assertions.as_ref().and_then(|keys| keys.sign(admitted, &route.path, now.unix).ok());
    signed.map(Some).ok_or(Rejection::Internal("no assertion can be signed"))
}

fn login_refused(app: &App, address: IpAddr, rejection: Rejection) -> Rejection {
    if rejection.is_failed_login() {
        app.limits.count_failed_login(address, Now::read().instant);
    }
    rejection
}

/// What is needed to redeem and to ask the upstream.
struct Entry<'a> {
    carrier: Carrier,
    address: IpAddr,
    trace: Trace,
    request_id: Option<HeaderValue>,
    place: Option<Place>,
    /// Counts as a dial until the ticket is spent.
    dialling: Dialling,
    dialed: Dialed,
    offer: &'a Offer,
    version: Version,
    target: String,
    headers: HeaderLines,
}

/// Redeems and opens the session, in this order.
async fn enter(
    app: &Arc<App>,
    route: &Arc<Route>,
    authentic: Authentic,
    entry: Entry<'_>,
) -> Result<Entered, Rejection> {
    let Entry { carrier, address, trace, request_id, place, dialling, dialed, offer, version, target, mut headers } =
        entry;
    let now = Now::read();
    // Again: dialling takes a while, and a session that opens behind the last batch of a drain would be cut without a Close.
    app.check_not_draining()?;
    let method = authentic.method();
    let step = trace.step("redeem");
    let admitted = redeem(app, route, address, authentic, now).await?;
    step.ended("admitted");
    dialling.redeemed();
    tell(&trace, &admitted, carrier);
    forward::identify(&mut headers, &admitted, offer)?;
    let login = admitted.grant().login.clone();
    let entrance = Entrance { method, carrier, address, version, login, request_id };
    if let Some(assertion) = assertion(app, route, &admitted, now)? {
        forward::assert(&mut headers, &assertion)?;
    }
    let step = trace.step("open");
    let claimed = claim_place(app, &admitted, now).await;
    claimed.map_err(|rejection| refused(app, route, address, method, rejection))?;
    let session = app.sessions.open(admitted, now);
    let session = session.map_err(|revoked| refused(app, route, address, method, revoked.into()))?;
    step.ended("open");
    let record = SessionRecord::open(app, route, &session, &entrance);
    Ok(Entered { session, record, place, dialed, offer: Offer::default(), target, headers, trace })
}

/// Somebody who is let in: the credential is redeemed, the session open, and the upstream dialled and yet to be asked.
pub(super) struct Entered {
    session: Session,
    record: SessionRecord,
    place: Option<Place>,
    dialed: Dialed,
    offer: Offer,
    target: String,
    headers: HeaderLines,
    trace: Trace,
}

impl Entered {
    /// Asks the upstream for a socket.
    pub(super) async fn upgrade(self, key: &HeaderValue) -> Result<Connected, Refused> {
        let Self { session, record, place, dialed, offer, target, headers, trace } = self;
        let asking = async {
            let key = key.to_str().map_err(|_| Rejection::Request("Sec-WebSocket-Key is not ASCII"))?;
            let head = UpgradeHead { query: query(&target), key, headers: &headers };
            let step = trace.step("upgrade");
            let upgraded = dialed.upgrade(&head, &session).await?;
            step.ended("switched");
            let choice = upgraded.headers.get(SEC_WEBSOCKET_PROTOCOL);
            let choice = choice.map(|choice| choice.to_str().unwrap_or_default());
            let selected = offer.answer(choice).map_err(|_| Rejection::UpstreamChoice)?.map(str::to_owned);
            Ok((upgraded, selected))
        };
        match asking.await {
            Ok((upgraded, selected)) => Ok(Connected { session, record, upgraded, place, selected }),
            Err(rejection) => Err(Refused { rejection, offer }),
        }
    }

    /// Asks the upstream for an event stream.
    pub(super) async fn stream(self) -> Result<Streaming, Rejection> {
        let Self { session, record, place, dialed, target, headers, trace, .. } = self;
        let step = trace.step("upgrade");
        let streamed = dialed.stream(query(&target), &headers, &session).await?;
        step.ended("streaming");
        Ok(Streaming { session, record, streamed, place })
    }
}

/// Takes one of the places that the subject has on all nodes. Without a store, a fallback is not counted: it is let in by what
/// this node knows alone.
async fn claim_place(app: &App, admitted: &Admitted, now: Now) -> Result<(), Rejection> {
    let Some(most) = app.limits.sessions_per_subject() else { return Ok(()) };
    match app.admission.claim_place(admitted, most.get()).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(app.limits.too_many_sessions(now.instant).into()),
        Err(_) if admitted.method() == Method::Jwt => Ok(()),
        Err(unavailable) => Err(RedeemError::from(unavailable).into()),
    }
}

fn query(target: &str) -> Option<&str> {
    target.split_once('?').map(|(_, query)| query)
}
