//! M4: thousands of interleavings of what several threads do at once. A failure prints the schedule that led to it.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use admitone_model::admission::{Admission, RedeemError};
use admitone_model::close::CloseCode;
use admitone_model::grant::Grant;
use admitone_model::now::Now;
use admitone_model::principal::{Login, LoginStamp, Permissions, Principal};
use admitone_model::revocation::memory::MemoryRevocations;
use admitone_model::revocation::{Mark, Revocation, Revocations};
use admitone_model::sessions::{NotRenewed, Sessions};
use admitone_model::store::memory::{MemoryLimits, MemoryTicketStore};
use admitone_model::ticket::keys::TicketKeys;
use admitone_model::ticket::{Place, Ticket};
use shuttle::future::block_on;
use shuttle::thread;

const LONG: Duration = Duration::from_secs(600);
const CHAT: Place<'_> = Place { route: "/chat", origin: None, address: None };

fn now() -> Now {
    Now { unix: 1_800_000_000, instant: Instant::now() }
}

fn login(subject: &str) -> Login {
    Login {
        principal: Principal::new("https://id.example.com", subject, None).expect("visible ASCII"),
        permissions: Permissions::default(),
        stamp: LoginStamp { issued_at: now().unix, sid: None, jti: None },
        expires_at: now().unix + 900,
    }
}

/// A longer login of Ada's with this `sid`.
fn of_sid(sid: &str) -> Login {
    let ends = if sid == "fresh" { 1800 } else { 900 };
    let stamp = LoginStamp { issued_at: now().unix, sid: Some(sid.into()), jti: None };
    Login { stamp, expires_at: now().unix + ends, ..login("ada") }
}

struct World {
    store: Arc<MemoryTicketStore>,
    revocations: Arc<MemoryRevocations>,
    limits: MemoryLimits,
}

impl World {
    fn new(limits: MemoryLimits) -> Arc<Self> {
        let revocations = Arc::new(MemoryRevocations::default());
        Arc::new(Self { store: Arc::new(MemoryTicketStore::new(limits, revocations.clone())), revocations, limits })
    }

    /// A node of its own, with no memory of what others have seen spent.
    fn node(&self) -> Admission {
        let secret = [7; 32];
        let keys = TicketKeys::new(&[(1, &secret)], &[8; 32]).expect("secrets of 32 bytes");
        Admission::new(keys, self.store.clone(), self.revocations.clone())
    }

    fn mint(&self, subject: &str, uses: u32) -> Option<String> {
        let grant = Grant::of(&login(subject), CHAT.route, LONG, now().unix);
        let uses = NonZeroU32::new(uses).expect("one at least");
        let minted = block_on(self.node().mint_for_uses(grant, uses, &CHAT, now()));
        minted.ok().map(|minted| minted.ticket.expose().to_owned())
    }
}

fn parse(ticket: &str) -> Ticket {
    Ticket::parse(ticket).expect("a ticket")
}

/// Runs it under many schedules: some random, some with a few preemptions at telling places.
fn explore(run: impl Fn() + Send + Sync + Copy + 'static) {
    // Deadlines are tokio's; nobody waits for one here.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    shuttle::check_random(run, 1000);
    shuttle::check_pct(run, 1000, 3);
}

#[test]
fn m4_s7_a13_of_concurrent_redemptions_as_many_win_as_there_are_uses() {
    for uses in [1, 2] {
        explore(move || {
            let world = World::new(MemoryLimits::default());
            let ticket = world.mint("ada", uses).expect("room");
            let redeeming: Vec<_> = (0..3)
                .map(|_| {
                    let (world, ticket) = (world.clone(), ticket.clone());
                    thread::spawn(move || {
                        let node = world.node();
                        let authentic = node.inspect(&parse(&ticket), &CHAT, now()).expect("nobody spent it here");
                        block_on(node.redeem(authentic, LONG, now())).ok()
                    })
                })
                .collect();
            let admitted: Vec<_> = redeeming.into_iter().filter_map(|one| one.join().expect("no panic")).collect();
            let handles: BTreeSet<_> = admitted.iter().map(|one| one.session_id().to_string()).collect();
            assert_eq!((admitted.len(), handles.len()), (uses as usize, uses as usize));
            assert_eq!(world.store.held(), 0);
        });
    }
}

#[test]
fn m4_of_a_redemption_and_a_revocation_of_a_ticket_one_wins_or_the_connection_is_marked() {
    explore(|| {
        let world = World::new(MemoryLimits::default());
        let ticket = world.mint("ada", 1).expect("room");
        let revoking = {
            let (world, ticket) = (world.clone(), ticket.clone());
            let ada = login("ada").principal;
            thread::spawn(move || block_on(world.node().revoke_ticket(&parse(&ticket), &ada, now())).expect("memory"))
        };
        let node = world.node();
        let authentic = node.inspect(&parse(&ticket), &CHAT, now()).expect("nobody spent it here");
        let redeemed = block_on(node.redeem(authentic, LONG, now()));
        let revoked = revoking.join().expect("no panic");
        match (redeemed, revoked) {
            (Err(RedeemError::Replayed(_) | RedeemError::Revoked(_)), Some(_)) | (Ok(_), None) => {}
            // It was seen, then taken, then discarded in vain: the connection that it opened is marked.
            (Ok(admitted), Some(_)) => {
                assert!(Sessions::new(world.revocations.clone()).open(admitted, now()).is_err());
            }
            (redeemed, revoked) => panic!("{redeemed:?}, {revoked:?}"),
        }
        assert_eq!(world.store.held(), 0);
    });
}

#[test]
fn m4_f8_concurrent_mints_never_pass_a_limit_and_redemptions_give_back_what_they_take() {
    explore(|| {
        let world = World::new(MemoryLimits { total: 2, per_subject: 1 });
        let minting: Vec<_> = ["ada", "ada", "bob", "cyd"]
            .into_iter()
            .map(|subject| {
                let world = world.clone();
                thread::spawn(move || {
                    let ticket = world.mint(subject, 1);
                    assert!(world.store.held() <= world.limits.total + 1, "one may be on its way out");
                    let node = world.node();
                    let authentic = node.inspect(&parse(&ticket?), &CHAT, now()).expect("nobody spent it here");
                    block_on(node.redeem(authentic, LONG, now())).ok()
                })
            })
            .collect();
        let admitted = minting.into_iter().filter_map(|one| one.join().expect("no panic")).count();
        // A mint that its subject's limit refuses holds a place for a moment, so that others may be refused meanwhile.
        assert!((1..=4).contains(&admitted), "{admitted}");
        assert_eq!(world.store.held(), 0);
        assert!(world.mint("ada", 1).is_some() && world.mint("bob", 1).is_some(), "all of the room is there again");
        assert!(world.mint("cyd", 1).is_none());
    });
}

#[test]
fn m4_a15_f21_a_revocation_that_races_an_opening_always_wins() {
    explore(|| {
        let world = World::new(MemoryLimits::default());
        let sessions = Arc::new(Sessions::new(world.revocations.clone()));
        let node = world.node();
        let authentic = node.inspect_login(&login("ada"), CHAT.route, now()).expect("not revoked yet");
        let admitted = block_on(node.redeem(authentic, LONG, now())).expect("not revoked yet");
        let following = {
            let sessions = sessions.clone();
            shuttle::future::spawn(async move { sessions.follow().await })
        };
        let revoking = {
            let revocations = world.revocations.clone();
            let revocation = Revocation::of_subject(&login("ada").principal, now().unix);
            thread::spawn(move || block_on(revocations.revoke(revocation, now())).expect("memory answers"))
        };
        if let Ok(session) = sessions.open(admitted, now()) {
            assert_eq!(block_on(session.closing()), CloseCode::Revoked);
        }
        revoking.join().expect("no panic");
        assert_eq!(sessions.count(), 0);
        following.abort();
    });
}

/// Whichever comes first, what a revocation covers is closed or not renewed.
#[test]
fn m4_s5_f21_a_revocation_that_races_a_renewal_always_wins() {
    for subject_wide in [false, true] {
        explore(move || {
            let world = World::new(MemoryLimits::default());
            let sessions = Arc::new(Sessions::new(world.revocations.clone()));
            let node = world.node();
            let (old, fresh) = (of_sid("old"), of_sid("fresh"));
            let authentic = node.inspect_login(&old, CHAT.route, now()).expect("not revoked yet");
            let admitted = block_on(node.redeem(authentic, LONG, now())).expect("not revoked yet");
            let session = sessions.open(admitted, now()).expect("not revoked yet");
            let following = {
                let sessions = sessions.clone();
                shuttle::future::spawn(async move { sessions.follow().await })
            };
            let renewing = {
                let (sessions, id, fresh) = (sessions.clone(), session.id().clone(), fresh.clone());
                thread::spawn(move || sessions.renew(&id, &fresh, now()))
            };
            let revocation = match subject_wide {
                true => Revocation::of_subject(&fresh.principal, now().unix),
                false => Revocation::of_login(&fresh, now().unix),
            };
            block_on(world.revocations.revoke(revocation, now())).expect("memory answers");
            let renewed = renewing.join().expect("no panic");
            // Refused in time, the session stays the old login's; only what covers that one closes it.
            if renewed.is_ok() || subject_wide {
                assert_eq!(block_on(session.closing()), CloseCode::Revoked);
            } else {
                assert_eq!(renewed, Err(NotRenewed::Revoked(Mark::Sid)));
            }
            following.abort();
        });
    }
}

/// Of the login that a session had before, and the one that it gets.
#[test]
fn m4_s5_a_revocation_of_the_old_login_ends_the_session_or_comes_after_its_renewal() {
    explore(|| {
        let world = World::new(MemoryLimits::default());
        let sessions = Arc::new(Sessions::new(world.revocations.clone()));
        let node = world.node();
        let (old, fresh) = (of_sid("old"), of_sid("fresh"));
        let authentic = node.inspect_login(&old, CHAT.route, now()).expect("not revoked yet");
        let admitted = block_on(node.redeem(authentic, LONG, now())).expect("not revoked yet");
        let session = sessions.open(admitted, now()).expect("not revoked yet");
        let following = {
            let sessions = sessions.clone();
            shuttle::future::spawn(async move { sessions.follow().await })
        };
        let revoking = {
            let revocations = world.revocations.clone();
            thread::spawn(move || {
                block_on(revocations.revoke(Revocation::of_login(&old, now().unix), now())).expect("memory answers");
            })
        };
        match sessions.renew(session.id(), &fresh, now()) {
            Ok(_) => {
                block_on(world.revocations.revoke(Revocation::of_login(&fresh, now().unix), now())).expect("memory");
            }
            Err(refused) => assert_eq!(refused, NotRenewed::Absent),
        }
        assert_eq!(block_on(session.closing()), CloseCode::Revoked);
        revoking.join().expect("no panic");
        following.abort();
    });
}

/// What opens while everything is being closed is closed too.
#[test]
fn m4_f12_no_session_survives_a_drain_that_it_races() {
    explore(|| {
        let world = World::new(MemoryLimits::default());
        let sessions = Arc::new(Sessions::new(world.revocations.clone()));
        let node = world.node();
        let authentic = node.inspect_login(&login("ada"), CHAT.route, now()).expect("not revoked");
        let admitted = block_on(node.redeem(authentic, LONG, now())).expect("not revoked");
        let draining = {
            let sessions = sessions.clone();
            thread::spawn(move || block_on(sessions.close_gradually(CloseCode::Draining, Duration::ZERO)))
        };
        let session = sessions.open(admitted, now()).expect("not revoked");
        assert_eq!(block_on(session.closing()), CloseCode::Draining);
        drop(session);
        draining.join().expect("no panic");
        assert_eq!(sessions.count(), 0);
    });
}
