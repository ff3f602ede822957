//! `admitone check`, the real binary, against real gateways and through proxies that are wrong in one way each.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Request, soon};
use crate::meddler::{Meddling, is_upgrade, meddle, without};
use crate::process::{Running, admitone, write_configuration};
use crate::servers::Server;
use crate::tokens::{FOLDER, claims_with, sign, token, unix_now};
use crate::upstream::{Behaviour, UPGRADES, Upstream};
use crate::world::{Lines, ORIGIN, ROUTE, World};

/// Runs it to its end with a token, and sees that no secret is printed.
async fn run_with(token: &str, arguments: &[&str]) -> Output {
    static FILES: AtomicU64 = AtomicU64::new(0);
    let file = FOLDER.join(format!("check-{}.token", FILES.fetch_add(1, Ordering::Relaxed)));
    fs::write(&file, format!("{token}\n")).expect("a file");
    let mut command = admitone();
    command.arg("check").args(arguments).arg("--token-file").arg(file);
    let running = tokio::task::spawn_blocking(move || command.output().expect("the binary"));
    let output = soon("its end", running).await.expect("no panic");
    let told = [output.stdout.clone(), output.stderr.clone()].concat();
    let told = String::from_utf8_lossy(&told);
    let signature = token.rsplit('.').next().unwrap_or(token);
    assert!(!told.contains(signature) && !told.contains("adm1_"), "s28 no secret is printed: {told}");
    output
}

async fn run(address: SocketAddr, arguments: &[&str]) -> Output {
    let url = format!("ws://{address}{ROUTE}");
    let common = [&*url, "--origin", ORIGIN];
    run_with(&token("ada"), &[&common, arguments].concat()).await
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {output:?}"))
}

/// The factor that failed, which is the first of those that did not pass.
async fn failing(address: SocketAddr, factor: &str) -> Value {
    let output = run(address, &["--json"]).await;
    let report = report(&output);
    assert_eq!((output.status.code(), &report["ready"]), (Some(1), &json!(false)), "{report}");
    let failed = report["factors"].as_array().expect("factors").iter().find(|factor| factor["outcome"] != "passed");
    let failed = failed.expect("one that failed").clone();
    assert_eq!((&failed["factor"], &failed["outcome"]), (&json!(factor), &json!("failed")), "{report}");
    assert!(failed["next"].as_str().is_some_and(|next| !next.is_empty()), "{failed}");
    failed
}

fn says(factor: &Value, field: &str, words: &str) {
    assert!(factor[field].as_str().is_some_and(|text| text.contains(words)), "{field} says {words}: {factor}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_gateway_passes_five_of_five_and_keeps_its_login() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let login = token("ada");
    let url = format!("ws://{}{ROUTE}", world.address);
    let output = run_with(&login, &[&url, "--origin", ORIGIN, "--json"]).await;
    let report = report(&output);
    assert_eq!(
        (output.status.code(), &report["ready"], &report["passed"]),
        (Some(0), &json!(true), &json!(5)),
        "{report}"
    );
    let factors = report["factors"].as_array().expect("factors");
    let names: Vec<&str> = factors.iter().filter_map(|factor| factor["factor"].as_str()).collect();
    assert_eq!(names, ["healthy", "mints", "admits", "refuses again", "revokes"]);
    assert!(factors.iter().all(|factor| factor["ms"].is_number() && factor["notes"].is_null()), "{report}");
    for (at, words) in [(2, "the echo"), (3, "4801 admitone:ticket_not_accepted"), (4, "4900 admitone:revoked")] {
        says(&factors[at], "detail", words);
    }
    assert_eq!(report["gateways"], 1);
    assert_eq!(world.ask_for_ticket(&login, "{}").await.status, 201, "the login is as good as before");

    let output = run(world.address, &[]).await;
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{table}");
    assert!(table.contains("5 of 5: ready") && !table.contains('\x1b'), "colours are for terminals: {table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_closes_what_a_replayed_ticket_opened_passes_too() {
    let upstream = Upstream::echo().await;
    for route in
        ["on_replay = \"close\"", "refuse_with = \"http\"", "refuse_with = \"close\"\nclose_profile = \"1008\""]
    {
        let world = World::routing(route, &upstream.url()).await;
        let output = run(world.address, &["--json", "--ping"]).await;
        assert_eq!(report(&output)["passed"], 5, "{route}: {}", report(&output));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_and_expected_is_up_to_the_operator() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for (arguments, detail) in [
        (&["--json", "--say", "hello"][..], "the echo"),
        (&["--json", "--say", "hello there", "--expect", "lo the"], "the expected answer"),
        (&["--json", "--ping"], "the upstream's Pong"),
    ] {
        let report = report(&run(world.address, arguments).await);
        assert_eq!(report["passed"], 5, "{report}");
        says(&report["factors"][2], "detail", detail);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_proxy_drops_or_changes_is_named() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let none = Meddling::NONE;
    let of_upgrades = |change: fn(&str) -> String| Meddling { request: change, ..none };
    for (meddling, factor, words) in [
        (of_upgrades(|head| without(head, "authorization")), "mints", "drops Authorization"),
        (of_upgrades(|head| without(head, "upgrade")), "admits", "drops Upgrade and Connection"),
        (of_upgrades(|head| without(head, "sec-websocket-protocol")), "admits", "drops Sec-WebSocket-Protocol"),
        (
            of_upgrades(|head| if is_upgrade(head) { without(head, "origin") } else { head.to_owned() }),
            "admits",
            "drops or changes Origin",
        ),
        (of_upgrades(|head| without(head, "sec-websocket-key")), "admits", "changes the upgrade's headers"),
        (
            Meddling { answer: |head| without(head, "sec-websocket-protocol"), ..none },
            "admits",
            "takes Sec-WebSocket-Protocol out of the answer",
        ),
        (
            Meddling { answer: |head| without(head, "sec-websocket-accept"), ..none },
            "admits",
            "answered in its place, or took that header out",
        ),
    ] {
        let failed = failing(meddle(&[world.address], meddling).await, factor).await;
        says(&failed, "cause", words);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_proxy_answers_itself_is_told_from_what_the_gateway_says() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let bad = Meddling {
        answer: |_| "HTTP/1.1 502 Bad Gateway\r\nServer: edge\r\nContent-Length: 0\r\n\r\n".into(),
        ..Meddling::NONE
    };
    let failed = failing(meddle(&[world.address], bad).await, "healthy").await;
    says(&failed, "cause", "“edge” answers that it cannot reach the gateway");

    let cached = Meddling { answer: |head| without(head, "cache-control"), ..Meddling::NONE };
    let output = run(meddle(&[world.address], cached).await, &["--json", "--ping"]).await;
    let report = report(&output);
    assert_eq!((output.status.code(), &report["passed"]), (Some(0), &json!(5)), "{report}");
    let notes = report["factors"][1]["notes"].as_array().expect("notes");
    assert!(notes[0].as_str().is_some_and(|note| note.contains("may keep tickets")), "{report}");
    assert!(notes[1].as_str().is_some_and(|note| note.contains("server.public_url")), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_that_share_nothing_behind_one_address_are_found_out() {
    let upstream = Upstream::echo().await;
    let (one, other) = (World::before(&upstream.url()).await, World::before(&upstream.url()).await);
    let balancer = meddle(&[one.address, other.address], Meddling::NONE).await;
    let failed = failing(balancer, "admits").await;
    says(&failed, "cause", "each keeps its tickets in its own memory");
    says(&failed, "next", "Redis");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_with_one_store_pass_behind_one_address() {
    let (redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let store = format!("kind = \"redis\"\nurl = \"redis://{}\"", redis.address());
    let lines = Lines { store: &store, ..Lines::default() };
    let (one, other) = (World::with(lines, &upstream.url()).await, World::with(lines, &upstream.url()).await);
    let balancer = meddle(&[one.address, other.address], Meddling::NONE).await;
    let report = report(&run(balancer, &["--json"]).await);
    assert_eq!((&report["passed"], &report["gateways"]), (&json!(5), &json!(2)), "{report}");
    redis.kill();
    let is_ready = async || one.ask(Request::new("GET /readyz")).await.status == 200;
    soon("it notices", async { while is_ready().await {} }).await;
    let failed = failing(one.address, "healthy").await;
    says(&failed, "cause", "the store does not answer the gateway");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_gateway_refuses_is_told_with_its_cause() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let url = format!("ws://{}{ROUTE}", world.address);
    let over = sign(&claims_with("ada", json!({ "exp": unix_now() - 100, "iat": unix_now() - 200 })));
    let foreign = sign(&claims_with("ada", json!({ "aud": "somebody else" })));
    let elsewhere = format!("ws://{}/nowhere", world.address);
    let ada = token("ada");
    for (token, arguments, words) in [
        (&over, &[&*url, "--origin", ORIGIN][..], "the token is over since 10"),
        (&foreign, &[&*url, "--origin", ORIGIN], "another issuer, audience or key"),
        (&ada, &[&*url, "--origin", "https://evil.example"], "https://evil.example is not among the origins of /chat"),
        (&ada, &[&*elsewhere, "--origin", ORIGIN], "knows no such route"),
    ] {
        let output = run_with(token, &[arguments, &["--json"]].concat()).await;
        let report = report(&output);
        assert_eq!((output.status.code(), &report["factors"][1]["outcome"]), (Some(1), &json!("failed")), "{report}");
        says(&report["factors"][1], "cause", words);
        assert_eq!(report["factors"][2]["outcome"], "not_reached");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_is_down_or_says_something_else_is_named() {
    let world = World::before("ws://127.0.0.1:9/").await;
    let failed = failing(world.address, "admits").await;
    says(&failed, "cause", "cannot reach the upstream");
    assert!(failed["detail"].as_str().is_some_and(|found| found.starts_with("502 upstream_unavailable")), "{failed}");

    let leaver = Upstream::that(Behaviour::Answers(UPGRADES)).await;
    let world = World::before(&leaver.url()).await;
    let leaving = async {
        leaver.received("a request's head", |all| all.iter().any(|one| one.ends_with(b"\r\n\r\n"))).await;
        leaver.hang_up();
    };
    let (failed, ()) = tokio::join!(failing(world.address, "admits"), leaving);
    says(&failed, "detail", "admitted, then ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_sockets_that_something_cuts_are_found_out() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let report_of = |output: &Output| report(output);
    let sound = report_of(&run(world.address, &["--json", "--idle", "1"]).await);
    assert_eq!((&sound["passed"], &sound["ready"]), (&json!(6), &json!(true)), "{sound}");
    says(&sound["factors"][5], "detail", "idle for 1 s, then the echo");

    // The socket that is talked to, and then revoked, has to be through before.
    let cutting = Meddling { cut: Duration::from_secs(3), ..Meddling::NONE };
    let cut = report_of(&run(meddle(&[world.address], cutting).await, &["--json", "--idle", "60"]).await);
    assert_eq!((&cut["passed"], &cut["ready"]), (&json!(5), &json!(false)), "{cut}");
    says(&cut["factors"][5], "cause", "an idle time-out of a proxy or load balancer");

    let impatient = World::routing("idle_timeout_seconds = 1", &upstream.url()).await;
    let cut = report_of(&run(impatient.address, &["--json", "--idle", "3"]).await);
    assert_eq!(cut["factors"][5]["outcome"], "failed", "{cut}");

    let brief = sign(&claims_with("ada", json!({ "exp": unix_now() + 60 })));
    let url = format!("ws://{}{ROUTE}", world.address);
    let told = report_of(&run_with(&brief, &[&url, "--origin", ORIGIN, "--json", "--idle", "3600"]).await);
    says(&told["factors"][5], "cause", "ends with its login");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_arguments_are_told_with_their_mend() {
    for (arguments, words) in [
        (&["wss://gw.example.com/chat?ticket=adm1"][..], "a query or fragment is no part of a route"),
        (&["gw.example.com/chat"], "it has no scheme"),
        (&["wss://gw.example.com/chat", "--gateway", "ftp://x"], "--gateway: "),
        (&["wss://gw.example.com/chat", "--expect", "x"], "--say"),
        (&["wss://gw.example.com/chat", "--idle", "0"], "1..=86400"),
        (&["wss://gw.example.com/chat", "--config", "x.toml"], "cannot be used with"),
    ] {
        let output = run_with("x.y.z", arguments).await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(words), "{words}: {told}");
    }
}

async fn of_configuration(text: &str) -> Output {
    let path = write_configuration(text);
    let mut command = admitone();
    command.args(["check", "--json", "--config"]).arg(path);
    tokio::task::spawn_blocking(move || command.output().expect("the binary")).await.expect("no panic")
}

#[tokio::test]
async fn a_configuration_is_checked_without_starting_anything() {
    let sound = Lines::default().configuration("ws://127.0.0.1:9/behind");
    let output = of_configuration(&sound).await;
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &told["accepted"]), (Some(0), &json!(true)), "{told}");
    assert_eq!(told["routes"][0]["path"], ROUTE, "{told}");

    let output = of_configuration(&sound.replace("origins = ", "origin = ")).await;
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &told["accepted"]), (Some(2), &json!(false)), "{told}");
    assert!(told["faults"].as_array().is_some_and(|faults| !faults.is_empty()), "{told}");
}

/// The real demo, and the address of its page.
fn demo() -> (Running, String) {
    let mut command = admitone();
    command.args(["demo", "--port", "0", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Running(command.spawn().expect("the binary"));
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let addresses: Value = serde_json::from_str(&line).expect("JSON");
    (child, addresses["page"].as_str().expect("a page").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_is_checked_without_a_token_again_and_again() {
    let (_demo, page) = tokio::task::spawn_blocking(demo).await.expect("no panic");
    let watching = move || {
        let mut command = admitone();
        command.args(["check", &format!("--demo={page}"), "--json", "--watch=1"]).stdout(Stdio::piped());
        let mut child = Running(command.spawn().expect("the binary"));
        let mut lines = BufReader::new(child.0.stdout.take().expect("piped")).lines();
        let rounds: Vec<Value> =
            lines.by_ref().take(2).map(|line| serde_json::from_str(&line.expect("UTF-8")).expect("JSON")).collect();
        let told = Command::new("kill").arg("-INT").arg(child.0.id().to_string()).status();
        assert!(told.expect("kill").success());
        (rounds, child.0.wait().expect("its end").code())
    };
    // The agent of the demo takes its time in each round.
    let watched = tokio::time::timeout(Duration::from_secs(60), tokio::task::spawn_blocking(watching)).await;
    let (rounds, status) = watched.expect("two rounds and the end").expect("no panic");
    assert_eq!(status, Some(0));
    for round in rounds {
        assert_eq!(round["passed"], 5, "{round}");
        says(&round["factors"][2], "detail", "the five events in order");
    }
}
