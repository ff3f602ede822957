//! What a connection tells its application.

use std::fmt;
use std::time::Duration;

use tokio_tungstenite::tungstenite::Message;

use crate::code::Code;
use crate::connection::{Cause, CredentialKind};
use crate::mint::{MintError, Renewed};
use crate::upgrade::DialError;

/// In the order it arose.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The socket is open: messages may be sent. After a reconnect it is another session.
    Opened(Opened),
    /// A text or binary message.
    Message(Message),
    /// The socket ended or did not open, and a retry is to come.
    Waiting {
        /// Which one in a row, from 1.
        retry: u32,
        /// How long until then.
        pause: Duration,
        /// Why.
        ended: Ended,
    },
    /// The session lasts as long as the fresh login.
    Renewed(Renewed),
    /// It does not; the socket is as it was.
    NotRenewed(MintError),
    /// The end.
    Closed(Ended),
}

/// How a socket was admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// What with.
    pub credential: CredentialKind,
    /// Why the login took a ticket's place; `None` for a ticket, or where tickets are off.
    pub fallback: Option<Code>,
    /// The application's subprotocol that was selected, or empty.
    pub protocol: String,
    /// The session's public handle, where a ticket was used.
    pub session_id: Option<String>,
}

/// Why a socket ended or did not open.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ended {
    /// As the machine says it.
    pub cause: Cause,
    /// What failed, where it was more than a Close.
    pub failure: Option<Failure>,
}

impl Ended {
    /// Whether the application, or the upstream by a Close of its own, ended it: no error.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.cause.code == Code::CLOSED_BY_APPLICATION || self.cause.code == Code::CLOSED_BY_UPSTREAM
    }
}

impl std::error::Error for Ended {}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cause { code, close, gave_up } = &self.cause;
        write!(f, "{code}")?;
        if let Some(close) = close {
            let reason: String = close.reason.chars().filter(|letter| !letter.is_control()).collect();
            write!(f, " ({})", format!("Close {} {reason}", close.code).trim_end())?;
        }
        if let Some(failure) = &self.failure {
            write!(f, ": {failure}")?;
        }
        if *gave_up { write!(f, "; gave up") } else { Ok(()) }
    }
}

/// What failed in an attempt.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// To get a ticket, or the token.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// To open the socket.
    #[error(transparent)]
    Dial(#[from] DialError),
}
