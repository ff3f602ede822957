//! The contract, continued: many take one ticket at once, or put what there is no room for.

use std::sync::atomic::{AtomicUsize, Ordering};

use admitone::store::{StoreUnavailable, Taken};

use super::*;

/// What came of many takes of one ticket. On a machine that is busy some are not answered in time, and may have taken it.
#[derive(Default)]
pub(crate) struct Tally {
    winners: AtomicUsize,
    unanswered: AtomicUsize,
}

impl Tally {
    pub(crate) fn count(&self, taken: &Result<Option<Taken>, StoreUnavailable>) {
        match taken {
            Ok(None) => {}
            Ok(Some(_)) => drop(self.winners.fetch_add(1, Ordering::SeqCst)),
            Err(StoreUnavailable) => drop(self.unanswered.fetch_add(1, Ordering::SeqCst)),
        }
    }

    /// One won, unless that was not answered: false then.
    pub(crate) fn one_won(&self, round: usize) -> bool {
        let (winners, unanswered) = (self.winners.load(Ordering::SeqCst), self.unanswered.load(Ordering::SeqCst));
        assert!(winners == 1 || (winners == 0 && unanswered > 0), "round {round}: {winners} won");
        winners == 1
    }
}

/// Each of a hundred threads, which start at one moment.
pub(crate) async fn of_a_hundred_concurrent_takes_one_wins(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now, mut won) = (fresh(LIMITS).await, now(), 0);
    for round in 0..20 {
        let (mints, tally) = (minted("ada", 1, now).await, Tally::default());
        fresh.put_all(&mints, now).await;
        at_once(&vec![mints[0].0; 100], async |key| {
            let taken = fresh.store.take(*key, OPENING, now).await;
            tally.count(&taken);
            taken.is_ok()
        });
        won += usize::from(tally.one_won(round));
    }
    assert!(won > 10, "in hardly any round was the winner answered: {won}");
}

/// The rounds are cheap: tasks, not threads.
pub(crate) async fn s7_a13_of_a_hundred_takes_one_wins_a_thousand_times(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (fresh, now) = (Arc::new(fresh(LIMITS).await), now());
    for round in 0..1000 {
        let one = minted("ada", 1, now).await.remove(0);
        assert_eq!(fresh.put(&one, now).await, Ok(()));
        let (key, tally) = (one.0, Arc::new(Tally::default()));
        let mut takers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (fresh, tally) = (fresh.clone(), tally.clone());
            takers.spawn(async move { tally.count(&fresh.store.take(key, OPENING, now).await) });
        }
        takers.join_all().await;
        assert!(tally.one_won(round));
    }
}

pub(crate) async fn concurrent_puts_never_pass_the_cap(fresh: impl AsyncFn(MemoryLimits) -> Fresh) {
    let (now, mut counted) = (now(), 0);
    for round in 0..20 {
        let fresh = fresh(LIMITS).await;
        let ada = minted("ada", 40, now).await;
        let unanswered = AtomicUsize::new(0);
        let put = at_once(&ada, async |one| {
            let put = fresh.put(one, now).await;
            unanswered.fetch_add(usize::from(put == Err(PutError::Unavailable)), Ordering::SeqCst);
            put.is_ok()
        });
        let taken = fresh.how_many_are_taken(&ada, now).await;
        assert!(put <= taken && taken <= 20, "round {round}: {put} put, {taken} taken");
        // On a machine that is busy some are not answered in time, and may have been put.
        if unanswered.into_inner() == 0 {
            assert_eq!((put, taken), (20, 20), "round {round}");
            counted += 1;
        }
    }
    assert!(counted > 10, "in hardly any round were all answered: {counted}");
}
