use crate::grant::SessionId;
use crate::revocation::Mark;
use crate::store::{PutError, StoreUnavailable};
use crate::ticket::keys::{KeyError, OpenError};

/// Why a verified login is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginRefused {
    /// It has ended.
    #[error("the login has ended")]
    Expired,
    /// It lasts longer than marks are kept.
    #[error("the login lasts longer than revocations are remembered (30 days)")]
    TooLong,
    /// It was revoked.
    #[error("the login was revoked ({})", .0.name())]
    Revoked(Mark),
}

/// Why no ticket was minted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// The grant has ended, or ends after its login or the year 2106.
    #[error("the grant's expiry is not ahead, or later than its login's")]
    Expiry,
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] PutError),
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] KeyError),
}

/// Why a ticket is refused without asking the store. Callers tell their clients only that it was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketRefused {
    /// Signed by a key that is not on the list: another node's, or one rotated out.
    #[error("the ticket's key id {0} is unknown here: minted by another node without shared keys, or before a restart")]
    UnknownKey(u8),
    /// The MAC is wrong.
    #[error("the ticket is forged")]
    Forged,
    /// It has expired.
    #[error("the ticket has expired")]
    Expired,
    /// It is bound to another route, `Origin` or network.
    #[error("the ticket is bound to another route, origin or network")]
    Misbound,
    /// This node has seen it spent. The handle is that of the connection which it was for.
    #[error("the ticket of session {0} was spent or revoked before")]
    Replayed(SessionId),
}

impl From<OpenError> for TicketRefused {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::UnknownKey(id) => Self::UnknownKey(id),
            OpenError::Forged => Self::Forged,
            OpenError::Misbound => Self::Misbound,
        }
    }
}

/// Why a genuine credential admits nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedeemError {
    /// Authentic and unexpired, but not in the store: it was spent or revoked. The handle is that of the connection which it
    /// was for.
    #[error("the ticket of session {0} was spent or revoked before")]
    Replayed(SessionId),
    /// It expired while on its way; the clocks of two nodes may differ by as much.
    #[error("the ticket has just expired")]
    Expired,
    /// It, or its login, was revoked.
    #[error("the ticket was revoked ({})", .0.name())]
    Revoked(Mark),
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] KeyError),
}
