//! Where a request holds a credential.
//!
//! [`take`] removes the credential from a request before anything else sees it, so that no upstream, log or trace does. The
//! rules are in `spec/PROTOCOL.md`, and `spec/vectors/carriers.json` has them case by case. Values are not judged here.

mod cookies;
mod query;
mod subprotocols;

use std::fmt;

use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use zeroize::Zeroizing;

use crate::problem::ProblemCode;

pub use subprotocols::{MARKER, Offer, REFUSED, UpstreamChoiceError};

/// The cookie that carries a ticket; its prefix makes browsers insist on `Secure`, `Path=/` and no `Domain`.
pub const TICKET_COOKIE: &str = "__Host-admitone-ticket";

/// The subprotocols that a client offers with a ticket, behind the application's own.
#[must_use]
pub fn offer_ticket(ticket: &str) -> [String; 3] {
    [MARKER.to_owned(), REFUSED.to_owned(), format!("{}{ticket}", subprotocols::TICKET)]
}

/// A place in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Carrier {
    /// An element of `Sec-WebSocket-Protocol`.
    Subprotocol,
    /// The `Authorization` header.
    Authorization,
    /// A cookie.
    Cookie,
    /// A parameter of the URL.
    Query,
}

impl Carrier {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Subprotocol, Self::Authorization, Self::Cookie, Self::Query];

    /// The word in configuration, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subprotocol => "subprotocol",
            Self::Authorization => "authorization",
            Self::Cookie => "cookie",
            Self::Query => "query",
        }
    }
}

/// What kind of credential something claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A ticket.
    Ticket,
    /// A JWT.
    Jwt,
}

/// Which carriers a route takes credentials from.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// For tickets.
    pub ticket: Vec<Carrier>,
    /// For logins.
    pub jwt: Vec<Carrier>,
    /// The name of the login's cookie, where [`Carrier::Cookie`] is among `jwt`.
    pub jwt_cookie: Option<String>,
    /// Query parameters that are the application's although they have a credential's name.
    pub query_passthrough: Vec<String>,
}

impl Policy {
    /// Whether a credential may be in a cookie.
    #[must_use]
    pub fn any_cookie(&self) -> bool {
        [&self.ticket, &self.jwt].into_iter().any(|carriers| carriers.contains(&Carrier::Cookie))
    }

    fn allows(&self, kind: Kind, carrier: Carrier) -> bool {
        let carriers = match kind {
            Kind::Ticket => &self.ticket,
            Kind::Jwt => &self.jwt,
        };
        carriers.contains(&carrier)
    }
}

/// A credential that was presented; nobody has judged it yet.
pub struct Presented {
    /// What it claims to be.
    pub kind: Kind,
    /// Where it was.
    pub carrier: Carrier,
    value: Zeroizing<String>,
}

impl Presented {
    fn new(kind: Kind, carrier: Carrier, value: impl Into<String>) -> Self {
        Self { kind, carrier, value: Zeroizing::new(value.into()) }
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").field("kind", &self.kind).field("carrier", &self.carrier).finish_non_exhaustive()
    }
}

/// What [`take`] took out of a request.
#[derive(Debug)]
pub struct Taken {
    /// The credential, when there was one.
    pub presented: Option<Presented>,
    /// The target without it.
    pub target: String,
    /// The subprotocols, sorted into ours and the application's.
    pub offer: Offer,
}

/// Why a request's credentials cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TakeError {
    /// A subprotocol is no RFC 9110 token.
    #[error("an element of Sec-WebSocket-Protocol is not a token (RFC 9110 section 5.6.2)")]
    NotAToken,
    /// A credential in the URL of a route that takes none there.
    #[error("this route takes no credential in the query: offer it as a subprotocol")]
    QueryOff,
    /// More than one credential.
    #[error("more than one credential was presented")]
    Ambiguous,
    /// By a carrier that the route does not take.
    #[error("this route takes no {} by {}", kind_name(*.0), .1.name())]
    CarrierOff(Kind, Carrier),
    /// The Kubernetes form holds no base64url of UTF-8.
    #[error("the encoded login is not base64url of UTF-8")]
    Encoding,
}

impl TakeError {
    /// The code of the refusal.
    #[must_use]
    pub const fn problem(self) -> ProblemCode {
        match self {
            Self::NotAToken => ProblemCode::InvalidRequest,
            Self::QueryOff => ProblemCode::QueryTokenNotAllowed,
            Self::Ambiguous => ProblemCode::AmbiguousCredential,
            Self::CarrierOff(..) | Self::Encoding => ProblemCode::NotLoggedIn,
        }
    }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Ticket => "ticket",
        Kind::Jwt => "login",
    }
}

/// Takes the credential out of a request. `headers` is left without it and without `Sec-WebSocket-Protocol`, of which the
/// application's part is in [`Taken::offer`].
///
/// # Errors
///
/// [`TakeError`]; the request is not to be used any further then.
pub fn take(target: &str, headers: &mut HeaderMap, policy: &Policy) -> Result<Taken, TakeError> {
    let offered = subprotocols::read(headers)?;
    let queried = query::read(target, policy)?;
    let authorized = read_authorization(headers)?;
    let baked = cookies::read(headers, policy);

    let mut found: Vec<Found> = Vec::new();
    found.extend(offered.credentials);
    found.extend(queried.credentials);
    found.extend(authorized);
    let has_cookie = !baked.credentials.is_empty();
    if found.is_empty() {
        // A browser sends cookies unasked: beside a credential that somebody chose to send they are no second one.
        found = baked.credentials;
    }
    let presented = only(found, policy)?;

    headers.remove(SEC_WEBSOCKET_PROTOCOL);
    if presented.as_ref().is_some_and(|presented| presented.carrier == Carrier::Authorization) {
        headers.remove(AUTHORIZATION);
    }
    if has_cookie {
        replace_cookies(headers, baked.left);
    }
    Ok(Taken { presented, target: queried.left, offer: offered.offer })
}

/// A credential as found: one in the Kubernetes form may fail to decode.
type Found = Result<Presented, (Kind, Carrier)>;

fn only(mut found: Vec<Found>, policy: &Policy) -> Result<Option<Presented>, TakeError> {
    if found.len() > 1 {
        return Err(TakeError::Ambiguous);
    }
    let Some(found) = found.pop() else { return Ok(None) };
    let (kind, carrier) = match &found {
        Ok(presented) => (presented.kind, presented.carrier),
        Err(place) => *place,
    };
    if !policy.allows(kind, carrier) {
        return Err(TakeError::CarrierOff(kind, carrier));
    }
    found.map(Some).map_err(|_| TakeError::Encoding)
}

fn read_authorization(headers: &HeaderMap) -> Result<Option<Found>, TakeError> {
    let lines = headers.get_all(AUTHORIZATION);
    let found = lines.iter().find_map(authorization_of);
    if found.is_some() && lines.iter().nth(1).is_some() {
        return Err(TakeError::Ambiguous);
    }
    Ok(found.map(Ok))
}

fn authorization_of(line: &HeaderValue) -> Option<Presented> {
    let text = String::from_utf8_lossy(line.as_bytes());
    let trimmed = text.trim_matches([' ', '\t']);
    let (scheme, value) = trimmed.split_once([' ', '\t']).unwrap_or((trimmed, ""));
    let kind = match scheme {
        _ if scheme.eq_ignore_ascii_case("ticket") => Kind::Ticket,
        _ if scheme.eq_ignore_ascii_case("bearer") => Kind::Jwt,
        _ => return None,
    };
    Some(Presented::new(kind, Carrier::Authorization, value.trim_matches([' ', '\t'])))
}

fn replace_cookies(headers: &mut HeaderMap, lines: Vec<HeaderValue>) {
    headers.remove(COOKIE);
    for line in lines {
        headers.append(COOKIE, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_either_kind_is_one() {
        let cookie = || vec![Carrier::Query, Carrier::Cookie];
        assert!(!Policy::default().any_cookie());
        assert!(
            !Policy { ticket: vec![Carrier::Query], jwt: vec![Carrier::Authorization], ..Policy::default() }
                .any_cookie()
        );
        assert!(Policy { ticket: cookie(), ..Policy::default() }.any_cookie());
        assert!(Policy { jwt: cookie(), ..Policy::default() }.any_cookie());
    }

    #[test]
    fn each_subprotocol_of_ours_is_told_apart() {
        for (offered, marker, refused) in [
            (MARKER, true, false),
            (REFUSED, false, true),
            ("admitone.other", false, false),
            ("admitone.v1, admitone.refused", true, true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(SEC_WEBSOCKET_PROTOCOL, offered.parse().expect("visible ASCII"));
            let offer = take("/chat", &mut headers, &Policy::default()).expect("no credential").offer;
            assert_eq!(offer, Offer { marker, refused, ..Offer::default() }, "{offered}");
        }
    }

    #[test]
    fn a_refused_carrier_is_named_with_what_it_carried() {
        let told = |kind| TakeError::CarrierOff(kind, Carrier::Cookie).to_string();
        assert_eq!(told(Kind::Ticket), format!("this route takes no ticket by {}", Carrier::Cookie.name()));
        assert_eq!(told(Kind::Jwt), format!("this route takes no login by {}", Carrier::Cookie.name()));
    }
}
