//! What refusals count as, in limits and metrics.

use admitone::admission::{MintError, RedeemError, TicketRefused};
use admitone::authn::LoginError;
use admitone::authn::introspection::IntrospectionError;
use admitone::store::PutError;

use super::Rejection;
use crate::logins::{NoLogin, NoLogout, NotAccepted};

impl Rejection {
    /// Whether a token was presented that never was a login here. One whose time is over, or not yet there, or that was revoked,
    /// is no attack.
    #[must_use]
    pub const fn is_failed_login(&self) -> bool {
        match self {
            Self::Login(
                NoLogin::Introspected(IntrospectionError::Inactive) | NoLogin::Session(NotAccepted::Status(_)),
            ) => true,
            Self::Logout(NoLogout::Token(_)) => true,
            Self::Login(NoLogin::Token(error)) => {
                !matches!(error, LoginError::Expired | LoginError::NotYetValid | LoginError::IssuedInFuture)
            }
            _ => false,
        }
    }

    /// Whether a ticket was presented that never was good here, or is spent. One whose time is over is no attack.
    #[must_use]
    pub const fn is_failed_redeem(&self) -> bool {
        match self {
            Self::TicketFormat(_) | Self::Redeem(RedeemError::Replayed(_)) => true,
            Self::Ticket(refused) => !matches!(refused, TicketRefused::Expired),
            _ => false,
        }
    }

    /// Whether a ticket was not minted or redeemed by a fault of ours, which no client can cause: what the rollout's guard counts.
    #[must_use]
    pub const fn is_ticket_failure_of_ours(&self) -> bool {
        match self {
            Self::Mint(MintError::Store(error)) => !matches!(error, PutError::SubjectCap(_)),
            Self::Mint(error) => !matches!(error, MintError::Expiry),
            Self::Redeem(error) => {
                !matches!(error, RedeemError::Replayed(_) | RedeemError::Expired | RedeemError::Revoked(_))
            }
            _ => false,
        }
    }

    /// What came of the ticket that was presented, where it was the ticket that was refused: the word in metrics.
    #[must_use]
    pub const fn redeem_outcome(&self) -> Option<&'static str> {
        Some(match self {
            Self::TicketFormat(_) => "malformed",
            Self::Ticket(TicketRefused::UnknownKey(_)) => "unknown_key",
            Self::Ticket(TicketRefused::Expired) | Self::Redeem(RedeemError::Expired) => "expired",
            Self::Ticket(TicketRefused::Misbound) => "misbound",
            Self::Ticket(TicketRefused::Replayed(_)) | Self::Redeem(RedeemError::Replayed(_)) => "replayed",
            Self::Ticket(_) => "forged",
            Self::Redeem(RedeemError::Revoked(_)) | Self::RevokedWhileOpening(_) => "revoked",
            Self::Redeem(RedeemError::Unavailable(_)) => "store_unavailable",
            Self::Redeem(_) => "internal",
            _ => return None,
        })
    }
}
