//! What the world is told of a refusal: a row of the table in `spec/PROTOCOL.md`, as a problem (RFC 9457) or as a Close that a
//! browser can read.

#[cfg(feature = "server")]
mod server;

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::carrier::{Offer, REFUSED, TakeError};
use crate::close::{self, CloseCode};
use crate::handshake::HandshakeError;
use crate::problem::{FieldFault, MEDIA_TYPE, Problem, ProblemCode, TicketState};

/// Says whether the ticket of a refused request is spent.
pub const TICKET_STATE: HeaderName = HeaderName::from_static("admitone-ticket");

/// What the described profile sends before its Close: a text frame that its clients look for.
const AUTH_FAILED: &[u8] = br#"{"type":"error","error_code":"AUTH_FAILED"}"#;

/// How a refused upgrade is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefuseWith {
    /// With a Close where the client offers `admitone.refused`, else by HTTP.
    #[default]
    Auto,
    /// With a Close, whether offered or not.
    Close,
    /// Always by HTTP.
    Http,
}

impl RefuseWith {
    /// Whether a client is told by a Close, where a refusal has one.
    #[must_use]
    pub const fn by_close(self, reads_refusals: bool) -> bool {
        match self {
            Self::Auto => reads_refusals,
            Self::Close => true,
            Self::Http => false,
        }
    }
}

/// How a refusing Close reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CloseProfile {
    /// A code of ours.
    #[default]
    Standard,
    /// The `AUTH_FAILED` message, then 1008.
    Policy1008,
}

impl CloseProfile {
    /// All that a refused socket is sent: the frames that end with a Close.
    #[must_use]
    pub fn farewell(self, code: CloseCode) -> Vec<u8> {
        match self {
            Self::Standard => close::frame(code.code(), code.reason()),
            Self::Policy1008 => {
                // FIN and text, then a length that fits seven bits.
                let mut frames = vec![0x81, AUTH_FAILED.len() as u8];
                frames.extend_from_slice(AUTH_FAILED);
                frames.extend(close::frame(1008, code.reason()));
                frames
            }
        }
    }
}

/// What the world is told: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The HTTP status, which is that of the code where nothing else is said.
    pub status: StatusCode,
    /// The problem code; also the label in metrics.
    pub code: ProblemCode,
    /// The Close that says the same to a browser. Without one, the refusal is always HTTP.
    pub close: Option<CloseCode>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// Whether the ticket is spent, where that may be told.
    pub ticket: Option<TicketState>,
}

impl Row {
    /// A row that says nothing more.
    #[must_use]
    pub const fn new(code: ProblemCode) -> Self {
        Self { status: code.status(), code, close: None, retry_after: None, ticket: None }
    }

    /// With a Close that says the same.
    #[must_use]
    pub const fn closing(self, close: CloseCode) -> Self {
        Self { close: Some(close), ..self }
    }

    /// With the seconds after which to try again.
    #[must_use]
    pub const fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(Duration::from_secs(seconds)), ..self }
    }

    /// With what became of the ticket.
    #[must_use]
    pub const fn ticket(self, state: TicketState) -> Self {
        Self { ticket: Some(state), ..self }
    }

    /// A request that breaks a rule.
    #[must_use]
    pub const fn invalid_request() -> Self {
        Self::new(ProblemCode::InvalidRequest)
    }

    /// No upgrade, where only upgrades are served.
    #[must_use]
    pub const fn upgrade_required() -> Self {
        Self::new(ProblemCode::UpgradeRequired)
    }

    /// No login, or one that is not accepted.
    #[must_use]
    pub const fn not_logged_in() -> Self {
        Self::new(ProblemCode::NotLoggedIn).closing(CloseCode::NotLoggedIn)
    }

    /// A ticket that admits nobody.
    #[must_use]
    pub const fn ticket_not_accepted() -> Self {
        Self::new(ProblemCode::TicketNotAccepted).closing(CloseCode::TicketNotAccepted)
    }

    /// A page that may not ask.
    #[must_use]
    pub const fn origin_not_allowed() -> Self {
        Self::new(ProblemCode::OriginNotAllowed).closing(CloseCode::Forbidden)
    }

    /// Somebody who may not do this.
    #[must_use]
    pub const fn forbidden() -> Self {
        Self::new(ProblemCode::Forbidden).closing(CloseCode::Forbidden)
    }

    /// Nothing here.
    #[must_use]
    pub const fn not_found() -> Self {
        Self::new(ProblemCode::NotFound)
    }

    /// Wrong fields in a body.
    #[must_use]
    pub const fn invalid_body() -> Self {
        Self::new(ProblemCode::InvalidBody)
    }

    /// One that takes more than its share.
    #[must_use]
    pub const fn over_limit(retry_after: u64) -> Self {
        Self::new(ProblemCode::OverLimit).closing(CloseCode::OverLimit).retry_after(retry_after)
    }

    /// Who says who somebody is did not answer.
    #[must_use]
    pub const fn issuer_unavailable() -> Self {
        Self::new(ProblemCode::IssuerUnavailable).closing(CloseCode::Overloaded).retry_after(2)
    }

    /// The store did not answer.
    #[must_use]
    pub const fn store_unavailable() -> Self {
        Self::new(ProblemCode::StoreUnavailable).closing(CloseCode::StoreUnavailable).retry_after(1)
    }

    /// Shutting down.
    #[must_use]
    pub const fn draining() -> Self {
        Self::new(ProblemCode::Draining).closing(CloseCode::Draining).retry_after(1)
    }

    /// A fault of ours.
    #[must_use]
    pub const fn internal() -> Self {
        Self::new(ProblemCode::Internal)
    }

    /// The body that tells of it.
    #[must_use]
    pub fn problem(&self, detail: Option<String>, errors: Vec<FieldFault>) -> Problem {
        Problem {
            kind: format!("urn:admitone:problem:{}", self.code.name()),
            title: self.code.title(),
            status: self.status.as_u16(),
            code: self.code,
            detail,
            errors,
            ticket: self.ticket,
        }
    }

    /// Writes the headers of an answer that tells of it; `invalid_token` where a token was presented and refused (RFC 6750 §3.1).
    pub fn write_headers(&self, headers: &mut HeaderMap, invalid_token: bool) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
        }
        if let Some(state) = self.ticket {
            headers.insert(TICKET_STATE, HeaderValue::from_static(state.name()));
        }
        match self.status {
            StatusCode::UNAUTHORIZED => {
                let challenge = if invalid_token { "Bearer error=\"invalid_token\"" } else { "Bearer" };
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
            StatusCode::UPGRADE_REQUIRED => {
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
            }
            _ => {}
        }
    }
}

/// The subprotocol that an answer selects whose socket is refused by a Close.
///
/// Where the client does not offer our marker, selecting what the application offered keeps Chromium from aborting before the
/// Close.
#[must_use]
pub fn selected(offer: Offer, reads_refusals: bool) -> Option<String> {
    if reads_refusals { Some(REFUSED.to_owned()) } else { offer.protocols.into_iter().next() }
}

impl From<HandshakeError> for Row {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::NotAnUpgrade => Self::upgrade_required(),
            HandshakeError::Broken(_) => Self::invalid_request(),
        }
    }
}

impl From<TakeError> for Row {
    fn from(error: TakeError) -> Self {
        match error.problem() {
            ProblemCode::NotLoggedIn => Self::not_logged_in(),
            code => Self::new(code),
        }
    }
}
