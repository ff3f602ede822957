//! Who gets tickets: the rule by itself, and as several nodes know it.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use admitone::now::Now;
use admitone::principal::Principal;
use admitone::revocation::Cursor;
use admitone::rollout::{
    By, ChangeError, Document, Edit, MemorySettings, People, Percent, Person, Rollout, Rollouts, Said, Setting,
    Settings, Trip, Watch,
};
use admitone::store::{BoxFuture, StoreUnavailable};
use admitone::ticket::keys::TicketKeys;
use proptest::prelude::*;

use crate::properties::for_any;
use crate::world::{ISSUER, ROUTE, keys, now, seconds};

pub(crate) fn percent(percent: u64) -> Percent {
    Percent::new(percent).expect("a percentage")
}

pub(crate) fn principal(issuer: &str, subject: &str) -> Principal {
    Principal::new(issuer, subject, None).expect("identifiers in visible ASCII")
}

pub(crate) fn at(share: u64) -> Rollout {
    Rollout { percent: percent(share), ..Rollout::default() }
}

pub(crate) fn is_on(rollout: &Rollout, who: &Principal, keys: &TicketKeys) -> bool {
    rollout.is_on_for(who, keys.standing(who.issuer(), who.subject()))
}

#[test]
fn a_percentage_is_a_whole_number_up_to_a_hundred() {
    assert_eq!(Percent::new(100), Ok(Percent::ALL));
    assert_eq!(Percent::new(0), Ok(Percent::NONE));
    for number in [101, 256, u64::MAX] {
        assert_eq!(Percent::new(number).expect_err("none").to_string(), "a whole number from 0 to 100 is needed");
    }
    assert!(serde_json::from_str::<Percent>("101").is_err());
}

#[test]
fn f25_raising_a_percentage_turns_nobody_off_and_asking_again_changes_nothing() {
    let subjects = ("[!-~]{1,40}", "[!-~]{1,40}", 0_u64..=100, 0_u64..=100);
    for_any(2000, subjects, |(issuer, subject, one, other)| {
        let (who, keys) = (principal(&issuer, &subject), keys());
        let (low, high) = (at(one.min(other)), at(one.max(other)));
        prop_assert!(!is_on(&low, &who, &keys) || is_on(&high, &who, &keys));
        prop_assert_eq!(is_on(&low, &who, &keys), is_on(&low.clone(), &who, &crate::world::keys()));
        prop_assert!(is_on(&at(100), &who, &keys) && !is_on(&at(0), &who, &keys));
        Ok(())
    });
}

#[test]
fn a_percentage_is_about_that_many_people_of_any_issuer() {
    let keys = keys();
    for issuer in [ISSUER, "legacy-app"] {
        let people: Vec<Principal> = (0..4000).map(|n| principal(issuer, &format!("user-{n}"))).collect();
        for share in [1, 10, 25, 50, 99] {
            let on = people.iter().filter(|who| is_on(&at(share), who, &keys)).count() as f64 / 40.0;
            assert!((on - share as f64).abs() < 3.0, "{on} % instead of {share} %");
        }
    }
    let on = |issuer| -> BTreeSet<u32> {
        (0..200).filter(|n| is_on(&at(50), &principal(issuer, &format!("user-{n}")), &keys)).collect()
    };
    let (one, other) = (on(ISSUER), on("legacy-app"));
    assert_ne!(one, other, "the same subject of two issuers is two people");
}

/// Whoever knows the subjects alone cannot tell who will be among the first.
#[test]
fn who_is_first_is_decided_by_the_key_of_the_tags() {
    let first = |keys: &TicketKeys| -> BTreeSet<u32> {
        (0..500).filter(|n| is_on(&at(20), &principal(ISSUER, &n.to_string()), keys)).collect()
    };
    let other = TicketKeys::new(&[(1, &[1; 32])], &[2; 32]).expect("keys");
    let rotated = TicketKeys::new(&[(9, &[9; 32])], b"the secret of the tags, 32 bytes").expect("keys");
    assert_ne!(first(&keys()), first(&other));
    assert_eq!(first(&keys()), first(&rotated), "a rotation of the signing keys changes nothing");
}

#[test]
fn s12_lists_decide_whatever_the_percentage_about_that_issuers_person_alone() {
    let keys = keys();
    let (ada, namesake) = (principal(ISSUER, "ada"), principal("legacy-app", "ada"));
    let mut rollout = at(0);
    rollout.allow(Person::new(ISSUER, "ada"));
    assert!(is_on(&rollout, &ada, &keys) && !is_on(&rollout, &namesake, &keys));
    rollout.percent = Percent::ALL;
    rollout.deny(Person::new(ISSUER, "ada"));
    assert!(!is_on(&rollout, &ada, &keys) && is_on(&rollout, &namesake, &keys));
    assert!(rollout.allow.is_empty(), "nobody is on both lists");
    assert!(!rollout.is_for_everybody());
    rollout.unlist(&Person::new(ISSUER, "ada"));
    assert!(is_on(&rollout, &ada, &keys) && rollout.is_for_everybody());
}

/// Settings that can be cut off, or lose what they have, and are asked by several nodes.
#[derive(Default)]
pub(crate) struct Store {
    inner: MemorySettings,
    is_away: AtomicBool,
    reads: AtomicUsize,
}

impl Store {
    pub(crate) fn is_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    /// How often it was read, or was to be.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    fn check(&self) -> Result<(), StoreUnavailable> {
        if self.is_away.load(Ordering::Relaxed) { Err(StoreUnavailable) } else { Ok(()) }
    }

    async fn is(&self, document: &Document) {
        let revision = self.inner.read().await.expect("memory").revision;
        assert!(self.inner.replace(revision, document).await.expect("memory"));
    }
}

impl Settings for Store {
    fn read(&self) -> BoxFuture<'_, Result<Document, StoreUnavailable>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move { self.check().and(self.inner.read().await) })
    }

    fn replace<'a>(&'a self, revision: u64, document: &'a Document) -> BoxFuture<'a, Result<bool, StoreUnavailable>> {
        Box::pin(async move {
            self.check()?;
            self.inner.replace(revision, document).await
        })
    }

    fn changed(&self, _: Cursor) -> BoxFuture<'_, Cursor> {
        Box::pin(pending())
    }
}

pub(crate) const EDIT: Edit<'_> = Edit {
    route: ROUTE,
    by: By::Admin,
    may_leave_out: true,
    answers_guard: true,
    said: Said { percent: None, allow: None, deny: None },
};

pub(crate) const WATCH: Watch = Watch { window: Duration::from_secs(60), threshold: Percent::ALL, minimum: 3 };

pub(crate) async fn set(node: &Rollouts, share: u64, now: Now) {
    node.change(&EDIT, now, |rollout| rollout.percent = percent(share)).await.expect("a change");
}

pub(crate) fn share(node: &Rollouts) -> u8 {
    node.of(ROUTE).map_or(100, |setting| setting.rollout.percent.get())
}

/// What the guard of a node finds when so many tickets fail there.
pub(crate) fn fail(node: &Rollouts, times: usize, now: Now) -> Option<Trip> {
    (0..times).filter_map(|_| node.failed(ROUTE, WATCH, true, now)).last()
}

pub(crate) fn two() -> (Arc<Store>, Rollouts, Rollouts) {
    let store = Arc::new(Store::default());
    (store.clone(), Rollouts::new(store.clone(), "one"), Rollouts::new(store, "other"))
}

#[tokio::test]
async fn what_one_node_sets_counts_on_the_other_and_after_a_restart() {
    let (store, one, other) = two();
    assert_eq!(share(&one), 100, "what was never set is for everybody");
    set(&one, 25, now()).await;
    other.load().await.expect("a store");
    assert_eq!((share(&other), other.is_kept(ROUTE)), (25, true));
    set(&other, 30, now()).await;
    set(&one, 35, now()).await;
    let restarted = Rollouts::new(store.clone(), "one");
    restarted.load().await.expect("a store");
    let setting = restarted.of(ROUTE).expect("a setting");
    assert_eq!(
        (setting.rollout.percent.get(), setting.revision, &*setting.node, setting.by),
        (35, 3, "one", By::Admin)
    );
    assert_eq!(store.read().await.expect("a store").revision, 3, "of the document");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_changes_of_many_nodes_all_count() {
    let store: Arc<dyn Settings> = Arc::new(MemorySettings::default());
    let mut changing = tokio::task::JoinSet::new();
    for number in 0..8 {
        let node = Rollouts::new(store.clone(), &number.to_string());
        changing.spawn(async move {
            let person = |n: i32| Person::new(ISSUER, &format!("{number}-{n}"));
            for n in 0..5 {
                node.change(&EDIT, now(), |rollout| rollout.allow(person(n))).await.expect("a change");
            }
            node
        });
    }
    for node in changing.join_all().await {
        node.load().await.expect("a store");
        assert_eq!(node.of(ROUTE).expect("a setting").rollout.allow.len(), 40);
    }
}

#[tokio::test]
async fn what_would_lock_people_out_is_refused_and_nothing_is_changed() {
    let (_, one, _) = two();
    let strict = Edit { may_leave_out: false, ..EDIT };
    let refused = one.change(&strict, now(), |rollout| rollout.percent = percent(99)).await;
    assert_eq!(refused.expect_err("refused"), ChangeError::LocksOut);
    let refused = one.change(&strict, now(), |rollout| rollout.deny(Person::new(ISSUER, "ada"))).await;
    assert_eq!(refused.expect_err("refused"), ChangeError::LocksOut);
    assert_eq!(one.of(ROUTE), None);
    one.change(&strict, now(), |rollout| rollout.allow(Person::new(ISSUER, "ada"))).await.expect("nobody is left out");
    let many = |rollout: &mut Rollout| (0..=People::MOST).for_each(|n| rollout.allow(Person::new("i", &n.to_string())));
    let refused = one.change(&EDIT, now(), many).await.expect_err("refused");
    assert_eq!(refused, ChangeError::TooMany(People::MOST + 2));
}

#[tokio::test]
async fn f25_a_guard_acts_here_at_once_and_everywhere_when_the_store_is_back() {
    let (store, one, other) = two();
    let now = now();
    set(&one, 50, now).await;
    store.is_away(true);
    assert_eq!(fail(&one, 2, now), None, "too few");
    assert_eq!(one.seen(ROUTE, WATCH.window, now).failed, 2);
    let trip = fail(&one, 1, now.after(seconds(1))).expect("past the threshold");
    assert_eq!((trip.failed, trip.worked, trip.before, &*trip.node), (3, 0, percent(50), "one"));
    assert_eq!((share(&one), one.is_kept(ROUTE)), (0, false));
    assert_eq!(fail(&one, 5, now.after(seconds(2))), None, "it says so once");
    assert_eq!(one.load().await, Err(StoreUnavailable));
    store.is_away(false);
    one.load().await.expect("it is back");
    other.load().await.expect("a store");
    assert_eq!((share(&other), one.is_kept(ROUTE)), (0, true));
    assert_eq!(other.of(ROUTE).expect("a setting").trip, Some(trip));
    assert_eq!(fail(&other, 9, now), None, "it has acted already");

    one.change(&Edit { answers_guard: false, ..EDIT }, now, |rollout| rollout.allow(Person::new(ISSUER, "ada")))
        .await
        .expect("a change");
    assert!(one.of(ROUTE).expect("a setting").trip.is_some(), "listing somebody is no answer");
    set(&other, 50, now.after(seconds(60))).await;
    one.load().await.expect("a store");
    assert_eq!((share(&one), &one.of(ROUTE).expect("a setting").trip), (50, &None), "a person has acted");
    assert_eq!(one.seen(ROUTE, WATCH.window, now).failed, 0, "and the guard begins anew");
}

#[tokio::test]
async fn where_it_may_not_roll_back_a_guard_only_alarms() {
    let (_, one, _) = two();
    let alarm = |times| (0..times).filter_map(|_| one.failed(ROUTE, WATCH, false, now())).count();
    assert_eq!((alarm(10), share(&one)), (1, 100));
    assert!(one.of(ROUTE).expect("a setting").trip.is_some());
    one.change(&Edit { may_leave_out: false, ..EDIT }, now(), |rollout| rollout.percent = Percent::ALL)
        .await
        .expect("a person's answer");
    assert_eq!((alarm(10), share(&one)), (1, 100), "it alarms again");
}

#[tokio::test]
async fn of_two_guards_and_a_person_the_later_counts() {
    for (person_is_later, expected) in [(true, 20), (false, 0)] {
        let (store, one, other) = two();
        let now = now();
        set(&one, 50, now).await;
        other.load().await.expect("a store");
        store.is_away(true);
        fail(&one, 3, now.after(seconds(10))).expect("a trip");
        store.is_away(false);
        set(&other, 20, now.after(seconds(if person_is_later { 11 } else { 9 }))).await;
        for node in [&one, &other, &one] {
            node.load().await.expect("a store");
        }
        assert_eq!((share(&one), share(&other)), (expected, expected), "{person_is_later}");
        assert!(one.is_kept(ROUTE));
    }
    let (store, one, other) = two();
    store.is_away(true);
    let first = fail(&one, 3, now().after(seconds(1))).expect("a trip");
    fail(&other, 3, now().after(seconds(2))).expect("a trip");
    store.is_away(false);
    for node in [&one, &other] {
        node.load().await.expect("a store");
    }
    assert_eq!(other.of(ROUTE).expect("a setting").trip, Some(first), "the first that told of it");
}

#[tokio::test]
async fn a_change_without_the_store_counts_here_and_is_told_later() {
    let (store, one, other) = two();
    set(&one, 50, now()).await;
    store.is_away(true);
    set(&one, 0, now().after(seconds(1))).await;
    assert_eq!((share(&one), one.is_kept(ROUTE)), (0, false), "an instant rollback needs no store");
    store.is_away(false);
    one.load().await.expect("a store");
    other.load().await.expect("a store");
    assert_eq!((share(&other), one.is_kept(ROUTE)), (0, true));
}

#[tokio::test]
async fn what_a_store_has_lost_is_written_again() {
    let (store, one, other) = two();
    for share in [10, 20, 30] {
        set(&one, share, now()).await;
    }
    let before = store.read().await.expect("a store");
    set(&one, 40, now()).await;
    store.is(&before).await;
    other.load().await.expect("a store");
    assert_eq!(share(&other), 30, "a failover has lost the last change");
    one.load().await.expect("a store");
    other.load().await.expect("a store");
    assert_eq!((share(&one), share(&other)), (40, 40));
    store.is(&Document::default()).await;
    other.load().await.expect("a store");
    one.load().await.expect("a store");
    assert_eq!((share(&one), store.read().await.expect("a store").routes.len()), (40, 1));
}

#[tokio::test(start_paused = true)]
async fn following_tells_what_others_have_changed() {
    let store: Arc<dyn Settings> = Arc::new(MemorySettings::default());
    let (one, other) = (Rollouts::new(store.clone(), "one"), Rollouts::new(store, "other"));
    let (told, mut telling) = tokio::sync::mpsc::unbounded_channel();
    let following = other.follow(move |route: &str, setting: &Setting| {
        let _ = told.send((route.to_owned(), setting.rollout.percent.get()));
    });
    let changing = async {
        for share in [10, 0] {
            set(&one, share, now()).await;
            assert_eq!(telling.recv().await, Some((ROUTE.to_owned(), share as u8)));
        }
        set(&other, 5, now()).await;
        tokio::time::timeout(seconds(5), telling.recv()).await.expect_err("its own changes are no news");
    };
    tokio::select! {
        () = following => unreachable!("it follows for ever"),
        () = changing => {}
    }
}

/// A file counts only where it says something else than before; and once, whichever node reads it first.
#[test]
fn a_file_counts_only_when_its_value_changed() {
    let said = |share: Option<u64>| Said { percent: share.map(percent), ..Said::default() };
    for (now, before, counted, news) in [
        (Some(25), Some(25), Some(25), None),
        (Some(75), Some(25), Some(25), Some(75)),
        (Some(75), Some(25), Some(75), None),
        (Some(75), None, None, Some(75)),
        (None, Some(25), Some(25), None),
    ] {
        assert_eq!(said(now).news(&said(before), &said(counted)), said(news), "{now:?} {before:?} {counted:?}");
    }
    let people = |subjects: &[&str]| -> People {
        subjects.iter().map(|subject| Person::new(ISSUER, subject)).collect::<Vec<_>>().into()
    };
    let mut rollout = at(10);
    rollout.deny(Person::new(ISSUER, "ada"));
    let file = Said { allow: Some(people(&["ada", "grace"])), ..Said::default() };
    assert!(!file.is_true_of(&rollout));
    file.apply(&mut rollout);
    assert!(file.is_true_of(&rollout));
    assert_eq!((rollout.percent.get(), rollout.allow.len(), rollout.deny.len()), (10, 2, 0));
}
