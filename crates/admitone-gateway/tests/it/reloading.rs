//! A configuration that changes while the gateway runs.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::client::{Connection, Request};
use crate::process::Process;
use crate::tls::Pair;
use crate::tokens::{legacy_token, token};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE};

const OTHER: &str = "https://other.example.com";

async fn status(process: &Process, request: Request) -> u16 {
    let mut connection = Connection::open(process.address).await;
    connection.send(request.text()).await;
    connection.answer().await.status
}

fn mint_from(origin: &str) -> Request {
    Request::post("/auth/ticket").origin(origin).bearer(&token("ada"))
}

async fn open(process: &Process) -> Connection {
    upgraded(Connection::open(process.address).await).await
}

/// Mints and upgrades on one connection.
async fn upgraded(mut connection: Connection) -> Connection {
    connection.send(mint_from(ORIGIN).text()).await;
    let minted = connection.answer().await.json();
    let ticket = minted["ticket"].as_str().expect("a ticket");
    connection.send(Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket).text()).await;
    assert_eq!(connection.answer().await.status, 101);
    connection.echo("alive").await;
    connection
}

async fn soon(what: &str, is_so: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < Duration::from_secs(10), "{what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The log of a process that is told to end.
async fn log_of(process: Process) -> String {
    process.terminate();
    let finished = process.finished().await;
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    finished.stderr
}

fn configuration(server: &str, upstream: &Upstream) -> String {
    let server = format!("drain_seconds = 0\n{server}");
    Lines { server: &server, ..Lines::default() }.configuration(&upstream.url())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_a_good_configuration_counts_from_the_next_request_on_and_drops_no_socket() {
    let upstream = Upstream::echo().await;
    let text = configuration("", &upstream);
    let process = Process::serve(&text).await;
    let mut socket = open(&process).await;
    // One connection throughout: what counts is when a request begins, not when its connection did.
    let mut kept = Connection::open(process.address).await;
    kept.send(mint_from(OTHER).text()).await;
    assert_eq!(kept.answer().await.status, 403);

    process.reconfigure(&text.replace(ORIGIN, OTHER));
    process.signal("HUP");
    soon("the other origin counts", async || status(&process, mint_from(OTHER)).await == 201).await;
    kept.send(mint_from(OTHER).text()).await;
    assert_eq!(kept.answer().await.status, 201);
    assert_eq!(status(&process, mint_from(ORIGIN)).await, 403);
    socket.echo("still alive").await;
    drop((socket, kept));
    process.tells("configuration reloaded", 1).await;
    log_of(process).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_a_broken_configuration_is_refused_as_a_whole_with_its_line() {
    let upstream = Upstream::echo().await;
    let text = configuration("", &upstream);
    let process = Process::serve(&text).await;
    let mut socket = open(&process).await;
    let broken = text.replace(ORIGIN, OTHER).replace("[[routes]]", "[[routes]]\nmax_usse = 1");
    let line = broken.lines().position(|line| line.starts_with("max_usse")).expect("a line") + 1;
    process.reconfigure(&broken);
    process.signal("HUP");
    process.tells(&format!(".toml:{line}"), 1).await;
    // Looked at twice by itself, too.
    let until = Instant::now() + Duration::from_millis(2500);
    while Instant::now() < until {
        assert_eq!(status(&process, mint_from(OTHER)).await, 403);
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    socket.echo("still alive").await;

    process.reconfigure(&text.replace("[[routes]]", "[[routes]]\nmax_uses = 3"));
    process.signal("HUP");
    let multi = || mint_from(ORIGIN).json(r#"{"single_use": false}"#);
    soon("the mended one counts", async || status(&process, multi()).await == 201).await;
    drop(socket);
    let log = log_of(process).await;
    let told: Vec<_> = log.lines().filter(|told| told.contains(&format!(".toml:{line}"))).collect();
    assert_eq!(told.len(), 1, "once for each change: {log}");
    assert!(told[0].contains("max_uses") && told[0].contains("the one before stays"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_an_issuer_that_was_taken_out_logs_nobody_in() {
    let upstream = Upstream::echo().await;
    let text = configuration("", &upstream);
    let process = Process::serve(&text).await;
    let legacy = legacy_token("ada");
    let mint = || Request::post("/auth/ticket").origin(ORIGIN).bearer(&legacy);
    assert_eq!(status(&process, mint()).await, 201);
    process.reconfigure(&text.replace("\"legacy-app\"", "\"another-app\""));
    process.signal("HUP");
    soon("it counts no more", async || status(&process, mint()).await == 401).await;
    assert_eq!(status(&process, mint_from(ORIGIN)).await, 201);
    log_of(process).await;
}

/// Nobody has to tell it; and a certificate that is replaced in its place counts as a change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_a_certificate_is_replaced_without_dropping_a_socket() {
    let (upstream, old) = (Upstream::echo().await, Pair::in_files("rotating"));
    let server = "public_url = \"https://localhost:8443\"\n\
        [server.tls]\ncert_file = \"rotating.pem\"\nkey_file = \"rotating.key\"";
    let process = Process::serve(&configuration(server, &upstream)).await;
    let mut socket = upgraded(old.reach(process.address).await.expect("the first certificate")).await;
    let new = Pair::in_files("rotating");
    soon("the second certificate", async || new.reach(process.address).await.is_some()).await;
    assert!(old.reach(process.address).await.is_none());
    socket.echo("still alive").await;
    drop(socket);
    log_of(process).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_what_cannot_change_is_named_and_stays() {
    let upstream = Upstream::echo().await;
    let text = configuration("", &upstream);
    let process = Process::serve(&text).await;
    let changed = text.replace("127.0.0.1:0", "127.0.0.1:1").replace("[store]", "[store]\nmax_tickets = 70");
    process.reconfigure(&changed.replace(ORIGIN, OTHER));
    process.signal("HUP");
    soon("the rest counts", async || status(&process, mint_from(OTHER)).await == 201).await;
    // Told behind the keys.
    process.tells("configuration reloaded", 1).await;
    let log = log_of(process).await;
    for key in ["server.listen", "store.max_tickets"] {
        let told = log.lines().any(|line| line.contains(key) && line.contains("at the next start only"));
        assert!(told, "{key}: {log}");
    }
    assert_eq!(log.matches("at the next start only").count(), 2, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_other_limits_count_at_once_and_forget_nothing() {
    let upstream = Upstream::echo().await;
    let text = configuration("", &upstream);
    let limited = |limits: &str| format!("{text}[limits]\nmints_per_minute_per_subject = {limits}\n");
    let process = Process::serve(&limited("1")).await;
    assert_eq!(status(&process, mint_from(ORIGIN)).await, 201);
    assert_eq!(status(&process, mint_from(ORIGIN)).await, 429);
    process.reconfigure(&limited("1").replace(ORIGIN, OTHER));
    process.signal("HUP");
    // Another person each time: whoever has asked is over the limit.
    let asked = Cell::new(0);
    let of_another = || {
        let subject = format!("another-{}", asked.replace(asked.get() + 1));
        Request::post("/auth/ticket").origin(OTHER).bearer(&legacy_token(&subject))
    };
    soon("the other origin counts", async || status(&process, of_another()).await == 201).await;
    assert_eq!(status(&process, mint_from(OTHER)).await, 429, "what was taken stays counted");
    process.reconfigure(&limited("0").replace(ORIGIN, OTHER));
    process.signal("HUP");
    soon("no limit any more", async || status(&process, mint_from(OTHER)).await == 201).await;
    let log = log_of(process).await;
    assert!(!log.contains("at the next start only"), "{log}");
}
