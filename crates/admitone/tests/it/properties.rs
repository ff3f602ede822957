//! What holds for any input. The seed of a run is printed when it fails; `PROPTEST_RNG_SEED` repeats it.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use admitone::admission::TicketRefused;
use admitone::carrier::{self, Carrier, Policy};
use admitone::grant::{Grant, SessionId};
use admitone::now::Now;
use admitone::principal::{LoginStamp, Permissions, Principal};
use admitone::revocation::{MARK_RETENTION, Mirror, Revocation};
use admitone::ticket::{LENGTH, PREFIX, Place, Ticket};
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::world::{LONG, World, login, now, seconds};

/// Checks `property` for `cases` values.
pub(crate) fn for_any<S: Strategy>(cases: u32, values: S, property: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let mut config = Config { cases, failure_persistence: None, ..Config::default() };
    if matches!(config.rng_seed, RngSeed::Random) {
        config.rng_seed = RngSeed::Fixed(RandomState::new().hash_one(0));
    }
    println!("PROPTEST_RNG_SEED={}", config.rng_seed);
    if let Err(failure) = TestRunner::new(config).run(&values, property) {
        panic!("{failure}");
    }
}

/// Strings of any kind, and such as are nearly tickets.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "adm1_[A-Za-z0-9_-]{70,74}",
        "(adm1_)?E[A-Za-z0-9_=+/-]{71}",
        "adm1_[A-Za-z0-9_-]{71}\\PC",
    ]
}

#[test]
fn any_text_is_a_ticket_or_is_refused() {
    for_any(2000, texts(), |text| {
        if let Ok(ticket) = Ticket::parse(&text) {
            prop_assert_eq!(ticket.expose(), &text);
            prop_assert!(text.len() == LENGTH && text.starts_with(PREFIX));
            let world = World::new();
            let refused = world.node.inspect(&ticket, &crate::world::chat(), now()).err();
            prop_assert!(matches!(refused, Some(TicketRefused::Forged | TicketRefused::UnknownKey(_))));
            prop_assert_eq!(world.store.operations(), 0);
        }
        Ok(())
    });
}

#[derive(Clone, Debug)]
struct AnyPlace {
    route: String,
    origin: Option<String>,
    address: Option<IpAddr>,
}

impl AnyPlace {
    fn place(&self) -> Place<'_> {
        Place { route: &self.route, origin: self.origin.as_deref(), address: self.address }
    }
}

/// Few enough values that two places are often alike in part.
fn places() -> impl Strategy<Value = AnyPlace> {
    let addresses = prop_oneof![
        Just("192.0.2.1".parse::<IpAddr>().expect("an address")),
        Just("198.51.100.1".parse::<IpAddr>().expect("an address")),
        Just("2001:db8::1".parse::<IpAddr>().expect("an address")),
        any::<IpAddr>(),
    ];
    ("/[a-c]{0,3}", option::of("https://[a-c]{1,3}\\.example"), option::of(addresses))
        .prop_map(|(route, origin, address)| AnyPlace { route, origin, address })
}

fn grants() -> impl Strategy<Value = (String, Vec<String>, Option<String>, u64, u64)> {
    let metadata = option::of(any::<String>());
    ("[!-~]{1,512}", vec("[a-z:.]{1,128}", 0..5), metadata, 1..3600_u64, 1..90_000_u64)
}

#[test]
fn any_grant_comes_back_at_its_place_and_nowhere_else() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for_any(400, (places(), places(), grants()), |(here, there, (subject, permissions, metadata, ttl, left))| {
        let (world, now) = (World::new(), now());
        let mut login = login("ada", now);
        login.principal = Principal::new(crate::world::ISSUER, &subject, None).expect("visible ASCII");
        login.permissions = Permissions::new(&permissions).expect("scope characters");
        login.expires_at = now.unix + left;
        let mut grant = Grant::of(&login, here.route.as_str(), seconds(ttl), now.unix);
        grant.metadata = metadata.as_deref().map(Into::into);
        prop_assert_eq!(grant.ttl_seconds(), ttl.min(left));
        let minted = runtime.block_on(world.node.mint(grant.clone(), &here.place(), now)).expect("a ticket");

        let network = |address: Option<IpAddr>| {
            address.map(|address| match address.to_canonical() {
                IpAddr::V4(v4) => v4.octets()[..3].to_vec(),
                IpAddr::V6(v6) => v6.octets()[..8].to_vec(),
            })
        };
        let bound_alike = here.route == there.route
            && (here.origin.is_none() || here.origin == there.origin)
            && (here.address.is_none() || network(here.address) == network(there.address));
        let inspected = world.node.inspect(&minted.ticket, &there.place(), now);
        prop_assert_eq!(inspected.err(), (!bound_alike).then_some(TicketRefused::Misbound));

        let authentic = world.node.inspect(&minted.ticket, &here.place(), now).expect("its own place");
        let admitted = runtime.block_on(world.node.redeem(authentic, LONG, now)).expect("an admission");
        prop_assert_eq!(format!("{:?}", admitted.grant()), format!("{grant:?}"));
        Ok(())
    });
}

/// Something that happens to a mirror.
#[derive(Clone, Debug)]
enum Event {
    Revoke(Revocation),
    Look(Principal, LoginStamp, Option<SessionId>),
    Wait(Duration),
}

fn principals() -> impl Strategy<Value = Principal> {
    ("[ij]", "[a-c]").prop_map(|(issuer, subject)| Principal::new(&issuer, &subject, None).expect("visible ASCII"))
}

fn sessions() -> impl Strategy<Value = SessionId> {
    (0..3_u8).prop_map(|at| SessionId::new(at, [at; 16]))
}

fn events() -> impl Strategy<Value = Event> {
    let names = || "[x-z]".prop_map(Arc::<str>::from);
    let issuers = || "[ij]".prop_map(Arc::<str>::from);
    let revocations = prop_oneof![
        sessions().prop_map(Revocation::Session),
        (principals(), 0..5_u64).prop_map(|(principal, until)| Revocation::of_subject(&principal, until)),
        (issuers(), names()).prop_map(|(issuer, sid)| Revocation::Sid { issuer, sid }),
        (issuers(), names()).prop_map(|(issuer, jti)| Revocation::Jti { issuer, jti }),
    ];
    let stamps = (0..6_u64, option::of(names()), option::of(names())).prop_map(|(issued_at, sid, jti)| LoginStamp {
        issued_at,
        sid,
        jti,
    });
    prop_oneof![
        2 => revocations.prop_map(Event::Revoke),
        4 => (principals(), stamps, option::of(sessions())).prop_map(|(who, stamp, id)| Event::Look(who, stamp, id)),
        1 => (0..20_u64).prop_map(|days| Event::Wait(seconds(days * 24 * 3600))),
    ]
}

/// The mirror against a list of all revocations: it knows at least those whose time is not up, and none that was not made.
#[test]
fn a_mirror_covers_what_a_list_of_all_revocations_covers() {
    let nobody = SessionId::new(0xff, [0xff; 16]);
    for_any(600, vec(events(), 1..80), |events| {
        let (mirror, mut now, mut made) = (Mirror::default(), now(), Vec::<(Revocation, Now)>::new());
        for event in events {
            match event {
                Event::Wait(time) => now = now.after(time),
                Event::Revoke(revocation) => {
                    mirror.add(&revocation, now);
                    made.push((revocation, now));
                }
                Event::Look(who, stamp, session) => {
                    let id = session.as_ref().unwrap_or(&nobody);
                    let covers = |(revocation, _): &&(Revocation, Now)| revocation.covers(&who, &stamp, id);
                    let kept = |(_, at): &&(Revocation, Now)| at.instant + MARK_RETENTION > now.instant;
                    let found = mirror.covering(&who, &stamp, session.as_ref());
                    match found {
                        None => prop_assert!(!made.iter().filter(kept).any(|one| covers(&one))),
                        Some(mark) => {
                            prop_assert!(made.iter().filter(covers).any(|(revocation, _)| revocation.mark() == mark));
                        }
                    }
                }
            }
        }
        Ok(())
    });
}

/// A mark is forgotten when its time is up, or memory would grow for ever.
#[test]
fn a_mark_is_kept_for_its_retention_and_forgotten_with_the_next() {
    let (mirror, start) = (Mirror::default(), now());
    let ada = login("ada", start);
    mirror.add(&Revocation::of_login(&ada, start.unix), start);
    let other = Revocation::Session(SessionId::new(1, [1; 16]));
    let covered = || mirror.covering(&ada.principal, &ada.stamp, None).is_some();
    mirror.add(&other, start.after(MARK_RETENTION - seconds(1)));
    assert!(covered());
    mirror.add(&other, start.after(MARK_RETENTION));
    assert!(!covered());
}

#[test]
fn a_mark_that_was_made_again_is_kept_from_then_on() {
    let (mirror, start) = (Mirror::default(), now());
    let ada = login("ada", start);
    let other = Revocation::Session(SessionId::new(1, [1; 16]));
    mirror.add(&Revocation::of_login(&ada, start.unix), start);
    let again = start.after(seconds(1000));
    mirror.add(&Revocation::of_login(&ada, again.unix), again);
    mirror.add(&other, start.after(MARK_RETENTION + seconds(1)));
    assert!(mirror.covering(&ada.principal, &ada.stamp, None).is_some());
    mirror.add(&other, again.after(MARK_RETENTION));
    assert!(mirror.covering(&ada.principal, &ada.stamp, None).is_none());
}

/// Requests with credentials in any place and spelling, whole and damaged.
fn requests() -> impl Strategy<Value = (String, HeaderMap)> {
    let header = prop_oneof![Just(SEC_WEBSOCKET_PROTOCOL), Just(AUTHORIZATION), Just(COOKIE),];
    let value = prop_oneof![
        "(admitone\\.ticket\\.|ADMITONE\\.Ticket\\.|bearer\\.|chat, ?|admitone\\.v1,)*[a-zA-Z0-9_. -]{0,20}",
        "(Ticket|tIcKeT|Bearer|Basic)[ \t]{0,3}[a-zA-Z0-9_.-]{0,20}",
        "(__Host-admitone-ticket|session|other)=[a-z]{0,5}(; ?(__Host-admitone-ticket|session|x)=[a-z;=]{0,5}){0,3}",
        "[ -~]{0,30}",
    ];
    let target =
        prop_oneof!["/[a-z]{0,3}(\\?(&|(ticket|t%69cket|token|x|%)(=[a-z%+=&]{0,5})?){0,5})?", any::<String>(),];
    (target, vec((header, value), 0..4)).prop_map(|(target, lines)| {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_str(&value).expect("visible ASCII"));
        }
        (target, headers)
    })
}

/// What was taken is not there any more: taking again finds nothing.
#[test]
fn no_credential_is_left_in_any_request_that_is_used() {
    let policy = Policy {
        ticket: Carrier::ALL.to_vec(),
        jwt: Carrier::ALL.to_vec(),
        jwt_cookie: Some("session".into()),
        query_passthrough: Vec::new(),
    };
    for_any(1500, requests(), |(target, mut headers)| {
        let Ok(taken) = carrier::take(&target, &mut headers, &policy) else { return Ok(()) };
        for protocol in &taken.offer.protocols {
            let value = HeaderValue::from_str(protocol).expect("a token");
            headers.append(SEC_WEBSOCKET_PROTOCOL, value);
        }
        let again = carrier::take(&taken.target, &mut headers, &policy);
        prop_assert!(matches!(&again, Ok(again) if again.presented.is_none()), "{again:?}");
        prop_assert!(taken.presented.is_some() || taken.target == target);
        Ok(())
    });
}
