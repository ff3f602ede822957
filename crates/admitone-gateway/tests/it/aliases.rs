//! The wire of an older ticket system: its clients as they are, and what we do where it was wrong.

mod differences;
mod golden_path;
mod minting;
mod tickets;

use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::tokens::token;
use crate::world::{Lines, ORIGIN, World};

/// What turns the aliases on, above all tables.
const ON: &str = "aliases = { enabled = true }";

/// What their clients need of the route.
const ROUTE_LINES: &str =
    "ticket_carriers = [\"query\", \"subprotocol\"]\nrefuse_with = \"close\"\nclose_profile = \"1008\"";

const PREFIXES: [&str; 2] = ["", "/api"];
const GENERATE: [&str; 2] = ["/auth/generate-ticket", "/api/v1/auth/generate-ticket"];

async fn world(upstream: &str) -> World {
    with_route("", upstream).await
}

async fn with_route(more: &str, upstream: &str) -> World {
    let route = format!("{ROUTE_LINES}\n{more}");
    World::with(Lines { top: ON, route: &route, ..Lines::default() }, upstream).await
}

async fn post(world: &World, path: &str, token: &str, body: &str) -> Answer {
    world.ask(Request::post(path).origin(ORIGIN).bearer(token).json(body)).await
}

/// What such a client is answered.
async fn minted(world: &World, token: &str, body: &Value) -> Value {
    let answer = post(world, "/websocket/ticket", token, &body.to_string()).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{answer:?}");
    answer.json()
}

async fn ticket(world: &World, token: &str) -> String {
    text(&minted(world, token, &json!({})).await, "ticket_id")
}

async fn validate(world: &World, token: Option<&str>, ticket: &str) -> Answer {
    let request = Request::new(&format!("GET /websocket/ticket/{ticket}/validate"));
    world.ask(token.map_or_else(|| request.clone(), |token| request.clone().bearer(token))).await
}

async fn delete(world: &World, token: &str, ticket: &str) -> Answer {
    world.ask(Request::new(&format!("DELETE /websocket/ticket/{ticket}")).origin(ORIGIN).bearer(token)).await
}

fn text(answer: &Value, member: &str) -> String {
    answer[member].as_str().unwrap_or_else(|| panic!("{member}: {answer}")).to_owned()
}

/// The target of an upgrade to a `websocket_url`.
fn target(websocket_url: &str) -> &str {
    let (_, rest) = websocket_url.split_once("://").expect("a scheme");
    &rest[rest.find('/').expect("a path")..]
}

fn members(answer: &Value) -> Vec<&str> {
    answer.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// The carriers of their clients, on a socket of the application's page.
#[tokio::test]
async fn a_ticket_opens_by_every_name_of_theirs_in_the_query_and_spent_says_auth_failed() {
    let upstream = crate::upstream::Upstream::echo().await;
    let world = world(&upstream.url()).await;
    for name in ["ticket", "auth_ticket", "ticket_id"] {
        let upgrade = format!("/chat?{name}={}", ticket(&world, &token("ada")).await);
        let upgrade = || Request::upgrade(&upgrade).origin(ORIGIN);
        let (answer, mut socket) = world.present(upgrade()).await;
        assert_eq!(answer.status, 101, "{name}: {answer:?}");
        socket.echo("hello").await;

        let (answer, mut socket) = world.present(upgrade()).await;
        assert_eq!(answer.status, 101, "what is refused is told behind a handshake: {answer:?}");
        let told: Value = serde_json::from_slice(&socket.frame().await.payload).expect("JSON");
        assert_eq!(told, json!({ "type": "error", "error_code": "AUTH_FAILED" }));
        assert_eq!(socket.close().await, (1008, "admitone:ticket_not_accepted".to_owned()));
    }
}
