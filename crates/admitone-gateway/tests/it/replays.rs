//! A ticket that is presented again, and the connection that it has opened.

use serde_json::Value;

use crate::client::{Connection, Request};
use crate::process::Process;
use crate::tokens::token;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World, closes_as_revoked};

fn upgrade(ticket: &str) -> Request {
    Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket(ticket)
}

#[tokio::test]
async fn s6_a_replay_closes_the_first_socket_where_the_route_says_so() {
    for refuse_with in ["http", "close", "auto"] {
        let upstream = Upstream::echo().await;
        let route = format!("on_replay = \"close\"\nrefuse_with = \"{refuse_with}\"");
        let world = World::routing(&route, &upstream.url()).await;
        let (ticket, another) = (world.ticket().await, world.ticket().await);
        let (mut first, mut other) = (world.open(&ticket).await, world.open(&another).await);
        first.echo("alive").await;
        let (answer, _connection) = world.present(upgrade(&ticket)).await;
        assert_eq!(answer.status == 401, refuse_with == "http", "{answer:?}");
        closes_as_revoked(&mut first).await;
        other.echo("not replayed").await;
    }
}

/// The replay is acted upon although whoever presented the ticket does not wait for the answer.
#[tokio::test]
async fn s6_a_replay_counts_although_its_client_goes_away() {
    let upstream = Upstream::echo().await;
    let world = World::routing("on_replay = \"close\"", &upstream.url()).await;
    let ticket = world.ticket().await;
    let mut first = world.open(&ticket).await;
    first.echo("alive").await;
    let mut connection = world.connect().await;
    connection.send(upgrade(&ticket).text()).await;
    drop(connection);
    assert_eq!(first.close().await.0, 4900);
}

#[tokio::test]
async fn a_forgery_closes_nothing() {
    let upstream = Upstream::echo().await;
    let world = World::routing("on_replay = \"close\"", &upstream.url()).await;
    let ticket = world.ticket().await;
    let mut first = world.open(&ticket).await;
    first.echo("alive").await;
    let last = if ticket.ends_with('A') { "Q" } else { "A" };
    world.does_not_open(&format!("{}{last}", &ticket[..ticket.len() - 1])).await;
    // Right, but from another page than it was minted for.
    let elsewhere = world.ask(Request::upgrade(ROUTE).ticket(&ticket)).await;
    assert_eq!(elsewhere.status, 401);
    first.echo("still alive").await;
}

#[tokio::test]
async fn s6_a_replay_is_audited_with_its_session_and_without_its_ticket() {
    let upstream = Upstream::echo().await;
    let lines = Lines { server: "drain_seconds = 0\n[log]\nformat = \"text\"", ..Lines::default() };
    let process = Process::serve(&lines.configuration(&upstream.url())).await;
    let ask = async |request: Request| {
        let mut connection = Connection::open(process.address).await;
        connection.send(request.text()).await;
        connection.answer().await
    };
    let minted = ask(Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("ada"))).await.json();
    let (ticket, id) = (minted["ticket"].as_str().expect("a ticket"), minted["session_id"].as_str().expect("an id"));
    for status in [101, 401] {
        assert_eq!(ask(Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket)).await.status, status);
    }
    process.terminate();
    let log = process.finished().await.stderr;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("ticket_replayed")).collect();
    let [line] = &*lines else { panic!("one audit line: {log}") };
    assert!(line.contains(id) && line.contains("route=\"/chat\""), "{line}");
    assert!(!log.contains("adm1_") && !log.contains(&ticket[20..]), "{log}");
}

#[tokio::test]
async fn a_ticket_of_another_gateways_keys_is_refused_with_the_likely_cause_in_the_log() {
    let upstream = Upstream::echo().await;
    let minting = World::before(&upstream.url()).await;
    let ticket = minting.ticket().await;
    let lines = Lines { server: "drain_seconds = 0\n[log]\nformat = \"text\"", ..Lines::default() };
    let configuration = lines.configuration(&upstream.url()).replace("id = 7", "id = 8");
    let process = Process::serve(&configuration).await;
    let mut connection = Connection::open(process.address).await;
    connection.send(Request::upgrade(ROUTE).origin(ORIGIN).ticket(&ticket).text()).await;
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (401, Value::from("ticket_not_accepted")));
    process.terminate();
    let log = process.finished().await.stderr;
    assert!(log.contains("key id 7 is unknown here") && log.contains("another node without shared keys"), "{log}");
}
