//! Why something was refused, and the one table that says what the world is told about it.

mod checks;
mod counted;

use admitone::admission::{LoginRefused, MintError, RedeemError, TicketRefused};
use admitone::carrier::TakeError;
use admitone::close::CloseCode;
use admitone::control::RenewError;
use admitone::problem::{FieldFault, ProblemCode, TicketState};
use admitone::refusal;
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

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// What the world is told.
    pub told: refusal::Row,
    /// The level in the log.
    pub level: Level,
}

impl Row {
    fn new(code: ProblemCode, level: Level) -> Self {
        Self::of(refusal::Row::new(code), level)
    }

    /// Of what the library refuses.
    fn of(told: impl Into<refusal::Row>, level: Level) -> Self {
        Self { told: told.into(), level }
    }

    fn closing(self, close: CloseCode) -> Self {
        Self { told: self.told.closing(close), ..self }
    }

    fn retry_after(self, seconds: u64) -> Self {
        Self { told: self.told.retry_after(seconds), ..self }
    }

    fn ticket(self, state: TicketState) -> Self {
        Self { told: self.told.ticket(state), ..self }
    }
}

impl Rejection {
    /// The row of this refusal.
    #[must_use]
    pub fn row(&self) -> Row {
        use ProblemCode as P;
        use refusal::Row as Told;
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
            Self::Logout(NoLogout::Unavailable { .. }) | Self::Login(NoLogin::Unavailable { .. }) => {
                Row::of(Told::issuer_unavailable(), Level::ERROR)
            }
            Self::FormNeeded | Self::Logout(_) => Row::new(P::InvalidRequest, Level::WARN),
            Self::MediaType => Row::new(P::UnsupportedMediaType, Level::INFO),
            Self::Body(_) => Row::new(P::InvalidBody, Level::INFO),
            Self::Carrier(error) => Row::of(*error, Level::INFO),
            Self::Origin | Self::CookieWithoutOrigin | Self::CrossSite | Self::AdminOrigin => {
                Row::of(Told::origin_not_allowed(), Level::WARN)
            }
            Self::AdminHost => {
                Row::of(Told { status: StatusCode::MISDIRECTED_REQUEST, ..Told::invalid_request() }, Level::WARN)
            }
            Self::AdminSecret => Row::of(Told::not_logged_in(), Level::WARN),
            Self::AdminTries => Row::new(P::OverLimit, Level::WARN).retry_after(60),
            Self::AdminFollowers => Row::new(P::Overloaded, Level::WARN).retry_after(5),
            Self::NoCredential => Row::of(Told::not_logged_in(), Level::DEBUG),
            Self::Login(_) => Row::of(Told::not_logged_in(), Level::INFO),
            Self::LoginRefused(refused) => Row::of(*refused, Level::INFO),
            Self::Issuer | Self::PermissionRequired(_) | Self::PermissionNotHeld | Self::NotTheOwner => {
                Row::of(Told::forbidden(), Level::INFO)
            }
            Self::TicketFormat(error) => Row::of(*error, Level::INFO),
            Self::Ticket(refused @ TicketRefused::Expired) => Row::of(refused, Level::INFO),
            Self::Ticket(refused) => Row::of(refused, Level::WARN),
            Self::Redeem(error) => Row::of(error, redeem_level(error)),
            Self::RevokedWhileOpening(mark) => Row::of(Revoked(*mark), Level::INFO),
            Self::Mint(error) => Row::of(error, mint_level(error)),
            Self::NotRenewed(refused @ NotRenewed::Absent) => Row::of(*refused, Level::DEBUG),
            Self::NotRenewed(refused) => Row::of(*refused, Level::INFO),
            Self::RenewalLost => Row::of(RenewError::Unavailable, Level::ERROR),
            Self::Store(error) => Row::of(*error, Level::ERROR),
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

fn upstream_unavailable() -> Row {
    Row::new(ProblemCode::UpstreamUnavailable, Level::WARN).closing(CloseCode::UpstreamUnavailable)
}

/// At a low level: the limit itself tells the log, and not for every refusal.
fn over_limit(over: &Over) -> Row {
    let told = refusal::Row::over_limit(over.retry_after_seconds());
    Row::of(refusal::Row { ticket: over.limit.ticket(), ..told }, Level::DEBUG)
}

fn redeem_level(error: &RedeemError) -> Level {
    match error {
        RedeemError::Replayed(_) => Level::WARN,
        RedeemError::Revoked(_) | RedeemError::Expired => Level::INFO,
        _ => Level::ERROR,
    }
}

fn mint_level(error: &MintError) -> Level {
    match error {
        MintError::Store(PutError::SubjectCap(_)) => Level::WARN,
        MintError::Expiry => Level::INFO,
        _ => Level::ERROR,
    }
}
