//! What a mint request may ask for.

use serde_json::{Value, json};

use crate::client::Request;
use crate::tokens::{claims_with, legacy_token, sign, token};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, World};

const SECOND_ROUTE: &str = r#"
[[routes]]
path = "/other"
upstream = "ws://127.0.0.1:9/"
origins = ["https://app.example.com"]
issuers = ["legacy"]
required_permissions = ["chat:read"]
"#;

async fn world(upstream: &Upstream) -> World {
    World::with(Lines { end: SECOND_ROUTE, ..Lines::default() }, &upstream.url()).await
}

#[tokio::test]
async fn each_wrong_field_is_named() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let wide = format!("[{:?}]", "x".repeat(129));
    let large = format!("{{\"a\":{:?}}}", "x".repeat(2048));
    let cases = [
        ("route", "1"),
        ("route", "null"),
        ("route", "\"\""),
        ("route", "\"chat\""),
        ("route", "\"ws://elsewhere.example/chat\""),
        ("route", "\"ws://127.0.0.1/chat\""),
        ("ttl_seconds", "4"),
        ("ttl_seconds", "3601"),
        ("ttl_seconds", "0"),
        ("ttl_seconds", "-1"),
        ("ttl_seconds", "60.5"),
        ("ttl_seconds", "\"60\""),
        ("ttl_seconds", "18446744073709551616"),
        ("ttl_seconds", "null"),
        ("single_use", "false"),
        ("single_use", "\"true\""),
        ("permissions", "\"chat:read\""),
        ("permissions", "[1]"),
        ("permissions", "[\"\"]"),
        ("permissions", "[\"a b\"]"),
        ("permissions", "[\"a\\r\\nb\"]"),
        ("permissions", &wide),
        ("metadata", "[]"),
        ("metadata", "\"x\""),
        ("metadata", &large),
        ("unheard_of", "1"),
        ("Route", "\"/chat\""),
    ];
    for (field, value) in cases {
        let answer = world.ask_for_ticket(&token("ada"), &format!("{{\"{field}\": {value}}}")).await;
        assert_eq!(answer.status, 422, "{field} {value}: {answer:?}");
        assert_eq!(answer.problem(), "invalid_body");
        let errors = answer.json()["errors"].clone();
        assert_eq!(errors.as_array().map(Vec::len), Some(1), "{errors}");
        assert_eq!(errors[0]["field"], field);
        assert!(errors[0]["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
}

#[tokio::test]
async fn all_wrong_fields_are_named_at_once() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let body = r#"{"ttl_seconds": 1, "metadata": 1, "route": "/chat", "nope": 1}"#;
    let answer = world.ask_for_ticket(&token("ada"), body).await;
    let mut fields: Vec<Value> =
        answer.json()["errors"].as_array().expect("a list").iter().map(|error| error["field"].clone()).collect();
    fields.sort_by_key(ToString::to_string);
    assert_eq!(fields, [json!("metadata"), json!("nope"), json!("ttl_seconds")]);
}

#[tokio::test]
async fn values_at_their_bounds_are_taken() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    assert_eq!(world.minted(&token("ada"), r#"{"ttl_seconds": 5}"#).await["ttl_seconds"], 5);
    let long = sign(&claims_with("ada", json!({ "exp": crate::tokens::unix_now() + 7200 })));
    assert_eq!(world.minted(&long, r#"{"ttl_seconds": 3600}"#).await["ttl_seconds"], 3600);
    // {"a":"…"} of exactly 2 KiB.
    let metadata = format!("{{\"metadata\": {{\"a\":{:?}}}}}", "x".repeat(2048 - 8));
    world.minted(&token("ada"), &metadata).await;
    let all = r#"{"single_use": true, "permissions": [], "metadata": {}, "route": "/chat"}"#;
    world.minted(&token("ada"), all).await;
}

#[tokio::test]
async fn what_is_not_a_json_object_is_a_bad_request() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for body in ["{", "nonsense", "[]", "1", "\"x\"", "null", "{} {}", "\u{feff}{}"] {
        let answer = world.ask_for_ticket(&token("ada"), body).await;
        assert_eq!((answer.status, &*answer.problem()), (400, "invalid_request"), "{body}");
    }
    let not_utf8 = Request::post("/auth/ticket").bearer(&token("ada")).json("{\"\u{fffd}\": 1}");
    let mut connection = world.connect().await;
    let bytes: Vec<u8> = not_utf8.text().bytes().map(|byte| if byte >= 0x80 { 0xff } else { byte }).collect();
    connection.send(bytes).await;
    assert_eq!(connection.answer().await.status, 400);
}

#[tokio::test]
async fn a_body_of_another_media_type_is_415() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let with_type = |media_type: &str| {
        Request::post("/auth/ticket")
            .origin(ORIGIN)
            .bearer(&token("ada"))
            .json("{}")
            .replacing("Content-Type", media_type)
    };
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        let answer = world.ask(with_type(media_type)).await;
        assert_eq!((answer.status, &*answer.problem()), (415, "unsupported_media_type"), "{media_type}");
    }
    assert_eq!(world.ask(with_type("a").without("Content-Type")).await.status, 415);
    assert_eq!(world.ask(with_type("Application/JSON; charset=utf-8")).await.status, 201);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_whether_or_not_it_says_so() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let large = format!("{{\"metadata\": {{\"a\":{:?}}}}}", "x".repeat(20_000));
    let answer = world.ask_for_ticket(&token("ada"), &large).await;
    assert_eq!((answer.status, &*answer.problem()), (413, "body_too_large"));

    let chunked = Request::post("/auth/ticket")
        .bearer(&token("ada"))
        .with("Content-Type", "application/json")
        .with("Transfer-Encoding", "chunked");
    let mut connection = world.connect().await;
    connection.send(chunked.text()).await;
    connection.send(format!("{:x}\r\n{large}\r\n", large.len())).await;
    assert_eq!(connection.answer().await.status, 413);
}

#[tokio::test]
async fn a_route_is_named_by_path_or_by_socket_url_of_this_gateway() {
    let upstream = Upstream::echo().await;
    let world = world(&upstream).await;
    let url = |path: &str| format!("ws://{}{path}", world.address);
    for (route, path) in [("/chat", "/chat"), (&url("/chat"), "/chat"), (&url("/other"), "/other")] {
        let minted = world.minted(&legacy_token("ada"), &json!({ "route": route }).to_string()).await;
        assert_eq!(minted["websocket_url"], url(path));
    }
    for route in ["/", "/nowhere", "/chat/", "/CHAT", "/chat?x=1", "/%63hat", "/auth/ticket", &url("/nowhere")] {
        let answer = world.ask_for_ticket(&token("ada"), &json!({ "route": route }).to_string()).await;
        assert_eq!((answer.status, &*answer.problem()), (404, "not_found"), "{route}");
    }
    for route in [&url(""), &url("0/chat"), "//chat.example", "wss://evil.example/chat", "http://127.0.0.1/chat"] {
        let answer = world.ask_for_ticket(&token("ada"), &json!({ "route": route }).to_string()).await;
        assert!(matches!(answer.status, 404 | 422), "{route}: {answer:?}");
    }
}

#[tokio::test]
async fn among_several_routes_without_a_default_one_has_to_be_named() {
    let upstream = Upstream::echo().await;
    let nameless = world(&upstream).await;
    let answer = nameless.ask_for_ticket(&token("ada"), "{}").await;
    assert_eq!((answer.status, &*answer.problem()), (422, "invalid_body"));
    assert_eq!(answer.json()["errors"][0]["field"], "route");

    let lines = Lines { top: "default_route = \"/chat\"", end: SECOND_ROUTE, ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    world.opens(&world.ticket().await).await;
}

#[tokio::test]
async fn permissions_are_at_most_the_logins_own() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let minted = world.minted(&token("ada"), r#"{"permissions": ["chat:read"]}"#).await;
    world.opens(minted["ticket"].as_str().expect("a ticket")).await;
    assert!(upstream.only_request().await.contains("\r\nx-admitone-permissions: chat:read\r\n"));
    for body in [r#"{"permissions": ["admin"]}"#, r#"{"permissions": ["chat:read", "admin"]}"#] {
        let answer = world.ask_for_ticket(&token("ada"), body).await;
        assert_eq!((answer.status, &*answer.problem()), (403, "forbidden"));
    }
}

#[tokio::test]
async fn a_route_takes_its_issuers_logins_with_its_permissions_only() {
    let upstream = Upstream::echo().await;
    let world = world(&upstream).await;
    let body = r#"{"route": "/other"}"#;
    let answer = world.ask_for_ticket(&token("ada"), body).await;
    assert_eq!((answer.status, &*answer.problem()), (403, "forbidden"));
    world.minted(&legacy_token("ada"), body).await;

    let world = World::routing("required_permissions = [\"chat:read\", \"admin\"]", &upstream.url()).await;
    assert_eq!(world.ask_for_ticket(&token("ada"), "{}").await.status, 403);
    let admin = sign(&claims_with("ada", json!({ "scope": ["admin", "chat:read"] })));
    world.minted(&admin, "{}").await;
}
