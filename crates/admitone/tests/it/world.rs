//! Builders: a login, a place, a grant, and one node with everything in memory.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use admitone::admission::{Admission, Admitted, Minted, RedeemError, TicketRefused};
use admitone::grant::{Grant, SessionId};
use admitone::now::Now;
use admitone::principal::{Login, LoginStamp, Permissions, Principal};
use admitone::revocation::memory::MemoryRevocations;
use admitone::revocation::{Mark, Revocation, Revocations};
use admitone::sessions::Terms;
use admitone::store::memory::{MemoryLimits, MemoryTicketStore};
use admitone::store::{BoxFuture, Opening, PutError, StoreUnavailable, Stored, Taken, TicketKey, TicketStore};
use admitone::ticket::keys::TicketKeys;
use admitone::ticket::{Place, SubjectTag, Ticket};

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const ROUTE: &str = "/chat";
pub(crate) const ORIGIN: &str = "https://app.example.com";

/// How long the tickets of [`grant`] live, and the logins they are minted for.
pub(crate) const TICKET_LIFE: Duration = Duration::from_secs(60);
pub(crate) const LOGIN_LIFE: Duration = Duration::from_secs(900);

/// Longer than any login lasts.
pub(crate) const LONG: Duration = Duration::from_secs(24 * 3600);

const SECRET: &[u8; 32] = b"the secret that signs, 32 bytes!";
const TAG_SECRET: &[u8; 32] = b"the secret of the tags, 32 bytes";

/// A moment: fixed on the wall clock, the present one on the monotonic clock.
pub(crate) fn now() -> Now {
    Now { unix: 1_800_000_000, instant: Instant::now() }
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Some seconds later by the monotonic clock, while the wall clock says something else.
pub(crate) fn jumped(now: Now, later: Duration, unix: u64) -> Now {
    Now { unix, ..now.after(later) }
}

/// A login of `subject` with a `sid` and a `jti` of its own.
pub(crate) fn login(subject: &str, now: Now) -> Login {
    login_at(ISSUER, subject, now)
}

pub(crate) fn login_at(issuer: &str, subject: &str, now: Now) -> Login {
    let principal =
        Principal::new(issuer, subject, Some("somebody@example.com")).expect("identifiers in visible ASCII");
    Login {
        principal: principal.with_tenant("acme").expect("visible ASCII"),
        permissions: Permissions::new(["chat"]).expect("a scope character each"),
        stamp: LoginStamp {
            issued_at: now.unix,
            sid: Some(format!("sid-of-{subject}").into()),
            jti: Some(format!("jti-of-{subject}").into()),
        },
        expires_at: now.unix + LOGIN_LIFE.as_secs(),
    }
}

pub(crate) fn grant(login: &Login, now: Now) -> Grant {
    Grant::of(login, ROUTE, TICKET_LIFE, now.unix)
}

/// The chat of the application's own page.
pub(crate) fn chat() -> Place<'static> {
    Place { route: ROUTE, origin: Some(ORIGIN), address: None }
}

/// Keys as every node of one deployment has them.
pub(crate) fn keys() -> TicketKeys {
    keys_of(&[(1, SECRET)])
}

pub(crate) fn keys_of(signing: &[(u8, &[u8])]) -> TicketKeys {
    TicketKeys::new(signing, TAG_SECRET).expect("secrets of 32 bytes")
}

/// Every revocation that ends `login`, or a connection of it.
pub(crate) fn revocations_of_login(login: &Login, now: Now) -> [Revocation; 3] {
    let issuer: Arc<str> = login.principal.issuer().into();
    [
        Revocation::Sid { issuer: issuer.clone(), sid: login.stamp.sid.clone().expect("a sid") },
        Revocation::Jti { issuer, jti: login.stamp.jti.clone().expect("a jti") },
        Revocation::of_subject(&login.principal, now.unix),
    ]
}

/// One store with its revocations, and the node that admits with them.
pub(crate) struct World {
    pub(crate) store: Arc<WatchedStore>,
    pub(crate) revocations: Arc<MemoryRevocations>,
    pub(crate) node: Admission,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_limits(MemoryLimits::default())
    }

    pub(crate) fn with_limits(limits: MemoryLimits) -> Self {
        let revocations = Arc::new(MemoryRevocations::default());
        let store = MemoryTicketStore::new(limits, revocations.clone());
        let store = Arc::new(WatchedStore::over(Arc::new(store)));
        let node = Admission::new(keys(), store.clone(), revocations.clone());
        Self { store, revocations, node }
    }

    /// Another node: the same keys, store and revocations, and a memory of its own.
    pub(crate) fn another_node(&self, keys: TicketKeys) -> Admission {
        Admission::new(keys, self.store.clone(), self.revocations.clone())
    }

    pub(crate) async fn mint(&self, login: &Login, place: &Place<'_>, now: Now) -> Minted {
        self.node.mint(grant(login, now), place, now).await.expect("a ticket")
    }

    /// A ticket for `uses` connections.
    pub(crate) async fn mint_for(&self, login: &Login, uses: u32, now: Now) -> Minted {
        let uses = NonZeroU32::new(uses).expect("one use at least");
        self.node.mint_for_uses(grant(login, now), uses, &chat(), now).await.expect("a ticket")
    }

    pub(crate) async fn revoke(&self, revocation: Revocation, now: Now) {
        self.revocations.revoke(revocation, now).await.expect("memory answers");
    }

    pub(crate) async fn admitted(&self, login: &Login, now: Now) -> Admitted {
        self.admitted_for(login, LONG, now).await
    }

    pub(crate) async fn admitted_for(&self, login: &Login, longest: Duration, now: Now) -> Admitted {
        self.admitted_on(login, longest, now).await
    }

    pub(crate) async fn admitted_on(&self, login: &Login, terms: impl Into<Terms>, now: Now) -> Admitted {
        let minted = self.mint(login, &chat(), now).await;
        let authentic = self.node.inspect(&minted.ticket, &chat(), now).expect("an authentic ticket");
        self.node.redeem(authentic, terms, now).await.expect("an admission")
    }
}

/// Why a presented ticket admitted nobody.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Without asking the store.
    Offline(TicketRefused),
    /// By the store.
    AtRedeem(RedeemError),
}

/// Inspects and redeems at the [`chat`].
pub(crate) async fn present(node: &Admission, ticket: &Ticket, now: Now) -> Result<Admitted, Refused> {
    let authentic = node.inspect(ticket, &chat(), now).map_err(Refused::Offline)?;
    node.redeem(authentic, LONG, now).await.map_err(Refused::AtRedeem)
}

/// No limit that a test could reach.
pub(crate) const UNLIMITED: MemoryLimits = MemoryLimits { total: usize::MAX, per_subject: u32::MAX };

/// How a [`WatchedStore`] answers all but puts.
#[derive(Clone, Copy)]
pub(crate) enum Answers {
    Work,
    Fail,
    /// Works, but the answers of discards are lost.
    LoseDiscards,
    Hang,
}

/// A store that counts what it is asked and remembers what was put, and that can stop answering.
pub(crate) struct WatchedStore {
    inner: Arc<dyn TicketStore>,
    operations: AtomicUsize,
    put: Mutex<Vec<(TicketKey, Stored)>>,
    answers: Mutex<Answers>,
}

impl WatchedStore {
    pub(crate) fn over(inner: Arc<dyn TicketStore>) -> Self {
        Self { inner, operations: AtomicUsize::new(0), put: Mutex::default(), answers: Mutex::new(Answers::Work) }
    }

    pub(crate) fn operations(&self) -> usize {
        self.operations.load(Ordering::SeqCst)
    }

    /// All that was put, in order.
    pub(crate) fn all_put(&self) -> Vec<(TicketKey, Stored)> {
        self.put.lock().expect("no test panicked here").clone()
    }

    /// Drops what it remembers of puts.
    pub(crate) fn forget_puts(&self) {
        self.put.lock().expect("no test panicked here").clear();
    }

    /// What happens to operations from now on.
    pub(crate) fn answers(&self, answers: Answers) {
        *self.answers.lock().expect("no test panicked here") = answers;
    }

    fn loses_discards(&self) -> bool {
        matches!(*self.answers.lock().expect("no test panicked here"), Answers::LoseDiscards)
    }

    fn asked<'a, T: Send + 'a>(
        &self,
        answer: BoxFuture<'a, Result<T, StoreUnavailable>>,
    ) -> BoxFuture<'a, Result<T, StoreUnavailable>> {
        self.operations.fetch_add(1, Ordering::SeqCst);
        match *self.answers.lock().expect("no test panicked here") {
            Answers::Work | Answers::LoseDiscards => answer,
            Answers::Fail => Box::pin(std::future::ready(Err(StoreUnavailable))),
            Answers::Hang => Box::pin(std::future::pending()),
        }
    }
}

/// The inner store is asked when the future is polled, so an operation that fails here leaves it as it was.
impl TicketStore for WatchedStore {
    fn put(&self, key: TicketKey, stored: Stored, now: Now) -> BoxFuture<'_, Result<(), PutError>> {
        self.operations.fetch_add(1, Ordering::SeqCst);
        self.put.lock().expect("no test panicked here").push((key, stored.clone()));
        self.inner.put(key, stored, now)
    }

    fn peek(&self, key: TicketKey, now: Now) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>> {
        self.asked(Box::pin(async move { self.inner.peek(key, now).await }))
    }

    fn take(
        &self,
        key: TicketKey,
        opening: Opening<'_>,
        now: Now,
    ) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>> {
        let (node, deadline) = (opening.node.to_owned(), opening.deadline);
        self.asked(Box::pin(async move { self.inner.take(key, Opening { node: &node, deadline }, now).await }))
    }

    fn discard(&self, key: TicketKey, now: Now) -> BoxFuture<'_, Result<bool, StoreUnavailable>> {
        self.asked(Box::pin(async move {
            let discarded = self.inner.discard(key, now).await;
            if self.loses_discards() { Err(StoreUnavailable) } else { discarded }
        }))
    }

    fn discard_session<'a>(
        &'a self,
        subject: SubjectTag,
        session: &'a SessionId,
        now: Now,
    ) -> BoxFuture<'a, Result<bool, StoreUnavailable>> {
        self.asked(Box::pin(async move { self.inner.discard_session(subject, session, now).await }))
    }

    fn enter(
        &self,
        subject: SubjectTag,
        entrant: &Grant,
        session_id: &SessionId,
        opening: Opening<'_>,
        now: Now,
    ) -> BoxFuture<'_, Result<Option<Mark>, StoreUnavailable>> {
        let (entrant, session_id) = (entrant.clone(), session_id.clone());
        let (node, deadline) = (opening.node.to_owned(), opening.deadline);
        self.asked(Box::pin(async move {
            let opening = Opening { node: &node, deadline };
            self.inner.enter(subject, &entrant, &session_id, opening, now).await
        }))
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        self.asked(Box::pin(async move { self.inner.probe().await }))
    }
}
