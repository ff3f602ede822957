use std::num::NonZeroU32;
use std::time::Duration;

use super::{Admission, MintError, RedeemError, TicketRefused};
use crate::grant::Grant;
use crate::now::Now;
use crate::principal::Principal;
use crate::rollout::Standing;
use crate::ticket::Place;

/// Why a ticket would not have opened a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RehearsalError {
    /// It was not minted.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// It was refused offline.
    #[error(transparent)]
    Inspect(#[from] TicketRefused),
    /// It was not redeemed.
    #[error(transparent)]
    Redeem(#[from] RedeemError),
}

impl Admission {
    /// Mints a ticket and redeems it, and lets nobody in by that: what would have become of one. Nothing of it is left.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`].
    pub async fn rehearse(&self, grant: Grant, place: &Place<'_>, now: Now) -> Result<(), RehearsalError> {
        let life = Duration::from_secs(grant.expires_at.saturating_sub(now.unix));
        let minted = self.mint_for_uses(grant, NonZeroU32::MIN, place, now).await?;
        let authentic = self.inspect(&minted.ticket, place, now)?;
        let admitted = self.redeem(authentic, life, now).await?;
        self.forget(&admitted.session_id, &admitted.grant.principal).await;
        Ok(())
    }

    /// Where somebody stands among all people, for [rollouts](crate::rollout).
    #[must_use]
    pub fn standing(&self, who: &Principal) -> Standing {
        self.keys.standing(who.issuer(), who.subject())
    }
}
