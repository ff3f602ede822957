//! A Redis without room, and one that would make room.

use crate::client::Request;
use crate::process::Process;
use crate::servers::Server;
use crate::tokens::token;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

fn store(redis: &Server) -> String {
    format!("kind = \"redis\"\nurl = \"redis://{}\"", redis.address())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f7_out_of_memory_at_mint_is_503_and_what_was_minted_still_opens() {
    let (redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let world = World::with(Lines { store: &store(&redis), ..Lines::default() }, &upstream.url()).await;
    let (ada, ticket) = (token("ada"), world.ticket().await);

    redis.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let answer = world.ask_for_ticket(&ada, "{}").await;
    assert_eq!((answer.status, &*answer.problem()), (503, "overloaded"));
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    world.opens(&ticket).await;
    world.does_not_open(&ticket).await;
    assert_eq!(world.ask(Request::post("/auth/logout").bearer(&ada)).await.status, 204, "revoking needs no room");

    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    world.opens(&world.ticket().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f7_a_redis_that_would_evict_is_a_warning_at_the_start() {
    for (policy, warns) in [("allkeys-lru", true), ("volatile-ttl", true), ("noeviction", false)] {
        let redis = Server::start(&["--maxmemory-policy", policy]);
        let lines = Lines { store: &store(&redis), ..Lines::default() };
        let process = Process::serve(&lines.configuration("ws://127.0.0.1:9/")).await;
        process.terminate();
        let log = process.finished().await.stderr;
        let warning = log.lines().find(|line| line.contains("noeviction"));
        assert_eq!(warning.is_some(), warns, "{policy}: {log}");
        assert!(warning.is_none_or(|line| line.contains("WARN") && line.contains(policy)), "{warning:?}");
    }
}

/// One more than may be minted is one too many until one of them is spent, revoked, or its session ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f8_a_place_under_the_cap_is_free_again_as_soon_as_a_ticket_is_spent_or_revoked() {
    let (redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    for kind in ["kind = \"memory\"".to_owned(), store(&redis)] {
        let store = format!("{kind}\nmax_tickets_per_subject = 1");
        let world = World::with(Lines { store: &store, ..Lines::default() }, &upstream.url()).await;
        let ada = token("ada");
        let is_full = async || world.ask_for_ticket(&ada, "{}").await.status == 429;

        let spent = world.ticket_for(&ada).await;
        assert!(is_full().await);
        world.opens(&spent).await;
        let revoked = world.ticket_for(&ada).await;
        assert!(is_full().await);
        let body = serde_json::json!({ "ticket": revoked }).to_string();
        assert_eq!(world.ask(Request::post("/auth/ticket/revoke").bearer(&ada).json(&body)).await.status, 200);
        let ended = world.minted(&ada, "{}").await;
        assert!(is_full().await);
        let id = ended["session_id"].as_str().expect("an id");
        let end = Request::new(&format!("DELETE /auth/session/{id}")).bearer(&ada);
        assert_eq!(world.ask(end).await.status, 204);
        let last = world.ticket_for(&ada).await;
        let refused = Request::upgrade(ROUTE).origin(ORIGIN).ticket(ended["ticket"].as_str().expect("a ticket"));
        assert_eq!(world.ask(refused).await.status, 401, "{kind}");
        world.opens(&last).await;
    }
}
