use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use admitone::grant::{Grant, SessionId};
use admitone::revocation::memory::MemoryRevocations;
use admitone::revocation::{Batch, Cursor, Mark, Mirror, Revocation};
use admitone::store::{BoxFuture, Opening, PutError, StoreUnavailable, Stored, Taken, TicketKey};
use admitone::ticket::SubjectTag;

use super::*;

/// A store that is only ever probed, and revocations that were heard of some seconds ago, or never.
#[derive(Default)]
struct Patient {
    is_down: AtomicBool,
    probes: AtomicUsize,
    revocations: MemoryRevocations,
    heard: Option<Duration>,
}

fn unasked<'a, T>() -> BoxFuture<'a, T> {
    unreachable!("readiness only probes")
}

impl TicketStore for Patient {
    fn put(&self, _: TicketKey, _: Stored, _: Now) -> BoxFuture<'_, Result<(), PutError>> {
        unasked()
    }

    fn peek(&self, _: TicketKey, _: Now) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>> {
        unasked()
    }

    fn take(&self, _: TicketKey, _: Opening<'_>, _: Now) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>> {
        unasked()
    }

    fn discard(&self, _: TicketKey, _: Now) -> BoxFuture<'_, Result<bool, StoreUnavailable>> {
        unasked()
    }

    fn discard_session<'a>(
        &'a self,
        _: SubjectTag,
        _: &'a SessionId,
        _: Now,
    ) -> BoxFuture<'a, Result<bool, StoreUnavailable>> {
        unasked()
    }

    fn enter(
        &self,
        _: SubjectTag,
        _: &Grant,
        _: &SessionId,
        _: Opening<'_>,
        _: Now,
    ) -> BoxFuture<'_, Result<Option<Mark>, StoreUnavailable>> {
        unasked()
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        self.probes.fetch_add(1, Ordering::SeqCst);
        let answer = if self.is_down.load(Ordering::SeqCst) { Err(StoreUnavailable) } else { Ok(()) };
        Box::pin(std::future::ready(answer))
    }
}

impl Revocations for Patient {
    fn revoke(&self, revocation: Revocation, now: Now) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        self.revocations.revoke(revocation, now)
    }

    fn mirror(&self) -> &Mirror {
        self.revocations.mirror()
    }

    fn synced(&self, _: Now) -> Option<Duration> {
        self.heard
    }

    fn follow(&self, cursor: Cursor) -> BoxFuture<'_, Batch> {
        self.revocations.follow(cursor)
    }
}

async fn ability(is_down: bool, heard: Option<u64>, any_fallback: bool) -> Ability {
    let patient =
        Arc::new(Patient { is_down: is_down.into(), heard: heard.map(Duration::from_secs), ..Patient::default() });
    Readiness::new("patient", patient.clone(), patient, any_fallback).ability(Now::read()).await
}

#[tokio::test]
async fn f2_without_its_store_a_gateway_is_degraded_while_it_can_still_admit() {
    assert_eq!(ability(false, None, false).await, Ability::Ready);
    assert_eq!(ability(true, Some(299), true).await, Ability::Degraded);
    assert_eq!(ability(true, Some(300), true).await, Ability::Unavailable, "it could have missed a revocation");
    assert_eq!(ability(true, None, true).await, Ability::Unavailable);
    assert_eq!(ability(true, Some(0), false).await, Ability::Unavailable, "no route admits without tickets");
}

#[tokio::test]
async fn f5_the_store_is_asked_once_a_second_and_its_return_is_noticed() {
    let patient = Arc::new(Patient { is_down: true.into(), ..Patient::default() });
    let readiness = Readiness::new("patient", patient.clone(), patient.clone(), false);
    let now = Now::read();
    for _ in 0..100 {
        assert_eq!(readiness.ability(now).await, Ability::Unavailable);
    }
    assert_eq!(patient.probes.load(Ordering::SeqCst), 1);
    patient.is_down.store(false, Ordering::SeqCst);
    assert_eq!(readiness.ability(now.after(Duration::from_secs(1))).await, Ability::Ready);
}
