//! Gateways that share a Redis, and what they do without it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::Request;
use crate::servers::Server;
use crate::tokens::token;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, SLACK, UNLIMITED_DIALS, World, closes_as_revoked};

/// A gateway with its tickets in this server.
async fn gateway(redis: &Server, route: &str, upstream: &Upstream) -> World {
    let store = format!("kind = \"redis\"\nurl = \"redis://{}\"", redis.address());
    // What asks until the store is back asks often.
    let end = format!("{UNLIMITED_DIALS}\nmints_per_minute_per_subject = 0");
    let lines = Lines { store: &store, route, end: &end, ..Lines::default() };
    World::with(lines, &upstream.url()).await
}

fn upgrade() -> Request {
    Request::upgrade(ROUTE).origin(ORIGIN)
}

/// The store's deadline.
const DEADLINE: Duration = Duration::from_millis(250);

/// Asks until the gateway says so, for at most as long as the promise and a slack.
async fn within(limit: Duration, what: &str, is_so: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < limit + SLACK, "{what}");
        // Whoever asks without a pause meets the limits.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// How many requests, not only connections, the upstream has had.
async fn requests(upstream: &Upstream) -> usize {
    upstream.received_by_now().await.iter().filter(|received| !received.is_empty()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s5_a_logout_on_one_gateway_ends_tickets_sockets_and_the_login_on_the_other() {
    let (redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let (here, there) = (gateway(&redis, "", &upstream).await, gateway(&redis, "", &upstream).await);
    let (leaving, staying) = (token("ada"), token("ada"));
    let mut socket = there.open(&here.ticket_for(&leaving).await).await;
    let mut other = there.open(&there.ticket_for(&staying).await).await;
    socket.echo("alive").await;
    let outstanding = there.ticket_for(&leaving).await;
    let answer = here.ask(Request::post("/auth/logout").bearer(&leaving)).await;
    assert_eq!(answer.status, 204);
    there.does_not_open(&outstanding).await;
    closes_as_revoked(&mut socket).await;
    assert_eq!(there.ask_for_ticket(&leaving, "{}").await.status, 401);
    other.echo("another login").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a15_what_is_revoked_on_one_gateway_closes_on_the_other() {
    let (redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let (here, there) = (gateway(&redis, "", &upstream).await, gateway(&redis, "", &upstream).await);
    let ada = token("ada");
    let minted = here.minted(&ada, "{}").await;
    let id = minted["session_id"].as_str().expect("an id");
    let mut socket = there.open(minted["ticket"].as_str().expect("a ticket")).await;
    socket.echo("alive").await;
    let end = |token: &str| Request::new(&format!("DELETE /auth/session/{id}")).bearer(token);
    assert_eq!(here.ask(end(&token("grace"))).await.status, 404);
    socket.echo("still alive").await;
    assert_eq!(here.ask(end(&ada)).await.status, 204);
    closes_as_revoked(&mut socket).await;

    let ticket = here.ticket_for(&ada).await;
    let body = json!({ "ticket": ticket }).to_string();
    let revoke = || Request::post("/auth/ticket/revoke").bearer(&ada).json(&body);
    assert_eq!(there.ask(revoke()).await.status, 200);
    assert_eq!(here.ask(revoke()).await.status, 404);
    here.does_not_open(&ticket).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s6_a_replay_on_one_gateway_closes_the_first_socket_on_the_other() {
    let (redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let close = "on_replay = \"close\"";
    let (here, there) = (gateway(&redis, close, &upstream).await, gateway(&redis, close, &upstream).await);
    let ticket = here.ticket().await;
    let mut first = here.open(&ticket).await;
    first.echo("alive").await;
    there.does_not_open(&ticket).await;
    closes_as_revoked(&mut first).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_f2_f5_without_its_store_a_gateway_refuses_tickets_and_falls_back_where_it_may() {
    let (mut redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let world = gateway(&redis, "jwt_fallback = \"allow\"", &upstream).await;
    let strict = gateway(&redis, "", &upstream).await;
    let ticket = world.ticket().await;
    let mut live = world.open(&world.ticket().await).await;
    live.echo("alive").await;
    let before = requests(&upstream).await;

    redis.kill();
    let asked = Instant::now();
    let answer = world.ask_for_ticket(&token("ada"), "{}").await;
    assert_eq!((answer.status, &*answer.problem()), (503, "store_unavailable"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(asked.elapsed() < DEADLINE + SLACK, "{:?}", asked.elapsed());
    let close = world.close_of(upgrade().readable_ticket(&ticket)).await;
    assert_eq!(close, (4804, "admitone:store_unavailable".to_owned()));
    let answer = strict.ask(upgrade().ticket(&ticket)).await;
    assert_eq!((answer.status, answer.header("admitone-ticket")), (503, Some("spent")));
    assert_eq!(requests(&upstream).await, before, "no byte of a refused request reaches the upstream");

    live.echo("open sockets stay").await;
    let (answer, mut fallback) = world.present(upgrade().bearer(&token("ada"))).await;
    assert_eq!(answer.status, 101, "{answer:?}");
    fallback.echo("by JWT").await;
    // An answer of before counts for a second.
    let says = async |gateway: &World, status: u16, word: &str| {
        let ready = gateway.ask(Request::new("GET /readyz")).await;
        (ready.status, ready.json()["status"].clone()) == (status, json!(word))
    };
    within(Duration::from_secs(2), "degraded", async || says(&world, 200, "degraded").await).await;
    within(Duration::from_secs(2), "unavailable", async || says(&strict, 503, "unavailable").await).await;
    let ready = strict.ask(Request::new("GET /readyz")).await;
    assert_eq!(ready.json()["store"], json!({ "kind": "redis", "status": "unavailable" }));

    redis.restart();
    let mints = async || world.ask_for_ticket(&token("ada"), "{}").await.status == 201;
    within(Duration::from_secs(2), "tickets again within two seconds", mints).await;
    world.opens(&world.ticket().await).await;
    within(Duration::from_secs(2), "ready again", async || says(&world, 200, "ready").await).await;
    live.echo("and stay").await;
}

/// A server that is there and says nothing costs nobody more than its deadline, and no queue grows behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_f2_f4_while_its_store_hangs_a_gateway_refuses_within_half_a_second() {
    let (redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let world = gateway(&redis, "", &upstream).await;
    let (ada, ticket) = (token("ada"), world.ticket().await);
    redis.stop();
    let mint = async |login: &str| {
        let asked = Instant::now();
        let answer = world.ask_for_ticket(login, "{}").await;
        assert_eq!((answer.status, &*answer.problem()), (503, "store_unavailable"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        asked.elapsed()
    };
    let (logins, mut took) = (["eve", "fay", "gil", "hal"].map(token), Vec::new());
    for _ in 0..25 {
        took.extend(futures_util::future::join_all(logins.iter().map(|login| mint(login))).await);
    }
    took.sort_unstable();
    // A busy machine holds up some of them, not half.
    assert!(took[50] < 2 * DEADLINE, "half of a hundred mints took longer than {:?}", took[50]);
    assert!(took[99] < DEADLINE + SLACK, "one of a hundred mints took {:?}", took[99]);
    let asked = Instant::now();
    let answer = world.ask(upgrade().ticket(&ticket)).await;
    assert_eq!((answer.status, answer.header("admitone-ticket")), (503, Some("spent")));
    assert!(asked.elapsed() < DEADLINE + SLACK, "{:?}", asked.elapsed());
    assert_eq!(requests(&upstream).await, 0);

    redis.go_on();
    let mints = async || world.ask_for_ticket(&ada, "{}").await.status == 201;
    within(Duration::from_secs(2), "tickets again within two seconds", mints).await;
    world.does_not_open(&ticket).await;
}

/// What was revoked on another gateway while this one could not hear of it is closed soon after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_a_socket_lives_through_an_outage_and_closes_when_it_was_revoked() {
    let (mut redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let (here, there) = (gateway(&redis, "", &upstream).await, gateway(&redis, "", &upstream).await);
    let ada = token("ada");
    let mut socket = here.open(&here.ticket_for(&ada).await).await;
    socket.echo("alive").await;
    redis.kill();
    let logout = || Request::post("/auth/logout").bearer(&ada);
    assert_eq!(there.ask(logout()).await.status, 503, "not said to be revoked before it is");
    socket.echo("kept").await;
    redis.restart();
    within(Duration::from_secs(2), "revoked", async || there.ask(logout()).await.status != 503).await;
    closes_as_revoked(&mut socket).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_login_does_not_fall_back_while_the_store_is_away() {
    let (redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let route = "jwt_fallback = \"allow\"";
    let (here, there) = (gateway(&redis, route, &upstream).await, gateway(&redis, route, &upstream).await);
    let ada = token("ada");
    assert_eq!(here.ask(Request::post("/auth/logout").bearer(&ada)).await.status, 204);
    let refused = async || there.ask(upgrade().bearer(&ada)).await.status == 401;
    within(Duration::from_secs(1), "heard of on the other gateway", refused).await;
    redis.kill();
    assert!(refused().await);
    let (answer, _socket) = there.present(upgrade().bearer(&token("ada"))).await;
    assert_eq!(answer.status, 101, "another login of the same person");
}

/// With `revocation_gap = "close"` sockets end ten seconds after the last word of revocations; otherwise they stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_sockets_close_while_no_revocation_could_arrive_where_that_is_wanted() {
    let (redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let store = format!("kind = \"redis\"\nurl = \"redis://{}\"\nrevocation_gap = \"close\"", redis.address());
    let closing = World::with(Lines { store: &store, ..Lines::default() }, &upstream.url()).await;
    let keeping = gateway(&redis, "", &upstream).await;
    let (mut closed, mut kept) =
        (closing.open(&closing.ticket().await).await, keeping.open(&keeping.ticket().await).await);
    closed.echo("alive").await;
    redis.stop();
    let stopped = Instant::now();
    // A frame comes within ten seconds, or its test fails: so the wait for the Close is in two parts.
    while stopped.elapsed() < Duration::from_secs(8) {
        closed.echo("not yet").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(closed.close().await, (4804, "admitone:store_unavailable".to_owned()));
    assert!(stopped.elapsed() < Duration::from_secs(14), "{:?}", stopped.elapsed());
    kept.echo("the default").await;
    redis.go_on();
}
