//! Genuine tickets that are in the store no more.

use admitone::admission::TicketRefused;
use admitone::revocation::Revocation;

use crate::world::{TICKET_LIFE, World, chat, keys, keys_of, login, now, present, seconds};

#[tokio::test]
async fn s6_a_second_use_is_counted_wherever_it_is_recognised() {
    let (world, now) = (World::new(), now());
    let other = world.another_node(keys());
    let minted = world.mint(&login("ada", now), &chat(), now).await;
    assert!(present(&world.node, &minted.ticket, now).await.is_ok());
    assert_eq!((world.node.counters().replays(), other.counters().replays()), (0, 0));
    for _ in 0..2 {
        assert!(present(&world.node, &minted.ticket, now).await.is_err());
        assert!(present(&other, &minted.ticket, now).await.is_err());
    }
    assert_eq!((world.node.counters().replays(), other.counters().replays()), (2, 2));
}

#[tokio::test]
async fn what_is_no_replay_is_not_counted_as_one() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let expired = world.mint(&ada, &chat(), now).await;
    for later in [TICKET_LIFE, TICKET_LIFE + seconds(1), TICKET_LIFE + seconds(2)] {
        assert!(present(&world.another_node(keys()), &expired.ticket, now.after(later)).await.is_err());
        assert!(present(&world.node, &expired.ticket, now.after(later)).await.is_err());
    }
    let forged = world.another_node(keys_of(&[(1, &[9; 32])])).mint(crate::world::grant(&ada, now), &chat(), now).await;
    assert!(present(&world.node, &forged.expect("a ticket").ticket, now).await.is_err());
    let marked = world.mint(&ada, &chat(), now).await;
    world.revoke(Revocation::Session(marked.session_id.clone()), now).await;
    assert!(present(&world.another_node(keys()), &marked.ticket, now).await.is_err());
    assert_eq!(world.node.counters().replays(), 1, "the expired one, shown again within the leeway");
}

#[test]
fn an_unknown_key_names_its_likely_cause() {
    let cause = TicketRefused::UnknownKey(7).to_string();
    assert!(cause.contains("key id 7") && cause.contains("another node") && cause.contains("restart"), "{cause}");
}
