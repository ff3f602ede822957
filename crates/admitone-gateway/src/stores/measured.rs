//! A store whose operations are timed and whose errors are counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use admitone::grant::{Grant, SessionId};
use admitone::now::Now;
use admitone::principal::Principal;
use admitone::revocation::{Batch, Cursor, Mark, Mirror, Revocation, Revocations};
use admitone::store::{BoxFuture, Opening, PutError, StoreUnavailable, Stored, Taken, TicketKey, TicketStore};
use admitone::ticket::SubjectTag;

use crate::metrics::{Metrics, StoreOperation};

/// A store, and what is measured of it. Everything is passed on as it is.
pub(super) struct Measured<S: ?Sized> {
    inner: Arc<S>,
    metrics: Arc<Metrics>,
}

impl<S: ?Sized> Measured<S> {
    pub(super) fn new(inner: Arc<S>, metrics: &Arc<Metrics>) -> Self {
        Self { inner, metrics: metrics.clone() }
    }
}

/// Some stores do their work before they return the future, so the time begins before that.
fn time<'a, T: 'a, E: 'a>(
    operation: &'a StoreOperation,
    ask: impl FnOnce() -> BoxFuture<'a, Result<T, E>>,
    is_failure: fn(&E) -> bool,
) -> BoxFuture<'a, Result<T, E>>
where
    Result<T, E>: Send,
{
    let began = Instant::now();
    let asked = ask();
    Box::pin(async move {
        let answer = asked.await;
        operation.took(began.elapsed(), answer.as_ref().is_err_and(is_failure));
        answer
    })
}

/// A subject's cap is no fault of the store's.
fn put_failed(error: &PutError) -> bool {
    !matches!(error, PutError::SubjectCap(_))
}

fn always(_: &StoreUnavailable) -> bool {
    true
}

impl TicketStore for Measured<dyn TicketStore> {
    fn put(&self, key: TicketKey, stored: Stored, now: Now) -> BoxFuture<'_, Result<(), PutError>> {
        time(&self.metrics.store().put, || self.inner.put(key, stored, now), put_failed)
    }

    fn peek(&self, key: TicketKey, now: Now) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>> {
        time(&self.metrics.store().peek, || self.inner.peek(key, now), always)
    }

    fn take(
        &self,
        key: TicketKey,
        opening: Opening<'_>,
        now: Now,
    ) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>> {
        time(&self.metrics.store().take, || self.inner.take(key, opening, now), always)
    }

    fn discard(&self, key: TicketKey, now: Now) -> BoxFuture<'_, Result<bool, StoreUnavailable>> {
        time(&self.metrics.store().discard, || self.inner.discard(key, now), always)
    }

    fn discard_session<'a>(
        &'a self,
        subject: SubjectTag,
        session: &'a SessionId,
        now: Now,
    ) -> BoxFuture<'a, Result<bool, StoreUnavailable>> {
        time(&self.metrics.store().discard, || self.inner.discard_session(subject, session, now), always)
    }

    fn enter(
        &self,
        subject: SubjectTag,
        entrant: &Grant,
        session_id: &SessionId,
        opening: Opening<'_>,
        now: Now,
    ) -> BoxFuture<'_, Result<Option<Mark>, StoreUnavailable>> {
        let ask = || self.inner.enter(subject, entrant, session_id, opening, now);
        time(&self.metrics.store().enter, ask, always)
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        time(&self.metrics.store().probe, || self.inner.probe(), always)
    }
}

impl Revocations for Measured<dyn Revocations> {
    fn revoke(&self, revocation: Revocation, now: Now) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        self.metrics.revoked(revocation.mark().name());
        time(&self.metrics.store().revoke, || self.inner.revoke(revocation, now), always)
    }

    fn revoke_of(
        &self,
        owner: &Principal,
        revocation: Revocation,
        now: Now,
    ) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        self.metrics.revoked(revocation.mark().name());
        time(&self.metrics.store().revoke, || self.inner.revoke_of(owner, revocation, now), always)
    }

    fn mirror(&self) -> &Mirror {
        self.inner.mirror()
    }

    fn synced(&self, now: Now) -> Option<Duration> {
        self.inner.synced(now)
    }

    fn follow(&self, cursor: Cursor) -> BoxFuture<'_, Batch> {
        self.inner.follow(cursor)
    }
}
