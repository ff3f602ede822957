//! What went wrong, as the gateway and the browser SDK name it too.

use std::borrow::Cow;
use std::fmt;

/// What went wrong, as a stable text. Codes of the gateway's problems and of its Closes are among them, and a later gateway
/// may send one that this release does not know.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Code(Cow<'static, str>);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self(Cow::Borrowed($text));)*
        }
    };
}

codes! {
    /// No login, or one that is not accepted.
    NOT_LOGGED_IN = "not_logged_in";
    /// The login may not do this.
    FORBIDDEN = "forbidden";
    /// Nothing is at this URL.
    NOT_FOUND = "not_found";
    /// Tickets are off for this login.
    TICKETS_DISABLED = "tickets_disabled";
    /// The request breaks a rule.
    INVALID_REQUEST = "invalid_request";
    /// A field of the request is wrong.
    INVALID_BODY = "invalid_body";
    /// A limit was reached.
    OVER_LIMIT = "over_limit";
    /// The gateway cannot answer now.
    UNAVAILABLE = "unavailable";
    /// No answer came.
    NETWORK = "network";
    /// No answer came in time.
    TIMEOUT = "timeout";
    /// An answer that is none of the gateway's.
    BAD_ANSWER = "bad_answer";
    /// The application had no token.
    TOKEN_FAILED = "token_failed";
    /// The socket ended before it opened.
    CONNECTION_FAILED = "connection_failed";
    /// The open socket ended, and a new one may do better.
    CONNECTION_LOST = "connection_lost";
    /// The upstream ended the open socket.
    CLOSED_BY_UPSTREAM = "closed_by_upstream";
    /// The application ended it.
    CLOSED_BY_APPLICATION = "closed_by_application";
    /// The ticket was refused.
    TICKET_NOT_ACCEPTED = "ticket_not_accepted";
    /// The gateway's store did not answer.
    STORE_UNAVAILABLE = "store_unavailable";
    /// The login, the session or the ticket was revoked.
    REVOKED = "revoked";
    /// The gateway is shutting down.
    DRAINING = "draining";
    /// A URL that cannot be dialled.
    INVALID_URL = "invalid_url";
    /// A credential that cannot be sent.
    INVALID_CREDENTIAL = "invalid_credential";
}

/// Beside these, every code that begins `invalid_`.
const FINAL: &[&str] = &[
    "not_logged_in",
    "forbidden",
    "origin_not_allowed",
    "not_found",
    "tickets_disabled",
    "bad_answer",
    "token_failed",
    "revoked",
    "aborted",
    "closed_by_upstream",
    "not_open",
];

impl Code {
    /// A code that came from elsewhere.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Cow::Owned(text.into()))
    }

    /// As it travels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what failed with this code would only fail again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.0.starts_with("invalid_") || FINAL.contains(&&*self.0)
    }

    /// Whether the person has to log in before anything else can help.
    #[must_use]
    pub fn requires_login(&self) -> bool {
        *self == Self::NOT_LOGGED_IN || *self == Self::REVOKED
    }

    /// Whether it speaks against the login, and so against a ticket that was minted ahead with it.
    pub(crate) fn is_against_login(&self) -> bool {
        self.requires_login() || *self == Self::TICKET_NOT_ACCEPTED || *self == Self::FORBIDDEN
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.0)
    }
}
