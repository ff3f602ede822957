use super::{Admission, Admitted};
use crate::grant::SessionId;
use crate::principal::Principal;
use crate::store::StoreUnavailable;
use crate::store::directory::Lease;

impl Admission {
    /// Takes one of the places that the subject has on all nodes, `most` in all. False when all are taken: whoever was
    /// admitted is one too many. After it is claimed, open the session: the place is free again when
    /// [`Sessions`](crate::sessions::Sessions) that are [listed](crate::sessions::Sessions::listed_in) in the same directory
    /// see its end.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`].
    pub async fn claim_place(&self, admitted: &Admitted, most: u32) -> Result<bool, StoreUnavailable> {
        let lease = Lease { session: admitted.session_id.clone(), subject: admitted.subject, deadline: 0 };
        self.directory.claim(&lease, most).await
    }

    /// How many sessions the subject has on all nodes: those with a place, on a shared directory also those that were leased.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`].
    pub async fn count_sessions(&self, principal: &Principal) -> Result<u32, StoreUnavailable> {
        self.directory.count(self.subject_tag(principal)).await
    }

    /// Takes a session of the principal's out of the directory, if that answers.
    pub(crate) async fn forget(&self, session: &SessionId, principal: &Principal) {
        let lease = Lease { session: session.clone(), subject: self.subject_tag(principal), deadline: 0 };
        let _ = self.directory.release(&[lease]).await;
    }
}
