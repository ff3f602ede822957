//! One question about a credential at a time, its answer shared and kept.

use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use admitone::authn::answers::{Answers, CredentialHash};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::sync::Semaphore;

use super::Unavailable;

/// Most questions under way to one source: whoever sends made-up credentials takes no more of it.
const MOST_QUESTIONS: usize = 64;

/// Most answers that are kept.
const MOST_ANSWERS: usize = 10_000;

/// A source's answer, and until when it may be kept.
pub(super) struct Told<T> {
    pub(super) answer: T,
    pub(super) until: Instant,
}

type Flight<T> = Shared<BoxFuture<'static, Result<T, Unavailable>>>;

/// The questions to one source that are under way, and its answers.
pub(super) struct Flights<T> {
    state: Arc<Mutex<State<T>>>,
    places: Arc<Semaphore>,
}

struct State<T> {
    answers: Answers<T>,
    under_way: HashMap<CredentialHash, Flight<T>>,
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    pub(super) fn new() -> Self {
        let state = State { answers: Answers::new(MOST_ANSWERS), under_way: HashMap::new() };
        Self { state: Arc::new(Mutex::new(state)), places: Arc::new(Semaphore::new(MOST_QUESTIONS)) }
    }

    /// The answer that is known, or the one to `ask`, which is asked once for all who want to know. It runs to its end even
    /// if they go away. A failure is told to those who wait, and not kept.
    pub(super) async fn answer<F>(
        &self,
        credential: CredentialHash,
        now: Instant,
        ask: impl FnOnce() -> F,
    ) -> Result<T, Unavailable>
    where
        F: Future<Output = Result<Told<T>, Unavailable>> + Send + 'static,
    {
        let flight = {
            let mut state = lock(&self.state);
            if let Some(answer) = state.answers.get(&credential, now) {
                return Ok(answer);
            }
            match state.under_way.get(&credential) {
                Some(flight) => flight.clone(),
                None => {
                    let flight = self.begin(credential, ask())?;
                    state.under_way.insert(credential, flight.clone());
                    flight
                }
            }
        };
        flight.await
    }

    fn begin<F>(&self, credential: CredentialHash, asking: F) -> Result<Flight<T>, Unavailable>
    where
        F: Future<Output = Result<Told<T>, Unavailable>> + Send + 'static,
    {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Unavailable::Busy(MOST_QUESTIONS))?;
        let state = self.state.clone();
        let task = tokio::spawn(async move {
            // Whatever becomes of it, those who come later ask anew.
            let told = AssertUnwindSafe(asking).catch_unwind().await.unwrap_or(Err(Unavailable::Ended));
            let mut state = lock(&state);
            state.under_way.remove(&credential);
            drop(place);
            let told = told?;
            state.answers.keep(credential, told.answer.clone(), told.until, Instant::now());
            Ok(told.answer)
        });
        Ok(task.map(|ended| ended.unwrap_or(Err(Unavailable::Ended))).boxed().shared())
    }
}

fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    // Nothing that could panic runs while it is held.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> fmt::Debug for Flights<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn hash(name: &str) -> CredentialHash {
        CredentialHash::of("idp", name)
    }

    async fn told(answer: u32, lasting: Duration) -> Result<Told<u32>, Unavailable> {
        Ok(Told { answer, until: Instant::now() + lasting })
    }

    #[tokio::test]
    async fn s14_many_at_once_ask_once_and_the_answer_is_kept() {
        let (flights, asked, go) = (Flights::new(), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let ask = || {
            asked.fetch_add(1, Ordering::Relaxed);
            let go = go.clone();
            async move {
                go.notified().await;
                told(7, LONG).await
            }
        };
        let waiting = join_all((0..100).map(|_| flights.answer(hash("a"), Instant::now(), ask)));
        let (answers, ()) = tokio::join!(waiting, async { go.notify_one() });
        assert!(answers.into_iter().all(|answer| answer == Ok(7)));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        let again = flights.answer(hash("a"), Instant::now(), async || panic!("it is known")).await;
        assert_eq!(again, Ok(7));
    }

    #[tokio::test]
    async fn a_failure_is_told_to_all_who_wait_and_not_kept() {
        let flights = Flights::<u32>::new();
        let down = || async { panic!("a fault of ours") };
        let answers = join_all((0..10).map(|_| flights.answer(hash("a"), Instant::now(), down))).await;
        assert!(answers.into_iter().all(|answer| answer == Err(Unavailable::Ended)));
        assert_eq!(flights.answer(hash("a"), Instant::now(), || told(1, LONG)).await, Ok(1));
    }

    #[tokio::test]
    async fn whoever_goes_away_leaves_the_question_to_the_others() {
        let (flights, go) = (Flights::new(), Arc::new(Notify::new()));
        let slow = |go: Arc<Notify>| async move {
            go.notified().await;
            told(3, LONG).await
        };
        let gone = tokio::time::timeout(Duration::ZERO, flights.answer(hash("a"), Instant::now(), || slow(go.clone())));
        assert!(gone.await.is_err());
        go.notify_one();
        let answer = flights.answer(hash("a"), Instant::now(), async || panic!("it is being asked")).await;
        assert_eq!(answer, Ok(3));
    }

    #[tokio::test]
    async fn questions_under_way_are_bounded() {
        let flights = Flights::<u32>::new();
        let never = || std::future::pending::<Result<Told<u32>, Unavailable>>();
        for at in 0..MOST_QUESTIONS {
            let asking = flights.answer(hash(&at.to_string()), Instant::now(), never);
            assert!(tokio::time::timeout(Duration::ZERO, asking).await.is_err());
        }
        let refused = flights.answer(hash("one more"), Instant::now(), || told(1, LONG)).await;
        assert_eq!(refused, Err(Unavailable::Busy(MOST_QUESTIONS)));
    }
}
