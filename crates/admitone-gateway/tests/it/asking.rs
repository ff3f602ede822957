//! Asking about tickets, taking them back, and ending sessions.

use serde_json::{Value, json};

use crate::client::{Answer, Connection, Request, within_a_second};
use crate::tokens::{claims_with, legacy_token, sign, token};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

async fn post(world: &World, path: &str, token: &str, ticket: &str) -> Answer {
    let body = json!({ "ticket": ticket }).to_string();
    world.ask(Request::post(path).origin(ORIGIN).bearer(token).json(&body)).await
}

async fn introspect(world: &World, token: &str, ticket: &str) -> Value {
    let answer = post(world, "/auth/ticket/introspect", token, ticket).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{answer:?}");
    answer.json()
}

async fn revoke(world: &World, token: &str, ticket: &str) -> Answer {
    post(world, "/auth/ticket/revoke", token, ticket).await
}

async fn end(world: &World, token: &str, id: &str) -> u16 {
    let request = Request::new(&format!("DELETE /auth/session/{id}")).origin(ORIGIN).bearer(token);
    world.ask(request).await.status
}

async fn closes_as_revoked(socket: &mut Connection) {
    assert_eq!(within_a_second("a Close", socket.close()).await, (4900, "admitone:revoked".to_owned()));
}

fn text<'a>(minted: &'a Value, field: &str) -> &'a str {
    minted[field].as_str().expect("a string")
}

#[tokio::test]
async fn an_owner_is_told_everything_and_the_ticket_still_opens() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ada = token("ada");
    let body = json!({ "permissions": ["chat:read"], "metadata": { "tenant": "acme" } }).to_string();
    let minted = world.minted(&ada, &body).await;
    let ticket = text(&minted, "ticket");
    for _ in 0..2 {
        assert_eq!(
            introspect(&world, &ada, ticket).await,
            json!({
                "active": true, "subject": "ada", "issuer": "https://id.example.com", "permissions": ["chat:read"],
                "route": ROUTE, "expires_at": minted["expires_at"], "uses_left": 1,
                "session_id": minted["session_id"], "metadata": { "tenant": "acme" },
            })
        );
    }
    world.opens(ticket).await;
    assert_eq!(introspect(&world, &ada, ticket).await, json!({ "active": false }), "spent");
}

#[tokio::test]
async fn strangers_and_unknown_tickets_get_the_same_answer() {
    let upstream = Upstream::echo().await;
    let lines = Lines { tickets: "service_permission = \"tickets:ask\"", ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let ticket = world.ticket().await;
    let inactive = json!({ "active": false });
    for stranger in [token("grace"), legacy_token("ada")] {
        assert_eq!(introspect(&world, &stranger, &ticket).await, inactive);
    }
    let ada = token("ada");
    let forged = format!("{}AAAA", &ticket[..ticket.len() - 4]);
    for unknown in [forged.as_str(), "adm1_", "", "not a ticket", &ada] {
        assert_eq!(introspect(&world, &ada, unknown).await, inactive, "{unknown}");
    }
    let service = sign(&claims_with("billing", json!({ "scope": "tickets:ask" })));
    assert_eq!(introspect(&world, &service, &ticket).await["subject"], "ada");
    assert_eq!(introspect(&world, &service, &forged).await, inactive);
    world.opens(&ticket).await;
}

#[tokio::test]
async fn without_the_configured_permission_nobody_asks_about_others() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let service = sign(&claims_with("billing", json!({ "scope": "tickets:ask service" })));
    assert_eq!(introspect(&world, &service, &world.ticket().await).await, json!({ "active": false }));
}

#[tokio::test]
async fn asking_needs_a_login_and_a_sound_body() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for path in ["/auth/ticket/introspect", "/auth/ticket/revoke"] {
        let answer = world.ask(Request::post(path).json(r#"{"ticket":"adm1_"}"#)).await;
        assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"), "{path}");
        for body in ["{}", r#"{"ticket":1}"#, r#"{"ticket":null}"#, r#"{"ticket":"adm1_","token":"x"}"#] {
            let answer = world.ask(Request::post(path).bearer(&token("ada")).json(body)).await;
            assert_eq!((answer.status, &*answer.problem()), (422, "invalid_body"), "{path} {body}");
        }
        let answer = world.ask(Request::new(&format!("GET {path}"))).await;
        assert_eq!(answer.status, 405, "{path}");
    }
    let id = text(&world.minted(&token("ada"), "{}").await, "session_id").to_owned();
    assert_eq!(world.ask(Request::new(&format!("DELETE /auth/session/{id}"))).await.status, 401);
}

#[tokio::test]
async fn a_ticket_is_revoked_once_and_opens_nothing() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ada = token("ada");
    let minted = world.minted(&ada, "{}").await;
    let ticket = text(&minted, "ticket");
    let answer = revoke(&world, &ada, ticket).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({ "revoked": true, "session_id": minted["session_id"] }));
    let again = revoke(&world, &ada, ticket).await;
    assert_eq!((again.status, &*again.problem()), (404, "not_found"));
    assert_eq!(introspect(&world, &ada, ticket).await, json!({ "active": false }));
    world.does_not_open(ticket).await;
    assert!(upstream.received_by_now().await.is_empty(), "no dial for it either");
}

#[tokio::test]
async fn a_strangers_revocation_leaves_the_ticket_as_it_is() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    for stranger in [token("grace"), legacy_token("ada")] {
        let answer = revoke(&world, &stranger, &ticket).await;
        assert_eq!((answer.status, &*answer.problem()), (404, "not_found"));
    }
    world.opens(&ticket).await;
    assert_eq!(revoke(&world, &token("ada"), &ticket).await.status, 404, "spent");
}

#[tokio::test]
async fn s5_an_owner_ends_a_live_session_and_no_other() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ada = token("ada");
    let (one, two) = (world.minted(&ada, "{}").await, world.minted(&ada, "{}").await);
    let mut first = world.open(text(&one, "ticket")).await;
    let mut second = world.open(text(&two, "ticket")).await;
    first.echo("alive").await;
    let id = text(&one, "session_id");
    for stranger in [token("grace"), legacy_token("ada")] {
        assert_eq!(end(&world, &stranger, id).await, 404);
    }
    first.echo("still alive").await;
    // With another login of the same person.
    assert_eq!(end(&world, &token("ada"), id).await, 204);
    closes_as_revoked(&mut first).await;
    second.echo("another session").await;
    assert_eq!(end(&world, &ada, id).await, 204, "to repeat it is safe");
    assert!(world.ask_for_ticket(&ada, "{}").await.status == 201, "the login goes on");
}

#[tokio::test]
async fn s5_ending_a_session_kills_its_unredeemed_ticket() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let ada = token("ada");
    let minted = world.minted(&ada, "{}").await;
    assert_eq!(end(&world, &ada, text(&minted, "session_id")).await, 204);
    world.does_not_open(text(&minted, "ticket")).await;
}

#[tokio::test]
async fn a_session_that_could_not_be_is_not_found() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for id in ["x", "ses_", "ses_AAAAAAAAAAAAAAAAAAAAAAA", "ses_AAAAAAAAAAAAAAAAAAAAAAA.1", "%00", "..%2f..%2f"] {
        assert_eq!(end(&world, &token("ada"), id).await, 404, "{id}");
    }
}

#[tokio::test]
async fn pages_of_listed_origins_may_end_sessions() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let preflight = |origin| {
        let request = Request::new("OPTIONS /auth/session/ses_x").origin(origin);
        request.with("Access-Control-Request-Method", "DELETE").with("Access-Control-Request-Headers", "authorization")
    };
    let answer = world.ask(preflight(ORIGIN)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(ORIGIN)));
    assert!(answer.header("access-control-allow-methods").is_some_and(|methods| methods.contains("DELETE")));
    assert_eq!(world.ask(preflight("https://evil.example")).await.header("access-control-allow-origin"), None);
}
