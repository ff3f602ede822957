//! What passes from the client's request to the upstream, and back.

use std::borrow::Cow;

use admitone::admission::Admitted;
use admitone::carrier::Offer;
use admitone::grant::Grant;
use admitone::upstream;
use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};

use super::{App, Peer, client};
use crate::routes::Route;
use crate::upstream::{AnswerError, HeaderLines};

/// Who was admitted: some are there only when the login says so.
pub(super) const IDENTITY: [&str; 7] = [
    "x-admitone-subject",
    "x-admitone-issuer",
    "x-admitone-email",
    "x-admitone-tenant",
    "x-admitone-permissions",
    "x-admitone-session-id",
    "x-admitone-method",
];

/// The same, signed.
pub(super) const ASSERTION: &str = "x-admitone-assertion";

/// What this hop says of itself; a client's own are dropped.
fn is_forwarding(name: &str) -> bool {
    matches!(name, "forwarded" | "x-forwarded-for" | "x-forwarded-host" | "x-forwarded-proto" | "x-real-ip")
}

/// Headers that end at this hop (RFC 9110 §7.6.1), or that the upgrade writes itself.
fn ends_here(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "upgrade"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "content-length"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "host"
            | "sec-websocket-key"
            | "sec-websocket-version"
            | "sec-websocket-accept"
            | "sec-websocket-protocol"
            | "keep-alive"
            | "proxy-connection"
    )
}

/// What `Connection` cannot take from a request: the upstream's own checks may need it.
fn is_kept(name: &str) -> bool {
    matches!(name, "authorization" | "cookie" | "origin")
}

/// The client's headers without what ends here and what the route keeps from its upstream, with the forwarding headers of
/// this hop.
///
/// What `Connection` lists is removed first, so that it can never remove what is added afterwards.
///
/// # Errors
///
/// [`AnswerError::BadHead`] for hops that do not fit into a header, which their having been one excludes.
pub(super) fn clean(app: &App, route: &Route, peer: Peer, headers: &HeaderMap) -> Result<HeaderLines, AnswerError> {
    let mut lines = HeaderLines::new();
    for (name, value) in end_to_end(headers, |name| !is_forwarding(name) && !route.drops_header(name)) {
        lines.push(name, value);
    }
    lines.push_text("x-forwarded-for", &[&client::forwarded_chain(app, peer, headers)])?;
    if let Some(host) = headers.get(HOST) {
        lines.push(&HeaderName::from_static("x-forwarded-host"), host);
    }
    lines.push_text("x-forwarded-proto", &[if app.public_url.https { "https" } else { "http" }])?;
    Ok(lines)
}

/// Adds who was admitted, and the subprotocols that the upstream may choose from.
///
/// # Errors
///
/// [`AnswerError::BadHead`] for an identity that does not fit into a header, which its type excludes.
pub(super) fn identify(lines: &mut HeaderLines, admitted: &Admitted, offer: &Offer) -> Result<(), AnswerError> {
    for (name, value) in identity(admitted) {
        lines.push_text(name, &[&value])?;
    }
    if !offer.protocols.is_empty() {
        lines.push_text("sec-websocket-protocol", &[&offer.protocols.join(", ")])?;
    }
    Ok(())
}

/// The headers that say who was admitted.
pub(super) fn identity(admitted: &Admitted) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
    let Grant { principal, permissions, .. } = admitted.grant();
    let values = [
        Some(principal.subject().into()),
        Some(principal.issuer().into()),
        principal.email().map(Cow::from),
        principal.tenant().map(Cow::from),
        Some(permissions.to_string().into()),
        Some(admitted.session_id().as_str().into()),
        Some(admitted.method().name().into()),
    ];
    IDENTITY.into_iter().zip(values).filter_map(|(name, value)| value.map(|value| (name, value)))
}

/// Adds the signed assertion of who was admitted.
///
/// # Errors
///
/// [`AnswerError::BadHead`] for one that does not fit into a header, which base64url excludes.
pub(super) fn assert(lines: &mut HeaderLines, assertion: &str) -> Result<(), AnswerError> {
    lines.push_text(ASSERTION, &[assertion])
}

/// The upstream's headers that the client may see.
pub(super) fn answer(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    end_to_end(headers, |_| true)
}

/// Without what ends at this hop, what `Connection` lists, anything that looks like a header of ours, and what `keeps` does
/// not want. Names are judged in the spelling that some upstreams fold others into: `-` for `_` and `.`.
fn end_to_end(headers: &HeaderMap, keeps: impl Fn(&str) -> bool) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let listed: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.eq_ignore_ascii_case(b"upgrade"))
        .map(|name| String::from_utf8_lossy(name).to_ascii_lowercase())
        .collect();
    headers.iter().filter(move |(name, _)| {
        let name = name.as_str();
        let folded = folded(name);
        let is_listed = !is_kept(name) && listed.iter().any(|listed| listed == name);
        !ends_here(&folded) && !is_listed && !upstream::is_identity(name) && keeps(&folded)
    })
}

fn folded(name: &str) -> Cow<'_, str> {
    if name.contains(['_', '.']) { Cow::Owned(name.replace(['_', '.'], "-")) } else { Cow::Borrowed(name) }
}
