//! The public handles of connections.

use std::collections::HashSet;

use admitone::admission::{RedeemError, TicketRefused};
use admitone::grant::{SessionId, SessionIdError};

use crate::world::{Refused, World, chat, keys, login, now, present};

#[test]
fn a_handle_reads_back_as_it_was_written() {
    let handle = SessionId::new(0x3f, [7; 16]);
    for handle in [handle.of_use(1), handle.of_use(u32::MAX), handle] {
        let read = SessionId::parse(handle.as_str()).expect("a handle");
        assert_eq!((&read, read.bucket()), (&handle, 0x3f));
    }
}

#[test]
fn a_use_belongs_to_its_ticket() {
    let handle = SessionId::new(1, [2; 16]);
    assert_eq!(handle.of_use(3).of_ticket(), Some(handle.clone()));
    assert_eq!(handle.of_ticket(), None);
}

#[test]
fn what_no_release_could_have_made_is_no_handle() {
    let good = SessionId::new(1, [2; 16]);
    let good = good.as_str();
    let faulty = [
        String::new(),
        "ses_".to_owned(),
        good.replace("ses_", "sess"),
        good[..good.len() - 1].to_owned(),
        format!("{good}A"),
        format!("{good}."),
        format!("{good}.0"),
        format!("{good}.01"),
        format!("{good}.+1"),
        format!("{good}.1.1"),
        format!("{good}.4294967296"),
        format!(" {good}"),
        good.replace("AgIC", "Ag+C"),
        // Not canonical: the last character has bits that no byte uses.
        format!("{}J", &good[..good.len() - 1]),
    ];
    for text in faulty {
        assert_eq!(SessionId::parse(&text), Err(SessionIdError), "{text:?}");
    }
}

#[tokio::test]
async fn a_spent_ticket_tells_its_connection_on_every_node() {
    let (world, now) = (World::new(), now());
    let other = world.another_node(keys());
    let mut handles = HashSet::new();
    for _ in 0..100 {
        let minted = world.mint(&login("ada", now), &chat(), now).await;
        assert!(present(&world.node, &minted.ticket, now).await.is_ok());
        let handle = minted.session_id;
        let here = present(&world.node, &minted.ticket, now).await.err();
        assert_eq!(here, Some(Refused::Offline(TicketRefused::Replayed(handle.clone()))));
        let there = present(&other, &minted.ticket, now).await.err();
        assert_eq!(there, Some(Refused::AtRedeem(RedeemError::Replayed(handle.clone()))));
        handles.insert(handle);
    }
    assert_eq!(handles.len(), 100);
}
