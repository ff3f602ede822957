//! Live sockets that go on with a fresh login, on whichever gateway they are.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, Connection, LIMIT, Request};
use crate::process::Process;
use crate::servers::{Cluster, Server};
use crate::tokens::{claims_with, legacy_token, sign, token, unix_now};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, SLACK, World, closes_as_revoked};

/// How long a login lasts that is renewed meanwhile, in seconds: longer than two busy cores take for that.
const SHORT: u64 = 5;

/// A token whose login has almost ended: what is left of it is `seconds`, by the leeway of its issuer.
fn short(seconds: u64) -> String {
    sign(&claims_with("ada", json!({ "exp": unix_now() + seconds - 30, "iat": unix_now() - 600 })))
}

/// A socket of this login's, and its session's handle.
async fn open(world: &World, token: &str) -> (Connection, String) {
    let minted = world.minted(token, "{}").await;
    let mut socket = world.open(minted["ticket"].as_str().expect("a ticket")).await;
    socket.echo("alive").await;
    (socket, minted["session_id"].as_str().expect("a handle").to_owned())
}

fn renewal(id: &str, token: &str) -> Request {
    Request::post(&format!("/auth/session/{id}/renew")).origin(ORIGIN).bearer(token)
}

async fn renew(world: &World, id: &str, token: &str) -> Answer {
    world.ask(renewal(id, token)).await
}

async fn refusal(world: &World, id: &str, token: &str) -> (u16, String) {
    let answer = renew(world, id, token).await;
    (answer.status, answer.problem())
}

fn not_found() -> (u16, String) {
    (404, "not_found".to_owned())
}

/// Not earlier, and later by no more than a slow machine takes.
fn is_about(end: &Value, expected: u64) {
    let end = end.as_u64().expect("Unix seconds");
    assert!((expected..=expected + 3).contains(&end), "{end} instead of {expected}");
}

async fn expires(socket: &mut Connection) {
    assert_eq!(socket.close().await, (4800, "admitone:session_expired".to_owned()));
}

#[tokio::test]
async fn a_renewed_socket_outlives_its_first_login() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let old = short(SHORT);
    let (mut renewed, id) = open(&world, &old).await;
    let (mut other, _) = open(&world, &old).await;
    let before = unix_now();
    let answer = renew(&world, &id, &token("ada")).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{answer:?}");
    let body = answer.json();
    assert_eq!((body["session_id"].as_str(), body.as_object().map(serde_json::Map::len)), (Some(&*id), Some(3)));
    is_about(&body["expires_at"], before + 900 + 30);
    assert!(body["expires_in"].as_u64().is_some_and(|left| (925..=930).contains(&left)), "{body}");
    assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));
    expires(&mut other).await;
    renewed.echo("still alive").await;
    let heads = upstream.received_by_now().await;
    assert_eq!(heads.len(), 2, "the upstream has noticed nothing");
}

#[tokio::test]
async fn s5_a_renewed_socket_is_the_fresh_logins() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let (old, fresh, late) =
        (token("ada"), sign(&claims_with("ada", json!({ "exp": unix_now() + 1000 }))), token("ada"));
    let (mut socket, id) = open(&world, &old).await;
    assert_eq!(renew(&world, &id, &fresh).await.status, 200);
    let log_out = async |token: &str| world.ask(Request::post("/auth/logout").bearer(token)).await.status;
    assert_eq!(log_out(&old).await, 204);
    socket.echo("not that login's any more").await;
    assert_eq!(log_out(&fresh).await, 204);
    closes_as_revoked(&mut socket).await;
    assert_eq!(refusal(&world, &id, &late).await, not_found(), "it is over");
}

#[tokio::test]
async fn s5_a_revoked_login_renews_nothing() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let (mut socket, id) = open(&world, &token("ada")).await;
    let revoked = token("ada");
    assert_eq!(world.ask(Request::post("/auth/logout").bearer(&revoked)).await.status, 204);
    assert_eq!(refusal(&world, &id, &revoked).await, (401, "not_logged_in".to_owned()));
    socket.echo("as it was").await;
}

#[tokio::test]
async fn strangers_and_unknown_sessions_get_the_same_answer() {
    let upstream = Upstream::echo().await;
    let world = World::routing("renew_narrowed = \"close\"", &upstream.url()).await;
    let ada = token("ada");
    let (mut socket, id) = open(&world, &ada).await;
    let unopened = world.minted(&ada, "{}").await["session_id"].as_str().expect("a handle").to_owned();
    let mut answers = Vec::new();
    for (id, token) in [
        (&*id, token("grace")),
        (&*id, legacy_token("ada")),
        (&*unopened, ada.clone()),
        ("ses_AAAAAAAAAAAAAAAAAAAAAAA", ada.clone()),
        ("x", ada.clone()),
    ] {
        let answer = renew(&world, id, &token).await;
        assert_eq!(answer.status, 404, "{id}");
        answers.push((answer.problem(), answer.json()["title"].clone()));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    socket.echo("as it was").await;
}

#[tokio::test]
async fn a_renewal_is_a_post_with_a_login_and_without_fields() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let (mut socket, id) = open(&world, &token("ada")).await;
    let path = format!("/auth/session/{id}/renew");
    assert_eq!(world.ask(Request::post(&path)).await.status, 401);
    assert_eq!(world.ask(Request::new(&format!("GET {path}"))).await.status, 405);
    let answer = world.ask(renewal(&id, &token("ada")).json(r#"{"ttl_seconds": 5}"#)).await;
    assert_eq!((answer.status, &*answer.problem()), (422, "invalid_body"));
    assert_eq!(world.ask(renewal(&id, &token("ada")).json("{}")).await.status, 200);
    socket.echo("alive").await;
}

#[tokio::test]
async fn a_narrowed_login_is_refused_or_closes_the_socket() {
    let upstream = Upstream::echo().await;
    let narrow = sign(&claims_with("ada", json!({ "scope": "chat:read" })));
    let world = World::before(&upstream.url()).await;
    let (mut socket, id) = open(&world, &token("ada")).await;
    assert_eq!(refusal(&world, &id, &narrow).await, (403, "forbidden".to_owned()));
    socket.echo("as it was").await;

    let world = World::routing("renew_narrowed = \"close\"", &upstream.url()).await;
    let (mut socket, id) = open(&world, &token("ada")).await;
    assert_eq!(refusal(&world, &id, &narrow).await, (403, "forbidden".to_owned()));
    assert_eq!(socket.close().await, (4902, "admitone:forbidden".to_owned()));
}

#[tokio::test]
async fn a_renewal_keeps_the_routes_maximum_and_never_shortens() {
    let upstream = Upstream::echo().await;
    let world = World::routing(&format!("max_session_seconds = {SHORT}"), &upstream.url()).await;
    let opened = unix_now();
    let (mut socket, id) = open(&world, &token("ada")).await;
    is_about(&renew(&world, &id, &token("ada")).await.json()["expires_at"], opened + SHORT);
    expires(&mut socket).await;

    let world = World::before(&upstream.url()).await;
    let long = unix_now() + 900 + 30;
    let (mut socket, id) = open(&world, &token("ada")).await;
    is_about(&renew(&world, &id, &short(SHORT)).await.json()["expires_at"], long);
    socket.echo("alive").await;
}

#[tokio::test]
async fn within_its_grace_a_socket_stays_open_and_can_be_renewed() {
    let upstream = Upstream::echo().await;
    let (strict, graceful) =
        (World::before(&upstream.url()).await, World::routing("expiry_grace_seconds = 30", &upstream.url()).await);
    let old = short(SHORT);
    let (mut late, id) = open(&graceful, &old).await;
    let (mut ending, _) = open(&strict, &old).await;
    expires(&mut ending).await;
    late.echo("by grace").await;
    assert_eq!(renew(&graceful, &id, &token("ada")).await.status, 200);
    late.echo("by right").await;
}

/// A gateway with its tickets in this server.
async fn gateway(redis: &Server, route: &str, upstream: &Upstream) -> World {
    let store = format!("kind = \"redis\"\nurl = \"redis://{}\"", redis.address());
    World::with(Lines { store: &store, route, ..Lines::default() }, &upstream.url()).await
}

/// Renews a socket of the one through the other.
async fn renews_through(asked: &World, holder: &World) {
    let old = short(SHORT);
    let (mut socket, id) = open(holder, &old).await;
    let (mut other, _) = open(holder, &old).await;
    let narrow = sign(&claims_with("ada", json!({ "scope": "chat:read" })));
    assert_eq!(refusal(asked, &id, &narrow).await, (403, "forbidden".to_owned()));
    assert_eq!(refusal(asked, &id, &token("grace")).await, not_found());
    let before = unix_now();
    let fresh = token("ada");
    for _ in 0..2 {
        let answer = renew(asked, &id, &fresh).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        is_about(&answer.json()["expires_at"], before + 900 + 30);
    }
    expires(&mut other).await;
    socket.echo("still alive").await;
    assert_eq!(asked.ask(Request::post("/auth/logout").bearer(&fresh)).await.status, 204);
    closes_as_revoked(&mut socket).await;
    let is_over = async || refusal(asked, &id, &token("ada")).await == not_found();
    within(LIMIT, "nothing is there to renew", is_over).await;
}

async fn within(limit: Duration, what: &str, is_so: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < limit, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_renewed_through_a_gateway_that_does_not_hold_it() {
    let (redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let (here, there) = (gateway(&redis, "", &upstream).await, gateway(&redis, "", &upstream).await);
    renews_through(&here, &there).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_renewed_through_a_cluster() {
    let (cluster, upstream) = (Cluster::start(false), Upstream::echo().await);
    let seeds: Vec<String> = cluster.members().map(|member| format!("\"redis://{}\"", member.address())).collect();
    let store = format!("kind = \"redis\"\nmode = \"cluster\"\nurl = [{}]", seeds.join(", "));
    let lines = Lines { store: &store, ..Lines::default() };
    let (here, there) = (World::with(lines, &upstream.url()).await, World::with(lines, &upstream.url()).await);
    renews_through(&here, &there).await;
}

/// Whoever may have been renewed is told to ask again; when the lease of the dead node has ended, there is nothing to renew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f13_a_killed_gateways_sessions_are_unavailable_then_gone() {
    let (redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let here = gateway(&redis, "", &upstream).await;
    let store = format!("kind = \"redis\"\nurl = \"redis://{}\"", redis.address());
    let mut there = Process::serve(&Lines { store: &store, ..Lines::default() }.configuration(&upstream.url())).await;
    let minted = here.minted(&token("ada"), "{}").await;
    let mut socket = Connection::open(there.address).await;
    let upgrade = Request::upgrade(crate::world::ROUTE).origin(ORIGIN);
    socket.send(upgrade.ticket(minted["ticket"].as_str().expect("a ticket")).text()).await;
    assert_eq!(socket.answer().await.status, 101);
    let id = minted["session_id"].as_str().expect("a handle");
    assert_eq!(renew(&here, id, &token("ada")).await.status, 200);

    there.kill();
    let asked = Instant::now();
    assert_eq!(refusal(&here, id, &token("ada")).await, (503, "store_unavailable".to_owned()));
    assert!(asked.elapsed() < Duration::from_secs(1) + SLACK, "within a second: {:?}", asked.elapsed());
    let key = redis.cli(&["--scan", "--pattern", &format!("*{id}")]);
    let left: i64 = redis.cli(&["PTTL", &key]).parse().expect("milliseconds");
    assert!((1..=30_000).contains(&left), "a lease and no more: {left}");
    redis.cli(&["PEXPIRE", &key, "1"]);
    within(LIMIT, "gone", async || refusal(&here, id, &token("ada")).await == not_found()).await;
}

/// F2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f2_without_the_store_nothing_is_renewed_and_sockets_stay() {
    let (mut redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let world = gateway(&redis, "jwt_fallback = \"allow\"", &upstream).await;
    let (mut socket, id) = open(&world, &token("ada")).await;
    redis.kill();
    assert_eq!(refusal(&world, &id, &token("ada")).await, (503, "store_unavailable".to_owned()));
    socket.echo("stays").await;

    let request = Request::upgrade(crate::world::ROUTE).origin(ORIGIN).bearer(&token("ada"));
    let (answer, mut fallback) = world.present(request).await;
    assert_eq!(answer.status, 101);
    fallback.echo("without a record").await;
    let head = upstream.received_by_now().await.pop().expect("a request");
    let id = head.split("x-admitone-session-id: ").nth(1).and_then(|rest| rest.lines().next()).expect("a handle");
    assert_eq!(refusal(&world, id, &token("ada")).await.0, 503);
    redis.restart();
    let renews = async || renew(&world, id, &token("ada")).await.status == 200;
    within(Duration::from_secs(2) + SLACK, "renewed within two seconds of the store's return", renews).await;
    fallback.echo("renewed").await;
}

#[tokio::test]
async fn f12_a_draining_gateway_renews_nothing() {
    let upstream = Upstream::echo().await;
    // It ends with the sockets: so long is there to ask.
    let lines = Lines { server: "drain_seconds = 20", ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let (mut first, id) = open(&world, &token("ada")).await;
    let (mut second, other) = open(&world, &token("ada")).await;
    let mut asking = [Connection::open(world.address).await, Connection::open(world.address).await];
    let ended = world.shut_down();
    tokio::select! {
        close = first.close() => assert_eq!(close.0, 1012),
        close = second.close() => assert_eq!(close.0, 1012),
    }
    for (asking, id) in asking.iter_mut().zip([id, other]) {
        asking.send(renewal(&id, &token("ada")).text()).await;
        let answer = asking.answer().await;
        assert_eq!((answer.status, &*answer.problem()), (503, "draining"));
        assert!(answer.header("retry-after").is_some());
    }
    drop((first, second, asking));
    ended.await.expect("no panic");
}
