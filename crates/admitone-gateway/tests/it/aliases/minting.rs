//! What a mint by alias may ask for, and is answered.

use serde_json::{Value, json};

use super::{GENERATE, ON, PREFIXES, ROUTE_LINES, members, minted, post, text, world};
use crate::client::Request;
use crate::tokens::{claims_with, sign, token, unix_now};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, World};

const FIELDS: [&str; 6] = ["created_at", "expires_at", "single_use", "ticket_id", "ttl_seconds", "websocket_url"];
const ALL_FIELDS: [&str; 10] = [
    "created_at",
    "email",
    "expires_at",
    "metadata",
    "permissions",
    "single_use",
    "ticket_id",
    "ttl_seconds",
    "user_id",
    "websocket_url",
];

#[tokio::test]
async fn a_mint_is_answered_as_their_clients_know_it() {
    let upstream = Upstream::echo().await;
    let world = world(&upstream.url()).await;
    for prefix in PREFIXES {
        let answer = post(&world, &format!("{prefix}/websocket/ticket"), &token("ada"), "{}").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer = answer.json();
        assert_eq!(members(&answer), FIELDS);
        assert_eq!((&answer["ttl_seconds"], &answer["single_use"]), (&json!(300), &json!(true)));
        let (created, expires) = (&answer["created_at"], &answer["expires_at"]);
        assert!(created.is_f64() && expires.is_f64(), "Unix seconds with a fraction: {answer}");
        assert_eq!(expires.as_f64().expect("seconds") - created.as_f64().expect("seconds"), 300.0);
        let url = format!("ws://{}/chat?ticket={}", world.address, text(&answer, "ticket_id"));
        assert_eq!(answer["websocket_url"], url);
    }
}

#[tokio::test]
async fn a_generated_ticket_tells_all_that_it_stands_for() {
    let upstream = Upstream::echo().await;
    let world = world(&upstream.url()).await;
    for path in GENERATE {
        let body = json!({ "ttl_seconds": 60, "metadata": { "tab": 1 } }).to_string();
        let answer = post(&world, path, &token("ada"), &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer = answer.json();
        assert_eq!(members(&answer), ALL_FIELDS);
        assert_eq!((&answer["user_id"], &answer["email"]), (&json!("ada"), &json!("ada@example.com")));
        assert_eq!(answer["permissions"], json!(["chat:read", "chat:write"]), "the login's, when none are asked for");
        assert_eq!((&answer["metadata"], &answer["ttl_seconds"]), (&json!({ "tab": 1 }), &json!(60)));
    }
}

#[tokio::test]
async fn a_life_is_30_to_3600_seconds_and_only_a_generated_tickets_is_capped() {
    let upstream = Upstream::echo().await;
    let world = world(&upstream.url()).await;
    let ada = sign(&claims_with("ada", json!({ "exp": unix_now() + 7200 })));
    let ask = async |path: &str, ttl: &str| post(&world, path, &ada, &format!("{{\"ttl_seconds\": {ttl}}}")).await;
    for path in ["/websocket/ticket", GENERATE[0]] {
        for (ttl, seconds) in [("30", 30), ("3600", 3600), ("60.0", 60)] {
            assert_eq!(ask(path, ttl).await.json()["ttl_seconds"], seconds, "{path}");
        }
        for ttl in ["29", "0", "-1", "30.5", "\"30\"", "true", "[]", "{}"] {
            let answer = ask(path, ttl).await;
            assert_eq!((answer.status, &*answer.problem()), (422, "invalid_body"), "{path} {ttl}");
            assert_eq!(answer.json()["errors"][0]["field"], "ttl_seconds");
        }
    }
    for ttl in ["3601", "18446744073709551616", "1e300"] {
        assert_eq!(ask("/websocket/ticket", ttl).await.status, 422, "{ttl}");
        assert_eq!(ask(GENERATE[0], ttl).await.json()["ttl_seconds"], 3600, "{ttl}");
    }
}

#[tokio::test]
async fn other_fields_are_passed_over_and_ill_typed_ones_are_not() {
    let upstream = Upstream::echo().await;
    let world = world(&upstream.url()).await;
    let ask = async |body: &str| post(&world, "/websocket/ticket", &token("ada"), body).await;
    let sound = json!({ "route": "/nowhere", "client": "web", "permissions": null, "metadata": null });
    assert_eq!(ask(&sound.to_string()).await.status, 200);
    for (field, value) in [
        ("single_use", "\"true\""),
        ("single_use", "1"),
        ("permissions", "\"chat:read\""),
        ("permissions", "[1]"),
        ("metadata", "[]"),
        ("metadata", "\"x\""),
    ] {
        let answer = ask(&format!("{{\"{field}\": {value}}}")).await;
        assert_eq!(answer.status, 422, "{field} {value}");
        assert_eq!(answer.json()["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn a_body_is_needed_and_a_login() {
    let upstream = Upstream::echo().await;
    let world = world(&upstream.url()).await;
    for path in ["/websocket/ticket", GENERATE[1]] {
        let answer = world.ask(Request::post(path).origin(ORIGIN).bearer(&token("ada"))).await;
        assert_eq!((answer.status, &*answer.problem()), (422, "invalid_body"), "{path}");
        for request in [Request::post(path).json("{}"), Request::post(path).bearer("x").json("{}")] {
            let answer = world.ask(request).await;
            assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"), "{path}");
        }
        assert_eq!(world.ask(Request::new(&format!("GET {path}"))).await.status, 405, "{path}");
    }
}

#[tokio::test]
async fn a_page_may_ask_across_origins() {
    let world = world("ws://127.0.0.1:9/").await;
    let preflight = |path: &str| {
        let request = Request::new(&format!("OPTIONS {path}")).origin(ORIGIN);
        request
            .with("Access-Control-Request-Method", "POST")
            .with("Access-Control-Request-Headers", "authorization,content-type")
    };
    for path in ["/websocket/ticket", "/api/websocket/ticket", GENERATE[0], GENERATE[1]] {
        let answer = world.ask(preflight(path)).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(ORIGIN)), "{path}");
    }
}

#[tokio::test]
async fn several_uses_are_had_where_the_route_allows_them() {
    let upstream = Upstream::echo().await;
    let body = json!({ "single_use": false });
    let single = world(&upstream.url()).await;
    let answer = post(&single, "/websocket/ticket", &token("ada"), &body.to_string()).await;
    assert_eq!((answer.status, answer.json()["errors"][0]["field"].clone()), (422, json!("single_use")));

    let several = super::with_route("max_uses = 2", &upstream.url()).await;
    let answer = minted(&several, &token("ada"), &body).await;
    assert_eq!(answer["single_use"], false);
    let url = text(&answer, "websocket_url");
    let upgrade = || Request::upgrade(super::target(&url)).origin(ORIGIN);
    for _ in 0..2 {
        let (answer, mut socket) = several.present(upgrade()).await;
        assert_eq!(answer.status, 101);
        socket.echo("one of them").await;
    }
    let (_, mut socket) = several.present(upgrade()).await;
    assert_eq!(socket.frame().await.opcode, 0x81, "AUTH_FAILED");
}

#[tokio::test]
async fn the_url_is_the_configured_one_and_its_scheme_follows_the_deployment() {
    let server = "public_url = \"https://gateway.example.com\"";
    let lines = Lines { top: ON, server, route: ROUTE_LINES, ..Lines::default() };
    let world = World::with(lines, "ws://127.0.0.1:9/").await;
    let url: Value = minted(&world, &token("ada"), &json!({})).await["websocket_url"].clone();
    assert!(url.as_str().is_some_and(|url| url.starts_with("wss://gateway.example.com/chat?ticket=adm1_")), "{url}");
}

#[tokio::test]
async fn a_ticket_is_for_the_default_route_and_as_long_as_configured() {
    let upstream = Upstream::echo().await;
    let top = "default_route = \"/chat\"\naliases = { enabled = true, ttl_seconds = 45 }";
    let end = format!("[[routes]]\npath = \"/other\"\nupstream = \"ws://127.0.0.1:9/\"\norigins = [\"{ORIGIN}\"]");
    let world = World::with(Lines { top, route: ROUTE_LINES, end: &end, ..Lines::default() }, &upstream.url()).await;
    let answer = minted(&world, &token("ada"), &json!({})).await;
    assert_eq!(answer["ttl_seconds"], 45);
    assert!(text(&answer, "websocket_url").contains("/chat?ticket="));
}

#[tokio::test]
async fn while_they_are_off_their_paths_are_nowhere() {
    let world = World::before("ws://127.0.0.1:9/").await;
    let ada = token("ada");
    for path in ["/websocket/ticket", "/api/websocket/ticket", GENERATE[0], GENERATE[1]] {
        let answer = post(&world, path, &ada, "{}").await;
        assert_eq!((answer.status, &*answer.problem()), (404, "not_found"), "{path}");
    }
    for start in ["GET /websocket/tickets/status", "DELETE /websocket/ticket/x", "GET /websocket/ticket/x/validate"] {
        assert_eq!(world.ask(Request::new(start).bearer(&ada)).await.status, 404, "{start}");
    }
}
