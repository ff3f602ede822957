//! The names of requests, and what is told of refused ones.

use serde_json::Value;

use crate::client::{Answer, Request};
use crate::tokens::token;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

const NAME: &str = "x-request-id";

fn name(answer: &Answer) -> String {
    answer.header(NAME).unwrap_or_else(|| panic!("a name: {answer:?}")).to_owned()
}

#[tokio::test]
async fn every_answer_names_its_request_and_the_upstream_hears_the_same_name() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    let upgrade = Request::upgrade(ROUTE).origin(ORIGIN).ticket(&ticket).with(NAME, "of-the-client");
    let (answer, _socket) = world.present(upgrade).await;
    assert_eq!(answer.status, 101);
    let heard = upstream.only_request().await;
    let line = heard.lines().find(|line| line.to_ascii_lowercase().starts_with("x-request-id: ")).expect("its name");
    assert_eq!(line.split_once(": ").expect("a value").1, name(&answer));
    let mut names = vec![name(&answer)];
    for request in [
        Request::new("GET /healthz"),
        Request::new("GET /nowhere"),
        Request::new("").starting("GET /healthz HTTP/1.0"),
        Request::upgrade("/nowhere"),
        Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("ada")),
        Request::post("/auth/ticket").with(NAME, "of-the-client"),
        Request::new("nonsense"),
    ] {
        names.push(name(&world.ask(request).await));
    }
    let whole = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), whole, "each its own: {names:?}");
    assert!(!names.iter().any(|name| name == "of-the-client"), "nobody else's");
}

#[tokio::test]
async fn a_trusted_proxys_name_is_taken_over_where_it_is_plain() {
    let lines = Lines { server: "trusted_proxies = [\"127.0.0.1\"]", ..Lines::default() };
    let world = World::with(lines, "ws://127.0.0.1:9/").await;
    let named = async |given: &str| name(&world.ask(Request::new("GET /healthz").with(NAME, given)).await);
    assert_eq!(named("Root=1-67891233-abcdef01").await, "Root=1-67891233-abcdef01");
    for given in ["two words", "<script>", &"a".repeat(129)] {
        assert_ne!(named(given).await, given);
    }
}

#[tokio::test]
async fn a_problem_has_the_name_of_its_request() {
    let world = World::before("ws://127.0.0.1:9/").await;
    let ticket = world.ticket().await;
    for request in [
        Request::post("/auth/ticket"),
        Request::post("/auth/ticket").bearer("x"),
        Request::new("GET /auth/ticket"),
        Request::new("GET /nowhere"),
        Request::new(&format!("GET {ROUTE}")),
        Request::upgrade(ROUTE).origin(ORIGIN),
        Request::upgrade(ROUTE).origin(ORIGIN).ticket(&ticket),
    ] {
        let answer = world.ask(request.clone()).await;
        answer.problem();
        assert_eq!(answer.json()["request_id"], Value::from(name(&answer)), "{}", request.text());
        assert_eq!(answer.header("content-length"), Some(&*answer.body.len().to_string()));
    }
}
