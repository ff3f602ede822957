//! The guard, on two gateways that share a real Redis, under load.

use std::time::{Duration, Instant};

use admitone::ticket::Place;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::admin::Operated;
use crate::client::{Connection, LIMIT, Request};
use crate::rollout::{FALLBACK, by_jwt};
use crate::servers::Server;
use crate::tokens::{forged_ticket, token};
use crate::world::{Lines, ORIGIN, ROUTE, SLACK, World};

/// A fifth of at least twenty.
const GUARD: &str = "[routes.rollout]\nguard_threshold_percent = 20\nguard_minimum = 20";

const UNLIMITED: &str = "[limits]\nfailed_redeems_per_minute_per_address = 0\nmints_per_minute_per_subject = 0\n\
     mints_per_minute_per_address = 0";

/// How soon tickets work again when the store is back.
const BACK: Duration = Duration::from_secs(2);

const THRESHOLD: usize = 20;

async fn gateway(redis: &Server, route: &str) -> Operated {
    let store = format!("kind = \"redis\"\nurl = \"redis://{}\"\nmax_tickets_per_subject = 1000", redis.address());
    Operated::configured(Lines { store: &store, route, end: UNLIMITED, ..Lines::default() }).await
}

async fn two(redis: &Server) -> [Operated; 2] {
    let route = format!("{FALLBACK}\n{GUARD}");
    [gateway(redis, &route).await, gateway(redis, &route).await]
}

/// People who mint and connect, as they do all day: each twice something that worked.
async fn works(world: &World, times: usize) {
    let ada = token("ada");
    for _ in 0..times {
        world.opens(&world.ticket_for(&ada).await).await;
    }
}

/// So many mints at once, and what they were answered.
async fn mints(gateway: &Operated, count: usize) -> Vec<u16> {
    let mut minting = JoinSet::new();
    let (address, request) =
        (gateway.world.address, Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("ada")));
    for _ in 0..count {
        let text = request.text();
        minting.spawn(async move {
            let mut connection = Connection::open(address).await;
            connection.send(text).await;
            connection.answer().await.status
        });
    }
    minting.join_all().await
}

async fn guard(gateway: &Operated) -> Value {
    gateway.rollout().await["guard"].clone()
}

async fn within(limit: Duration, what: &str, is_so: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < limit + SLACK, "not within {limit:?} and a slack of {SLACK:?}: {what}");
    }
}

async fn is_on(gateway: &Operated) -> bool {
    gateway.world.ask_for_ticket(&token("ada"), "{}").await.status == 201
}

async fn is_kept(gateway: &Operated) -> bool {
    gateway.rollout().await["kept"] == true
}

async fn is_off(gateway: &Operated) -> bool {
    let answer = gateway.world.ask_for_ticket(&token("ada"), "{}").await;
    answer.status == 404 && answer.problem() == "tickets_disabled"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_forged_expired_spent_and_misbound_tickets_at_ten_times_the_threshold_never_trip_it() {
    let redis = Server::start(&[]);
    let gateways = two(&redis).await;
    let place = Place { route: ROUTE, origin: Some(ORIGIN), address: None };
    let elsewhere = Place { route: "/elsewhere", ..place };
    let expired = forged_ticket(&place, Duration::from_secs(120)).await;
    let unknown = forged_ticket(&place, Duration::ZERO).await;
    let misbound = forged_ticket(&elsewhere, Duration::ZERO).await;
    let forged = format!("{}{}", &unknown[..unknown.len() - 1], if unknown.ends_with('A') { 'B' } else { 'A' });
    for gateway in &gateways {
        let (world, count) = (&gateway.world, 10 * THRESHOLD);
        let spent = world.ticket().await;
        world.opens(&spent).await;
        works(world, 5).await;
        for ticket in [&forged, &expired, &unknown, &misbound, &spent] {
            for _ in 0..count {
                let answer = world.ask(Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket)).await;
                assert_eq!((answer.status, &*answer.problem()), (401, "ticket_not_accepted"));
            }
        }
        for _ in 0..count {
            assert_eq!(world.ask_for_ticket("nonsense", "{}").await.status, 401);
        }
        let guard = guard(gateway).await;
        assert_eq!((&guard["failed"], &guard["worked"], &guard["tripped"]), (&json!(0), &json!(12), &Value::Null));
        assert_eq!(gateway.rollout().await["percent"], 100);
        works(world, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_a_store_that_hangs_trips_it_and_both_gateways_answer_404_until_a_person_acts() {
    let redis = Server::start(&[]);
    let gateways = two(&redis).await;
    for gateway in &gateways {
        works(&gateway.world, 10).await;
    }
    redis.stop();
    for gateway in &gateways {
        let started = Instant::now();
        while !is_off(gateway).await {
            assert!(started.elapsed() < LIMIT, "{}", guard(gateway).await);
            mints(gateway, THRESHOLD).await;
        }
        // At once and without the store: nobody waits for what does not answer.
        assert!(mints(gateway, 50).await.iter().all(|status| *status == 404));
        let told = gateway.rollout().await;
        assert_eq!(
            (&told["percent"], &told["kept"], &told["changed"]["by"]),
            (&json!(0), &json!(false), &json!("guard"))
        );
        let (answer, mut socket) = gateway.world.present(by_jwt(&token("ada"))).await;
        assert_eq!(answer.status, 101, "the fallback goes on");
        socket.echo("by JWT").await;
        for (sample, value) in [("guard_tripped", 1.0), ("guard_trips_total", 1.0), ("percent", 0.0)] {
            assert_eq!(
                gateway.metric(&format!("admitone_rollout_{sample}{{route=\"/chat\"}}")).await,
                value,
                "{sample}"
            );
        }
    }

    redis.go_on();
    for gateway in &gateways {
        within(BACK, "the store is told", async || is_kept(gateway).await).await;
        assert!(is_off(gateway).await, "the store is back, but no person has acted");
        let tripped = guard(gateway).await["tripped"].clone();
        assert_eq!(tripped["percent_before"], 100, "{tripped}");
        assert!(tripped["failed"].as_u64().is_some_and(|failed| failed >= 5), "{tripped}");
    }
    let [here, there] = &gateways;
    here.roll_out(json!({ "percent": 100 })).await;
    let both = async || is_on(there).await && is_on(here).await;
    within(Duration::from_secs(1), "both mint again", both).await;
    works(&there.world, 5).await;
    assert_eq!(guard(there).await["tripped"], Value::Null);
    assert_eq!(there.metric("admitone_rollout_guard_tripped{route=\"/chat\"}").await, 0.0);
}

/// The gateway whose guard saw nothing follows the one whose guard did, as soon as the store can tell it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_a_store_that_is_gone_trips_one_gateway_and_turns_tickets_off_on_both_when_it_is_back() {
    let mut redis = Server::start(&[]);
    let [here, there] = two(&redis).await;
    redis.kill();
    assert!(mints(&here, THRESHOLD - 1).await.iter().all(|status| *status == 503), "too few to tell");
    mints(&here, 2).await;
    assert!(is_off(&here).await);
    assert!(!is_off(&there).await, "it has seen nothing: 503");
    redis.restart();
    // Not by minting: what fails until the store is found again would trip this one's own guard.
    within(BACK, "the other one hears of it", async || there.rollout().await["percent"] == 0).await;
    assert!(is_off(&there).await);
    let node = |gateway: &Value| gateway["guard"]["tripped"]["node"].clone();
    assert_eq!(node(&there.rollout().await), node(&here.rollout().await));
    assert_eq!(there.metric("admitone_rollout_guard_trips_total{route=\"/chat\"}").await, 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_jwt_is_let_in_the_guard_alarms_and_tickets_stay_on() {
    let redis = Server::start(&[]);
    let gateway = gateway(&redis, GUARD).await;
    works(&gateway.world, 3).await;
    redis.stop();
    mints(&gateway, 2 * THRESHOLD).await;
    redis.go_on();
    let told = gateway.rollout().await;
    assert_eq!((&told["percent"], &told["guard"]["tripped"]["percent_before"]), (&json!(100), &json!(100)));
    assert_eq!(gateway.metric("admitone_rollout_guard_tripped{route=\"/chat\"}").await, 1.0);
    within(BACK, "tickets go on by themselves", async || is_on(&gateway).await).await;
    gateway.roll_out(json!({ "percent": 100 })).await;
    assert_eq!(guard(&gateway).await["tripped"], Value::Null, "a person has seen it");
}

/// Whoever has never thought of a rollout does not find tickets turned off after an outage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_has_begun_a_rollout_the_guard_alarms_and_then_a_person_decides() {
    let redis = Server::start(&[]);
    let gateway = gateway(&redis, FALLBACK).await;
    assert_eq!(guard(&gateway).await["action"], "alarm");
    redis.stop();
    // The default minimum.
    mints(&gateway, 60).await;
    redis.go_on();
    let told = gateway.rollout().await;
    assert_eq!((&told["percent"], told["guard"]["tripped"].is_object()), (&json!(100), true), "{told}");
    gateway.roll_out(json!({ "percent": 50 })).await;
    assert_eq!(guard(&gateway).await["action"], "roll_back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_that_only_alarms_or_is_off_turns_nothing_off() {
    let redis = Server::start(&[]);
    for (action, alarms) in [("alarm", 1.0), ("off", 0.0)] {
        let gateway = gateway(&redis, &format!("{FALLBACK}\n{GUARD}\nguard = \"{action}\"")).await;
        redis.stop();
        mints(&gateway, 2 * THRESHOLD).await;
        assert_eq!(gateway.rollout().await["percent"], 100, "{action}");
        let sample = "admitone_rollout_guard_trips_total{route=\"/chat\"}";
        assert_eq!(gateway.metric(sample).await, alarms, "{action}");
        redis.go_on();
        // What it kept for itself is told before the next one looks.
        within(BACK, action, async || is_kept(&gateway).await).await;
        gateway.roll_out(json!({ "percent": 100 })).await;
    }
}
