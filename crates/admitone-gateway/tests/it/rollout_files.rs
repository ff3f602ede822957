//! Who gets tickets, as a configuration says, beside what the store has kept.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::admin::Operated;
use crate::client::{Connection, LIMIT, Request};
use crate::process::{Process, admitone, write_configuration};
use crate::rollout::{FALLBACK, People};
use crate::servers::Server;
use crate::tokens::ISSUER;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, SLACK, World};

/// A route's lines.
fn route(fallback: &str, rollout: &str) -> String {
    format!("jwt_fallback = \"{fallback}\"\n[routes.rollout]\n{rollout}")
}

/// Whoever waits by minting mints often.
const TICKETS: &str = "max_tickets_per_subject = 1000000";
const UNLIMITED: &str = "[limits]\nmints_per_minute_per_subject = 0\nmints_per_minute_per_address = 0";

fn store(redis: &Server) -> String {
    format!("kind = \"redis\"\nurl = \"redis://{}\"\n{TICKETS}", redis.address())
}

async fn operated(redis: &Server, rollout: &str) -> Operated {
    let route = format!("{FALLBACK}\n[routes.rollout]\n{rollout}");
    Operated::configured(Lines { store: &store(redis), route: &route, end: UNLIMITED, ..Lines::default() }).await
}

async fn ask(process: &Process, token: &str) -> crate::client::Answer {
    let mut connection = Connection::open(process.address).await;
    connection.send(Request::post("/auth/ticket").origin(ORIGIN).bearer(token).text()).await;
    connection.answer().await
}

/// Waits until exactly those of a percentage get tickets.
async fn at(process: &Process, people: &People, percent: u64) {
    let started = Instant::now();
    while people.who_mint(async |token: &str| ask(process, token).await).await != people.within(percent) {
        assert!(started.elapsed() < LIMIT, "not at {percent} %");
    }
}

async fn log_of(process: Process) -> String {
    process.terminate();
    process.finished().await.stderr
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_from_0_to_100_and_back_by_reload_it_is_stable_and_monotone() {
    let upstream = Upstream::echo().await;
    let text = |percent: u64| {
        let route = route("allow", &format!("percent = {percent}"));
        let server = "drain_seconds = 0";
        let lines = Lines { server, route: &route, store: TICKETS, end: UNLIMITED, ..Lines::default() };
        lines.configuration(&upstream.url())
    };
    let process = Process::serve(&text(0)).await;
    let people = People::new(12);
    at(&process, &people, 0).await;
    // A higher percentage has everybody of a lower one: `within` is a superset, and exactly it is asked for.
    for percent in [30, 100, 30, 0] {
        process.reconfigure(&text(percent));
        process.signal("HUP");
        at(&process, &people, percent).await;
    }
    process.tells("\"event\":\"rollout_changed\"", 5).await;
    let log = log_of(process).await;
    assert_eq!(log.matches("\"event\":\"rollout_changed\"").count(), 5, "{log}");
    assert!(log.contains("\"by\":\"file\",\"change\":\"30 %\""), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_counts_only_when_its_value_changed_and_what_operators_did_stays() {
    let redis = Server::start(&[]);
    let upstream = Upstream::echo().await;
    let text = |lines: &str| {
        let route = route("allow", lines);
        let (server, store) = ("drain_seconds = 0", store(&redis));
        let lines = Lines { server, route: &route, store: &store, end: UNLIMITED, ..Lines::default() };
        lines.configuration(&upstream.url())
    };
    let process = Process::serve(&text("percent = 30")).await;
    let people = People::new(12);
    at(&process, &people, 30).await;
    let operators = operated(&redis, "").await;
    assert_eq!(operators.rollout().await["percent"], 30, "a file that says nothing changes nothing");
    operators.roll_out(json!({ "percent": 70 })).await;
    at(&process, &people, 70).await;

    // Another key of the same section is another value; the percentage has not changed.
    process.reconfigure(&text("percent = 30\nallow = [\"main:nobody\"]"));
    process.signal("HUP");
    let started = Instant::now();
    while operators.rollout().await["allow"] != json!([{ "issuer": ISSUER, "subject": "nobody" }]) {
        assert!(started.elapsed() < LIMIT, "the list counts");
    }
    assert_eq!(operators.rollout().await["percent"], 70);
    process.reconfigure(&text("percent = 20\nallow = [\"main:nobody\"]"));
    process.signal("HUP");
    at(&process, &people, 20).await;
    log_of(process).await;

    operators.roll_out(json!({ "percent": 50 })).await;
    let restarted = Process::serve(&text("percent = 20\nallow = [\"main:nobody\"]")).await;
    at(&restarted, &people, 50).await;
    let log = log_of(restarted).await;
    assert!(log.contains("the configuration says something else of the rollout than the store, which counts"), "{log}");
    assert_eq!(operators.rollout().await["percent"], 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_a_restart_keeps_what_the_store_has() {
    let redis = Server::start(&[]);
    let first = operated(&redis, "percent = 10").await;
    first.roll_out(json!({ "percent": 80, "deny": "ada", "issuer": ISSUER })).await;
    let started = Instant::now();
    // What the store had no time for is told to it later.
    while first.rollout().await["kept"] != true {
        assert!(started.elapsed() < LIMIT, "the store has it");
    }
    let before = first.rollout().await;
    crate::client::soon("the end", first.world.shut_down()).await.expect("an end");
    let again = operated(&redis, "percent = 10").await.rollout().await;
    for field in ["percent", "deny", "revision", "changed"] {
        assert_eq!(again[field], before[field], "{field}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_lock_people_out_is_refused_at_reload_and_at_start_with_its_mend() {
    let redis = Server::start(&[]);
    let upstream = Upstream::echo().await;
    let text = |fallback: &str| {
        let (route, store) = (format!("jwt_fallback = \"{fallback}\""), store(&redis));
        let server = "drain_seconds = 0";
        let lines = Lines { server, route: &route, store: &store, end: UNLIMITED, ..Lines::default() };
        lines.configuration(&upstream.url())
    };
    let process = Process::serve(&text("allow")).await;
    let (people, operators) = (People::new(12), operated(&redis, "").await);
    operators.roll_out(json!({ "percent": 30 })).await;
    at(&process, &people, 30).await;
    process.reconfigure(&text("deny"));
    process.signal("HUP");
    let mend = "admitone rollout set 100 --route /chat";
    process.tells(mend, 1).await;
    let (_, left_out) = people.first_not(people.within(30));
    assert_eq!(ask(&process, left_out).await.status, 404, "the fallback goes on");
    let log = log_of(process).await;
    let refused = log.lines().find(|line| line.contains(mend)).unwrap_or_else(|| panic!("{log}"));
    assert!(refused.contains("the one before stays") && refused.contains("30 %, with 0 on its deny list"), "{refused}");

    let path = write_configuration(&text("deny"));
    let output = admitone().args(["serve", "--config"]).arg(path).output().expect("the binary");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(mend), "{told}");

    operators.roll_out(json!({ "percent": 100 })).await;
    let process = Process::serve(&text("deny")).await;
    at(&process, &people, 100).await;
    // Another gateway still has a fallback: what is set there turns nobody off here, where there is none.
    operators.roll_out(json!({ "percent": 0 })).await;
    at(&process, &people, 100).await;
    log_of(process).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_what_is_set_on_one_gateway_counts_on_the_other_within_a_second() {
    let redis = Server::start(&[]);
    let (here, there) = (operated(&redis, "").await, operated(&redis, "").await);
    let people = People::new(12);
    for percent in [0, 40, 100, 0] {
        let (setting, following) = if percent == 40 { (&here, &there) } else { (&there, &here) };
        setting.roll_out(json!({ "percent": percent })).await;
        let set = Instant::now();
        while following.rollout().await["percent"] != percent {
            assert!(set.elapsed() < Duration::from_secs(1) + SLACK, "{percent} % is not heard of within a second");
        }
        for gateway in [&here.world, &there.world] {
            let on = people.who_mint(async |token: &str| gateway.ask_for_ticket(token, "{}").await).await;
            assert_eq!(on, people.within(percent), "the same people on both");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_that_is_set_while_the_store_is_away_counts_here_at_once_and_there_later() {
    let mut redis = Server::start(&[]);
    let (here, there) = (operated(&redis, "percent = 100").await, operated(&redis, "percent = 100").await);
    redis.kill();
    let answer = here.roll_out(json!({ "percent": 0 })).await;
    assert_eq!((&answer["percent"], &answer["kept"]), (&json!(0), &json!(false)));
    let off = async |world: &World| world.ask_for_ticket(&crate::tokens::token("ada"), "{}").await.status == 404;
    assert!(off(&here.world).await && !off(&there.world).await);
    redis.restart();
    let started = Instant::now();
    // Not by minting: what fails until the store is found again would trip the guard.
    while there.rollout().await["percent"] != 0 {
        assert!(started.elapsed() < Duration::from_secs(2) + SLACK, "the other one is not told");
    }
    assert!(off(&there.world).await);
    // The other may hear of it before this one has its store's answer.
    while here.rollout().await["kept"] != true {
        assert!(started.elapsed() < Duration::from_secs(2) + SLACK, "the store's answer is not taken note of");
    }
}
