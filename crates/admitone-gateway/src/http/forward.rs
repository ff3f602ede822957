//! What passes from the client's request to the upstream, and back.

use admitone::admission::Admitted;
use admitone::carrier::Offer;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use super::{App, Peer, client};
use crate::rejection::Rejection;
use crate::routes::{Route, folded};

const OURS: &str = "x-admitone-";
const ASSERTION: HeaderName = HeaderName::from_static("x-admitone-assertion");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What this hop says of itself; a client's own are dropped.
const FORWARDING: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// Headers that end at this hop (RFC 9110 §7.6.1), or that the upgrade writes itself.
const HOP: [HeaderName; 15] = [
    CONNECTION,
    UPGRADE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    CONTENT_LENGTH,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HOST,
    SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION,
    SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_PROTOCOL,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// What `Connection` cannot take from a request: the upstream's own checks may need it.
const KEPT: [HeaderName; 3] = [AUTHORIZATION, COOKIE, ORIGIN];

/// The client's headers without what ends here and what the route keeps from its upstream, with the forwarding headers of this hop.
///
/// What `Connection` lists is removed first, so that it can never remove what is added afterwards.
pub(super) fn clean(app: &App, route: &Route, peer: Peer, headers: &HeaderMap) -> HeaderMap {
    let mut cleaned = end_to_end(headers, |name| !FORWARDING.contains(&name) && !route.drops_header(name));
    let chain = HeaderValue::from_str(&client::forwarded_chain(app, peer, headers));
    // Addresses parsed from a socket, and hops that were header text before, are header text.
    cleaned.extend(chain.ok().map(|chain| (FORWARDED_FOR, chain)));
    cleaned.extend(headers.get(HOST).map(|host| (FORWARDED_HOST, host.clone())));
    let scheme = if app.public_url.https { "https" } else { "http" };
    cleaned.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
    cleaned
}

/// Adds who was admitted, and the subprotocols that the upstream may choose from.
///
/// # Errors
///
/// [`Rejection::Internal`] for an identity that does not fit into a header, which its type excludes.
pub(super) fn identify(headers: &mut HeaderMap, admitted: &Admitted, offer: &Offer) -> Result<(), Rejection> {
    let grant = admitted.grant();
    let identity = [
        ("x-admitone-subject", Some(grant.principal.subject().to_owned())),
        ("x-admitone-issuer", Some(grant.principal.issuer().to_owned())),
        ("x-admitone-email", grant.principal.email().map(str::to_owned)),
        ("x-admitone-tenant", grant.principal.tenant().map(str::to_owned)),
        ("x-admitone-permissions", Some(grant.permissions.to_string())),
        ("x-admitone-session-id", Some(admitted.session_id().to_string())),
        ("x-admitone-method", Some(admitted.method().name().to_owned())),
    ];
    for (name, value) in identity {
        if let Some(value) = value {
            headers.insert(HeaderName::from_static(name), text(value)?);
        }
    }
    if !offer.protocols.is_empty() {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, text(offer.protocols.join(", "))?);
    }
    Ok(())
}

/// Adds the signed assertion of who was admitted.
///
/// # Errors
///
/// [`Rejection::Internal`] for one that does not fit into a header, which base64url excludes.
pub(super) fn assert(headers: &mut HeaderMap, assertion: String) -> Result<(), Rejection> {
    headers.insert(ASSERTION, text(assertion)?);
    Ok(())
}

fn text(value: String) -> Result<HeaderValue, Rejection> {
    HeaderValue::try_from(value).map_err(|_| Rejection::Internal("an identity does not fit into a header"))
}

/// The upstream's headers that the client may see.
pub(super) fn answer(headers: &HeaderMap) -> HeaderMap {
    end_to_end(headers, |_| true)
}

/// Without what ends at this hop, what `Connection` lists, anything that looks like a header of ours, and what `keeps` does
/// not want. Names are judged in the spelling that some upstreams fold others into: `-` for `_` and `.`.
fn end_to_end(headers: &HeaderMap, keeps: impl Fn(&str) -> bool) -> HeaderMap {
    let listed: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        .collect();
    let passes = |name: &HeaderName| {
        let folded = folded(name.as_str());
        let is_listed = !KEPT.contains(name) && listed.iter().any(|listed| listed == name.as_str());
        !HOP.contains(name) && !is_listed && !folded.starts_with(OURS) && keeps(&folded)
    };
    headers.iter().filter(|(name, _)| passes(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
