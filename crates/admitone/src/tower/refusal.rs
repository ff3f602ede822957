use http::header::{CONNECTION, HeaderValue};
use http::response::Response;

use super::NoLogin;
use crate::admission::{LoginRefused, MintError, RedeemError, TicketRefused};
use crate::carrier::TakeError;
use crate::control::RenewError;
use crate::handshake::HandshakeError;
use crate::problem::{FieldFault, ProblemCode};
use crate::refusal::Row;
use crate::route::{GrantRefused, OriginRefused};
use crate::sessions::{NotRenewed, Revoked};
use crate::store::{PutError, StoreUnavailable};
use crate::ticket::TicketFormatError;

/// Why a request was refused. `Display` is for the log: it holds no secret, but more than the world is told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request opens no socket.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The request breaks a rule.
    #[error("{0}")]
    Request(&'static str),
    /// The credential cannot be taken.
    #[error(transparent)]
    Carrier(#[from] TakeError),
    /// The page may not ask.
    #[error(transparent)]
    Origin(#[from] OriginRefused),
    /// A login in a cookie, and the browser does not say that a page of the same site asks.
    #[error("a cookie, and Sec-Fetch-Site is neither same-origin nor same-site")]
    CrossSite,
    /// No credential.
    #[error("no credential")]
    NoCredential,
    /// The credential is no login.
    #[error("login: {0}")]
    Login(#[from] NoLogin),
    /// The login is not accepted.
    #[error("login: {0}")]
    LoginRefused(#[from] LoginRefused),
    /// The login may not do this.
    #[error(transparent)]
    Grant(#[from] GrantRefused),
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
    #[error("revoked while opening: {0}")]
    RevokedWhileOpening(#[from] Revoked),
    /// The subject has as many sessions as it may.
    #[error("the subject has {0} sessions, which is the limit")]
    TooManySessions(u32),
    /// Not minted.
    #[error("mint: {0}")]
    Mint(#[from] MintError),
    /// Not renewed.
    #[error("renew: {0}")]
    Renew(#[from] RenewError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
    /// No such route, ticket or session, or somebody else's: which one the text says.
    #[error("{0}")]
    Absent(&'static str),
    /// Not with this method.
    #[error("not with this method")]
    Method,
    /// The body is too large.
    #[error("the body is over {0} bytes")]
    BodyTooLarge(usize),
    /// The body is of another media type.
    #[error("the body is not application/json")]
    MediaType,
    /// The body's fields are wrong.
    #[error("{} wrong fields in the body", .0.len())]
    Body(Vec<FieldFault>),
    /// Shutting down.
    #[error("draining")]
    Draining,
    /// A fault of the handler's or of ours.
    #[error("{0}")]
    Fault(&'static str),
}

impl Refusal {
    /// What the world is told.
    #[must_use]
    pub fn row(&self) -> Row {
        match self {
            Self::Handshake(error) => (*error).into(),
            Self::Request(_) => Row::invalid_request(),
            Self::Carrier(error) => (*error).into(),
            Self::Origin(refused) => (*refused).into(),
            Self::CrossSite => Row::origin_not_allowed(),
            Self::NoCredential | Self::Login(NoLogin::Refused(_)) => Row::not_logged_in(),
            Self::Login(NoLogin::Unavailable(_)) => Row::issuer_unavailable(),
            Self::LoginRefused(refused) => (*refused).into(),
            Self::Grant(refused) => refused.into(),
            Self::TicketFormat(error) => (*error).into(),
            Self::Ticket(refused) => refused.into(),
            Self::Redeem(error) => error.into(),
            Self::RevokedWhileOpening(revoked) => (*revoked).into(),
            Self::TooManySessions(_) => Row::over_limit(5).ticket(crate::problem::TicketState::Spent),
            Self::Mint(error) => error.into(),
            Self::Renew(error) => (*error).into(),
            Self::Store(error) => (*error).into(),
            Self::Absent(_) => Row::not_found(),
            Self::Method => Row::new(ProblemCode::MethodNotAllowed),
            Self::BodyTooLarge(_) => Row::new(ProblemCode::BodyTooLarge),
            Self::MediaType => Row::new(ProblemCode::UnsupportedMediaType),
            Self::Body(_) => Row::invalid_body(),
            Self::Draining => Row::draining(),
            Self::Fault(_) => Row::internal(),
        }
    }

    /// What is particular to this refusal and may be told.
    fn public_detail(&self) -> Option<String> {
        match self {
            Self::Handshake(HandshakeError::Broken(_)) => Some(self.to_string()),
            Self::Request(_) | Self::Carrier(_) | Self::BodyTooLarge(_) | Self::Absent(_) => Some(self.to_string()),
            Self::Origin(OriginRefused::CookieAlone) => Some("a credential in a cookie needs an Origin".into()),
            Self::CrossSite => Some("a login in a cookie counts for pages of this site only (Sec-Fetch-Site)".into()),
            Self::Grant(GrantRefused::PermissionNotHeld) => {
                Some("`permissions` may list only what the login holds".into())
            }
            Self::TooManySessions(_) => Some("too many sessions of one subject".into()),
            Self::Mint(MintError::Store(PutError::SubjectCap(cap))) => {
                Some(format!("{cap} unredeemed tickets are outstanding: redeem one or let it expire"))
            }
            Self::Renew(RenewError::Refused(NotRenewed::Absent)) => {
                Some("this login has no such session that is open".into())
            }
            Self::Renew(RenewError::Refused(NotRenewed::Narrowed(_))) => {
                Some("this login may do less than the session".into())
            }
            _ => None,
        }
    }

    /// Whether a token was presented and refused (RFC 6750 §3.1).
    const fn is_invalid_token(&self) -> bool {
        matches!(
            self,
            Self::Login(NoLogin::Refused(_))
                | Self::LoginRefused(_)
                | Self::Renew(RenewError::Refused(NotRenewed::Revoked(_)))
        )
    }

    /// The problem that tells of it.
    pub(crate) fn answer<R: From<Vec<u8>>>(self) -> Response<R> {
        let row = self.row();
        let detail = self.public_detail();
        let invalid_token = self.is_invalid_token();
        let errors = if let Self::Body(faults) = self { faults } else { Vec::new() };
        // Strings and numbers always serialise.
        let problem = serde_json::to_vec(&row.problem(detail, errors)).unwrap_or_default();
        let mut response = Response::new(problem.into());
        *response.status_mut() = row.status;
        row.write_headers(response.headers_mut(), invalid_token);
        response
    }

    /// The same to an upgrade, the last request of its connection: what was believed to be a tunnel must not become requests.
    pub(super) fn last_answer<R: From<Vec<u8>>>(self) -> Response<R> {
        let mut response = self.answer();
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}
