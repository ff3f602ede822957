//! Shadow mode: a ticket is rehearsed beside each JWT, and the JWT decides.

use std::time::Instant;

use serde_json::json;

use crate::admin::Operated;
use crate::client::LIMIT;
use crate::rollout::{FALLBACK, by_jwt};
use crate::servers::Server;
use crate::tokens::token;
use crate::world::Lines;

const SHADOW: &str = "\n[routes.rollout]\npercent = 0\nshadow = true";

async fn rehearsed(operated: &Operated, outcome: &str, count: f64) {
    let sample = format!("admitone_shadow_rehearsals_total{{route=\"/chat\",outcome=\"{outcome}\"}}");
    let started = Instant::now();
    while operated.metric(&sample).await < count {
        assert!(started.elapsed() < LIMIT, "{outcome}: {}", operated.metric(&sample).await);
    }
    assert_eq!(operated.metric(&sample).await, count, "{outcome}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_rehearsed_beside_each_jwt_and_leaves_no_trace() {
    let route = format!("{FALLBACK}{SHADOW}");
    let lines = Lines { route: &route, store: "max_tickets_per_subject = 1", ..Lines::default() };
    let operated = Operated::configured(lines).await;
    let ada = token("ada");
    for count in 1..=3 {
        let (answer, mut socket) = operated.world.present(by_jwt(&ada)).await;
        assert_eq!(answer.status, 101);
        socket.echo("by JWT").await;
        rehearsed(&operated, "worked", f64::from(count)).await;
    }
    assert_eq!(operated.world.ask(by_jwt("nonsense")).await.status, 401);
    let sessions = operated.get("/admin/api/sessions").await.json();
    assert!(
        sessions["sessions"].as_array().is_some_and(|all| all.iter().all(|one| one["method"] == "jwt")),
        "{sessions}"
    );
    let guard = &operated.rollout().await["guard"];
    assert_eq!((&guard["worked"], &guard["failed"]), (&json!(0), &json!(0)), "what nobody needed is no failure");
    rehearsed(&operated, "worked", 3.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_jwt_decides_while_the_store_is_away() {
    let redis = Server::start(&[]);
    let store = format!("kind = \"redis\"\nurl = \"redis://{}\"", redis.address());
    let route = format!("{FALLBACK}{SHADOW}");
    let operated = Operated::configured(Lines { store: &store, route: &route, ..Lines::default() }).await;
    let ada = token("ada");
    assert_eq!(operated.world.ask(by_jwt(&ada)).await.status, 101);
    rehearsed(&operated, "worked", 1.0).await;
    redis.kill();
    let (answer, mut socket) = operated.world.present(by_jwt(&ada)).await;
    assert_eq!(answer.status, 101);
    socket.echo("by JWT").await;
    rehearsed(&operated, "store_unavailable", 1.0).await;
}

#[tokio::test]
async fn without_it_nothing_is_rehearsed() {
    let operated = Operated::configured(Lines { route: FALLBACK, ..Lines::default() }).await;
    assert_eq!(operated.world.ask(by_jwt(&token("ada"))).await.status, 101);
    assert_eq!(operated.metric("admitone_store_operation_seconds_count{operation=\"put\"}").await, 0.0);
}
