//! Why something was refused, and the one table that says what the world is told about it.

mod checks;
mod counted;
mod status;
mod title;

use std::time::Duration;

use admitone::admission::{LoginRefused, MintError, RedeemError, TicketRefused};
use admitone::carrier::TakeError;
use admitone::close::CloseCode;
use admitone::control::RenewError;
use admitone::problem::{FieldFault, ProblemCode, TicketState};
use admitone::revocation::Mark;
use admitone::sessions::{NotRenewed, Revoked};
use admitone::store::{PutError, StoreUnavailable};
use admitone::ticket::TicketFormatError;
use http::StatusCode;
use tracing::Level;

use crate::http::{ForwardedError, HeadError};
use crate::limits::Over;
use crate::logins::{NoLogin, NoLogout, PresentError};
use crate::upstream::{AnswerError, DialError};

pub use status::status;
pub use title::title;

/// Why a request was refused. `Display` is for the log: it holds no secret, but more than the world is told.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// The request breaks a rule of HTTP or WebSocket.
    #[error("{0}")]
    Request(&'static str),
    /// The request's head cannot be read.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// A proxy's question names no request.
    #[error("forward-auth: {0}")]
    Forwarded(#[from] ForwardedError),
    /// A proxy asks about a path that none of the routes with `forward_auth` has.
    #[error("forward-auth: no route with forward_auth = true has the path that the proxy asks about")]
    NoRouteAsked,
    /// Not an upgrade to WebSocket version 13.
    #[error("not a WebSocket upgrade, version 13")]
    NotAnUpgrade,
    /// No such path.
    #[error("nothing is at this path")]
    NoSuchPath,
    /// No such route.
    #[error("no such route")]
    NoSuchRoute,
    /// Another method.
    #[error("not with this method")]
    Method,
    /// The body is too large.
    #[error("the body is over {0} bytes")]
    BodyTooLarge(usize),
    /// The body is of another media type.
    #[error("the body is not application/json")]
    MediaType,
    /// The body is of another media type than a form's.
    #[error("the body is not application/x-www-form-urlencoded")]
    FormNeeded,
    /// The logout token ends nothing.
    #[error("logout: {0}")]
    Logout(#[from] NoLogout),
    /// The body's fields are wrong.
    #[error("{} wrong fields in the body", .0.len())]
    Body(Vec<FieldFault>),
    /// The credential cannot be taken.
    #[error(transparent)]
    Carrier(#[from] TakeError),
    /// The `Origin` is not on the list.
    #[error("the Origin is not on the route's list")]
    Origin,
    /// No `Origin`, and a cookie: another site could have caused the request.
    #[error("a cookie without an Origin")]
    CookieWithoutOrigin,
    /// A cookie, and the browser does not say that a page of the same site asks.
    #[error("a cookie, and Sec-Fetch-Site is neither same-origin nor same-site")]
    CrossSite,
    /// No credential.
    #[error("no credential")]
    NoCredential,
    /// The login's credential cannot be told.
    #[error(transparent)]
    Present(#[from] PresentError),
    /// The credential is not a login.
    #[error("login: {0}")]
    Login(#[from] NoLogin),
    /// The login is not accepted.
    #[error("login: {0}")]
    LoginRefused(#[from] LoginRefused),
    /// The login's issuer does not count on this route.
    #[error("the login's issuer does not count on this route")]
    Issuer,
    /// The login lacks a permission that the route requires.
    #[error("the login lacks a permission that the route requires: {0}")]
    PermissionRequired(String),
    /// The request asks for more than the login holds.
    #[error("the login does not hold a requested permission")]
    PermissionNotHeld,
    /// Not a ticket.
    #[error("ticket: {0}")]
    TicketFormat(#[from] TicketFormatError),
    /// Not accepted, offline.
    #[error("ticket: {0}")]
    Ticket(#[from] TicketRefused),
    /// Not accepted at redemption.
    #[error("redeem: {0}")]
    Redeem(#[from] RedeemError),
    /// Revoked between redemption and opening.
    #[error("revoked while opening ({})", .0.name())]
    RevokedWhileOpening(Mark),
    /// The rollout leaves this person out.
    #[error("tickets are off for this person")]
    TicketsDisabled,
    /// Not minted.
    #[error("mint: {0}")]
    Mint(#[from] MintError),
    /// No such ticket, or somebody else's, or one that is over.
    #[error("no ticket of this login's to revoke")]
    NoSuchTicket,
    /// Somebody else's ticket.
    #[error("the ticket is somebody else's")]
    NotTheOwner,
    /// No such session, or somebody else's.
    #[error("no session of this login's to end")]
    NoSuchSession,
    /// A session is not renewed with this login.
    #[error("renew: {0}")]
    NotRenewed(NotRenewed),
    /// The store, or the node that holds the session, did not answer.
    #[error("renew: the store, or the node that holds the session, did not answer")]
    RenewalLost,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
    /// The upstream cannot be reached.
    #[error("dial: {0}")]
    Dial(#[from] DialError),
    /// The upstream did not upgrade.
    #[error("upstream: {0}")]
    Upgrade(#[from] AnswerError),
    /// The upstream selected a subprotocol that was not offered.
    #[error("upstream: selected a subprotocol that was not offered")]
    UpstreamChoice,
    /// One address, subject or ticket has taken what it may.
    #[error(transparent)]
    OverLimit(#[from] Over),
    /// Too many connections.
    #[error("the connection limit is reached")]
    Overloaded,
    /// Shutting down.
    #[error("draining")]
    Draining,
    /// A name that the operators' listener is not known by.
    #[error("the Host is none of the operators' listener's")]
    AdminHost,
    /// A page of elsewhere, on the operators' listener.
    #[error("a page of another origin on the operators' listener")]
    AdminOrigin,
    /// Not the operators' secret.
    #[error("not the operators' secret")]
    AdminSecret,
    /// Too many wrong secrets from one address.
    #[error("too many wrong secrets from this address")]
    AdminTries,
    /// Too many streams of events.
    #[error("too many follow the events already")]
    AdminFollowers,
    /// A fault of ours.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl From<Revoked> for Rejection {
    fn from(revoked: Revoked) -> Self {
        Self::RevokedWhileOpening(revoked.0)
    }
}

impl From<RenewError> for Rejection {
    fn from(error: RenewError) -> Self {
        match error {
            RenewError::Refused(refused) => Self::NotRenewed(refused),
            _ => Self::RenewalLost,
        }
    }
}

/// What the world is told: a row of the table.
#[derive(Debug)]
pub struct Row {
    /// The HTTP status.
    pub status: StatusCode,
    /// The problem code; also the label in metrics.
    pub code: ProblemCode,
    /// The Close that says the same to a browser. Without one, the refusal is always HTTP.
    pub close: Option<CloseCode>,
    /// The level in the log.
    pub level: Level,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// Whether the ticket is spent, where that may be told.
    pub ticket: Option<TicketState>,
}

impl Row {
    fn new(code: ProblemCode, level: Level) -> Self {
        Self { status: status(code), code, close: None, level, retry_after: None, ticket: None }
    }

    fn closing(self, close: CloseCode) -> Self {
        Self { close: Some(close), ..self }
    }

    fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(Duration::from_secs(seconds)), ..self }
    }

    fn ticket(self, state: TicketState) -> Self {
        Self { ticket: Some(state), ..self }
    }
}

impl Rejection {
    /// The row of this refusal.
    #[must_use]
    pub fn row(&self) -> Row {
        use ProblemCode as P;
        match self {
            Self::Request(_) | Self::Present(_) => Row::new(P::InvalidRequest, Level::INFO),
            Self::Head(error) if error.is_too_large() => Row::new(P::HeadTooLarge, Level::INFO),
            Self::Head(_) => Row::new(P::InvalidRequest, Level::INFO),
            Self::Forwarded(ForwardedError::NotAnUpgrade) => Row::new(P::UpgradeRequired, Level::INFO),
            Self::Forwarded(_) => Row::new(P::InvalidRequest, Level::WARN),
            Self::NoRouteAsked => Row::new(P::NotFound, Level::INFO),
            Self::NotAnUpgrade => Row::new(P::UpgradeRequired, Level::DEBUG),
            Self::NoSuchPath | Self::NoSuchRoute | Self::NoSuchTicket | Self::NoSuchSession => {
                Row::new(P::NotFound, Level::DEBUG)
            }
            Self::TicketsDisabled => Row::new(P::TicketsDisabled, Level::DEBUG),
            Self::Method => Row::new(P::MethodNotAllowed, Level::DEBUG),
            Self::BodyTooLarge(_) => Row::new(P::BodyTooLarge, Level::INFO),
            Self::Logout(NoLogout::Unavailable { .. }) => Row::new(P::IssuerUnavailable, Level::ERROR).retry_after(2),
            Self::FormNeeded | Self::Logout(_) => Row::new(P::InvalidRequest, Level::WARN),
            Self::MediaType => Row::new(P::UnsupportedMediaType, Level::INFO),
            Self::Body(_) => Row::new(P::InvalidBody, Level::INFO),
            Self::Carrier(error) => carrier_row(*error),
            Self::Origin | Self::CookieWithoutOrigin | Self::CrossSite => {
                Row::new(P::OriginNotAllowed, Level::WARN).closing(CloseCode::Forbidden)
            }
            Self::AdminHost => {
                Row { status: StatusCode::MISDIRECTED_REQUEST, ..Row::new(P::InvalidRequest, Level::WARN) }
            }
            Self::AdminOrigin => Row::new(P::OriginNotAllowed, Level::WARN),
            Self::AdminSecret => not_logged_in(Level::WARN),
            Self::AdminTries => Row::new(P::OverLimit, Level::WARN).retry_after(60),
            Self::AdminFollowers => Row::new(P::Overloaded, Level::WARN).retry_after(5),
            Self::NoCredential => not_logged_in(Level::DEBUG),
            Self::Login(NoLogin::Unavailable { .. }) => {
                Row::new(P::IssuerUnavailable, Level::ERROR).closing(CloseCode::Overloaded).retry_after(2)
            }
            Self::Login(_) | Self::LoginRefused(_) => not_logged_in(Level::INFO),
            Self::Issuer | Self::PermissionRequired(_) | Self::PermissionNotHeld | Self::NotTheOwner => {
                Row::new(P::Forbidden, Level::INFO).closing(CloseCode::Forbidden)
            }
            Self::TicketFormat(_) => not_accepted(Level::INFO),
            Self::Ticket(TicketRefused::Expired) => not_accepted(Level::INFO),
            Self::Ticket(_) => not_accepted(Level::WARN),
            Self::Redeem(error) => redeem_row(error),
            Self::RevokedWhileOpening(_) => not_accepted(Level::INFO),
            Self::Mint(error) => mint_row(error),
            Self::NotRenewed(refused) => not_renewed_row(*refused),
            Self::RenewalLost | Self::Store(_) => store_unavailable(),
            Self::Dial(_) => upstream_unavailable().ticket(TicketState::Unspent),
            Self::Upgrade(AnswerError::Timeout(_)) => Row::new(P::UpstreamTimeout, Level::WARN)
                .closing(CloseCode::UpstreamUnavailable)
                .ticket(TicketState::Spent),
            Self::Upgrade(_) | Self::UpstreamChoice => upstream_unavailable().ticket(TicketState::Spent),
            Self::OverLimit(over) => over_limit(over),
            Self::Overloaded => Row::new(P::Overloaded, Level::WARN).closing(CloseCode::Overloaded).retry_after(1),
            Self::Draining => Row::new(P::Draining, Level::DEBUG).closing(CloseCode::Draining).retry_after(1),
            Self::Internal(_) => Row::new(P::Internal, Level::ERROR),
        }
    }

    /// What is particular to this refusal and may be told.
    #[must_use]
    pub fn public_detail(&self) -> Option<String> {
        match self {
            Self::Request(_) | Self::Head(_) | Self::Carrier(_) | Self::BodyTooLarge(_) => Some(self.to_string()),
            Self::Forwarded(error) => Some(error.told().into_owned()),
            Self::OverLimit(over) => Some(over.limit.told().into()),
            Self::NoSuchRoute => Some("the field `route` names no route of this gateway".into()),
            Self::NoSuchTicket => Some("this login has no such ticket that could still be revoked".into()),
            Self::NotRenewed(NotRenewed::Absent) => Some("this login has no such session that is open".into()),
            Self::NotRenewed(NotRenewed::Narrowed(_)) => Some("this login may do less than the session".into()),
            Self::NotTheOwner => Some("the ticket is somebody else's".into()),
            Self::NoSuchSession => Some("this login has no such session".into()),
            Self::AdminHost => Some("this listener is not known by that Host: add it to admin.hosts".into()),
            Self::AdminTries => Some("too many wrong secrets came from this address: wait a minute".into()),
            Self::CookieWithoutOrigin => Some("a credential in a cookie needs an Origin".into()),
            Self::FormNeeded => Some(self.to_string()),
            Self::Logout(_) => Some("the logout token is not accepted".into()),
            Self::CrossSite => Some("a login in a cookie counts for pages of this site only (Sec-Fetch-Site)".into()),
            Self::PermissionNotHeld => Some("`permissions` may list only what the login holds".into()),
            Self::Mint(MintError::Store(PutError::SubjectCap(cap))) => {
                Some(format!("{cap} unredeemed tickets are outstanding: redeem one or let it expire"))
            }
            _ => None,
        }
    }

    /// Whether a token was presented and refused, which `WWW-Authenticate` says (RFC 6750 §3.1).
    #[must_use]
    pub const fn is_invalid_token(&self) -> bool {
        matches!(self, Self::Login(_) | Self::LoginRefused(_) | Self::NotRenewed(NotRenewed::Revoked(_)))
    }
}

fn not_logged_in(level: Level) -> Row {
    Row::new(ProblemCode::NotLoggedIn, level).closing(CloseCode::NotLoggedIn)
}

fn not_accepted(level: Level) -> Row {
    Row::new(ProblemCode::TicketNotAccepted, level).closing(CloseCode::TicketNotAccepted)
}

fn store_unavailable() -> Row {
    Row::new(ProblemCode::StoreUnavailable, Level::ERROR).closing(CloseCode::StoreUnavailable).retry_after(1)
}

fn upstream_unavailable() -> Row {
    Row::new(ProblemCode::UpstreamUnavailable, Level::WARN).closing(CloseCode::UpstreamUnavailable)
}

/// At a low level: the limit itself tells the log, and not for every refusal.
fn over_limit(over: &Over) -> Row {
    let row = Row::new(ProblemCode::OverLimit, Level::DEBUG)
        .closing(CloseCode::OverLimit)
        .retry_after(over.retry_after_seconds());
    Row { ticket: over.limit.ticket(), ..row }
}

fn carrier_row(error: TakeError) -> Row {
    match error.problem() {
        ProblemCode::NotLoggedIn => not_logged_in(Level::INFO),
        code => Row::new(code, Level::INFO),
    }
}

fn not_renewed_row(refused: NotRenewed) -> Row {
    match refused {
        NotRenewed::Absent => Row::new(ProblemCode::NotFound, Level::DEBUG),
        NotRenewed::Revoked(_) => not_logged_in(Level::INFO),
        _ => Row::new(ProblemCode::Forbidden, Level::INFO).closing(CloseCode::Forbidden),
    }
}

fn redeem_row(error: &RedeemError) -> Row {
    match error {
        RedeemError::Replayed(_) => not_accepted(Level::WARN),
        RedeemError::Revoked(_) | RedeemError::Expired => not_accepted(Level::INFO),
        RedeemError::Unavailable(_) => store_unavailable().ticket(TicketState::Spent),
        _ => Row::new(ProblemCode::Internal, Level::ERROR),
    }
}

fn mint_row(error: &MintError) -> Row {
    match error {
        MintError::Store(PutError::SubjectCap(_)) => Row::new(ProblemCode::OverLimit, Level::WARN).retry_after(5),
        MintError::Store(PutError::Full(_) | PutError::OutOfMemory) => {
            Row::new(ProblemCode::Overloaded, Level::ERROR).retry_after(5)
        }
        MintError::Store(_) => store_unavailable(),
        MintError::Expiry => not_logged_in(Level::INFO),
        _ => Row::new(ProblemCode::Internal, Level::ERROR),
    }
}
