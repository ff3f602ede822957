//! What the older system did wrong, and what we do. The rows that are not here are in `tickets` and `minting`.

use serde_json::json;
use tokio::task::JoinSet;

use super::{ON, ROUTE_LINES, minted, post, target, text, ticket, world};
use crate::client::{Connection, Request};
use crate::process::Process;
use crate::tokens::{claims_with, sign, token, unix_now};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, UNLIMITED_DIALS, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_of_a_hundred_who_present_one_ticket_one_is_admitted() {
    let upstream = Upstream::echo().await;
    let lines = Lines { top: ON, route: ROUTE_LINES, end: UNLIMITED_DIALS, ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let url = text(&minted(&world, &token("ada"), &json!({})).await, "websocket_url");
    let (address, request) = (world.address, Request::upgrade(target(&url)).origin(ORIGIN).text());
    let mut tries = JoinSet::new();
    for _ in 0..100 {
        let request = request.clone();
        tries.spawn(async move {
            let mut socket = Connection::open(address).await;
            socket.send(&request).await;
            assert_eq!(socket.answer().await.status, 101);
            // Who is refused hears so unasked.
            socket.send_text("hello").await;
            socket.frame().await.payload == b"hello"
        });
    }
    let admitted = tries.join_all().await.into_iter().filter(|admitted| *admitted).count();
    assert_eq!(admitted, 1);
}

#[tokio::test]
async fn s15_permissions_are_some_of_the_logins() {
    let upstream = Upstream::echo().await;
    let world = world(&upstream.url()).await;
    for path in ["/websocket/ticket", "/auth/generate-ticket"] {
        let more = json!({ "permissions": ["chat:read", "chat:admin"] }).to_string();
        let answer = post(&world, path, &token("ada"), &more).await;
        assert_eq!((answer.status, &*answer.problem()), (403, "forbidden"), "{path}");
    }
    let none = minted(&world, &token("ada"), &json!({ "permissions": [] })).await;
    let (answer, _socket) = world.present(Request::upgrade(target(&text(&none, "websocket_url"))).origin(ORIGIN)).await;
    assert_eq!(answer.status, 101);
    let request = upstream.only_request().await;
    assert!(request.contains("\r\nx-admitone-permissions: \r\n"), "[] means none: {request}");
}

#[tokio::test]
async fn null_for_a_life_or_a_use_is_refused_and_nothing_is_stored() {
    let upstream = Upstream::echo().await;
    let lines = Lines { top: ON, store: "max_tickets_per_subject = 1", route: ROUTE_LINES, ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let ada = token("ada");
    for path in ["/websocket/ticket", "/auth/generate-ticket"] {
        for body in [r#"{"ttl_seconds": null}"#, r#"{"single_use": null}"#] {
            let answer = post(&world, path, &ada, body).await;
            assert_eq!((answer.status, &*answer.problem()), (422, "invalid_body"), "{path} {body}");
        }
    }
    ticket(&world, &ada).await;
}

#[tokio::test]
async fn metadata_is_small_and_mints_and_outstanding_tickets_are_limited() {
    let upstream = Upstream::echo().await;
    let lines = Lines {
        top: ON,
        store: "max_tickets_per_subject = 2",
        route: ROUTE_LINES,
        end: "[limits]\nmints_per_minute_per_subject = 4",
        ..Lines::default()
    };
    let world = World::with(lines, &upstream.url()).await;
    let large = json!({ "metadata": { "a": "x".repeat(2048) } }).to_string();
    assert_eq!(post(&world, "/websocket/ticket", &token("grace"), &large).await.status, 422);

    let ada = token("ada");
    for _ in 0..2 {
        ticket(&world, &ada).await;
    }
    for why in ["are outstanding", "are outstanding", "were minted"] {
        let answer = post(&world, "/websocket/ticket", &ada, "{}").await;
        assert_eq!((answer.status, &*answer.problem()), (429, "over_limit"));
        assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().is_ok()));
        assert!(text(&answer.json(), "detail").contains(why), "{answer:?}");
    }
}

#[tokio::test]
async fn s8_neither_ticket_nor_socket_outlives_the_login() {
    let upstream = Upstream::echo().await;
    let lines = Lines { top: ON, route: ROUTE_LINES, ..Lines::default() };
    let configuration = lines.configuration(&upstream.url());
    let configuration =
        configuration.replacen("audience = \"admitone\"", "audience = \"admitone\"\nleeway_seconds = 0", 1);
    let world = World::configured(&configuration).await;
    let ends = unix_now() + 6;
    let login = sign(&claims_with("ada", json!({ "exp": ends })));
    let minted = minted(&world, &login, &json!({ "ttl_seconds": 300 })).await;
    assert_eq!(minted["expires_at"].as_f64(), Some(ends as f64));
    let (answer, mut socket) =
        world.present(Request::upgrade(target(&text(&minted, "websocket_url"))).origin(ORIGIN)).await;
    assert_eq!(answer.status, 101);
    assert_eq!(socket.close().await, (4800, "admitone:session_expired".to_owned()));
    assert!(unix_now() >= ends);
}

/// Headers, parameters and codes that opened the older system, or made it a demo.
#[tokio::test]
async fn a29_nothing_bypasses_a_login() {
    let upstream = Upstream::echo().await;
    let world = world(&upstream.url()).await;
    let bypasses = [
        ("X-E2E-Bypass", "true"),
        ("X-E2E-Test", "1"),
        ("X-Test-Mode", "true"),
        ("X-Demo-Mode", "true"),
        ("X-Bypass-Auth", "1"),
        ("X-User-Id", "ada"),
        ("x-admitone-subject", "ada"),
    ];
    for (name, value) in bypasses {
        let request = Request::post("/websocket/ticket").origin(ORIGIN).with(name, value).json("{}");
        assert_eq!(world.ask(request).await.status, 401, "{name}");
        let (_, mut socket) = world.present(Request::upgrade("/chat").origin(ORIGIN).with(name, value)).await;
        assert_eq!(socket.frame().await.opcode, 0x81, "AUTH_FAILED: {name}");
    }
    for query in ["mode=legacy", "mode=demo", "demo=true", "code=e2e-test-code", "user_id=ada"] {
        let (_, mut socket) = world.present(Request::upgrade(&format!("/chat?{query}")).origin(ORIGIN)).await;
        assert_eq!(socket.frame().await.opcode, 0x81, "AUTH_FAILED: {query}");
        let request = Request::post(&format!("/websocket/ticket?{query}")).origin(ORIGIN).json("{}");
        assert_eq!(world.ask(request).await.status, 400, "{query}");
    }
    assert!(upstream.received_by_now().await.is_empty(), "no connection was dialled");
}

#[tokio::test]
async fn s28_no_id_url_or_token_of_theirs_is_logged() {
    let upstream = Upstream::echo().await;
    let server = "drain_seconds = 0\n[log]\nformat = \"text\"\nlevel = \"trace\"\n[audit]\nto = \"stdout\"";
    let lines = Lines { top: ON, server, route: ROUTE_LINES, ..Lines::default() };
    let process = Process::serve(&lines.configuration(&upstream.url())).await;
    let ask = async |request: Request| {
        let mut connection = Connection::open(process.address).await;
        connection.send(request.text()).await;
        connection.answer().await
    };
    let (ada, grace) = (token("ada"), token("grace"));
    let answer = ask(Request::post("/websocket/ticket").origin(ORIGIN).bearer(&ada).json("{}")).await.json();
    let (ticket, url) = (text(&answer, "ticket_id"), text(&answer, "websocket_url"));
    for login in [&grace, &ada, &ada] {
        ask(Request::new(&format!("GET /websocket/ticket/{ticket}/validate")).bearer(login)).await;
    }
    ask(Request::upgrade(target(&url)).origin(ORIGIN)).await;
    ask(Request::upgrade(target(&url)).origin(ORIGIN)).await;
    ask(Request::upgrade("/chat").origin(ORIGIN).with("Sec-WebSocket-Protocol", &format!("jwt.{ada}"))).await;
    for login in [&grace, &ada] {
        ask(Request::new(&format!("DELETE /websocket/ticket/{ticket}")).bearer(login)).await;
    }
    process.terminate();
    let finished = process.finished().await;
    let told = finished.stdout + &finished.stderr;
    assert!(told.contains("ticket_minted") && told.contains("refused"), "{told}");
    for secret in [&ticket[5..25], "adm1_", "eyJ", "?ticket"] {
        assert_eq!(told.lines().find(|line| line.contains(secret)), None, "{secret}");
    }
}
