//! Every check of an upgrade, in their order.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use http::request::Parts;

use super::admitted::Admitted;
use super::{Refusal, Shared};
use crate::admission::Authentic;
use crate::carrier::{self, Kind, Offer, Presented, Taken};
use crate::handshake::Handshake;
use crate::now::Now;
use crate::principal::Method;
use crate::route::Route;
use crate::ticket::Ticket;
use crate::upstream;

/// A refusal, and what the client had offered by then.
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) offer: Offer,
}

/// Takes the credential out of the request, whatever comes of it, and admits whoever it stands for.
pub(super) async fn enter(
    shared: &Arc<Shared>,
    route: &Arc<Route>,
    parts: &mut Parts,
    handshake: &Handshake,
) -> Result<(Admitted, Offer), Refused> {
    let without_offer = |refusal| Refused { refusal, offer: Offer::default() };
    let target = std::mem::take(&mut parts.uri).to_string();
    let taken = carrier::take(&target, &mut parts.headers, &route.carriers);
    let Taken { presented, target, offer } = taken.map_err(|error| without_offer(error.into()))?;
    let entering = async {
        clean(parts, &target, &offer)?;
        shared.check_not_draining()?;
        let origin = handshake.origin.as_deref();
        route.check_origin(origin, presented.as_ref().map(|presented| presented.carrier))?;
        let presented = presented.ok_or(Refusal::NoCredential)?;
        let authentic = inspect(shared, route, &presented, origin).await?;
        // From here on the work reaches its end even if the client goes away, or a ticket is spent for nothing.
        let opening = tokio::spawn(open(shared.clone(), route.clone(), authentic));
        opening.await.map_err(|_| Refusal::Fault("the redemption did not reach its end"))?
    };
    match entering.await {
        Ok(admitted) => Ok((admitted, offer)),
        Err(refusal) => Err(Refused { refusal, offer }),
    }
}

/// Leaves the request as the handler may see it: without the credential, our markers, and what looks like an identity of ours.
fn clean(parts: &mut Parts, target: &str, offer: &Offer) -> Result<(), Refusal> {
    parts.uri = target.parse().map_err(|_| Refusal::Fault("the target without its credential is no target"))?;
    #[cfg(feature = "axum")]
    crate::axum::hide_query(parts);
    if !offer.protocols.is_empty() {
        // They are tokens.
        let protocols = HeaderValue::from_str(&offer.protocols.join(", "));
        let protocols = protocols.map_err(|_| Refusal::Fault("subprotocols are no header"))?;
        parts.headers.insert(SEC_WEBSOCKET_PROTOCOL, protocols);
    }
    remove_identity(&mut parts.headers);
    Ok(())
}

fn remove_identity(headers: &mut HeaderMap) {
    let forged: Vec<_> = headers.keys().filter(|name| upstream::is_identity(name.as_str())).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
}

/// Judges what was presented, a ticket offline. A credential that is refused is final: nothing else in the request is tried.
async fn inspect(
    shared: &Shared,
    route: &Route,
    presented: &Presented,
    origin: Option<&str>,
) -> Result<Authentic, Refusal> {
    let now = Now::read();
    match presented.kind {
        Kind::Ticket => {
            let ticket = Ticket::parse(presented.expose())?;
            Ok(shared.engine.admission.inspect(&ticket, &route.upgrade_place(origin, None), now)?)
        }
        Kind::Jwt => {
            let login = shared.logins.login(presented.expose(), now).await?;
            route.check_login(&login)?;
            Ok(shared.engine.admission.inspect_login(&login, &route.path, now)?)
        }
    }
}

async fn open(shared: Arc<Shared>, route: Arc<Route>, authentic: Authentic) -> Result<Admitted, Refusal> {
    let now = Now::read();
    let engine = &shared.engine;
    let admitted = engine.admission.redeem(authentic, route.terms.clone(), now).await?;
    let (grant, method) = (admitted.grant().clone(), admitted.method());
    if let Some(most) = shared.most_sessions {
        match engine.admission.claim_place(&admitted, most).await {
            Ok(true) => {}
            Ok(false) => return Err(Refusal::TooManySessions(most)),
            // Without a store, a login is not counted: it is let in by what this node knows alone.
            Err(_) if method == Method::Jwt => {}
            Err(unavailable) => return Err(crate::admission::RedeemError::from(unavailable).into()),
        }
    }
    // It registers first and compares with the marks second.
    let session = engine.sessions.open(admitted, now)?;
    Ok(Admitted::new(session, grant, method))
}
