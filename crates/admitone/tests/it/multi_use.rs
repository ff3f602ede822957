//! Tickets that admit more than one connection.

use admitone::admission::{RedeemError, TicketRefused};
use admitone::close::CloseCode;
use admitone::revocation::{Mark, Revocation};
use admitone::sessions::{Revoked, Sessions};
use admitone::store::{StoreUnavailable, TicketStore as _};

use crate::world::{Answers, LONG, Refused, World, chat, keys, login, now, present};

#[tokio::test]
async fn it_admits_as_many_as_it_was_minted_for_each_under_a_handle_of_its_own() {
    let (world, now) = (World::new(), now());
    let minted = world.mint_for(&login("ada", now), 3, now).await;
    let other = world.another_node(keys());
    assert!(!world.node.inspect(&minted.ticket, &chat(), now).expect("an authentic ticket").is_single_use());
    for number in 1..=3 {
        let node = if number == 2 { &other } else { &world.node };
        let admitted = present(node, &minted.ticket, now).await.expect("a use is left");
        assert_eq!(*admitted.session_id(), minted.session_id.of_use(number));
    }
    let asked = world.store.operations();
    let refused = present(&world.node, &minted.ticket, now).await.err();
    assert_eq!(
        refused,
        Some(Refused::Offline(TicketRefused::Replayed(minted.session_id.clone()))),
        "exhausted, and remembered as such"
    );
    assert_eq!(world.store.operations(), asked);
    let refused = present(&other, &minted.ticket, now).await.err();
    assert_eq!(refused, Some(Refused::AtRedeem(RedeemError::Replayed(minted.session_id.clone()))));
}

#[tokio::test]
async fn one_use_is_a_single_use_ticket() {
    let (world, now) = (World::new(), now());
    let minted = world.mint_for(&login("ada", now), 1, now).await;
    let admitted = present(&world.node, &minted.ticket, now).await.expect("an admission");
    assert_eq!(*admitted.session_id(), minted.session_id);
    assert!(present(&world.node, &minted.ticket, now).await.is_err());
}

/// Whether a use was taken is unknown; the others are left.
#[tokio::test]
async fn f3_a_use_that_was_not_answered_leaves_the_others() {
    let (world, now) = (World::new(), now());
    let minted = world.mint_for(&login("ada", now), 2, now).await;
    world.store.answers(Answers::Fail);
    let refused = present(&world.node, &minted.ticket, now).await.err();
    assert_eq!(refused, Some(Refused::AtRedeem(RedeemError::Unavailable(StoreUnavailable))));
    world.store.answers(Answers::Work);
    assert!(present(&world.node, &minted.ticket, now).await.is_ok());
}

#[tokio::test]
async fn a_mark_on_the_ticket_ends_every_connection_of_it_and_one_on_a_connection_only_that() {
    let (world, now) = (World::new(), now());
    let sessions = Sessions::new(world.revocations.clone());
    let minted = world.mint_for(&login("ada", now), 4, now).await;
    let mut admitted = Vec::new();
    for _ in 0..3 {
        admitted.push(present(&world.node, &minted.ticket, now).await.expect("a use is left"));
    }
    let (third, second, first) = (admitted.remove(2), admitted.remove(1), admitted.remove(0));
    let opened = sessions.open(first, now).expect("a session");
    world.revoke(Revocation::Session(second.session_id().clone()), now).await;
    assert_eq!(sessions.open(second, now).err(), Some(Revoked(Mark::Session)));

    world.revoke(Revocation::Session(minted.session_id.clone()), now).await;
    assert_eq!(sessions.open(third, now).err(), Some(Revoked(Mark::Session)));
    let follow = sessions.follow();
    tokio::select! {
        code = opened.closing() => assert_eq!(code, CloseCode::Revoked),
        () = follow => unreachable!("it follows for ever"),
    }
    let refused = present(&world.node, &minted.ticket, now).await.err();
    assert_eq!(refused, Some(Refused::AtRedeem(RedeemError::Revoked(Mark::Session))));
}

#[tokio::test]
async fn a_ticket_does_not_say_of_itself_how_many_uses_it_has() {
    let (world, now) = (World::new(), now());
    let minted = world.mint_for(&login("ada", now), 2, now).await;
    // Looking at it, and letting go of what was looked at, costs no use.
    for _ in 0..5 {
        drop(world.node.inspect(&minted.ticket, &chat(), now).expect("an authentic ticket"));
    }
    let one = world.node.inspect(&minted.ticket, &chat(), now).expect("an authentic ticket");
    let two = world.node.inspect(&minted.ticket, &chat(), now).expect("an authentic ticket");
    let three = world.node.inspect(&minted.ticket, &chat(), now).expect("an authentic ticket");
    assert!(world.node.redeem(one, LONG, now).await.is_ok());
    assert!(world.node.redeem(two, LONG, now).await.is_ok());
    assert_eq!(world.node.redeem(three, LONG, now).await.err(), Some(RedeemError::Replayed(minted.session_id.clone())));
}

/// As a replica without a fence does, that was promoted before it had heard of the first.
#[tokio::test]
async fn of_a_use_that_a_store_lets_in_twice_no_session_is_left_that_a_revocation_does_not_close() {
    let (world, replica, now) = (World::new(), World::new(), now());
    let sessions = Sessions::new(world.revocations.clone());
    let minted = world.mint_for(&login("ada", now), 2, now).await;
    let (key, stored) = world.store.all_put().remove(0);
    replica.store.put(key, stored, now).await.expect("room");

    let first = sessions.open(present(&world.node, &minted.ticket, now).await.expect("a use"), now).expect("a session");
    let second = sessions.open(present(&replica.node, &minted.ticket, now).await.expect("a use"), now);
    let second = second.expect("a session");
    assert_eq!(first.id(), second.id());
    assert_eq!(first.closing().await, CloseCode::TicketNotAccepted, "mint again");
    drop(first);
    assert_eq!(sessions.count(), 1, "the other is registered still");
    world.revoke(Revocation::Session(minted.session_id), now).await;
    let follow = sessions.follow();
    tokio::select! {
        code = second.closing() => assert_eq!(code, CloseCode::Revoked),
        () = follow => unreachable!("it follows for ever"),
    }
}
