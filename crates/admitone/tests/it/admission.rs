//! From a login to a ticket, and from a ticket to an admitted connection.

use std::net::IpAddr;
use std::sync::{Arc, Barrier};
use std::task::Poll;

use admitone::admission::{Admission, RedeemError, TicketRefused};
use admitone::now::Now;
use admitone::principal::Method;
use admitone::store::StoreUnavailable;
use admitone::store::memory::{MemoryLimits, MemoryTicketStore};
use admitone::ticket::keys::{KeyError, TicketKeys};
use admitone::ticket::{LENGTH, PREFIX, Place, Ticket};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::world::{
    Answers, ISSUER, LONG, ROUTE, Refused, TICKET_LIFE, WatchedStore, World, chat, grant, jumped, keys, keys_of, login,
    now, present, seconds,
};

const OLD_SECRET: &[u8] = b"the secret that signs, 32 bytes!";
const NEW_SECRET: &[u8] = b"the secret that signs from now on";

fn parse(text: &str) -> Ticket {
    Ticket::parse(text).expect("the shape of a ticket")
}

fn bytes_of(ticket: &Ticket) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(&ticket.expose()[PREFIX.len()..]).expect("base64url after the prefix")
}

#[tokio::test]
async fn a_ticket_admits_whom_it_was_minted_for() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let minted = world.mint(&ada, &chat(), now).await;
    let authentic = world.node.inspect(&minted.ticket, &chat(), now).expect("an authentic ticket");
    assert_eq!((authentic.method(), authentic.is_single_use()), (Method::Ticket, true));
    assert_ne!(authentic.ticket_id(), None);

    let admitted = world.node.redeem(authentic, LONG, now).await.expect("an admission");
    let granted = admitted.grant();
    assert_eq!(
        (&granted.principal, &granted.permissions, &granted.login),
        (&ada.principal, &ada.permissions, &ada.stamp)
    );
    assert_eq!((&*granted.route, granted.ttl_seconds()), (ROUTE, TICKET_LIFE.as_secs()));
    assert_eq!((admitted.session_id(), admitted.method()), (&minted.session_id, Method::Ticket));
}

#[tokio::test]
async fn a_ticket_read_from_text_is_as_good_as_the_minted_one() {
    let (world, now) = (World::new(), now());
    let text = world.mint(&login("ada", now), &chat(), now).await.ticket.expose().to_owned();
    assert!(text.len() == LENGTH && text.starts_with(PREFIX));
    assert!(present(&world.node, &parse(&text), now).await.is_ok());
}

#[tokio::test]
async fn a_second_use_is_refused_without_asking_the_store() {
    let (world, now) = (World::new(), now());
    let minted = world.mint(&login("ada", now), &chat(), now).await;
    assert!(present(&world.node, &minted.ticket, now).await.is_ok());
    let asked = world.store.operations();

    let again = present(&world.node, &minted.ticket, now).await.err();
    assert_eq!(again, Some(Refused::Offline(TicketRefused::Replayed(minted.session_id.clone()))));
    // Until the moment at which it is refused as expired.
    let last = now.after(TICKET_LIFE + seconds(1));
    assert_eq!(present(&world.node, &minted.ticket, last).await.err(), again);
    assert_eq!(world.store.operations(), asked);
}

#[tokio::test]
async fn a_spent_ticket_is_remembered_while_others_are_spent() {
    let (world, start) = (World::new(), now());
    let minted = world.mint(&login("ada", start), &chat(), start).await;
    assert!(present(&world.node, &minted.ticket, start).await.is_ok());

    let last = start.after(TICKET_LIFE + seconds(1));
    for _ in 0..500 {
        world.admitted(&login("bob", last), last).await;
    }
    let again = present(&world.node, &minted.ticket, last).await.err();
    assert_eq!(again, Some(Refused::Offline(TicketRefused::Replayed(minted.session_id.clone()))));
}

#[tokio::test]
async fn a_second_use_on_another_node_is_refused_by_the_store() {
    let (world, now) = (World::new(), now());
    let minted = world.mint(&login("ada", now), &chat(), now).await;
    let other = world.another_node(keys());
    assert!(present(&world.node, &minted.ticket, now).await.is_ok());

    let refused = present(&other, &minted.ticket, now).await.err();
    assert_eq!(refused, Some(Refused::AtRedeem(RedeemError::Replayed(minted.session_id.clone()))));
    // From then on the other node remembers it too.
    let refused = present(&other, &minted.ticket, now).await.err();
    assert_eq!(refused, Some(Refused::Offline(TicketRefused::Replayed(minted.session_id.clone()))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_of_64_threads_with_one_ticket_one_is_admitted() {
    const THREADS: usize = 64;
    let (world, now) = (World::new(), now());
    let runtime = tokio::runtime::Handle::current();
    for round in 0..20 {
        let minted = world.mint(&login("ada", now), &chat(), now).await;
        let other = world.another_node(keys());
        let start = Barrier::new(THREADS);
        let redeem = &|at: usize| {
            let node = if at.is_multiple_of(2) { &world.node } else { &other };
            let authentic = node.inspect(&minted.ticket, &chat(), now).expect("nobody has redeemed yet");
            start.wait();
            runtime.block_on(node.redeem(authentic, LONG, now))
        };
        let outcomes = tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..THREADS).map(|at| scope.spawn(move || redeem(at))).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
            })
        });
        let admitted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let replayed = outcomes.iter().filter(|outcome| matches!(outcome, Err(RedeemError::Replayed(_)))).count();
        assert_eq!((admitted, replayed), (1, THREADS - 1), "round {round}");
    }
}

/// Every bit of a ticket counts, and none of the forgeries costs a store operation.
#[tokio::test]
async fn a_ticket_with_any_bit_flipped_is_refused_offline() {
    let (world, now) = (World::new(), now());
    let minted = world.mint(&login("ada", now), &chat(), now).await;
    let genuine = bytes_of(&minted.ticket);
    assert_eq!(genuine.len() * 8, 432);
    let asked = world.store.operations();
    for bit in 0..432 {
        let mut bytes = genuine.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(forged) = Ticket::parse(&format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))) else {
            assert!(bit < 8, "bit {bit}: only the version may be refused by its shape");
            continue;
        };
        let refused = world.node.inspect(&forged, &chat(), now).err();
        let expected = matches!(refused, Some(TicketRefused::Forged))
            || (8..16).contains(&bit) && matches!(refused, Some(TicketRefused::UnknownKey(_)));
        assert!(expected, "bit {bit}: {refused:?}");
    }
    assert_eq!(world.store.operations(), asked);
    assert!(present(&world.node, &minted.ticket, now).await.is_ok());
}

#[tokio::test]
async fn a_ticket_is_looked_up_for_two_seconds_after_its_expiry() {
    let (world, start) = (World::new(), now());
    let minted = world.mint(&login("ada", start), &chat(), start).await;
    assert_eq!(minted.expires_at, start.unix + TICKET_LIFE.as_secs());
    let inspect = |wall: u64| world.node.inspect(&minted.ticket, &chat(), Now { unix: wall, ..start });

    assert!(inspect(minted.expires_at - 1).is_ok());
    assert!(inspect(minted.expires_at + 1).is_ok());
    assert_eq!(inspect(minted.expires_at + 2).err(), Some(TicketRefused::Expired));
    assert_eq!(inspect(u64::from(u32::MAX) * 2).err(), Some(TicketRefused::Expired));
}

#[tokio::test]
async fn within_the_leeway_the_store_has_the_last_word() {
    let (world, start) = (World::new(), now());
    // A node whose wall clock is two seconds ahead: the ticket still has time in the store.
    let ahead = world.mint(&login("ada", start), &chat(), start).await;
    let fast = jumped(start, TICKET_LIFE - seconds(1), start.unix + TICKET_LIFE.as_secs() + 1);
    assert!(present(&world.node, &ahead.ticket, fast).await.is_ok());

    let late = world.mint(&login("ada", start), &chat(), start).await;
    let refused = present(&world.node, &late.ticket, start.after(TICKET_LIFE)).await.err();
    assert_eq!(refused, Some(Refused::AtRedeem(RedeemError::Expired)));
}

#[tokio::test]
async fn f18_setting_the_clock_back_lengthens_no_ticket() {
    let (world, start) = (World::new(), now());
    let minted = world.mint(&login("ada", start), &chat(), start).await;
    let back = jumped(start, TICKET_LIFE, start.unix - 3600);
    let refused = present(&world.node, &minted.ticket, back).await.err();
    assert_eq!(refused, Some(Refused::AtRedeem(RedeemError::Replayed(minted.session_id.clone()))));

    let forward = jumped(start, seconds(1), start.unix + 3600);
    let minted = world.mint(&login("ada", start), &chat(), start).await;
    let refused = present(&world.node, &minted.ticket, forward).await.err();
    assert_eq!(refused, Some(Refused::Offline(TicketRefused::Expired)));
}

#[tokio::test]
async fn a_ticket_is_good_at_its_route_and_origin_only() {
    let (world, now) = (World::new(), now());
    let minted = world.mint(&login("ada", now), &chat(), now).await;
    let asked = world.store.operations();
    let elsewhere = [
        Place { route: "/chats", ..chat() },
        Place { route: "/Chat", ..chat() },
        Place { route: "/", ..chat() },
        Place { origin: Some("https://app.example.com:8443"), ..chat() },
        Place { origin: Some("https://evil.example"), ..chat() },
        Place { origin: Some("null"), ..chat() },
        Place { origin: None, ..chat() },
        // The same letters, cut elsewhere.
        Place { route: "/chathttps://", origin: Some("app.example.com"), address: None },
    ];
    for place in elsewhere {
        assert_eq!(world.node.inspect(&minted.ticket, &place, now).err(), Some(TicketRefused::Misbound), "{place:?}");
    }
    assert_eq!(world.store.operations(), asked);
    assert!(present(&world.node, &minted.ticket, now).await.is_ok(), "trying elsewhere has not spent it");
}

#[tokio::test]
async fn a_ticket_minted_without_an_origin_is_good_from_any() {
    let (world, now) = (World::new(), now());
    let minted = world.mint(&login("ada", now), &Place { origin: None, ..chat() }, now).await;
    assert!(world.node.inspect(&minted.ticket, &chat(), now).is_ok());
    assert!(world.node.inspect(&minted.ticket, &Place { origin: None, ..chat() }, now).is_ok());
    let elsewhere = Place { route: "/admin", origin: None, address: None };
    assert_eq!(world.node.inspect(&minted.ticket, &elsewhere, now).err(), Some(TicketRefused::Misbound));
}

#[tokio::test]
async fn an_address_binds_by_its_network() {
    let (world, now) = (World::new(), now());
    let from = |address: &str| Place { address: Some(address.parse::<IpAddr>().expect("an address")), ..chat() };
    let cases = [
        ("192.0.2.1", "192.0.2.254", true),
        ("192.0.2.1", "192.0.3.1", false),
        ("192.0.2.1", "::ffff:192.0.2.77", true),
        ("::ffff:192.0.2.1", "192.0.2.77", true),
        ("::ffff:192.0.2.1", "::ffff:192.0.3.1", false),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ("2001:db8:1:2::1", "192.0.2.1", false),
        // The IPv4 octets as the head of an IPv6 address.
        ("192.0.2.1", "c000:200::1", false),
    ];
    for (minted_from, presented_from, accepted) in cases {
        let minted = world.mint(&login(minted_from, now), &from(minted_from), now).await;
        let inspected = world.node.inspect(&minted.ticket, &from(presented_from), now);
        assert_eq!(inspected.is_ok(), accepted, "{minted_from} then {presented_from}");
        let unknown = world.node.inspect(&minted.ticket, &chat(), now).err();
        assert_eq!(unknown, Some(TicketRefused::Misbound), "{minted_from} then no address");
    }
    let anywhere = world.mint(&login("ada", now), &chat(), now).await;
    assert!(world.node.inspect(&anywhere.ticket, &from("192.0.2.1"), now).is_ok(), "not bound to an address");
}

#[tokio::test]
async fn keys_rotate_without_refusing_anybody() {
    let (world, now) = (World::new(), now());
    let before = world.mint(&login("ada", now), &chat(), now).await;
    let rotated = world.another_node(keys_of(&[(2, NEW_SECRET), (1, OLD_SECRET)]));
    assert!(present(&rotated, &before.ticket, now).await.is_ok());

    let after = rotated.mint(grant(&login("ada", now), now), &chat(), now).await.expect("a ticket");
    let refused = world.node.inspect(&after.ticket, &chat(), now).err();
    assert_eq!(refused, Some(TicketRefused::UnknownKey(2)), "the first key signs");
    let finished = world.another_node(keys_of(&[(2, NEW_SECRET)]));
    assert!(present(&finished, &after.ticket, now).await.is_ok());
}

#[tokio::test]
async fn a_ticket_of_other_keys_is_recognised_as_such() {
    let (world, now) = (World::new(), now());
    let minted = world.mint(&login("ada", now), &chat(), now).await;
    let other_id = world.another_node(keys_of(&[(9, OLD_SECRET)]));
    assert_eq!(other_id.inspect(&minted.ticket, &chat(), now).err(), Some(TicketRefused::UnknownKey(1)));
    let other_secret = world.another_node(keys_of(&[(1, NEW_SECRET)]));
    assert_eq!(other_secret.inspect(&minted.ticket, &chat(), now).err(), Some(TicketRefused::Forged));
}

#[test]
fn tags_outlive_a_rotation_and_tell_identities_apart() {
    let (old, rotated) = (keys(), keys_of(&[(2, NEW_SECRET), (1, OLD_SECRET)]));
    assert_eq!(old.subject_tag(ISSUER, "ada"), rotated.subject_tag(ISSUER, "ada"));
    assert_ne!(old.subject_tag(ISSUER, "ada"), old.subject_tag(ISSUER, "bob"));
    assert_ne!(old.subject_tag(ISSUER, "ada"), old.subject_tag("https://other.example", "ada"));
    assert_ne!(old.subject_tag("ab", "c"), old.subject_tag("a", "bc"));
    let other = TicketKeys::new(&[(1, OLD_SECRET)], NEW_SECRET).expect("secrets of 32 bytes");
    assert_ne!(old.subject_tag(ISSUER, "ada"), other.subject_tag(ISSUER, "ada"));
}

#[test]
fn keys_that_could_be_guessed_or_confused_are_refused() {
    let (secret, short) = ([7; 32], [7; 31]);
    assert_eq!(TicketKeys::new(&[], &secret).err(), Some(KeyError::None));
    assert_eq!(TicketKeys::new(&[(1, &short)], &secret).err(), Some(KeyError::TooShort(31)));
    assert_eq!(TicketKeys::new(&[(1, &secret), (2, &[])], &secret).err(), Some(KeyError::TooShort(0)));
    assert_eq!(TicketKeys::new(&[(1, &secret)], &short).err(), Some(KeyError::TooShort(31)));
    assert_eq!(TicketKeys::new(&[(1, &secret), (1, &[8; 32])], &secret).err(), Some(KeyError::DuplicateId(1)));
}

/// Whether the store has taken it is unknown, so it counts as spent.
#[tokio::test]
async fn f3_a_ticket_whose_take_was_not_answered_is_not_tried_again() {
    let (world, now) = (World::new(), now());
    let minted = world.mint(&login("ada", now), &chat(), now).await;
    world.store.answers(Answers::Fail);
    let refused = present(&world.node, &minted.ticket, now).await.err();
    assert_eq!(refused, Some(Refused::AtRedeem(RedeemError::Unavailable(StoreUnavailable))));

    world.store.answers(Answers::Work);
    let refused = present(&world.node, &minted.ticket, now).await.err();
    assert_eq!(refused, Some(Refused::Offline(TicketRefused::Replayed(minted.session_id.clone()))));
}

#[tokio::test]
async fn a14_a_redemption_that_was_cancelled_has_spent_the_ticket() {
    let (world, now) = (World::new(), now());
    let minted = world.mint(&login("ada", now), &chat(), now).await;
    let authentic = world.node.inspect(&minted.ticket, &chat(), now).expect("an authentic ticket");
    world.store.answers(Answers::Hang);
    assert!(polled_once(world.node.redeem(authentic, LONG, now)).is_pending(), "the store does not answer");

    world.store.answers(Answers::Work);
    let refused = present(&world.node, &minted.ticket, now).await.err();
    assert_eq!(refused, Some(Refused::Offline(TicketRefused::Replayed(minted.session_id.clone()))));
}

/// Polls once and drops.
fn polled_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    std::pin::pin!(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

#[tokio::test]
async fn s4_s28_nothing_that_is_kept_or_printed_redeems() {
    let now = now();
    let revocations = Arc::default();
    let store = Arc::new(MemoryTicketStore::new(MemoryLimits::default(), Arc::clone(&revocations)));
    let watched = Arc::new(WatchedStore::over(store.clone()));
    let node = Admission::new(keys(), watched.clone(), revocations);
    let minted = node.mint(grant(&login("ada", now), now), &chat(), now).await.expect("a ticket");
    let authentic = node.inspect(&minted.ticket, &chat(), now).expect("an authentic ticket");
    let before = format!("{node:?} {minted:?} {authentic:?} {store:?} {store:#?} {:?}", watched.all_put());
    let admitted = node.redeem(authentic, LONG, now).await.expect("an admission");
    let refused = present(&node, &minted.ticket, now).await;
    let printed = format!("{before} {admitted:?} {refused:?} {node:#?} {store:#?} {:?}", keys());

    assert!(printed.contains("ada"), "the grant is printed");
    let sealed = bytes_of(&minted.ticket);
    let (id, mac) = (&sealed[22..38], &sealed[38..]);
    for secret in [&sealed[..], id, mac] {
        let compact = printed.replace([' ', '\n'], "");
        for text in [
            URL_SAFE_NO_PAD.encode(secret),
            secret.iter().map(|byte| format!("{byte:02x}")).collect(),
            secret.iter().map(u8::to_string).collect::<Vec<_>>().join(","),
        ] {
            assert!(!compact.contains(&text) && !compact.contains(&text.to_uppercase()), "{text}");
        }
    }
    for secret in [OLD_SECRET, &sealed[..]] {
        assert!(!printed.contains(&*String::from_utf8_lossy(secret)));
    }
}
