//! A ticket that is tried and opens nothing.

use admitone::admission::{MintError, RedeemError, RehearsalError};
use admitone::store::memory::MemoryLimits;
use admitone::store::{PutError, StoreUnavailable};

use crate::world::{Answers, World, chat, grant, login, now, revocations_of_login};

#[tokio::test]
async fn a_rehearsal_leaves_nothing_behind() {
    let world = World::with_limits(MemoryLimits { total: 2, per_subject: 1 });
    let (now, ada) = (now(), login("ada", now()));
    for _ in 0..3 {
        world.node.rehearse(grant(&ada, now), &chat(), now).await.expect("a ticket that would have worked");
    }
    assert_eq!(world.node.count_sessions(&ada.principal).await, Ok(0));
    world.mint(&ada, &chat(), now).await;
    let refused = world.node.rehearse(grant(&ada, now), &chat(), now).await;
    assert_eq!(refused, Err(RehearsalError::Mint(MintError::Store(PutError::SubjectCap(1)))));
}

#[tokio::test]
async fn a_rehearsal_meets_what_a_ticket_would() {
    let world = World::new();
    let (now, ada) = (now(), login("ada", now()));
    world.store.answers(Answers::Fail);
    let refused = world.node.rehearse(grant(&ada, now), &chat(), now).await;
    assert_eq!(refused, Err(RehearsalError::Redeem(StoreUnavailable.into())));
    world.store.answers(Answers::Work);
    let [of_session, ..] = revocations_of_login(&ada, now);
    world.revoke(of_session, now).await;
    let refused = world.node.rehearse(grant(&ada, now), &chat(), now).await;
    assert!(matches!(refused, Err(RehearsalError::Redeem(RedeemError::Revoked(_)))), "{refused:?}");
}
