//! While the store does not answer, and when somebody comes with a login instead of a ticket.

use std::sync::Arc;
use std::time::Duration;

use admitone::admission::{Admission, Admitted, MIRROR_TRUST, RedeemError};
use admitone::close::CloseCode;
use admitone::now::Now;
use admitone::principal::Login;
use admitone::revocation::memory::MemoryRevocations;
use admitone::revocation::{Batch, Cursor, Mark, Mirror, Revocation, Revocations};
use admitone::sessions::Sessions;
use admitone::store::{BoxFuture, StoreUnavailable};

use crate::world::{Answers, LONG, ROUTE, World, keys, login, now, revocations_of_login, seconds};

/// Revocations whose mirror was filled some time ago, or never.
struct Aged(MemoryRevocations, Option<Duration>);

impl Revocations for Aged {
    fn revoke(&self, revocation: Revocation, now: Now) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        self.0.revoke(revocation, now)
    }

    fn mirror(&self) -> &Mirror {
        self.0.mirror()
    }

    fn synced(&self, _: Now) -> Option<Duration> {
        self.1
    }

    fn follow(&self, cursor: Cursor) -> BoxFuture<'_, Batch> {
        self.0.follow(cursor)
    }
}

async fn enter(node: &Admission, login: &Login, now: Now) -> Result<Admitted, RedeemError> {
    let fallback = node.inspect_login(login, ROUTE, now).expect("the mirror has nothing yet");
    node.redeem(fallback, LONG, now).await
}

async fn with_mirror_of_age(age: Option<Duration>) -> Option<RedeemError> {
    let (world, now) = (World::new(), now());
    world.store.answers(Answers::Fail);
    let revocations = Arc::new(Aged(MemoryRevocations::default(), age));
    let node = Admission::new(keys(), world.store.clone(), revocations);
    enter(&node, &login("ada", now), now).await.err()
}

#[tokio::test]
async fn f2_without_the_store_a_young_mirror_lets_a_login_in() {
    assert_eq!(with_mirror_of_age(Some(Duration::ZERO)).await, None);
    assert_eq!(with_mirror_of_age(Some(MIRROR_TRUST - seconds(1))).await, None);
}

#[tokio::test]
async fn f2_without_the_store_an_old_mirror_or_none_lets_nobody_in() {
    let unavailable = Some(RedeemError::Unavailable(StoreUnavailable));
    assert_eq!(with_mirror_of_age(Some(MIRROR_TRUST)).await, unavailable);
    assert_eq!(with_mirror_of_age(Some(Duration::MAX)).await, unavailable);
    assert_eq!(with_mirror_of_age(None).await, unavailable);
    assert_eq!(MIRROR_TRUST, seconds(300));
}

#[tokio::test]
async fn without_the_store_the_mirror_knows_who_was_revoked() {
    let now = now();
    let ada = login("ada", now);
    for revocation in revocations_of_login(&ada, now) {
        let world = World::new();
        world.store.answers(Answers::Fail);
        let fallback = world.node.inspect_login(&ada, ROUTE, now).expect("not revoked yet");
        world.revoke(revocation.clone(), now).await;
        let refused = world.node.redeem(fallback, LONG, now).await.err();
        assert_eq!(refused, Some(RedeemError::Revoked(revocation.mark())));
    }
}

/// Where sessions must not outlive what is known of revocations.
#[tokio::test(start_paused = true)]
async fn f20_a_node_that_is_cut_off_closes_its_sessions_where_that_is_wanted() {
    let (world, now) = (World::new(), now());
    for (age, closes) in [(Some(seconds(9)), false), (Some(seconds(10)), true), (None, true)] {
        let sessions = Sessions::new(Arc::new(Aged(MemoryRevocations::default(), age)));
        let session = sessions.open(world.admitted(&login("ada", now), now).await, now).expect("a session");
        let code = tokio::select! {
            code = session.closing() => Some(code),
            () = sessions.close_when_cut_off(seconds(10), seconds(1)) => unreachable!("it watches for ever"),
            () = tokio::time::sleep(seconds(60)) => None,
        };
        assert_eq!(code, closes.then_some(CloseCode::StoreUnavailable), "{age:?}");
        let next = sessions.open(world.admitted(&login("bob", now), now).await, now).expect("a session");
        let closing = tokio::time::timeout(seconds(1), next.closing()).await;
        assert!(closing.is_err(), "nothing is closed by what happened before it opened");
    }
}

/// With the store up its marks decide, however old the mirror is: here it has not heard of the revocation at all.
#[tokio::test]
async fn with_the_store_its_own_marks_decide() {
    let (world, now) = (World::new(), now());
    let node = Admission::new(keys(), world.store.clone(), Arc::new(Aged(MemoryRevocations::default(), None)));
    let ada = login("ada", now);
    assert!(enter(&node, &ada, now).await.is_ok());
    world.revoke(Revocation::of_login(&ada, now.unix), now).await;
    assert_eq!(enter(&node, &ada, now).await.err(), Some(RedeemError::Revoked(Mark::Sid)));
}
