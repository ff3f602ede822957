//! The real binary while its wall clock jumps, by libfaketime; its monotonic clock and Redis's go on as they do.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, Connection, Request};
use crate::process::{Process, admitone};
use crate::servers::Server;
use crate::tokens::{FOLDER, claims_with, sign, token, unix_now};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE};

const HOUR: i64 = 3600;

/// How long sockets last here; longer than tickets of the shortest life, and what a busy machine takes besides.
const SESSION: Duration = Duration::from_secs(12);

/// How much later a busy machine may be.
const SLACK: Duration = Duration::from_secs(5);

struct Gateway {
    process: Process,
    clock: PathBuf,
}

impl Gateway {
    async fn start(name: &str, store: &str, upstream: &Upstream) -> Self {
        let clock = FOLDER.join(format!("clock-{name}"));
        std::fs::write(&clock, "+0").expect("a file");
        let mut command = admitone();
        command.env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", &clock);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let route = format!("max_session_seconds = {}", SESSION.as_secs());
        let lines = Lines { store, route: &route, server: "drain_seconds = 0", ..Lines::default() };
        Self { process: Process::serve_by(command, &lines.configuration(&upstream.url())).await, clock }
    }

    /// Sets its wall clock so many seconds off.
    fn jump(&self, seconds: i64) {
        let next = self.clock.with_extension("next");
        std::fs::write(&next, format!("{seconds:+}")).expect("a file");
        std::fs::rename(next, &self.clock).expect("in one step");
    }

    /// Asks again what a busy machine has not answered in time.
    async fn present(&self, request: Request) -> (Answer, Connection) {
        loop {
            let mut connection = Connection::open(self.process.address).await;
            connection.send(request.text()).await;
            let answer = connection.answer().await;
            if answer.status != 503 {
                return (answer, connection);
            }
        }
    }

    async fn mint(&self, login: &str) -> Answer {
        self.present(Request::post("/auth/ticket").origin(ORIGIN).bearer(login).json(r#"{"ttl_seconds":5}"#)).await.0
    }

    async fn ticket(&self, login: &str) -> String {
        let answer = self.mint(login).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["ticket"].as_str().expect("a ticket").to_owned()
    }

    async fn upgrade(&self, ticket: &str) -> (Answer, Connection) {
        self.present(Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket)).await
    }

    /// With a ticket of its own for each try: one that was not answered in time may be spent.
    async fn open(&self, login: impl Fn() -> String) -> Connection {
        loop {
            let mut connection = Connection::open(self.process.address).await;
            let upgrade = Request::upgrade(ROUTE).origin(ORIGIN).ticket(&self.ticket(&login()).await);
            connection.send(upgrade.text()).await;
            let answer = connection.answer().await;
            if answer.status != 503 {
                assert_eq!(answer.status, 101, "{answer:?}");
                return connection;
            }
        }
    }

    async fn is_active(&self, login: &str, ticket: &str) -> bool {
        let body = json!({ "ticket": ticket }).to_string();
        let answer = self.present(Request::post("/auth/ticket/introspect").bearer(login).json(&body)).await.0;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["active"] == Value::Bool(true)
    }
}

fn library() -> PathBuf {
    let machines = std::fs::read_dir("/usr/lib").expect("a Linux").flatten();
    let mut libraries = machines.map(|machine| machine.path().join("faketime/libfaketimeMT.so.1"));
    libraries.find(|library| library.exists()).expect("libfaketime: apt-get install faketime")
}

/// A login by a clock that is so many seconds off.
fn login_at(offset: i64) -> String {
    let now = unix_now().saturating_add_signed(offset);
    sign(&claims_with("ada", json!({ "iat": now, "exp": now + 900 })))
}

async fn while_the_clock_jumps(name: &str, store: &str) {
    let upstream = Upstream::echo().await;
    let gateway = Gateway::start(name, store, &upstream).await;
    let ada = token("ada");
    let early = gateway.ticket(&ada).await;
    let opened = Instant::now();
    let mut live = gateway.open(|| ada.clone()).await;

    gateway.jump(HOUR);
    assert_eq!(gateway.upgrade(&early).await.0.status, 401, "refused early");
    assert_eq!(gateway.mint(&ada).await.status, 401, "a token is judged by the wall clock");
    // What is minted by that clock is good by it.
    let mut later = gateway.open(|| login_at(HOUR)).await;
    live.echo("a live socket stays").await;

    gateway.jump(0);
    let minting = Instant::now();
    let late = gateway.ticket(&ada).await;
    let minted = Instant::now();
    gateway.jump(-HOUR);
    let by_that_clock = login_at(-HOUR);
    loop {
        // What was asked in its time may be answered later.
        let asked = minted.elapsed();
        if !gateway.is_active(&by_that_clock, &late).await {
            break;
        }
        assert!(asked < Duration::from_secs(6), "it outlives its time in the store");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(minting.elapsed() > Duration::from_secs(4), "it ended after {:?}", minting.elapsed());
    assert_eq!(gateway.upgrade(&late).await.0.status, 401, "not past its time in the store");

    later.echo("still there").await;
    assert_eq!(live.close().await, (4800, "admitone:session_expired".to_owned()));
    let lived = opened.elapsed();
    assert!(lived > SESSION - Duration::from_secs(1) && lived < SESSION + SLACK, "{lived:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_a_clock_that_jumps_an_hour_lengthens_no_life_with_the_memory_store() {
    while_the_clock_jumps("memory", "kind = \"memory\"").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_a_clock_that_jumps_an_hour_lengthens_no_life_with_redis() {
    let redis = Server::start(&[]);
    while_the_clock_jumps("redis", &format!("kind = \"redis\"\nurl = \"redis://{}\"", redis.address())).await;
}
