use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{HeaderMap, SEC_WEBSOCKET_PROTOCOL};

use super::{Carrier, Found, Kind, Presented, TakeError};

/// The marker that a client of ours offers and an answer may select: it reads as no subprotocol at all.
pub const MARKER: &str = "admitone.v1";

/// The subprotocol that a refusal selects, so that a browser can read its Close.
pub const REFUSED: &str = "admitone.refused";

const OURS: &str = "admitone.";
pub(super) const TICKET: &str = "admitone.ticket.";
const JWT: [&str; 3] = ["bearer.", "jwt.", "jwt-auth."];
/// What clients that offer a login offer beside it, and expect to be selected: browsers insist on a selection.
const JWT_NAMES: [&str; 3] = ["jwt-auth", "jwt", "bearer"];
const JWT_ENCODED: &str = "base64url.bearer.authorization.k8s.io.";

/// The subprotocols of a request without its credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The application's, in order: all that an upstream may see.
    pub protocols: Vec<String>,
    /// [`MARKER`] is among the client's.
    pub marker: bool,
    /// [`REFUSED`] is among the client's.
    pub refused: bool,
    /// A login is among the client's.
    pub login: bool,
}

/// The upstream selected a subprotocol that the application did not offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream selected a subprotocol that was not offered")]
pub struct UpstreamChoiceError;

impl Offer {
    /// What the answer selects, given what the upstream selected. The carrier is never echoed.
    ///
    /// # Errors
    ///
    /// [`UpstreamChoiceError`] when the upstream selected what it had not been offered (RFC 6455 §4.1).
    pub fn answer<'a>(&self, upstream: Option<&'a str>) -> Result<Option<&'a str>, UpstreamChoiceError> {
        match upstream {
            Some(choice) if self.protocols.iter().any(|offered| offered == choice) => Ok(Some(choice)),
            Some(_) => Err(UpstreamChoiceError),
            None if self.marker => Ok(Some(MARKER)),
            None => Ok(self.name_of_login()),
        }
    }

    /// The name that a client offers beside a login.
    fn name_of_login(&self) -> Option<&'static str> {
        let is_offered = |name: &&str| self.protocols.iter().any(|offered| offered == name);
        JWT_NAMES.into_iter().find(is_offered).filter(|_| self.login)
    }
}

pub(super) struct Offered {
    pub(super) credentials: Vec<Found>,
    pub(super) offer: Offer,
}

pub(super) fn read(headers: &HeaderMap) -> Result<Offered, TakeError> {
    let mut offered = Offered { credentials: Vec::new(), offer: Offer::default() };
    for line in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        for element in line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if !element.is_empty() {
                offered.add(token(element)?);
            }
        }
    }
    Ok(offered)
}

impl Offered {
    fn add(&mut self, protocol: &str) {
        if let Some(found) = credential_of(protocol) {
            self.offer.login |= !matches!(&found, Ok(Presented { kind: Kind::Ticket, .. }));
            self.credentials.push(found);
        } else if strip_prefix(protocol, OURS).is_some() {
            self.offer.marker |= protocol == MARKER;
            self.offer.refused |= protocol == REFUSED;
        } else {
            self.offer.protocols.push(protocol.to_owned());
        }
    }
}

fn credential_of(protocol: &str) -> Option<Found> {
    if let Some(ticket) = strip_prefix(protocol, TICKET) {
        return Some(Ok(Presented::new(Kind::Ticket, Carrier::Subprotocol, ticket)));
    }
    if let Some(encoded) = strip_prefix(protocol, JWT_ENCODED) {
        let decoded = URL_SAFE_NO_PAD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        return Some(match decoded {
            Some(jwt) => Ok(Presented::new(Kind::Jwt, Carrier::Subprotocol, jwt)),
            None => Err((Kind::Jwt, Carrier::Subprotocol)),
        });
    }
    let jwt = JWT.iter().find_map(|prefix| strip_prefix(protocol, prefix))?;
    Some(Ok(Presented::new(Kind::Jwt, Carrier::Subprotocol, jwt)))
}

/// Prefixes count in any case: a carrier in another spelling must not slip past to the upstream.
fn strip_prefix<'a>(protocol: &'a str, prefix: &str) -> Option<&'a str> {
    let head = protocol.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &protocol[prefix.len()..])
}

fn token(element: &[u8]) -> Result<&str, TakeError> {
    let legal = element.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte));
    if !legal {
        return Err(TakeError::NotAToken);
    }
    std::str::from_utf8(element).map_err(|_| TakeError::NotAToken)
}
