//! Logins: how long they count, what revokes them, and what they are admitted by.

use std::collections::HashSet;

use admitone::admission::{LoginRefused, MintError, RedeemError, TicketRefused};
use admitone::grant::Grant;
use admitone::principal::Method;
use admitone::revocation::{MARK_RETENTION, Mark, Revocation};

use crate::world::{
    LOGIN_LIFE, LONG, ROUTE, Refused, World, chat, grant, keys, login, login_at, now, present, revocations_of_login,
    seconds,
};

#[tokio::test]
async fn s12_the_same_subject_of_two_issuers_is_two_people() {
    let (world, now) = (World::new(), now());
    let (here, there) = (login("ada", now), login_at("https://other.example", "ada", now));
    for revocation in revocations_of_login(&here, now) {
        world.revoke(revocation, now).await;
    }
    assert!(matches!(world.node.accept(&here, now), Err(LoginRefused::Revoked(_))));
    assert_eq!(world.node.accept(&there, now), Ok(()));
    let admitted = world.admitted(&there, now).await;
    assert!(admitted.grant().principal.is(&there.principal) && !admitted.grant().principal.is(&here.principal));
}

#[tokio::test]
async fn a_ticket_never_outlives_its_login() {
    let (world, now) = (World::new(), now());
    let mut ending = login("ada", now);
    ending.expires_at = now.unix + 7;
    let minted = world.mint(&ending, &chat(), now).await;
    assert_eq!(minted.expires_at, ending.expires_at);

    let longer = Grant { expires_at: ending.expires_at + 1, ..grant(&ending, now) };
    assert_eq!(world.node.mint(longer, &chat(), now).await.err(), Some(MintError::Expiry));
}

#[tokio::test]
async fn a_grant_that_is_over_mints_nothing() {
    let (world, now) = (World::new(), now());
    let asked = world.store.operations();
    let long = Grant { login_expires_at: u64::MAX, ..grant(&login("ada", now), now) };
    for expires_at in [0, now.unix - 1, now.unix, u64::from(u32::MAX) + 1, u64::MAX] {
        let grant = Grant { expires_at, ..long.clone() };
        assert_eq!(world.node.mint(grant, &chat(), now).await.err(), Some(MintError::Expiry), "{expires_at}");
    }
    assert_eq!(world.store.operations(), asked);
}

#[tokio::test]
async fn a_login_is_accepted_until_it_ends() {
    let (world, start) = (World::new(), now());
    let ada = login("ada", start);
    assert_eq!(world.node.accept(&ada, start), Ok(()));
    assert_eq!(world.node.accept(&ada, start.after(LOGIN_LIFE - seconds(1))), Ok(()));
    assert_eq!(world.node.accept(&ada, start.after(LOGIN_LIFE)), Err(LoginRefused::Expired));
}

#[tokio::test]
async fn a_login_that_could_outlive_its_mark_is_refused() {
    let (world, now) = (World::new(), now());
    let mut ada = login("ada", now);
    ada.expires_at = now.unix + MARK_RETENTION.as_secs();
    assert_eq!(world.node.accept(&ada, now), Ok(()));
    ada.expires_at += 1;
    assert_eq!(world.node.accept(&ada, now), Err(LoginRefused::TooLong));
    ada.expires_at = u64::MAX;
    assert_eq!(world.node.accept(&ada, now), Err(LoginRefused::TooLong));
}

#[tokio::test]
async fn a_long_login_is_not_accepted_in_its_last_days_either() {
    let (now, world) = (now(), World::new());
    let mut ada = login("ada", now);
    ada.expires_at = now.unix + 60;
    ada.stamp.issued_at = ada.expires_at - MARK_RETENTION.as_secs();
    assert_eq!(world.node.accept(&ada, now), Ok(()));
    ada.stamp.issued_at -= 1;
    assert_eq!(world.node.accept(&ada, now), Err(LoginRefused::TooLong));
}

#[tokio::test]
async fn a_revoked_login_is_refused_by_each_kind_of_mark() {
    let now = now();
    let (ada, marks) = (login("ada", now), [Mark::Sid, Mark::Jti, Mark::Subject]);
    for (revocation, mark) in revocations_of_login(&ada, now).into_iter().zip(marks) {
        let world = World::new();
        world.revoke(revocation, now).await;
        assert_eq!(world.node.accept(&ada, now), Err(LoginRefused::Revoked(mark)));
        let fallback = world.node.inspect_login(&ada, ROUTE, now).err();
        assert_eq!(fallback, Some(LoginRefused::Revoked(mark)));
        assert_eq!(world.node.accept(&login("bob", now), now), Ok(()));
    }
}

#[tokio::test]
async fn signing_in_again_after_a_revocation_of_the_subject_is_a_new_start() {
    let (world, start) = (World::new(), now());
    let mut ada = login("ada", start);
    world.revoke(Revocation::of_subject(&ada.principal, start.unix), start).await;
    for (issued_at, accepted) in [(start.unix + 1, true), (start.unix, false), (0, false)] {
        ada.stamp.issued_at = issued_at;
        assert_eq!(world.node.accept(&ada, start).is_ok(), accepted, "iat {issued_at}");
    }
    // An earlier time does not take the mark back.
    world.revoke(Revocation::of_subject(&ada.principal, start.unix - 100), start).await;
    ada.stamp.issued_at = start.unix;
    assert!(world.node.accept(&ada, start).is_err());
}

#[tokio::test]
async fn signing_out_revokes_the_narrowest_thing_that_the_login_names() {
    let now = now();
    let mut ada = login("ada", now);
    assert_eq!(Revocation::of_login(&ada, now.unix).mark(), Mark::Sid);
    ada.stamp.sid = None;
    assert_eq!(Revocation::of_login(&ada, now.unix).mark(), Mark::Jti);
    ada.stamp.jti = None;
    assert_eq!(Revocation::of_login(&ada, now.unix), Revocation::of_subject(&ada.principal, now.unix));
}

#[tokio::test]
async fn a_revoked_ticket_admits_nobody_and_is_spent() {
    let now = now();
    for at in 0..4 {
        let world = World::new();
        let ada = login("ada", now);
        let minted = world.mint(&ada, &chat(), now).await;
        let [sid, jti, subject] = revocations_of_login(&ada, now);
        let revocation = [Revocation::Session(minted.session_id.clone()), sid, jti, subject][at].clone();
        let mark = revocation.mark();
        world.revoke(revocation, now).await;

        let refused = present(&world.node, &minted.ticket, now).await.err();
        assert_eq!(refused, Some(Refused::AtRedeem(RedeemError::Revoked(mark))));
        let again = present(&world.node, &minted.ticket, now).await.err();
        assert_eq!(again, Some(Refused::Offline(TicketRefused::Replayed(minted.session_id.clone()))));
        let elsewhere = present(&world.another_node(keys()), &minted.ticket, now).await.err();
        let gone = match mark {
            Mark::Session => RedeemError::Revoked(Mark::Session),
            _ => RedeemError::Replayed(minted.session_id.clone()),
        };
        assert_eq!(elsewhere, Some(Refused::AtRedeem(gone)));
    }
}

#[tokio::test]
async fn a_login_revoked_while_its_upstream_was_dialled_is_not_admitted() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let authentic = world.node.inspect_login(&ada, ROUTE, now).expect("a fallback");
    world.revoke(Revocation::of_login(&ada, now.unix), now).await;
    assert_eq!(world.node.redeem(authentic, LONG, now).await.err(), Some(RedeemError::Revoked(Mark::Sid)));
}

#[tokio::test]
async fn a_login_by_fallback_is_admitted_under_a_new_session_each_time() {
    let (world, now) = (World::new(), now());
    let ada = login("ada", now);
    let mut sessions = HashSet::new();
    for _ in 0..3 {
        let authentic = world.node.inspect_login(&ada, ROUTE, now).expect("a fallback");
        assert_eq!(authentic.method(), Method::Jwt);
        let admitted = world.node.redeem(authentic, LONG, now).await.expect("an admission");
        assert_eq!((admitted.method(), &*admitted.grant().route), (Method::Jwt, ROUTE));
        sessions.insert(admitted.session_id().clone());
    }
    assert_eq!(sessions.len(), 3);
    assert_eq!(world.store.operations(), 3, "a look at the marks for each");
}
