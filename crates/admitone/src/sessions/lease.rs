//! What a node tells the directory of its sessions.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use tokio::time::Instant;

use super::Sessions;
use super::register::{Live, Register, lock};
use crate::store::directory::{Directory, Lease};

/// Where a node's sessions are listed, and as whose.
pub(super) struct Listing {
    pub(super) directory: Arc<dyn Directory>,
    pub(super) node: Arc<str>,
}

impl Sessions {
    /// Lists the sessions in a directory, as those of `node`. Call it before any is opened, and run
    /// [`keep_leases`](Self::keep_leases) beside it.
    #[must_use]
    pub fn listed_in(self, directory: Arc<dyn Directory>, node: &str) -> Self {
        Self { register: Arc::new(Register::listed()), listing: Some(Listing { directory, node: node.into() }), ..self }
    }

    /// Leases what is live again and again, and releases what is over, for as long as it runs. What the directory does not
    /// take while it is away is leased in a later round, or lapses.
    pub async fn keep_leases(&self) {
        let (Some(listing), Some(over)) = (&self.listing, &self.register.over) else { return };
        let pause = listing.directory.lease_life().map(|life| life / 3);
        let mut round = pause.map(|_| Instant::now());
        loop {
            let added = over.added.notified();
            match round {
                Some(at) => drop(tokio::time::timeout_at(at, added).await),
                None => added.await,
            }
            self.release_over(listing).await;
            if round.is_some_and(|at| at <= Instant::now()) {
                self.lease_all(listing).await;
                round = pause.map(|pause| Instant::now() + pause);
            }
        }
    }

    async fn lease_all(&self, listing: &Listing) {
        let mut buckets: BTreeMap<u8, Vec<Weak<Live>>> = BTreeMap::new();
        for shard in self.register.shards() {
            shard.values().for_each(|live| buckets.entry(live.id.bucket()).or_default().push(Arc::downgrade(live)));
        }
        for lives in buckets.into_values() {
            // One that has ended since is not leased; one that ends meanwhile is released afterwards.
            let leases: Vec<Lease> = lives.iter().filter_map(Weak::upgrade).map(|live| live.leased()).collect();
            let _ = listing.directory.lease(&listing.node, &leases).await;
            self.release_over(listing).await;
        }
    }

    async fn release_over(&self, listing: &Listing) {
        let Some(over) = &self.register.over else { return };
        let leases = std::mem::take(&mut *lock(&over.leases));
        let mut buckets: BTreeMap<u8, Vec<Lease>> = BTreeMap::new();
        leases.into_iter().for_each(|lease| buckets.entry(lease.subject.bucket()).or_default().push(lease));
        for leases in buckets.into_values() {
            let _ = listing.directory.release(&leases).await;
        }
    }
}

impl Live {
    fn leased(&self) -> Lease {
        let deadline = self.expires_at(&self.authority());
        self.lease(deadline)
    }
}
