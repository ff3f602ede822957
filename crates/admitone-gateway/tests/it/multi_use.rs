//! Tickets for several connections, on a route that allows them.

use serde_json::json;

use crate::client::Request;
use crate::tokens::token;
use crate::upstream::Upstream;
use crate::world::{World, closes_as_revoked};

const MULTI: &str = r#"{"single_use": false}"#;

#[tokio::test]
async fn a_multi_use_ticket_opens_as_many_as_the_route_says() {
    let upstream = Upstream::echo().await;
    let world = World::routing("max_uses = 3", &upstream.url()).await;
    let minted = world.minted(&token("ada"), MULTI).await;
    assert_eq!(minted["single_use"], false);
    let (ticket, id) = (minted["ticket"].as_str().expect("a ticket"), minted["session_id"].as_str().expect("an id"));
    for number in 1..=3 {
        world.open(ticket).await.echo("one of them").await;
        let requests = upstream.received_by_now().await;
        let line = format!("\r\nx-admitone-session-id: {id}.{number}\r\n");
        assert!(requests.last().is_some_and(|request| request.contains(&line)), "{requests:?}");
    }
    world.does_not_open(ticket).await;
    assert_eq!(upstream.received_by_now().await.len(), 3, "it is known as exhausted: no dial");
}

#[tokio::test]
async fn a_ticket_is_for_a_single_use_unless_another_kind_is_asked_for() {
    let upstream = Upstream::echo().await;
    let world = World::routing("max_uses = 3", &upstream.url()).await;
    let minted = world.minted(&token("ada"), "{}").await;
    assert_eq!(minted["single_use"], true);
    world.opens(minted["ticket"].as_str().expect("a ticket")).await;
    world.does_not_open(minted["ticket"].as_str().expect("a ticket")).await;
}

#[tokio::test]
async fn a_route_that_does_not_allow_it_mints_no_multi_use_ticket() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let answer = world.ask_for_ticket(&token("ada"), MULTI).await;
    assert_eq!((answer.status, &*answer.problem()), (422, "invalid_body"));
    assert_eq!(answer.json()["errors"][0]["field"], "single_use");
    for body in [r#"{"single_use": null}"#, r#"{"single_use": 0}"#, r#"{"single_use": "false"}"#] {
        assert_eq!(world.ask_for_ticket(&token("ada"), body).await.status, 422, "{body}");
    }
}

#[tokio::test]
async fn s5_revoking_a_multi_use_ticket_closes_what_it_has_opened() {
    let upstream = Upstream::echo().await;
    let world = World::routing("max_uses = 3", &upstream.url()).await;
    let ada = token("ada");
    let minted = world.minted(&ada, MULTI).await;
    let ticket = minted["ticket"].as_str().expect("a ticket");
    let (mut one, mut two) = (world.open(ticket).await, world.open(ticket).await);
    one.echo("alive").await;
    let body = json!({ "ticket": ticket }).to_string();
    let answer = world.ask(Request::post("/auth/ticket/revoke").bearer(&ada).json(&body)).await;
    assert_eq!(answer.status, 200);
    for socket in [&mut one, &mut two] {
        closes_as_revoked(socket).await;
    }
    world.does_not_open(ticket).await;
}

#[tokio::test]
async fn one_connection_of_a_multi_use_ticket_can_be_ended_alone() {
    let upstream = Upstream::echo().await;
    let world = World::routing("max_uses = 3", &upstream.url()).await;
    let ada = token("ada");
    let minted = world.minted(&ada, MULTI).await;
    let (ticket, id) = (minted["ticket"].as_str().expect("a ticket"), minted["session_id"].as_str().expect("an id"));
    let (mut one, mut two) = (world.open(ticket).await, world.open(ticket).await);
    one.echo("alive").await;
    let request = Request::new(&format!("DELETE /auth/session/{id}.1")).bearer(&ada);
    assert_eq!(world.ask(request).await.status, 204);
    assert_eq!(one.close().await.0, 4900);
    two.echo("the other").await;
    world.opens(ticket).await;
}
