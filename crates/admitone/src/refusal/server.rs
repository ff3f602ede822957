//! The rows of what the steps of admission refuse.

use super::Row;
use crate::admission::{LoginRefused, MintError, RedeemError, TicketRefused};
use crate::control::RenewError;
use crate::problem::{ProblemCode, TicketState};
use crate::route::{GrantRefused, OriginRefused};
use crate::sessions::{NotRenewed, Revoked};
use crate::store::{PutError, StoreUnavailable};
use crate::ticket::TicketFormatError;

impl From<OriginRefused> for Row {
    fn from(_: OriginRefused) -> Self {
        Self::origin_not_allowed()
    }
}

impl From<&GrantRefused> for Row {
    fn from(_: &GrantRefused) -> Self {
        Self::forbidden()
    }
}

impl From<LoginRefused> for Row {
    fn from(_: LoginRefused) -> Self {
        Self::not_logged_in()
    }
}

impl From<TicketFormatError> for Row {
    fn from(_: TicketFormatError) -> Self {
        Self::ticket_not_accepted()
    }
}

impl From<&TicketRefused> for Row {
    fn from(_: &TicketRefused) -> Self {
        Self::ticket_not_accepted()
    }
}

impl From<&RedeemError> for Row {
    fn from(error: &RedeemError) -> Self {
        match error {
            RedeemError::Replayed(_) | RedeemError::Revoked(_) | RedeemError::Expired => Self::ticket_not_accepted(),
            RedeemError::Unavailable(_) => Self::store_unavailable().ticket(TicketState::Spent),
            RedeemError::Random(_) => Self::internal(),
        }
    }
}

impl From<Revoked> for Row {
    fn from(_: Revoked) -> Self {
        Self::ticket_not_accepted()
    }
}

impl From<&MintError> for Row {
    fn from(error: &MintError) -> Self {
        match error {
            MintError::Store(PutError::SubjectCap(_)) => Self::new(ProblemCode::OverLimit).retry_after(5),
            MintError::Store(PutError::Full(_) | PutError::OutOfMemory) => {
                Self::new(ProblemCode::Overloaded).retry_after(5)
            }
            MintError::Store(PutError::Unavailable) => Self::store_unavailable(),
            MintError::Expiry => Self::not_logged_in(),
            MintError::Random(_) => Self::internal(),
        }
    }
}

impl From<NotRenewed> for Row {
    fn from(refused: NotRenewed) -> Self {
        match refused {
            NotRenewed::Absent => Self::not_found(),
            NotRenewed::Revoked(_) => Self::not_logged_in(),
            NotRenewed::Narrowed(_) => Self::forbidden(),
        }
    }
}

impl From<RenewError> for Row {
    fn from(error: RenewError) -> Self {
        match error {
            RenewError::Refused(refused) => refused.into(),
            RenewError::Unavailable => Self::store_unavailable(),
        }
    }
}

impl From<StoreUnavailable> for Row {
    fn from(_: StoreUnavailable) -> Self {
        Self::store_unavailable()
    }
}
