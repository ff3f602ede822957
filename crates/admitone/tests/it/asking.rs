//! Asking about tickets, and taking them and their connections back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use admitone::admission::{Admission, Asker, RedeemError, TicketRefused};
use admitone::grant::{Grant, MAX_USES};
use admitone::now::Now;
use admitone::revocation::memory::MemoryRevocations;
use admitone::revocation::{Batch, Cursor, Mark, Mirror, Revocation, Revocations};
use admitone::store::{BoxFuture, StoreUnavailable, TicketStore as _};
use admitone::ticket::Ticket;

use crate::world::{
    Answers, ROUTE, Refused, TICKET_LIFE, World, chat, grant, keys, keys_of, login, login_at, now, present,
    revocations_of_login, seconds,
};

/// Revocations that reach the mirror first, as those of a shared store do, and the store only while that answers.
#[derive(Default)]
struct Watched {
    inner: MemoryRevocations,
    fails: AtomicBool,
    written: Mutex<Vec<Revocation>>,
}

impl Watched {
    fn written(&self) -> Vec<Revocation> {
        std::mem::take(&mut *self.written.lock().expect("no test panicked here"))
    }
}

impl Revocations for Watched {
    fn revoke(&self, revocation: Revocation, now: Now) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        self.inner.mirror().add(&revocation, now);
        if self.fails.load(Ordering::SeqCst) {
            return Box::pin(std::future::ready(Err(StoreUnavailable)));
        }
        self.written.lock().expect("no test panicked here").push(revocation.clone());
        self.inner.revoke(revocation, now)
    }

    fn mirror(&self) -> &Mirror {
        self.inner.mirror()
    }

    fn synced(&self, now: Now) -> Option<Duration> {
        self.inner.synced(now)
    }

    fn follow(&self, cursor: Cursor) -> BoxFuture<'_, Batch> {
        self.inner.follow(cursor)
    }
}

fn watching(world: &World) -> (Admission, Arc<Watched>) {
    let watched = Arc::new(Watched::default());
    (Admission::new(keys(), world.store.clone(), watched.clone()), watched)
}

#[tokio::test]
async fn an_owner_learns_what_a_ticket_stands_for_and_it_is_still_good() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let metadata: Arc<str> = Arc::from(r#"{"tenant":"acme"}"#);
    let grant = Grant { metadata: Some(metadata.clone()), ..grant(&ada, now) };
    let minted = world.node.mint(grant, &chat(), now).await.expect("a ticket");
    for _ in 0..3 {
        let told = world.node.introspect(&minted.ticket, Asker::Owner(&ada.principal), now).await;
        let told = told.expect("an answer").expect("an active ticket");
        assert_eq!((told.grant.principal.subject(), &*told.grant.route, told.uses_left), ("ada", ROUTE, 1));
        assert_eq!((told.grant.metadata, told.session_id), (Some(metadata.clone()), minted.session_id.clone()));
        assert_eq!(told.grant.expires_at, minted.expires_at);
    }
    assert!(present(&world.node, &minted.ticket, now).await.is_ok());
}

#[tokio::test]
async fn a_service_learns_about_everybodys_tickets() {
    let (world, now) = (World::new(), now());
    let minted = world.mint_for(&login("ada", now), 2, now).await;
    let told = world.node.introspect(&minted.ticket, Asker::Service, now).await.expect("an answer");
    assert_eq!(told.map(|told| told.uses_left), Some(2));
    assert!(present(&world.node, &minted.ticket, now).await.is_ok());
    let told = world.node.introspect(&minted.ticket, Asker::Service, now).await.expect("an answer");
    assert_eq!(told.map(|told| told.uses_left), Some(1));
}

#[tokio::test]
async fn strangers_learn_nothing_and_cost_no_store_operation() {
    let (world, now) = (World::new(), now());
    let minted = world.mint(&login("ada", now), &chat(), now).await;
    let forger = world.another_node(keys_of(&[(1, &[9; 32])]));
    let forged = forger.mint(grant(&login("ada", now), now), &chat(), now).await.expect("a ticket").ticket;
    let asked = world.store.operations();
    for stranger in [login("bob", now), login_at("https://other.example", "ada", now)] {
        let asker = Asker::Owner(&stranger.principal);
        assert!(world.node.introspect(&minted.ticket, asker, now).await.expect("an answer").is_none());
        let revoked = world.node.revoke_ticket(&minted.ticket, &stranger.principal, now).await;
        assert_eq!(revoked, Ok(None));
        assert_eq!(world.node.revoke_session(&minted.session_id, &stranger.principal, now).await, Ok(false));
        assert!(world.node.is_anothers(&minted.ticket, &stranger.principal));
        assert!(!world.node.is_anothers(&forged, &stranger.principal), "nobody's");
    }
    assert!(!world.node.is_anothers(&minted.ticket, &login("ada", now).principal));
    assert!(world.node.introspect(&forged, Asker::Service, now).await.expect("an answer").is_none());
    assert_eq!(world.store.operations(), asked);
    assert!(present(&world.node, &minted.ticket, now).await.is_ok(), "it is as it was");
}

#[tokio::test]
async fn what_could_not_be_redeemed_is_not_active() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let other = world.another_node(keys());
    let is_active = async |ticket: &Ticket, now| {
        let told = other.introspect(ticket, Asker::Service, now).await;
        told.expect("an answer").is_some()
    };
    let spent = world.mint(&ada, &chat(), now).await;
    assert!(is_active(&spent.ticket, now).await);
    assert!(present(&world.node, &spent.ticket, now).await.is_ok());
    assert!(!is_active(&spent.ticket, now).await, "spent on another node");

    let expired = world.mint(&ada, &chat(), now).await;
    assert!(!is_active(&expired.ticket, now.after(TICKET_LIFE)).await);
    assert!(!is_active(&expired.ticket, now.after(TICKET_LIFE + seconds(3600))).await);

    for revocation in revocations_of_login(&login("bob", now), now) {
        let marked = world.mint(&login("bob", now), &chat(), now).await;
        world.revoke(revocation, now).await;
        assert!(!is_active(&marked.ticket, now).await, "marked");
    }
}

#[tokio::test]
async fn a_revoked_ticket_redeems_on_no_node_and_is_revoked_once() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let minted = world.mint(&ada, &chat(), now).await;
    let revoked = world.node.revoke_ticket(&minted.ticket, &ada.principal, now).await;
    assert_eq!(revoked, Ok(Some(minted.session_id.clone())));
    let refused = present(&world.node, &minted.ticket, now).await.err();
    assert_eq!(refused, Some(Refused::Offline(TicketRefused::Replayed(minted.session_id.clone()))));
    let elsewhere = world.another_node(keys());
    let refused = present(&elsewhere, &minted.ticket, now).await.err();
    assert_eq!(refused, Some(Refused::AtRedeem(RedeemError::Replayed(minted.session_id.clone()))));
    for node in [&world.node, &elsewhere, &world.another_node(keys())] {
        assert_eq!(node.revoke_ticket(&minted.ticket, &ada.principal, now).await, Ok(None));
    }
}

#[tokio::test]
async fn revoking_a_ticket_gives_its_place_under_the_cap_back() {
    let limits = admitone::store::memory::MemoryLimits { per_subject: 1, ..Default::default() };
    let (world, now) = (World::with_limits(limits), now());
    let ada = login("ada", now);
    for _ in 0..3 {
        let minted = world.mint(&ada, &chat(), now).await;
        assert!(world.node.revoke_ticket(&minted.ticket, &ada.principal, now).await.expect("an answer").is_some());
    }
}

/// The connections that it has opened go with it.
#[tokio::test]
async fn a15_revoking_a_multi_use_ticket_marks_its_connections() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let minted = world.mint_for(&ada, 3, now).await;
    let admitted = present(&world.node, &minted.ticket, now).await.expect("an admission");
    assert!(world.node.revoke_ticket(&minted.ticket, &ada.principal, now).await.expect("an answer").is_some());
    let sessions = admitone::sessions::Sessions::new(world.revocations.clone());
    assert_eq!(sessions.open(admitted, now).err().map(|revoked| revoked.0), Some(Mark::Session));
    assert!(present(&world.another_node(keys()), &minted.ticket, now).await.is_err());
}

/// The ticket is gone then, and with it what a second try would find the connections by.
#[tokio::test]
async fn a15_a_multi_use_tickets_connections_are_marked_though_the_answer_of_its_discard_is_lost() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let minted = world.mint_for(&ada, 3, now).await;
    world.store.answers(Answers::LoseDiscards);
    assert_eq!(world.node.revoke_ticket(&minted.ticket, &ada.principal, now).await, Err(StoreUnavailable));
    assert!(world.revocations.mirror().has_session(&minted.session_id));
}

#[tokio::test]
async fn a15_revoking_a_multi_use_ticket_again_finishes_what_was_left_half_done() {
    let limits = admitone::store::memory::MemoryLimits { per_subject: 1, ..Default::default() };
    let (world, now) = (World::with_limits(limits), now());
    let ada = login("ada", now);
    let minted = world.mint_for(&ada, 3, now).await;
    world.revoke(Revocation::Session(minted.session_id.clone()), now).await;
    let revoked = world.node.revoke_ticket(&minted.ticket, &ada.principal, now).await;
    assert_eq!(revoked, Ok(Some(minted.session_id)));
    world.mint_for(&ada, 3, now).await;
    assert_eq!(world.node.revoke_ticket(&minted.ticket, &ada.principal, now).await, Ok(None));
}

/// Its redemption failed before the store took it; this node refuses it, the others would not.
#[tokio::test]
async fn a_ticket_that_only_this_node_takes_for_spent_can_be_revoked_here() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let minted = world.mint(&ada, &chat(), now).await;
    world.store.answers(Answers::Fail);
    assert!(present(&world.node, &minted.ticket, now).await.is_err());
    world.store.answers(Answers::Work);
    let told = world.node.introspect(&minted.ticket, Asker::Owner(&ada.principal), now).await;
    assert!(told.expect("an answer").is_some());
    let revoked = world.node.revoke_ticket(&minted.ticket, &ada.principal, now).await;
    assert_eq!(revoked, Ok(Some(minted.session_id)));
    assert!(present(&world.another_node(keys()), &minted.ticket, now).await.is_err());
}

#[tokio::test]
async fn a_mark_that_did_not_reach_the_store_is_written_when_its_revocation_is_repeated() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let session = world.mint(&ada, &chat(), now).await.session_id;
    let (node, watched) = watching(&world);
    watched.fails.store(true, Ordering::SeqCst);
    assert_eq!(node.revoke_session(&session, &ada.principal, now).await, Err(StoreUnavailable));
    watched.fails.store(false, Ordering::SeqCst);
    assert_eq!(node.revoke_session(&session, &ada.principal, now).await, Ok(true));
    assert_eq!(watched.written(), [Revocation::Session(session.clone())]);
    assert_eq!(node.close_session(&session, now).await, Ok(()));
    assert_eq!(watched.written(), [Revocation::Session(session)]);
}

#[tokio::test]
async fn the_numbers_of_uses_fill_no_store_with_marks() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let minted = world.mint_for(&ada, u32::MAX, now).await;
    let told = world.node.introspect(&minted.ticket, Asker::Service, now).await.expect("an answer");
    assert_eq!(told.map(|told| told.uses_left), Some(MAX_USES));
    let (node, watched) = watching(&world);
    let ticket = minted.session_id;
    for number in [MAX_USES + 1, u32::MAX] {
        assert_eq!(node.revoke_session(&ticket.of_use(number), &ada.principal, now).await, Ok(false));
    }
    assert!(watched.written().is_empty());
    for session in [ticket.of_use(MAX_USES), ticket.clone()] {
        assert_eq!(node.revoke_session(&session, &ada.principal, now).await, Ok(true));
        assert_eq!(watched.written(), [Revocation::Session(session)]);
    }
    assert_eq!(node.revoke_session(&ticket.of_use(7), &ada.principal, now).await, Ok(true));
    assert_eq!(watched.written(), [Revocation::Session(ticket.clone())], "the mark that covers it");
    assert!(!watched.mirror().has_session(&ticket.of_use(7)));
}

#[tokio::test]
async fn an_owner_ends_a_session_and_the_ticket_that_would_open_it() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let minted = world.mint(&ada, &chat(), now).await;
    for _ in 0..2 {
        assert_eq!(world.node.revoke_session(&minted.session_id, &ada.principal, now).await, Ok(true));
    }
    let (key, _) = world.store.all_put().remove(0);
    assert!(world.store.peek(key, now).await.expect("an answer").is_none(), "it is in the store no more");
    let refused = present(&world.node, &minted.ticket, now).await.err();
    assert_eq!(refused, Some(Refused::AtRedeem(RedeemError::Revoked(Mark::Session))));
    let multi = world.mint_for(&ada, 2, now).await;
    let one = multi.session_id.of_use(1);
    assert_eq!(world.node.revoke_session(&one, &ada.principal, now).await, Ok(true));
    let refused = present(&world.node, &multi.ticket, now).await.err();
    assert_eq!(refused, Some(Refused::AtRedeem(RedeemError::Revoked(Mark::Session))), "that use");
    assert!(present(&world.node, &multi.ticket, now).await.is_ok(), "the ticket has another use");

    let fallback = world.node.inspect_login(&ada, ROUTE, now).expect("a fallback");
    let fallback = world.node.redeem(fallback, seconds(60), now).await.expect("an admission");
    assert_eq!(world.node.revoke_session(fallback.session_id(), &ada.principal, now).await, Ok(true));
    let bob = login("bob", now);
    assert_eq!(world.node.revoke_session(fallback.session_id(), &bob.principal, now).await, Ok(false));
}

#[tokio::test]
async fn while_the_store_is_down_nothing_is_said_to_be_revoked() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let minted = world.mint(&ada, &chat(), now).await;
    world.store.answers(Answers::Fail);
    let revoked = world.node.revoke_ticket(&minted.ticket, &ada.principal, now).await;
    assert_eq!(revoked, Err(StoreUnavailable));
    let told = world.node.introspect(&minted.ticket, Asker::Owner(&ada.principal), now).await;
    assert!(told.is_err());
    world.store.answers(Answers::Work);
    assert!(present(&world.node, &minted.ticket, now).await.is_ok());
}
