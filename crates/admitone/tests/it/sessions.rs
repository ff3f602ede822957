//! Live connections and what closes them.

use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::time::Duration;

use admitone::admission::LoginRefused;
use admitone::close::CloseCode;
use admitone::grant::Grant;
use admitone::now::Now;
use admitone::revocation::memory::MemoryRevocations;
use admitone::revocation::{Batch, Cursor, Mark, Mirror, Revocation, Revocations};
use admitone::sessions::{Revoked, Session, Sessions};
use admitone::store::{BoxFuture, StoreUnavailable};
use tokio::time::timeout;

use crate::world::{
    ISSUER, LOGIN_LIFE, LONG, World, chat, grant, login, login_at, now, present, revocations_of_login, seconds,
};

/// Now, on tokio's monotonic clock: the one that a paused test moves.
fn paused_now() -> Now {
    Now { instant: tokio::time::Instant::now().into_std(), ..now() }
}

fn following(world: &World) -> Arc<Sessions> {
    let sessions = Arc::new(Sessions::new(world.revocations.clone()));
    let follower = sessions.clone();
    tokio::spawn(async move { follower.follow().await });
    sessions
}

async fn open(world: &World, sessions: &Sessions, subject: &str) -> Session {
    let now = now();
    let admitted = world.admitted(&login(subject, now), now).await;
    sessions.open(admitted, now).expect("a session")
}

/// Whether it stays open while the clock does not move.
async fn stays_open(session: &Session) -> bool {
    timeout(Duration::from_millis(20), session.closing()).await.is_err()
}

/// The code with which it closes, well before any deadline.
async fn closed(session: &Session) -> CloseCode {
    timeout(seconds(10), session.closing()).await.expect("it closes")
}

fn unrelated(count: usize) -> impl Iterator<Item = Revocation> {
    (0..count).map(|at| Revocation::Sid { issuer: ISSUER.into(), sid: format!("unrelated-{at}").into() })
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_its_login() {
    let (world, now) = (World::new(), paused_now());
    let sessions = following(&world);
    let session = sessions.open(world.admitted(&login("ada", now), now).await, now).expect("a session");
    let opened = tokio::time::Instant::now();
    assert_eq!(session.closing().await, CloseCode::SessionExpired);
    let (lived, slack) = (opened.elapsed(), Duration::from_millis(2));
    assert!(lived >= LOGIN_LIFE && lived < LOGIN_LIFE + slack, "{lived:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_lasts_no_longer_than_the_route_allows() {
    let (world, now) = (World::new(), paused_now());
    let sessions = following(&world);
    let session =
        sessions.open(world.admitted_for(&login("ada", now), seconds(30), now).await, now).expect("a session");
    let opened = tokio::time::Instant::now();
    assert_eq!(session.closing().await, CloseCode::SessionExpired);
    let (lived, slack) = (opened.elapsed(), Duration::from_millis(2));
    assert!(lived >= seconds(30) && lived < seconds(30) + slack, "{lived:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_counted_from_the_opening() {
    let (world, minted_at) = (World::new(), paused_now());
    let sessions = following(&world);
    let admitted = world.admitted(&login("ada", minted_at), minted_at).await;
    tokio::time::advance(seconds(40)).await;
    let session = sessions.open(admitted, minted_at.after(seconds(40))).expect("a session");
    let opened = tokio::time::Instant::now();
    assert_eq!(session.closing().await, CloseCode::SessionExpired);
    assert_eq!(opened.elapsed().as_secs(), LOGIN_LIFE.as_secs() - 40);
}

#[tokio::test(start_paused = true)]
async fn a_session_of_a_login_that_has_just_ended_closes_at_once() {
    let (world, now) = (World::new(), paused_now());
    let sessions = following(&world);
    let admitted = world.admitted(&login("ada", now), now).await;
    let late = Now { unix: now.unix + LOGIN_LIFE.as_secs() + 5, ..now };
    let session = sessions.open(admitted, late).expect("a session");
    let opened = tokio::time::Instant::now();
    assert_eq!(session.closing().await, CloseCode::SessionExpired);
    assert!(opened.elapsed() < seconds(1));
}

#[tokio::test(start_paused = true)]
async fn a_session_knows_whose_it_is() {
    let (world, now) = (World::new(), paused_now());
    let sessions = following(&world);
    let admitted = world.admitted(&login("ada", now), now).await;
    let id = admitted.session_id().clone();
    let session = sessions.open(admitted, now).expect("a session");
    assert_eq!((session.id(), session.principal().subject()), (&id, "ada"));
}

#[tokio::test(start_paused = true)]
async fn s5_each_kind_of_revocation_closes_what_it_covers_and_nothing_else() {
    for at in 0..4 {
        let (world, now) = (World::new(), paused_now());
        let sessions = following(&world);
        let ada = open(&world, &sessions, "ada").await;
        let ada_again = open(&world, &sessions, "ada").await;
        let bob = open(&world, &sessions, "bob").await;
        let elsewhere = world.admitted(&login_at("https://other.example", "ada", now), now).await;
        let elsewhere = sessions.open(elsewhere, now).expect("a session");

        let [sid, jti, subject] = revocations_of_login(&login("ada", now), now);
        let revocation = [Revocation::Session(ada.id().clone()), sid, jti, subject][at].clone();
        world.revoke(revocation.clone(), now).await;
        assert_eq!(closed(&ada).await, CloseCode::Revoked, "{revocation:?}");
        match revocation.mark() {
            Mark::Session => assert!(stays_open(&ada_again).await, "another session of the same login"),
            _ => assert_eq!(closed(&ada_again).await, CloseCode::Revoked, "{revocation:?}"),
        }
        assert!(stays_open(&bob).await && stays_open(&elsewhere).await, "{revocation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn s5_everything_before_a_time_closes_whosever_it_is() {
    let (world, now) = (World::new(), paused_now());
    let sessions = following(&world);
    let (ada, bob) = (open(&world, &sessions, "ada").await, open(&world, &sessions, "bob").await);
    let then = Now { unix: now.unix + 1, ..now };
    let later = login("cyd", then);
    let cyd = sessions.open(world.admitted(&later, then).await, then).expect("a session");
    world.revoke(Revocation::Everything { until: now.unix }, now).await;
    assert_eq!((closed(&ada).await, closed(&bob).await), (CloseCode::Revoked, CloseCode::Revoked));
    assert!(stays_open(&cyd).await);
    assert_eq!(world.node.accept(&login("dan", now), now), Err(LoginRefused::Revoked(Mark::Everything)));
    assert_eq!(world.node.accept(&later, now), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_session_keeps_no_metadata() {
    let (world, now) = (World::new(), paused_now());
    let sessions = Sessions::new(world.revocations.clone());
    let metadata: Arc<str> = Arc::from(r#"{"tenant":"acme"}"#);
    let grant = Grant { metadata: Some(metadata.clone()), ..grant(&login("ada", now), now) };
    let minted = world.node.mint(grant, &chat(), now).await.expect("a ticket");
    let admitted = present(&world.node, &minted.ticket, now).await.expect("an admission");
    assert_eq!(admitted.grant().metadata.as_deref(), Some(&*metadata));
    let session = sessions.open(admitted, now).expect("a session");
    world.store.forget_puts();
    assert_eq!(Arc::strong_count(&metadata), 1, "only this test holds it still");
    drop(session);
}

#[tokio::test(start_paused = true)]
async fn a_later_login_of_a_revoked_subject_stays() {
    let (world, now) = (World::new(), paused_now());
    let sessions = following(&world);
    let early = open(&world, &sessions, "ada").await;
    let then = Now { unix: now.unix + 1, ..now };
    let later = sessions.open(world.admitted(&login("ada", then), then).await, then).expect("a session");
    world.revoke(Revocation::of_subject(early.principal(), now.unix), now).await;
    assert_eq!(closed(&early).await, CloseCode::Revoked);
    assert!(stays_open(&later).await);
}

#[tokio::test]
async fn what_was_revoked_between_redeeming_and_opening_is_not_opened() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    for revocation in revocations_of_login(&ada, now) {
        let (world, mark) = (World::new(), revocation.mark());
        let sessions = Sessions::new(world.revocations.clone());
        let admitted = world.admitted(&ada, now).await;
        world.revoke(revocation, now).await;
        assert_eq!(sessions.open(admitted, now).err(), Some(Revoked(mark)));
        assert_eq!(sessions.count(), 0);
    }
    let sessions = Sessions::new(world.revocations.clone());
    let admitted = world.admitted(&ada, now).await;
    world.revoke(Revocation::Session(admitted.session_id().clone()), now).await;
    assert_eq!(sessions.open(admitted, now).err(), Some(Revoked(Mark::Session)));
}

/// With real threads: whichever is first, the session is refused or closes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f21_a_revocation_that_races_an_opening_always_wins() {
    const THREADS: usize = 16;
    let (world, now) = (World::new(), now());
    let sessions = following(&world);
    let (mut refused, mut closing) = (0, 0);
    for round in 0..150 {
        let ada = login(&format!("ada-{round}"), now);
        let mut admitted = Vec::new();
        for _ in 0..THREADS {
            admitted.push(world.admitted(&ada, now).await);
        }
        let start = Barrier::new(THREADS + 1);
        let open = &|admitted| {
            start.wait();
            sessions.open(admitted, now)
        };
        let opened = tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                let threads: Vec<_> = admitted.into_iter().map(|one| scope.spawn(move || open(one))).collect();
                start.wait();
                drop(world.revocations.revoke(Revocation::of_login(&ada, now.unix), now));
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
            })
        });
        for session in opened {
            match session {
                Err(Revoked(mark)) => {
                    assert_eq!(mark, Mark::Sid);
                    refused += 1;
                }
                Ok(session) => {
                    assert_eq!(closed(&session).await, CloseCode::Revoked, "round {round}");
                    closing += 1;
                }
            }
        }
    }
    println!("{refused} refused, {closing} closed");
    assert_eq!((sessions.count(), refused + closing), (0, 150 * THREADS));
}

/// Revocations whose mark appears right after somebody looked: the follower has handled it before the look returns.
struct RevokedAfterTheLook {
    stale: Mirror,
    stream: Mutex<Option<Revocation>>,
    handled: (Mutex<bool>, Condvar),
    revoked: tokio::sync::Notify,
}

impl Revocations for RevokedAfterTheLook {
    fn revoke(&self, _: Revocation, _: Now) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn mirror(&self) -> &Mirror {
        self.revoked.notify_one();
        let (handled, changed) = &self.handled;
        let waiting = changed.wait_timeout_while(handled.lock().expect("no panic"), seconds(10), |handled| !*handled);
        assert!(!waiting.expect("no panic").1.timed_out(), "the follower runs");
        &self.stale
    }

    fn synced(&self, _: Now) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn follow(&self, cursor: Cursor) -> BoxFuture<'_, Batch> {
        Box::pin(async move {
            let Some(revocation) = self.stream.lock().expect("no panic").take() else {
                *self.handled.0.lock().expect("no panic") = true;
                self.handled.1.notify_all();
                return std::future::pending().await;
            };
            self.revoked.notified().await;
            Batch { revocations: vec![revocation], cursor, gap: false }
        })
    }
}

/// The one interleaving that the order "compare, then register" would lose.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f21_a_session_is_registered_before_it_is_compared_with_the_marks() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let revocations = Arc::new(RevokedAfterTheLook {
        stale: Mirror::default(),
        stream: Mutex::new(Some(Revocation::of_login(&ada, now.unix))),
        handled: Default::default(),
        revoked: tokio::sync::Notify::new(),
    });
    let sessions = Arc::new(Sessions::new(revocations));
    let follower = sessions.clone();
    tokio::spawn(async move { follower.follow().await });

    let admitted = world.admitted(&ada, now).await;
    let session = tokio::task::block_in_place(|| sessions.open(admitted, now)).expect("the look saw no mark");
    assert_eq!(closed(&session).await, CloseCode::Revoked);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_session_leaves_the_register() {
    let world = World::new();
    let sessions = following(&world);
    let mut open_sessions = Vec::new();
    for at in 0..100 {
        open_sessions.push(open(&world, &sessions, &format!("subject-{at}")).await);
    }
    assert_eq!(sessions.count(), 100);
    drop(open_sessions.split_off(40));
    assert_eq!(sessions.count(), 40);
    drop(open_sessions);
    assert_eq!(sessions.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_drain_closes_every_session() {
    let world = World::new();
    let sessions = following(&world);
    let mut open_sessions = Vec::new();
    for at in 0..100 {
        open_sessions.push(open(&world, &sessions, &format!("subject-{at}")).await);
    }
    sessions.close_all(CloseCode::Draining);
    for session in &open_sessions {
        assert_eq!(closed(session).await, CloseCode::Draining);
    }
    assert!(stays_open(&open(&world, &sessions, "ada").await).await, "one that opened afterwards");
}

#[tokio::test(start_paused = true)]
async fn the_first_close_code_stays() {
    let (world, now) = (World::new(), paused_now());
    let sessions = following(&world);
    let session = open(&world, &sessions, "ada").await;
    world.revoke(Revocation::Session(session.id().clone()), now).await;
    assert_eq!(closed(&session).await, CloseCode::Revoked);
    sessions.close_all(CloseCode::Draining);
    assert_eq!(closed(&session).await, CloseCode::Revoked);
    // Past the deadline as well.
    tokio::time::advance(LOGIN_LIFE + LONG).await;
    assert_eq!(closed(&session).await, CloseCode::Revoked);
}

#[tokio::test(start_paused = true)]
async fn everybody_who_waits_hears_of_a_close() {
    let world = World::new();
    let sessions = following(&world);
    let session = open(&world, &sessions, "ada").await;
    let close = async { sessions.close_all(CloseCode::Draining) };
    let (one, two, ()) = tokio::join!(closed(&session), closed(&session), close);
    assert_eq!((one, two), (CloseCode::Draining, CloseCode::Draining));
}

/// What a follower meets that is so far behind that the stream has forgotten `lost` revocations.
async fn behind(revocations: &MemoryRevocations, count: usize) -> Batch {
    let now = now();
    for revocation in unrelated(count) {
        revocations.revoke(revocation, now).await.expect("memory answers");
    }
    revocations.follow(Cursor::default()).await
}

#[tokio::test]
async fn a_follower_meets_a_gap_only_when_something_was_lost() {
    for (count, gap, kept) in [(1, false, 1), (4096, false, 4096), (4097, true, 4096), (5000, true, 4096)] {
        let revocations = MemoryRevocations::default();
        let batch = behind(&revocations, count).await;
        assert_eq!((batch.gap, batch.revocations.len()), (gap, kept), "{count}");
        assert_eq!(batch.revocations.last(), unrelated(count).last().as_ref(), "oldest first");

        // It goes on where it was.
        revocations.revoke(unrelated(1).next().expect("one"), now()).await.expect("memory answers");
        let next = revocations.follow(batch.cursor).await;
        assert_eq!((next.gap, next.revocations.len()), (false, 1), "{count}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_without_news_waits() {
    let revocations = MemoryRevocations::default();
    let batch = behind(&revocations, 3).await;
    assert!(timeout(seconds(60), revocations.follow(batch.cursor)).await.is_err());
}

/// After a gap every session is compared again: the revocation that was lost from the stream still closes its session.
#[tokio::test(start_paused = true)]
async fn after_a_gap_every_session_is_compared_again() {
    let (world, now) = (World::new(), paused_now());
    let sessions = Arc::new(Sessions::new(world.revocations.clone()));
    let (ada, bob) = (open(&world, &sessions, "ada").await, open(&world, &sessions, "bob").await);
    world.revoke(Revocation::of_subject(ada.principal(), now.unix), now).await;
    assert!(behind(&world.revocations, 5000).await.gap);

    let follower = sessions.clone();
    tokio::spawn(async move { follower.follow().await });
    assert_eq!(closed(&ada).await, CloseCode::Revoked);
    assert!(stays_open(&bob).await);
}
