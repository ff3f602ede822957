//! Asking about a ticket, taking it back, and how tickets are.

use serde_json::{Value, json};

use super::{PREFIXES, delete, members, minted, ticket, validate, world};
use crate::client::Request;
use crate::servers::Server;
use crate::tokens::{claims_with, sign, token};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, World};

const NOT_VALID: [&str; 4] = ["email", "expires_at", "permissions", "user_id"];

/// It says that there is no such ticket, and nothing more.
fn assert_not_valid(answer: &Value) {
    assert_eq!(answer["valid"], false, "{answer}");
    for member in NOT_VALID {
        assert_eq!(answer[member], Value::Null, "{member}");
    }
    assert!(answer["error"].as_str().is_some_and(|error| !error.is_empty()), "{answer}");
}

#[tokio::test]
async fn its_owner_and_a_service_are_told_and_nobody_consumes_it() {
    let upstream = Upstream::echo().await;
    let lines = Lines {
        top: super::ON,
        tickets: "service_permission = \"tickets:ask\"",
        route: super::ROUTE_LINES,
        ..Lines::default()
    };
    let world = World::with(lines, &upstream.url()).await;
    let (ada, service) = (token("ada"), sign(&claims_with("service", json!({ "scope": "tickets:ask" }))));
    let minted = minted(&world, &ada, &json!({ "permissions": ["chat:read"] })).await;
    let ticket = super::text(&minted, "ticket_id");
    for login in [&ada, &service, &ada] {
        let answer = validate(&world, Some(login), &ticket).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        assert_eq!(
            answer.json(),
            json!({
                "valid": true, "user_id": "ada", "email": "ada@example.com", "permissions": ["chat:read"],
                "expires_at": minted["expires_at"], "error": null,
            })
        );
    }
    for login in [Some(token("grace")), None] {
        let answer = validate(&world, login.as_deref(), &ticket).await;
        assert_eq!(answer.status, 200);
        assert_not_valid(&answer.json());
    }
    let answer = validate(&world, Some("not a token"), &ticket).await;
    assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"), "a login that is refused is final");
    world.opens(&ticket).await;
    assert_not_valid(&validate(&world, Some(&ada), &ticket).await.json());
}

#[tokio::test]
async fn what_is_no_ticket_is_not_valid_and_not_there() {
    let world = world("ws://127.0.0.1:9/").await;
    let ada = token("ada");
    for id in ["x", "%FF", "%00", "adm1_", &format!("adm1_{}", "A".repeat(72)), &"x".repeat(5000)] {
        for prefix in PREFIXES {
            let request = Request::new(&format!("GET {prefix}/websocket/ticket/{id}/validate")).bearer(&ada);
            assert_not_valid(&world.ask(request).await.json());
            let request = Request::new(&format!("DELETE {prefix}/websocket/ticket/{id}")).bearer(&ada);
            let answer = world.ask(request).await;
            assert_eq!((answer.status, &*answer.problem()), (404, "not_found"), "{id}");
        }
    }
}

#[tokio::test]
async fn a_stranger_takes_nothing_back_and_its_owner_does_once() {
    let upstream = Upstream::echo().await;
    let world = world(&upstream.url()).await;
    let ada = token("ada");
    let ticket = ticket(&world, &ada).await;
    let answer = delete(&world, &token("grace"), &ticket).await;
    assert_eq!((answer.status, &*answer.problem()), (403, "forbidden"));
    assert_eq!(validate(&world, Some(&ada), &ticket).await.json()["valid"], true, "as it was");
    let unauthenticated = Request::new(&format!("DELETE /websocket/ticket/{ticket}")).origin(ORIGIN);
    assert_eq!(world.ask(unauthenticated).await.status, 401);

    let answer = delete(&world, &ada, &ticket).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    assert_eq!((members(&answer), &answer["success"]), (vec!["message", "success"], &json!(true)));
    assert_eq!(delete(&world, &ada, &ticket).await.status, 404);
    assert_eq!(delete(&world, &token("grace"), &ticket).await.status, 403);
    let (_, mut socket) = world.present(Request::upgrade(&format!("/chat?ticket={ticket}")).origin(ORIGIN)).await;
    assert_eq!(socket.frame().await.opcode, 0x81, "AUTH_FAILED");
}

#[tokio::test]
async fn s25_the_status_tells_its_prefix_to_those_who_are_logged_in() {
    let world = world("ws://127.0.0.1:9/").await;
    for prefix in PREFIXES {
        let ask = || Request::new(&format!("GET {prefix}/websocket/tickets/status"));
        let told = json!({
            "ticket_system_enabled": true, "redis_available": true, "redis_status": "memory",
            "default_ttl_seconds": 300, "max_ttl_seconds": 3600, "ticket_prefix": null,
        });
        assert_eq!(world.ask(ask()).await.json(), told);
        let told = world.ask(ask().bearer(&token("ada"))).await.json();
        assert_eq!(told["ticket_prefix"], "adm1_");
        assert_eq!(world.ask(ask().bearer("x")).await.status, 401);
    }
}

/// The store is asked, and its failure is not told as a ticket's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_a_store_that_is_away_is_told_as_that() {
    let (redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let store = format!("kind = \"redis\"\nurl = \"redis://{}\"", redis.address());
    let lines = Lines { top: super::ON, store: &store, route: super::ROUTE_LINES, ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let ada = token("ada");
    let ticket = ticket(&world, &ada).await;
    let status = async || world.ask(Request::new("GET /websocket/tickets/status")).await.json();
    let told = status().await;
    assert_eq!((&told["redis_available"], &told["redis_status"]), (&json!(true), &json!("connected")));

    redis.kill();
    let started = std::time::Instant::now();
    let mut told = status().await;
    while told["redis_available"] == true {
        assert!(started.elapsed().as_secs() < 5, "the store is asked at least every second");
        told = status().await;
    }
    assert_eq!((&told["redis_available"], &told["redis_status"]), (&json!(false), &json!("unavailable")));
    for answer in [
        super::post(&world, "/websocket/ticket", &ada, "{}").await,
        super::post(&world, "/auth/generate-ticket", &ada, "{}").await,
        validate(&world, Some(&ada), &ticket).await,
        delete(&world, &ada, &ticket).await,
    ] {
        assert_eq!((answer.status, &*answer.problem()), (503, "store_unavailable"), "{answer:?}");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    let (_, mut socket) = world.present(Request::upgrade(&format!("/chat?ticket={ticket}")).origin(ORIGIN)).await;
    socket.frame().await;
    assert_eq!(socket.close().await, (1008, "admitone:store_unavailable".to_owned()));
}
