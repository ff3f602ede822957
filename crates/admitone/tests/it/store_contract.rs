//! What ticket stores promise: one suite, run on each implementation.
//!
//! An implementation is a function that makes a [`Fresh`] pair; the macros make a test of every promise for it. [`every_store`]
//! holds for all. [`store_that_is_told_the_time`] is for those that go by the `now` that is passed in, and
//! [`store_with_a_total`] for those that count all their grants.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Instant;

use admitone::now::Now;
use admitone::principal::Login;
use admitone::revocation::memory::MemoryRevocations;
use admitone::revocation::{Mark, Revocation, Revocations};
use admitone::store::memory::{MemoryLimits, MemoryTicketStore};
use admitone::store::{Opening, PutError, Stored, TicketKey, TicketStore};

use crate::world::{TICKET_LIFE, UNLIMITED, World, chat, jumped, login, now, revocations_of_login, seconds};

macro_rules! promises {
    ($fresh:path: $($name:ident)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            crate::store_contract::$name($fresh).await;
        }
    )* };
}

macro_rules! every_store {
    ($fresh:path) => {
        $crate::store_contract::promises! { $fresh:
            what_was_put_is_taken_once
            what_was_never_put_is_not_taken
            of_a_hundred_concurrent_takes_one_wins
            f8_a_subject_at_its_cap_is_told_so_and_loses_nothing
            capacity_returns_when_a_ticket_is_taken
            concurrent_puts_never_pass_the_cap
            two_subjects_of_one_bucket_do_not_disturb_each_other
            a_mark_is_reported_whenever_it_was_made
            a_mark_that_covers_something_else_is_not_reported
            looking_takes_nothing
            what_is_looked_at_shows_its_mark
            what_is_discarded_is_gone
            what_is_discarded_by_its_session_is_gone
            of_a_take_and_a_discard_one_wins
            a_multi_use_ticket_is_taken_as_often_as_it_has_uses
            of_a_hundred_concurrent_takes_as_many_win_as_there_are_uses
            a_mark_on_one_use_ends_that_use_alone
            a_multi_use_ticket_counts_once_until_it_is_exhausted
            a_login_without_a_ticket_meets_its_marks
            it_answers_a_probe
            f18_a_grant_ends_by_the_stores_own_clock
        }
    };
}

macro_rules! store_that_is_told_the_time {
    ($fresh:path) => {
        $crate::store_contract::promises! { $fresh:
            a_grant_is_gone_when_its_time_is_up
            f18_the_wall_clock_neither_lengthens_nor_shortens_a_grants_time
            capacity_returns_when_a_ticket_expires
            a_live_ticket_survives_the_expiry_of_others
        }
    };
}

macro_rules! store_with_a_total {
    ($fresh:path) => {
        $crate::store_contract::promises! { $fresh:
            f8_a_full_store_says_so_and_evicts_nothing
            a_full_store_has_room_again_after_a_take
            a_full_store_has_room_again_after_an_expiry
            concurrent_puts_never_pass_the_total
        }
    };
}

#[path = "store_contract_races.rs"]
mod races;
#[path = "store_contract_uses.rs"]
mod uses;

pub(crate) use races::*;
pub(crate) use uses::*;
pub(crate) use {every_store, promises, store_that_is_told_the_time, store_with_a_total};

mod memory {
    super::every_store!(super::in_memory);
    super::store_that_is_told_the_time!(super::in_memory);
    super::store_with_a_total!(super::in_memory);
    super::promises! { super::in_memory: s7_a13_of_a_hundred_takes_one_wins_a_thousand_times }
}

/// An empty store and the revocations that it reads its marks from.
pub(crate) struct Fresh {
    pub(crate) store: Arc<dyn TicketStore>,
    pub(crate) revocations: Arc<dyn Revocations>,
}

async fn in_memory(limits: MemoryLimits) -> Fresh {
    let revocations = Arc::new(MemoryRevocations::default());
    Fresh { store: Arc::new(MemoryTicketStore::new(limits, revocations.clone())), revocations }
}

const LIMITS: MemoryLimits = MemoryLimits { total: 1000, per_subject: 20 };

/// The life of any session opened here is over long after its test.
pub(crate) const OPENING: Opening<'static> = Opening { node: "node-1", deadline: 1_800_000_600 };

type Minted = (TicketKey, Stored);

/// What mints for these logins would put into a store.
async fn minted_for(logins: impl IntoIterator<Item = Login>, now: Now) -> Vec<Minted> {
    let world = World::with_limits(UNLIMITED);
    for login in logins {
        world.mint(&login, &chat(), now).await;
    }
    world.store.all_put()
}

async fn minted(subject: &str, count: usize, now: Now) -> Vec<Minted> {
    minted_for((0..count).map(|_| login(subject, now)), now).await
}

impl Fresh {
    async fn put(&self, (key, stored): &Minted, now: Now) -> Result<(), PutError> {
        self.store.put(*key, stored.clone(), now).await
    }

    async fn put_all(&self, all: &[Minted], now: Now) {
        for one in all {
            assert_eq!(self.put(one, now).await, Ok(()));
        }
    }

    async fn takes(&self, (key, stored): &Minted, now: Now) -> bool {
        let taken = self.store.take(*key, OPENING, now).await.expect("the store answers");
        if let Some(taken) = &taken {
            assert_eq!(taken.stored.session_id, stored.session_id, "what was put under this key");
        }
        taken.is_some()
    }

    async fn how_many_are_taken(&self, all: &[Minted], now: Now) -> usize {
        let mut taken = 0;
        for one in all {
            taken += usize::from(self.takes(one, now).await);
        }
        taken
    }

    /// To repeat it is safe, where a busy machine was late for an answer.
    async fn revoke(&self, revocation: Revocation, now: Now) {
        let started = Instant::now();
        while let Err(fault) = self.revocations.revoke(revocation.clone(), now).await {
            assert!(started.elapsed() < seconds(5), "the revocations answer: {fault}");
        }
    }
}

/// Runs `act` on as many threads as there are items, all starting at one moment, and counts those that say yes.
fn at_once<T: Sync>(items: &[T], act: impl AsyncFn(&T) -> bool + Sync) -> usize {
    let (runtime, start) = (tokio::runtime::Handle::current(), Barrier::new(items.len()));
    let run = |item| {
        start.wait();
        runtime.block_on(act(item))
    };
    let run = &run;
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = items.iter().map(|item| scope.spawn(move || run(item))).collect();
            threads.into_iter().map(|thread| usize::from(thread.join().expect("no panic"))).sum()
        })
    })
}

pub(crate) async fn what_was_put_is_taken_once(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let (key, stored) = minted("ada", 1, now).await.remove(0);
    fresh.store.put(key, stored.clone(), now).await.expect("room");

    let taken = fresh.store.take(key, OPENING, now).await.expect("an answer").expect("what was put");
    let (put, got) = (&stored.grant, &taken.stored.grant);
    assert_eq!((taken.mark, &taken.stored.session_id), (None, &stored.session_id));
    assert_eq!((&put.principal, &put.permissions, &put.login), (&got.principal, &got.permissions, &got.login));
    assert_eq!((&put.route, &put.metadata, put.login_expires_at), (&got.route, &got.metadata, got.login_expires_at));
    assert_eq!((put.created_at, put.expires_at), (got.created_at, got.expires_at));
    for _ in 0..3 {
        assert!(fresh.store.take(key, OPENING, now).await.expect("an answer").is_none());
    }
}

pub(crate) async fn what_was_never_put_is_not_taken(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let mints = minted("ada", 2, now).await;
    fresh.put_all(&mints[..1], now).await;
    assert!(!fresh.takes(&mints[1], now).await);
    assert!(fresh.takes(&mints[0], now).await);
}

pub(crate) async fn f8_a_subject_at_its_cap_is_told_so_and_loses_nothing(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let (ada, bob) = (minted("ada", 25, now).await, minted("bob", 1, now).await);
    fresh.put_all(&ada[..20], now).await;
    for refused in &ada[20..] {
        assert_eq!(fresh.put(refused, now).await, Err(PutError::SubjectCap(20)));
    }
    fresh.put_all(&bob, now).await;
    assert_eq!(fresh.how_many_are_taken(&ada[..20], now).await, 20);
    assert_eq!(fresh.how_many_are_taken(&ada[20..], now).await, 0, "refused ones");
}

pub(crate) async fn capacity_returns_when_a_ticket_is_taken(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let ada = minted("ada", 22, now).await;
    fresh.put_all(&ada[..20], now).await;
    assert!(fresh.takes(&ada[7], now).await);
    // A second take of the same gives nothing back.
    assert!(!fresh.takes(&ada[7], now).await);
    assert_eq!(fresh.put(&ada[20], now).await, Ok(()));
    assert_eq!(fresh.put(&ada[21], now).await, Err(PutError::SubjectCap(20)));
}

pub(crate) async fn two_subjects_of_one_bucket_do_not_disturb_each_other(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let ada = minted("ada", 21, now).await;
    let tag = ada[0].0.subject;
    let others = minted_for((0..2000).map(|at| login(&format!("subject-{at}"), now)), now).await;
    let neighbour = others.into_iter().find(|(key, _)| key.subject.bucket() == tag.bucket()).expect("one in 256");
    let name = neighbour.1.grant.principal.subject().to_owned();
    let neighbours = minted(&name, 21, now).await;

    fresh.put_all(&ada[..20], now).await;
    fresh.put_all(&neighbours[..20], now).await;
    assert_eq!(fresh.how_many_are_taken(&ada[..10], now).await, 10);
    assert_eq!(fresh.put(&neighbours[20], now).await, Err(PutError::SubjectCap(20)));
    assert_eq!(fresh.put(&ada[20], now).await, Ok(()));
    fresh.revoke(Revocation::of_subject(&ada[0].1.grant.principal, now.unix), now).await;
    let taken = fresh.store.take(neighbours[0].0, OPENING, now).await.expect("an answer").expect("what was put");
    assert_eq!((taken.stored.grant.principal.subject(), taken.mark), (&*name, None));
}

pub(crate) async fn a_mark_is_reported_whenever_it_was_made(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let now = now();
    for kind in 0..5 {
        for before_put in [true, false] {
            let fresh = fresh(LIMITS).await;
            let mints = minted("ada", 1, now).await;
            let (key, stored) = &mints[0];
            let [sid, jti, subject] = revocations_of_login(&login("ada", now), now);
            let session = Revocation::Session(stored.session_id.clone());
            let everything = Revocation::Everything { until: now.unix };
            let revocation = [sid, jti, subject, session, everything][kind].clone();
            if before_put {
                fresh.revoke(revocation.clone(), now).await;
            }
            fresh.put_all(&mints, now).await;
            if !before_put {
                fresh.revoke(revocation.clone(), now).await;
            }
            let taken = fresh.store.take(*key, OPENING, now).await.expect("an answer").expect("what was put");
            assert_eq!(taken.mark, Some(revocation.mark()), "made before the put: {before_put}");
            assert!(!fresh.takes(&mints[0], now).await, "taken, although revoked");
        }
    }
}

pub(crate) async fn a_mark_that_covers_something_else_is_not_reported(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let (ada, bob) = (minted("ada", 2, now).await, login("bob", now));
    fresh.put_all(&ada, now).await;
    for revocation in revocations_of_login(&bob, now) {
        fresh.revoke(revocation, now).await;
    }
    fresh.revoke(Revocation::of_subject(&ada[0].1.grant.principal, now.unix - 1), now).await;
    fresh.revoke(Revocation::Session(ada[1].1.session_id.clone()), now).await;
    let taken = fresh.store.take(ada[0].0, OPENING, now).await.expect("an answer").expect("what was put");
    assert_eq!(taken.mark, None);
}

pub(crate) async fn f18_the_wall_clock_neither_lengthens_nor_shortens_a_grants_time(
    fresh: impl AsyncFn(MemoryLimits) -> Fresh,
) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let ada = minted("ada", 4, now).await;
    fresh.put_all(&ada, now).await;
    let (early, late) = (TICKET_LIFE - seconds(1), TICKET_LIFE);
    assert!(!fresh.takes(&ada[0], jumped(now, late, now.unix - 3600)).await, "set back");
    assert!(!fresh.takes(&ada[1], jumped(now, late, now.unix)).await, "stopped");
    assert!(fresh.takes(&ada[2], jumped(now, early, now.unix + 3600)).await, "set forward");
    assert!(fresh.takes(&ada[3], jumped(now, early, now.unix - 3600)).await, "set back, still its time");
}

pub(crate) async fn capacity_returns_when_a_ticket_expires(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let ada = minted("ada", 20, now).await;
    fresh.put_all(&ada, now).await;
    let later = now.after(TICKET_LIFE + seconds(2));
    let again = minted("ada", 21, later).await;
    fresh.put_all(&again[..20], later).await;
    assert_eq!(fresh.put(&again[20], later).await, Err(PutError::SubjectCap(20)));
    assert_eq!(fresh.how_many_are_taken(&ada, later).await, 0);
    assert_eq!(fresh.how_many_are_taken(&again[..20], later).await, 20);
}

pub(crate) async fn a_live_ticket_survives_the_expiry_of_others(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, start) = (fresh(LIMITS).await, now());
    let mut all = Vec::new();
    for second in 0..TICKET_LIFE.as_secs() / 4 {
        let now = start.after(seconds(4 * second));
        let one = minted("ada", 1, now).await;
        fresh.put_all(&one, now).await;
        all.extend(one);
    }
    // Those of the first half are over; the last that still has one second is there.
    let now = start.after(TICKET_LIFE + seconds(31));
    let swept_by = minted("ada", 1, now).await;
    fresh.put_all(&swept_by, now).await;
    for (at, one) in all.iter().enumerate() {
        assert_eq!(fresh.takes(one, now).await, at * 4 > 31, "the one of second {}", at * 4);
    }
}

fn little_room() -> MemoryLimits {
    MemoryLimits { total: 10, ..LIMITS }
}

async fn one_each(count: usize, now: Now) -> Vec<Minted> {
    minted_for((0..count).map(|at| login(&format!("subject-{at}"), now)), now).await
}

pub(crate) async fn f8_a_full_store_says_so_and_evicts_nothing(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(little_room()).await, now());
    let mints = one_each(15, now).await;
    fresh.put_all(&mints[..10], now).await;
    for refused in &mints[10..] {
        assert_eq!(fresh.put(refused, now.after(TICKET_LIFE - seconds(1))).await, Err(PutError::Full(10)));
    }
    assert_eq!(fresh.how_many_are_taken(&mints, now).await, 10);
}

pub(crate) async fn a_full_store_has_room_again_after_a_take(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(little_room()).await, now());
    let mints = one_each(14, now).await;
    fresh.put_all(&mints[..10], now).await;
    assert!(fresh.takes(&mints[3], now).await);
    assert!(!fresh.takes(&mints[3], now).await);
    assert_eq!(fresh.put(&mints[10], now).await, Ok(()));
    assert_eq!(fresh.put(&mints[11], now).await, Err(PutError::Full(10)));

    // An expired one that is asked for gives its room back, too.
    assert!(!fresh.takes(&mints[0], now.after(TICKET_LIFE)).await);
    assert_eq!(fresh.put(&mints[12], now).await, Ok(()));
    assert_eq!(fresh.put(&mints[13], now).await, Err(PutError::Full(10)));
}

pub(crate) async fn a_full_store_has_room_again_after_an_expiry(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(little_room()).await, now());
    fresh.put_all(&one_each(10, now).await, now).await;
    let later = now.after(TICKET_LIFE + seconds(2));
    let next = one_each(21, later).await;
    // Of other subjects than those that expired: all of the store is looked through.
    fresh.put_all(&next[11..], later).await;
    assert_eq!(fresh.put(&next[0], later).await, Err(PutError::Full(10)));
    assert_eq!(fresh.how_many_are_taken(&next[11..], later).await, 10);
}

pub(crate) async fn concurrent_puts_never_pass_the_total(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let now = now();
    for round in 0..20 {
        let fresh = fresh(MemoryLimits { total: 10, per_subject: 3 }).await;
        // Some are refused by the cap meanwhile, which must cost no room in the end.
        let mints = [one_each(24, now).await, minted("ada", 8, now).await].concat();
        at_once(&mints, async |one| fresh.put(one, now).await.is_ok());
        let mut more = one_each(34, now).await.split_off(24);
        for one in &more {
            let _ = fresh.put(one, now).await;
        }
        more.extend(mints);
        assert_eq!(fresh.how_many_are_taken(&more, now).await, 10, "round {round}");
    }
}
