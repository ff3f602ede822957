//! The contract, continued: looking, discarding, several uses, logins without a ticket, and time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use admitone::grant::SessionId;

use super::*;

pub(crate) async fn looking_takes_nothing(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let mints = minted("ada", 2, now).await;
    fresh.put_all(&mints[..1], now).await;
    for _ in 0..3 {
        let seen = fresh.store.peek(mints[0].0, now).await.expect("an answer").expect("what was put");
        assert_eq!((seen.stored.uses, seen.use_number, seen.mark), (1, 1, None));
        assert_eq!(seen.stored.session_id, mints[0].1.session_id);
    }
    assert!(fresh.store.peek(mints[1].0, now).await.expect("an answer").is_none(), "never put");
    assert!(fresh.takes(&mints[0], now).await);
    assert!(fresh.store.peek(mints[0].0, now).await.expect("an answer").is_none(), "spent");
}

pub(crate) async fn what_is_looked_at_shows_its_mark(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let mints = minted("ada", 1, now).await;
    fresh.put_all(&mints, now).await;
    fresh.revoke(Revocation::Session(mints[0].1.session_id.clone()), now).await;
    let seen = fresh.store.peek(mints[0].0, now).await.expect("an answer").expect("what was put");
    assert_eq!(seen.mark, Some(Mark::Session));
}

pub(crate) async fn what_is_discarded_is_gone(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(MemoryLimits { per_subject: 2, ..LIMITS }).await, now());
    let mints = minted("ada", 3, now).await;
    fresh.put_all(&mints[..2], now).await;
    let discards = async |at: usize| fresh.store.discard(mints[at].0, now).await.expect("an answer");
    assert!(discards(0).await && !discards(0).await && !discards(2).await);
    assert!(!fresh.takes(&mints[0], now).await);
    assert_eq!(fresh.put(&mints[2], now).await, Ok(()), "its place under the cap is free");
    assert!(fresh.takes(&mints[1], now).await, "another one stays");
    assert!(!discards(1).await, "spent");
}

pub(crate) async fn what_is_discarded_by_its_session_is_gone(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(MemoryLimits { per_subject: 3, ..LIMITS }).await, now());
    let (mints, strangers) = (minted("ada", 4, now).await, minted("bob", 1, now).await);
    fresh.put_all(&mints[..3], now).await;
    fresh.put_all(&strangers, now).await;
    let discards = async |session: &SessionId| {
        fresh.store.discard_session(mints[0].0.subject, session, now).await.expect("an answer")
    };
    assert!(!discards(&strangers[0].1.session_id).await, "somebody else's");
    assert!(!discards(&mints[3].1.session_id).await, "never put");
    assert!(discards(&mints[1].1.session_id).await && !discards(&mints[1].1.session_id).await);
    assert!(!fresh.takes(&mints[1], now).await);
    assert_eq!(fresh.put(&mints[3], now).await, Ok(()), "its place under the cap is free");
    for one in [&mints[0], &mints[2], &mints[3], &strangers[0]] {
        assert!(fresh.takes(one, now).await, "others stay");
    }
}

pub(crate) async fn of_a_take_and_a_discard_one_wins(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    for round in 0..50 {
        let one = minted("ada", 1, now).await.remove(0);
        assert_eq!(fresh.put(&one, now).await, Ok(()));
        let wins = at_once(&[true, false, true, false], async |takes| match takes {
            true => fresh.takes(&one, now).await,
            false => fresh.store.discard(one.0, now).await.expect("an answer"),
        });
        assert_eq!(wins, 1, "round {round}");
    }
}

/// A grant with some uses.
pub(super) async fn multi_use(uses: u32, now: Now) -> Minted {
    let (key, stored) = minted("ada", 1, now).await.remove(0);
    (key, Stored { uses, ..stored })
}

pub(crate) async fn a_multi_use_ticket_is_taken_as_often_as_it_has_uses(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let (key, stored) = multi_use(3, now).await;
    fresh.store.put(key, stored.clone(), now).await.expect("room");
    for use_number in 1..=3 {
        let seen = fresh.store.peek(key, now).await.expect("an answer").expect("uses are left");
        assert_eq!((seen.use_number, seen.stored.uses), (use_number, 4 - use_number));
        let taken = fresh.store.take(key, OPENING, now).await.expect("an answer").expect("uses are left");
        assert_eq!((taken.use_number, taken.stored.uses), (use_number, 3 - use_number));
        assert_eq!(taken.session_id(), stored.session_id.of_use(use_number));
    }
    assert!(fresh.store.take(key, OPENING, now).await.expect("an answer").is_none());
    assert!(fresh.store.peek(key, now).await.expect("an answer").is_none());
}

pub(crate) async fn of_a_hundred_concurrent_takes_as_many_win_as_there_are_uses(
    fresh: impl AsyncFn(MemoryLimits) -> Fresh,
) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let all: BTreeSet<u32> = (1..=7).collect();
    for round in 0..20 {
        let one = multi_use(7, now).await;
        assert_eq!(fresh.put(&one, now).await, Ok(()));
        let (numbers, unanswered) = (Mutex::new(BTreeSet::new()), AtomicUsize::new(0));
        let wins = at_once(&[(); 100], async |()| {
            let Ok(taken) = fresh.store.take(one.0, OPENING, now).await else {
                unanswered.fetch_add(1, Ordering::SeqCst);
                return false;
            };
            let number = taken.as_ref().map(|taken| taken.use_number);
            numbers.lock().expect("no panic").extend(number);
            taken.is_some()
        });
        let numbers = numbers.into_inner().expect("no panic");
        assert!(wins == numbers.len() && numbers.is_subset(&all), "round {round}: {wins} won {numbers:?}");
        // On a machine that is busy some are not answered in time, and may have taken a use: another round counts.
        if unanswered.into_inner() == 0 {
            assert_eq!(numbers, all, "each use has its own number");
            return;
        }
    }
    panic!("no round in which all were answered");
}

pub(crate) async fn a_multi_use_ticket_counts_once_until_it_is_exhausted(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(MemoryLimits { per_subject: 1, ..LIMITS }).await, now());
    let (one, another) = (multi_use(2, now).await, multi_use(2, now).await);
    assert_eq!(fresh.put(&one, now).await, Ok(()));
    assert!(fresh.takes(&one, now).await);
    assert_eq!(fresh.put(&another, now).await, Err(PutError::SubjectCap(1)));
    assert!(fresh.takes(&one, now).await);
    assert_eq!(fresh.put(&another, now).await, Ok(()));
    assert!(fresh.store.discard(another.0, now).await.expect("an answer"), "with both its uses");
    assert!(!fresh.takes(&another, now).await);
}

/// Also one that is yet to come: a proxy that only asks opens no session that would be compared with the marks.
pub(crate) async fn a_mark_on_one_use_ends_that_use_alone(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let (key, stored) = multi_use(3, now).await;
    fresh.store.put(key, stored.clone(), now).await.expect("room");
    fresh.revoke(Revocation::Session(stored.session_id.of_use(2)), now).await;
    for (use_number, mark) in [(1, None), (2, Some(Mark::Session)), (3, None)] {
        let taken = fresh.store.take(key, OPENING, now).await.expect("an answer").expect("uses are left");
        assert_eq!((taken.use_number, taken.mark), (use_number, mark));
    }
    assert!(fresh.store.take(key, OPENING, now).await.expect("an answer").is_none());
}

pub(crate) async fn a_login_without_a_ticket_meets_its_marks(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let now = now();
    let (key, stored) = minted("ada", 1, now).await.remove(0);
    let [sid, jti, subject] = revocations_of_login(&login("ada", now), now);
    let everything = Revocation::Everything { until: now.unix };
    for revocation in [sid, jti, subject, everything] {
        let fresh = fresh(LIMITS).await;
        let enter = async || {
            let entered = fresh.store.enter(key.subject, &stored.grant, &stored.session_id, OPENING, now).await;
            entered.expect("an answer")
        };
        assert_eq!(enter().await, None);
        fresh.revoke(revocation.clone(), now).await;
        assert_eq!(enter().await, Some(revocation.mark()));
    }
}

pub(crate) async fn it_answers_a_probe(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    assert_eq!(fresh(LIMITS).await.store.probe().await, Ok(()));
}

/// Whatever the wall clock of a node says. Its place under the cap is free then.
pub(crate) async fn f18_a_grant_ends_by_the_stores_own_clock(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(MemoryLimits { per_subject: 1, ..LIMITS }).await, Now::read());
    let mut mints = minted("ada", 2, now).await;
    for (_, stored) in &mut mints {
        stored.grant.expires_at = now.unix + 3;
    }
    let behind = || Now { unix: now.unix - 3600, ..Now::read() };
    assert_eq!(fresh.put(&mints[0], now).await, Ok(()));
    assert_eq!(fresh.put(&mints[1], now).await, Err(PutError::SubjectCap(1)));
    while fresh.store.peek(mints[0].0, behind()).await.expect("an answer").is_some() {
        // Three seconds, and four that a busy machine may add.
        assert!(now.instant.elapsed() < Duration::from_secs(7), "it does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // From the time that the store was told: a busy machine may have put it later.
    let lived = now.instant.elapsed();
    assert!(lived >= Duration::from_millis(2900), "it ended early: {lived:?}");
    assert!(!fresh.takes(&mints[0], behind()).await);
    // A store in memory frees the place when it sweeps, up to a second later.
    let later = Now { instant: Instant::now() + Duration::from_secs(1), ..Now::read() };
    assert_eq!(fresh.put(&mints[1], later).await, Ok(()));
}

pub(crate) async fn a_grant_is_gone_when_its_time_is_up(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (fresh(LIMITS).await, now());
    let ada = minted("ada", 2, now).await;
    fresh.put_all(&ada, now).await;
    assert!(fresh.takes(&ada[0], now.after(TICKET_LIFE - seconds(1))).await);
    assert!(!fresh.takes(&ada[1], now.after(TICKET_LIFE)).await);
    assert!(!fresh.takes(&ada[1], now).await, "not even by a caller whose clock is behind");
}
