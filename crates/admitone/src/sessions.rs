//! The connections that are live on this node.

mod lease;
mod listed;
mod register;
mod renew;
mod scope;
mod terms;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::admission::Admitted;
use crate::close::CloseCode;
use crate::grant::SessionId;
use crate::now::Now;
use crate::principal::Principal;
use crate::revocation::{Cursor, Mark, Revocation, Revocations};

use lease::Listing;
pub use listed::Listed;
use register::{Live, Register};
pub use renew::{NotRenewed, Renewed};
pub use scope::Scope;
pub use terms::{Narrowed, Terms};

/// The shortest pause of a gradual close.
const DRAIN_STEP: Duration = Duration::from_millis(10);

/// How often the silence of revocations is looked at.
const CUT_OFF_STEP: Duration = Duration::from_millis(500);

/// The register of live connections.
pub struct Sessions {
    register: Arc<Register>,
    revocations: Arc<dyn Revocations>,
    listing: Option<Listing>,
}

impl Sessions {
    /// An empty register, compared with the marks of `revocations`. Run [`follow`](Self::follow) beside it.
    #[must_use]
    pub fn new(revocations: Arc<dyn Revocations>) -> Self {
        Self { register: Arc::default(), revocations, listing: None }
    }

    /// Opens a session that lasts until its login ends, at most as long as it was redeemed for.
    ///
    /// It is registered first and compared with the marks afterwards: a revocation that races the upgrade meets it in one place
    /// or the other.
    ///
    /// # Errors
    ///
    /// [`Revoked`] when a mark covers it.
    pub fn open(&self, admitted: Admitted, now: Now) -> Result<Session, Revoked> {
        let session = Session { live: Arc::new(Live::new(admitted, now)), register: self.register.clone() };
        self.register.add(&session.live);
        match self.covering(&session.live) {
            Some(mark) => Err(Revoked(mark)),
            None => Ok(session),
        }
    }

    /// The mark that covers it.
    fn covering(&self, live: &Live) -> Option<Mark> {
        self.revocations.mirror().covering(&live.principal, &live.authority().login, Some(&live.id))
    }

    /// How many are live.
    #[must_use]
    pub fn count(&self) -> usize {
        self.register.shards().map(|shard| shard.len()).sum()
    }

    /// Closes every session.
    pub fn close_all(&self, code: CloseCode) {
        self.close_where(code, |_| true);
    }

    /// Closes every session, in no order and evenly spread over a time, so that their clients do not come back all at once;
    /// from the end on, also each that is opened. Returns early when none is left.
    pub async fn close_gradually(&self, code: CloseCode, over: Duration) {
        self.close_one_by_one(code, over).await;
        // What is opened from here on meets the code, what was opened before is closed here.
        self.register.ended.get_or_init(|| code);
        self.close_all(code);
    }

    /// Closes the sessions of a scope that were open by `opened_by`, spread as [`close_gradually`](Self::close_gradually) does.
    /// What is opened meanwhile stays.
    pub async fn close_scope(&self, scope: &Scope, code: CloseCode, opened_by: Instant, over: Duration) {
        self.close_some(code, over, |live| live.opened.instant <= opened_by && scope.has_live(live)).await;
    }

    async fn close_one_by_one(&self, code: CloseCode, over: Duration) {
        self.close_some(code, over, |_| true).await;
    }

    async fn close_some(&self, code: CloseCode, over: Duration, is_meant: impl Fn(&Live) -> bool) {
        let mut waiting: Vec<Weak<Live>> = Vec::new();
        for shard in self.register.shards() {
            waiting.extend(shard.values().filter(|live| is_meant(live)).map(Arc::downgrade));
        }
        let most = usize::try_from(over.as_millis() / DRAIN_STEP.as_millis()).unwrap_or(usize::MAX);
        let batches = waiting.len().clamp(1, most.max(1));
        let pause = over / u32::try_from(batches).unwrap_or(u32::MAX);
        for batch in waiting.chunks(waiting.len().div_ceil(batches).max(1)) {
            batch.iter().filter_map(Weak::upgrade).for_each(|live| live.close(code));
            self.rest(pause).await;
        }
    }

    /// Waits, but not longer than there are sessions.
    async fn rest(&self, pause: Duration) {
        let until = tokio::time::Instant::now() + pause;
        while self.count() > 0 && tokio::time::Instant::now() < until {
            tokio::time::sleep_until(until.min(tokio::time::Instant::now() + DRAIN_STEP)).await;
        }
    }

    /// Closes what revocations cover, for as long as it runs.
    pub async fn follow(&self) {
        let mut cursor = Cursor::default();
        loop {
            let batch = self.revocations.follow(cursor).await;
            cursor = batch.cursor;
            if batch.gap {
                self.compare_all();
            }
            for revocation in &batch.revocations {
                self.close_covered(revocation);
            }
        }
    }

    /// Closes every session, spread over `over`, whenever this node has not heard of revocations for `silence`: for those to
    /// whom a revocation that comes late is worse than a reconnect. Run it beside [`follow`](Self::follow).
    pub async fn close_when_cut_off(&self, silence: Duration, over: Duration) {
        loop {
            let age = self.revocations.synced(Now::read()).unwrap_or(Duration::MAX);
            if age >= silence {
                self.close_one_by_one(CloseCode::StoreUnavailable, over).await;
            }
            tokio::time::sleep(CUT_OFF_STEP).await;
        }
    }

    fn close_covered(&self, revocation: &Revocation) {
        self.close_where(CloseCode::Revoked, |live| {
            revocation.covers(&live.principal, &live.authority().login, &live.id)
        });
    }

    /// Compares every session with the marks, after some revocations may have been missed.
    fn compare_all(&self) {
        self.close_where(CloseCode::Revoked, |live| self.covering(live).is_some());
    }

    fn close_where(&self, code: CloseCode, covers: impl Fn(&Live) -> bool) {
        for shard in self.register.shards() {
            shard.values().filter(|live| covers(live)).for_each(|live| live.close(code));
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("count", &self.count()).finish_non_exhaustive()
    }
}

/// One admitted live connection. It leaves the register when it is dropped.
///
/// Made by [`Sessions::open`] only.
pub struct Session {
    live: Arc<Live>,
    register: Arc<Register>,
}

impl Session {
    /// Its public handle.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.live.id
    }

    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.live.principal
    }

    /// Waits until the connection has to be closed: its deadline, a revocation or a drain, whichever is first.
    pub async fn closing(&self) -> CloseCode {
        self.live.closing().await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.register.remove(&self.live);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.live.id).finish_non_exhaustive()
    }
}

/// A mark covers the connection: it was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the login was revoked ({})", .0.name())]
pub struct Revoked(pub Mark);
