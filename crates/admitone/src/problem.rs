//! Problem codes: what an HTTP refusal says (RFC 9457).

use http::StatusCode;
use serde::Serialize;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A stable, machine-readable reason, as listed in `spec/PROTOCOL.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemCode {
    /// The request breaks a rule of HTTP or WebSocket.
    InvalidRequest,
    /// More than one credential.
    AmbiguousCredential,
    /// A credential in the URL, where the route does not take one.
    QueryTokenNotAllowed,
    /// No login, or one that is not accepted.
    NotLoggedIn,
    /// The ticket is forged, expired, bound elsewhere, spent or revoked.
    TicketNotAccepted,
    /// The `Origin` is not on the route's list.
    OriginNotAllowed,
    /// The principal may not do this.
    Forbidden,
    /// Nothing is here.
    NotFound,
    /// Tickets are off for this subject: use the fallback.
    TicketsDisabled,
    /// Not with this method.
    MethodNotAllowed,
    /// The body is over the limit.
    BodyTooLarge,
    /// The body is not JSON by its `Content-Type`.
    UnsupportedMediaType,
    /// The body's fields are wrong.
    InvalidBody,
    /// Only WebSocket upgrades, version 13, are served here.
    UpgradeRequired,
    /// The request's head is over a limit.
    HeadTooLarge,
    /// A limit was reached.
    OverLimit,
    /// A fault of ours.
    Internal,
    /// The upstream could not be reached or refused the upgrade.
    UpstreamUnavailable,
    /// The upstream did not answer in time.
    UpstreamTimeout,
    /// Who says who somebody is did not answer.
    IssuerUnavailable,
    /// The ticket store did not answer.
    StoreUnavailable,
    /// No room.
    Overloaded,
    /// Shutting down.
    Draining,
}

impl ProblemCode {
    /// The code as it travels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::AmbiguousCredential => "ambiguous_credential",
            Self::QueryTokenNotAllowed => "query_token_not_allowed",
            Self::NotLoggedIn => "not_logged_in",
            Self::TicketNotAccepted => "ticket_not_accepted",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::TicketsDisabled => "tickets_disabled",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::BodyTooLarge => "body_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::InvalidBody => "invalid_body",
            Self::UpgradeRequired => "upgrade_required",
            Self::HeadTooLarge => "head_too_large",
            Self::OverLimit => "over_limit",
            Self::Internal => "internal",
            Self::UpstreamUnavailable => "upstream_unavailable",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::IssuerUnavailable => "issuer_unavailable",
            Self::StoreUnavailable => "store_unavailable",
            Self::Overloaded => "overloaded",
            Self::Draining => "draining",
        }
    }

    /// The status that goes with it.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest | Self::AmbiguousCredential | Self::QueryTokenNotAllowed => StatusCode::BAD_REQUEST,
            Self::NotLoggedIn | Self::TicketNotAccepted => StatusCode::UNAUTHORIZED,
            Self::OriginNotAllowed | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound | Self::TicketsDisabled => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InvalidBody => StatusCode::UNPROCESSABLE_ENTITY,
            Self::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::OverLimit => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::UpstreamUnavailable => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::IssuerUnavailable | Self::StoreUnavailable | Self::Overloaded | Self::Draining => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// The sentence that goes with it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request breaks a rule of HTTP or WebSocket.",
            Self::AmbiguousCredential => "More than one credential was presented.",
            Self::QueryTokenNotAllowed => "This route takes no credential in the URL.",
            Self::NotLoggedIn => "Log in first.",
            Self::TicketNotAccepted => "The ticket was not accepted: mint a new one.",
            Self::OriginNotAllowed => "This origin may not connect.",
            Self::Forbidden => "This login may not do that.",
            Self::NotFound => "Nothing is here.",
            Self::TicketsDisabled => "Tickets are off for this login: use the fallback.",
            Self::MethodNotAllowed => "Not with this method.",
            Self::BodyTooLarge => "The body is too large.",
            Self::UnsupportedMediaType => "The body has to be application/json.",
            Self::InvalidBody => "The body's fields are wrong.",
            Self::HeadTooLarge => "The request's head is too large.",
            Self::UpgradeRequired => "Only WebSocket upgrades, version 13, are served here.",
            Self::OverLimit => "A limit was reached: try again later.",
            Self::UpstreamUnavailable => "The upstream is not available.",
            Self::UpstreamTimeout => "The upstream did not answer in time.",
            Self::IssuerUnavailable => "Nobody can tell at the moment who this is.",
            Self::StoreUnavailable => "The ticket store is not available.",
            Self::Overloaded => "There is no room: try again later.",
            Self::Draining => "The server is shutting down: try again.",
            Self::Internal => "Something went wrong here.",
        }
    }
}

/// One field of a request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// The field's name.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub detail: String,
}

/// Whether the ticket of a refused request is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// It admits nothing more.
    Spent,
    /// It may be presented again.
    Unspent,
}

impl TicketState {
    /// The value of the header `AdmitOne-Ticket`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spent => "spent",
            Self::Unspent => "unspent",
        }
    }
}

/// The body of a refusal.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// `urn:admitone:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same sentence for every problem of this code.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The code.
    pub code: ProblemCode,
    /// What is particular to this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldFault>,
    /// Whether the ticket is spent, where one was presented and that is not a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketState>,
}
