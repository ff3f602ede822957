//! The configured store, made.

use std::sync::Arc;

use admitone::revocation::Revocations;
use admitone::revocation::memory::MemoryRevocations;
use admitone::store::TicketStore;
use admitone::store::memory::{MemoryLimits, MemoryTicketStore};

use crate::config::{Store, StoreKind};

/// Where tickets are kept, and the marks that go with them.
pub struct Stores {
    /// The configuration's name for it.
    pub kind: &'static str,
    /// The tickets.
    pub tickets: Arc<dyn TicketStore>,
    /// The marks.
    pub revocations: Arc<dyn Revocations>,
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The program was built without it.
    #[error("store.kind = \"redis\", but this program was built without Redis")]
    Absent,
}

impl Stores {
    /// Makes what the configuration says; a server is connected to, and asked whether it can keep what is promised.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn open(store: Store) -> Result<Self, StoreError> {
        match store.kind {
            StoreKind::Memory => Ok(Self::in_memory(&store)),
            StoreKind::Redis(_) => Err(StoreError::Absent),
        }
    }

    fn in_memory(store: &Store) -> Self {
        let revocations = Arc::new(MemoryRevocations::default());
        let limits = MemoryLimits { total: store.max_tickets, per_subject: store.max_tickets_per_subject };
        let tickets = Arc::new(MemoryTicketStore::new(limits, revocations.clone()));
        Self { kind: "memory", tickets, revocations }
    }
}
