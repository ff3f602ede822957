//! What `/readyz` says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use admitone::admission::MIRROR_TRUST;
use admitone::now::Now;
use admitone::revocation::Revocations;
use admitone::store::TicketStore;
use tokio::sync::Mutex;

/// How long an answer of the store's counts: whoever asks for readiness all the time must not reach the store each time.
const FRESH: Duration = Duration::from_secs(1);

/// What a gateway can do for those who come now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Mint and redeem.
    Ready,
    /// Only let logins in, on some route.
    Degraded,
    /// Nothing.
    Unavailable,
}

impl Ability {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Finds out what the gateway can do.
pub struct Readiness {
    kind: &'static str,
    store: Arc<dyn TicketStore>,
    revocations: Arc<dyn Revocations>,
    any_fallback: AtomicBool,
    last: Mutex<Option<(Instant, bool)>>,
}

impl Readiness {
    /// Of a gateway with this store, `kind` being its name, where some route lets logins in without a ticket or none does.
    pub fn new(
        kind: &'static str,
        store: Arc<dyn TicketStore>,
        revocations: Arc<dyn Revocations>,
        any_fallback: bool,
    ) -> Self {
        Self { kind, store, revocations, any_fallback: AtomicBool::new(any_fallback), last: Mutex::default() }
    }

    /// Whether some route lets logins in without a ticket from now on.
    pub fn any_fallback(&self, any_fallback: bool) {
        self.any_fallback.store(any_fallback, Ordering::Relaxed);
    }

    /// The store's name.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Asks the store, at most once a second.
    pub async fn ability(&self, now: Now) -> Ability {
        if self.store_answers(now).await {
            return Ability::Ready;
        }
        let mirror_is_young = self.revocations.synced(now).is_some_and(|age| age < MIRROR_TRUST);
        let any_fallback = self.any_fallback.load(Ordering::Relaxed);
        if any_fallback && mirror_is_young { Ability::Degraded } else { Ability::Unavailable }
    }

    async fn store_answers(&self, now: Now) -> bool {
        // Those who come while it is being asked wait for that answer.
        let mut last = self.last.lock().await;
        if let Some((asked, answers)) = *last
            && now.instant.saturating_duration_since(asked) < FRESH
        {
            return answers;
        }
        let answers = self.store.probe().await.is_ok();
        *last = Some((now.instant, answers));
        answers
    }
}

#[cfg(test)]
mod tests;
