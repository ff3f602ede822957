use std::num::NonZeroU32;

use admitone::origin::WebOrigin;
use admitone::route::Route;
use serde_json::{Value, json};

use super::client::{Answer, Request};
use super::site::{ISSUER, ORIGIN, Site, chat, origin, token};

fn mint(subject: &str, body: &str) -> Request {
    Request::post("/auth/ticket").origin(ORIGIN).bearer(&token(subject)).json(body)
}

fn about(what: &str, ticket: &str, subject: &str) -> Request {
    Request::post(&format!("/auth/ticket/{what}"))
        .bearer(&token(subject))
        .json(&json!({ "ticket": ticket }).to_string())
}

/// The fields that are wrong, sorted.
fn faulty(answer: &Answer) -> Vec<String> {
    assert_eq!((answer.status, &*answer.problem()), (422, "invalid_body"));
    let errors = answer.json()["errors"].as_array().expect("a list").clone();
    let mut fields: Vec<String> = errors.iter().map(|error| error["field"].as_str().expect("a name").into()).collect();
    fields.sort();
    fields
}

#[tokio::test]
async fn a_mint_answers_as_the_protocol_says() {
    let site = Site::new();
    let body = json!({ "ttl_seconds": 20, "permissions": ["chat"], "metadata": { "room": 1 }, "route": "/chat" });
    let answer = site.ask(&mint("ada", &body.to_string())).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, Some("no-store")));
    let minted = answer.json();
    let ticket = minted["ticket"].as_str().expect("a ticket");
    assert!(ticket.starts_with("adm1_") && ticket.len() == 77);
    assert_eq!(minted["ttl_seconds"], 20);
    assert_eq!(minted["single_use"], true);
    assert_eq!(minted["websocket_url"], "wss://chat.example.com/chat");
    assert_eq!(minted["protocols"], json!(["admitone.v1", "admitone.refused", format!("admitone.ticket.{ticket}")]));
    for field in ["session_id", "created_at", "expires_at", "expires_in", "login_expires_at"] {
        assert!(!minted[field].is_null(), "{field}");
    }
    let told = site.ask(&about("introspect", ticket, "ada")).await.json();
    assert_eq!(told["permissions"], json!(["chat"]));
    assert_eq!(told["metadata"], json!({ "room": 1 }));
    assert_eq!((&told["subject"], &told["issuer"]), (&json!("ada"), &json!(ISSUER)));
    assert_eq!(told["session_id"], minted["session_id"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_all_at_once() {
    let site = Site::new();
    let body =
        json!({ "ttl_seconds": 4, "single_use": null, "permissions": "chat", "metadata": [], "other": 1, "route": 1 });
    let all = ["metadata", "other", "permissions", "route", "single_use", "ttl_seconds"];
    assert_eq!(faulty(&site.ask(&mint("ada", &body.to_string())).await), all);
    assert_eq!(faulty(&site.ask(&mint("ada", r#"{"single_use":false}"#)).await), ["single_use"]);
    assert_eq!(faulty(&site.ask(&mint("ada", r#"{"route":"wss://elsewhere.example/chat"}"#)).await), ["route"]);
    let large = json!({ "metadata": { "text": "x".repeat(2048) } }).to_string();
    assert_eq!(faulty(&site.ask(&mint("ada", &large)).await), ["metadata"]);
    for (request, status, code) in [
        (mint("ada", r#"{"route":"/elsewhere"}"#), 404, "not_found"),
        (mint("ada", r#"{"permissions":["root"]}"#), 403, "forbidden"),
        (mint("ada", "[]"), 400, "invalid_request"),
        (mint("ada", "{"), 400, "invalid_request"),
        (mint("ada", &" ".repeat(17 * 1024)), 413, "body_too_large"),
        (Request::post("/auth/ticket").bearer(&token("ada")).with("Content-Length", "0"), 201, ""),
        (Request::post("/auth/ticket?token=x").bearer(&token("ada")), 400, "invalid_request"),
        (Request::post("/auth/ticket"), 401, "not_logged_in"),
        (Request::post("/auth/ticket").bearer("nobody"), 401, "not_logged_in"),
        (Request::post("/auth/ticket").bearer(&token("a")).bearer(&token("b")), 400, "invalid_request"),
        (Request::post("/auth/ticket").bearer("away"), 503, "issuer_unavailable"),
        (Request::new("GET /auth/ticket").bearer(&token("ada")), 405, "method_not_allowed"),
        (Request::post("/auth/elsewhere").bearer(&token("ada")), 404, "not_found"),
        (Request::post("/auth/ticket").bearer(&token("ada")).origin("https://evil.example"), 403, "origin_not_allowed"),
    ] {
        let answer = site.ask(&request).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(status == 201 || answer.problem() == code, "{answer:?}");
    }
}

#[tokio::test]
async fn s16_a_refused_token_is_told_apart_from_none() {
    let site = Site::new();
    let challenge = async |request: Request| site.ask(&request).await.header("www-authenticate").map(str::to_owned);
    assert_eq!(challenge(Request::post("/auth/ticket")).await.as_deref(), Some("Bearer"));
    let invalid = challenge(Request::post("/auth/ticket").bearer("nobody")).await;
    assert_eq!(invalid.as_deref(), Some("Bearer error=\"invalid_token\""));
}

#[tokio::test]
async fn a_ticket_is_known_to_its_owner_and_to_a_service_and_is_consumed_by_neither() {
    let site = Site::with(chat(), |builder| builder.service_permission("admin"));
    let ticket = site.ticket("ada").await;
    assert_eq!(site.ask(&about("introspect", &ticket, "grace")).await.json()["subject"], "ada", "grace is a service");
    let site = Site::new();
    let ticket = site.ticket("ada").await;
    let stranger = site.ask(&about("introspect", &ticket, "grace")).await;
    assert_eq!(stranger.json(), json!({ "active": false }));
    assert_eq!(site.ask(&about("introspect", "nonsense", "ada")).await.json(), json!({ "active": false }));
    assert_eq!(site.ask(&about("introspect", &ticket, "ada")).await.json()["uses_left"], 1);
    site.opens(&ticket).await;
    assert_eq!(site.ask(&about("introspect", &ticket, "ada")).await.json(), json!({ "active": false }));
}

#[tokio::test]
async fn a_ticket_is_revoked_by_its_owner_alone_and_once() {
    let site = Site::new();
    let ticket = site.ticket("ada").await;
    assert_eq!(site.ask(&about("revoke", &ticket, "grace")).await.problem(), "not_found");
    let revoked = site.ask(&about("revoke", &ticket, "ada")).await;
    assert_eq!((revoked.status, &revoked.json()["revoked"]), (200, &Value::Bool(true)));
    assert_eq!(site.ask(&about("revoke", &ticket, "ada")).await.problem(), "not_found");
    let upgrade = Request::upgrade("/chat").origin(ORIGIN).with("Authorization", &format!("Ticket {ticket}"));
    assert_eq!(site.ask(&upgrade).await.problem(), "ticket_not_accepted");
    assert_eq!(
        faulty(&site.ask(&Request::post("/auth/ticket/revoke").bearer(&token("ada")).json("{}")).await),
        ["ticket"]
    );
}

#[tokio::test]
async fn a_session_is_renewed_and_ended_by_its_owner_alone() {
    let site = Site::new();
    let minted = site.ask(&mint("ada", "{}")).await.json();
    let (ticket, id) = (minted["ticket"].as_str().expect("a ticket"), minted["session_id"].as_str().expect("a handle"));
    let mut socket = site.open(ticket).await;
    let renew = |subject: &str| Request::post(&format!("/auth/session/{id}/renew")).bearer(&token(subject));
    let renewed = site.ask(&renew("ada")).await;
    assert_eq!((renewed.status, &renewed.json()["session_id"]), (200, &json!(id)));
    assert!(renewed.json()["expires_in"].as_u64().is_some_and(|seconds| (880..=900).contains(&seconds)));
    assert_eq!(site.ask(&renew("grace")).await.problem(), "not_found");
    assert_eq!(faulty(&site.ask(&renew("ada").json(r#"{"until":1}"#)).await), ["until"]);
    let end = |subject: &str| Request::new(&format!("DELETE /auth/session/{id}")).bearer(&token(subject));
    assert_eq!(site.ask(&end("grace")).await.problem(), "not_found");
    socket.echo("still here").await;
    assert_eq!(site.ask(&end("ada")).await.status, 204);
    assert_eq!(socket.close().await, (4900, "admitone:revoked".to_owned()));
    let nonsense = Request::new("DELETE /auth/session/nonsense").bearer(&token("ada"));
    assert_eq!(site.ask(&nonsense).await.problem(), "not_found");
}

#[tokio::test]
async fn a_logout_everywhere_ends_every_login_of_the_subject() {
    let site = Site::new();
    let mut socket = site.open(&site.ticket("ada").await).await;
    let everywhere = Request::post("/auth/logout").bearer(&token("ada")).json(r#"{"everywhere":true}"#);
    assert_eq!(site.ask(&everywhere).await.status, 204);
    assert_eq!(socket.close().await.0, 4900);
    assert_eq!(site.ask(&mint("ada", "{}")).await.problem(), "not_logged_in");
    let wrong = Request::post("/auth/logout").bearer(&token("grace")).json(r#"{"everywhere":1,"now":true}"#);
    assert_eq!(faulty(&site.ask(&wrong).await), ["everywhere", "now"]);
}

#[tokio::test]
async fn a_multi_use_ticket_opens_as_many_sockets_as_its_route_says() {
    let uses = NonZeroU32::new(2).expect("two");
    let site = Site::with(Route { max_uses: uses, ..chat() }, |builder| builder);
    let ticket = site.ask(&mint("ada", r#"{"single_use":false}"#)).await.json()["ticket"].as_str().map(str::to_owned);
    let ticket = ticket.expect("a ticket");
    let (mut first, mut second) = (site.open(&ticket).await, site.open(&ticket).await);
    first.echo("one").await;
    second.echo("two").await;
    let third = Request::upgrade("/chat").origin(ORIGIN).with("Authorization", &format!("Ticket {ticket}"));
    assert_eq!(site.ask(&third).await.problem(), "ticket_not_accepted");
}

#[tokio::test]
async fn s3_pages_of_listed_origins_may_read_the_answers_and_no_others() {
    let site = Site::new();
    let preflight = |origin: &str| {
        let ask = Request::new("OPTIONS /auth/ticket").origin(origin);
        ask.with("Access-Control-Request-Method", "POST").with("Access-Control-Request-Headers", "authorization")
    };
    let listed = site.ask(&preflight(ORIGIN)).await;
    assert_eq!(listed.header("access-control-allow-origin"), Some(ORIGIN));
    assert_eq!(listed.header("access-control-allow-headers"), Some("authorization, content-type"));
    assert_eq!(listed.header("access-control-allow-credentials"), None);
    let evil = site.ask(&preflight("https://evil.example")).await;
    assert_eq!((evil.header("access-control-allow-origin"), evil.header("vary")), (None, Some("origin")));
    let refused = site.ask(&Request::post("/auth/ticket").origin(ORIGIN).bearer("nobody")).await;
    assert_eq!(refused.header("access-control-allow-origin"), Some(ORIGIN), "a page reads its refusal too");
    assert_eq!(refused.header("access-control-expose-headers"), Some("retry-after, admitone-ticket"));
    assert_eq!(site.ask(&Request::new("OPTIONS /auth/ticket")).await.status, 405);
}

#[tokio::test]
async fn the_first_route_is_meant_where_a_request_names_none() {
    let other = Route::new("/other", [WebOrigin::parse(ORIGIN).expect("an origin")]);
    let site = Site::with(chat(), |builder| builder.route(other.clone()));
    assert_eq!(site.ask(&mint("ada", "{}")).await.json()["websocket_url"], "wss://chat.example.com/chat");
    let named = site.ask(&mint("ada", r#"{"route":"wss://chat.example.com/other"}"#)).await.json();
    assert_eq!(named["websocket_url"], "wss://chat.example.com/other");
    let upgrade = Request::upgrade("/chat").origin(ORIGIN);
    let misbound = upgrade.with("Authorization", &format!("Ticket {}", named["ticket"].as_str().expect("a ticket")));
    assert_eq!(site.ask(&misbound).await.problem(), "ticket_not_accepted", "it is bound to its route");
    assert_eq!(origin(ORIGIN).as_str(), ORIGIN);
}
