//! The audit stream: who was connected, by which login, and why that ended.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::admin::ADMIN;
use crate::client::{Connection, Request, soon};
use crate::process::Process;
use crate::tokens::{ADMIN_SECRET, FOLDER, ISSUER, claims_with, sign};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("a line of JSON: {line}"))).collect()
}

fn only<'a>(lines: &'a [Value], event: &str) -> &'a Value {
    let mut found = lines.iter().filter(|line| line["event"] == event);
    let (first, second) = (found.next(), found.next());
    assert!(second.is_none(), "{event} twice: {lines:?}");
    first.unwrap_or_else(|| panic!("{event} in {lines:?}"))
}

async fn audited(path: &Path, until: &str) -> Vec<Value> {
    let written = async {
        loop {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            // A line may be read while it is written.
            if text.contains(until) && text.ends_with('\n') {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    lines(&soon(until, written).await)
}

#[tokio::test]
async fn the_stream_has_whom_a_proxy_lets_pass() {
    let path = FOLDER.join("audit-verify.log");
    let end = "[audit]\nto = \"file\"\npath = \"audit-verify.log\"";
    let (server, route) = ("trusted_proxies = [\"127.0.0.1\"]", "forward_auth = true\nticket_carriers = [\"query\"]");
    let upstream = Upstream::echo().await;
    let world = World::with(Lines { server, route, end, ..Lines::default() }, &upstream.url()).await;
    let minted = world.minted(&sign(&claims_with("ada", json!({ "sid": "s-1", "jti": "t-1" }))), "{}").await;
    let target = format!("{ROUTE}?ticket={}", minted["ticket"].as_str().expect("a ticket"));
    let question = Request::new("GET /auth/verify").origin(ORIGIN).with("X-Forwarded-Uri", &target);
    let question = question.with("X-Forwarded-For", "203.0.113.9").with("Sec-WebSocket-Version", "13");
    assert_eq!(world.ask(question.with("X-Request-Id", "asked-1")).await.status, 200);
    let lines = audited(&path, "request_verified").await;
    let line = only(&lines, "request_verified");
    let expected = json!({ "session_id": minted["session_id"], "issuer": ISSUER, "subject": "ada", "sid": "s-1", "jti": "t-1",
        "route": ROUTE, "method": "ticket", "carrier": "query", "address": "203.0.113.9", "request_id": "asked-1" });
    for (field, value) in expected.as_object().expect("fields") {
        assert_eq!(&line[field], value, "{field} of {line}");
    }
}

#[tokio::test]
async fn the_stream_answers_who_was_connected_by_which_login_and_why_it_ended() {
    let path = FOLDER.join("audit-who.log");
    let end = format!("{ADMIN}\n[audit]\nto = \"file\"\npath = \"audit-who.log\"");
    let upstream = Upstream::echo().await;
    let world = World::with(Lines { end: &end, ..Lines::default() }, &upstream.url()).await;
    let login = sign(&claims_with("ada", json!({ "sid": "s-1", "jti": "t-1" })));
    let minted = world.minted(&login, "{}").await;
    let ticket = minted["ticket"].as_str().expect("a ticket").to_owned();
    let mut socket = world.open(&ticket).await;
    socket.echo("hello").await;
    world.does_not_open(&ticket).await;
    let answer = world.ask(Request::post("/auth/logout").bearer(&login)).await;
    assert_eq!(answer.status, 204);
    assert_eq!(socket.close().await.0, 4900);
    drop(socket);
    let lines = audited(&path, "session_ended").await;

    let session = &minted["session_id"];
    for (event, expected) in [
        ("ticket_minted", json!({ "session_id": session, "sid": "s-1", "jti": "t-1", "address": "127.0.0.1" })),
        (
            "session_opened",
            json!({ "session_id": session, "sid": "s-1", "jti": "t-1", "route": "/chat", "method": "ticket",
                    "carrier": "subprotocol", "address": "127.0.0.1" }),
        ),
        ("session_ended", json!({ "session_id": session, "cause": "revoked", "route": "/chat" })),
        ("logged_out", json!({ "sid": "s-1", "mark": "sid", "by": "subject" })),
    ] {
        let line = only(&lines, event);
        assert_eq!((&line["issuer"], &line["subject"]), (&json!(ISSUER), &json!("ada")), "{line}");
        for (field, value) in expected.as_object().expect("fields") {
            assert_eq!(&line[field], value, "{field} of {line}");
        }
        assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')) && line["node"].is_string(), "{line}");
    }
    let ended = only(&lines, "session_ended");
    assert!(ended["duration_ms"].is_u64() && ended["bytes_to_upstream"].as_u64() > Some(5), "{ended}");
    let replayed = only(&lines, "ticket_replayed");
    assert_eq!((&replayed["session_id"], &replayed["on_replay"]), (session, &json!("nothing")));
    soon("the end", world.shut_down()).await.expect("an end");
}

#[tokio::test]
async fn what_an_operator_does_is_told_with_the_address() {
    let path = FOLDER.join("audit-admin.log");
    let end = format!("{ADMIN}\n[audit]\nto = \"file\"\npath = \"audit-admin.log\"");
    let upstream = Upstream::echo().await;
    let world = World::with(Lines { end: &end, ..Lines::default() }, &upstream.url()).await;
    let admin = world.admin.expect("an operators' listener");
    let ask = async |request: Request| {
        let mut connection = Connection::open(admin).await;
        connection.send(request.replacing("Host", &admin.to_string()).text()).await;
        connection.answer().await.status
    };
    let revoke = Request::post("/admin/api/revoke").json(&json!({ "subject": "ada", "issuer": ISSUER }).to_string());
    assert_eq!(ask(revoke.clone().bearer("wrong")).await, 401);
    assert_eq!(ask(revoke.bearer(ADMIN_SECRET)).await, 200);
    let login = Request::post("/admin/login").json(&json!({ "secret": ADMIN_SECRET }).to_string());
    assert_eq!(ask(login).await, 204);
    let lines = audited(&path, "admin_login").await;
    for (event, expected) in [
        ("admin_refused", json!({ "code": "not_logged_in", "cause": "not the operators' secret" })),
        ("revoked", json!({ "by": "admin", "mark": "subject", "subject": "ada", "issuer": ISSUER })),
        ("admin_login", json!({})),
    ] {
        let line = only(&lines, event);
        assert_eq!(line["address"], "127.0.0.1", "{line}");
        for (field, value) in expected.as_object().expect("fields") {
            assert_eq!(&line[field], value, "{field} of {line}");
        }
    }
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_opened_again_at_a_hangup() {
    let path = FOLDER.join("audit-moved.log");
    let old = FOLDER.join("audit-moved.log.1");
    let lines =
        Lines { server: "drain_seconds = 0\n[audit]\nto = \"file\"\npath = \"audit-moved.log\"", ..Lines::default() };
    let process = Process::serve(&lines.configuration("ws://127.0.0.1:9/")).await;
    let mint = async || {
        let mut connection = Connection::open(process.address).await;
        let token = sign(&claims_with("ada", json!({})));
        connection.send(Request::post("/auth/ticket").origin(ORIGIN).bearer(&token).text()).await;
        assert_eq!(connection.answer().await.status, 201);
    };
    mint().await;
    audited(&path, "ticket_minted").await;
    std::fs::rename(&path, &old).expect("moved away");
    process.signal("HUP");
    let reopened = async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the file is there again", reopened).await;
    mint().await;
    assert_eq!(audited(&path, "ticket_minted").await.len(), 1);
    process.terminate();
    let finished = process.finished().await;
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(!finished.stderr.contains("ticket minted"), "not twice");
}

#[tokio::test]
async fn on_standard_output_every_line_is_an_event_and_the_last_one_is_there() {
    let lines_of = Lines { server: "drain_seconds = 0\n[audit]\nto = \"stdout\"", ..Lines::default() };
    let upstream = Upstream::echo().await;
    let process = Process::serve(&lines_of.configuration(&upstream.url())).await;
    let mut connection = Connection::open(process.address).await;
    let token = sign(&claims_with("ada", json!({})));
    connection.send(Request::post("/auth/ticket").origin(ORIGIN).bearer(&token).text()).await;
    let ticket = connection.answer().await.json()["ticket"].as_str().expect("a ticket").to_owned();
    connection.send(Request::upgrade(ROUTE).origin(ORIGIN).ticket(&ticket).text()).await;
    assert_eq!(connection.answer().await.status, 101);
    process.terminate();
    assert_eq!(connection.close().await.0, 1012);
    drop(connection);
    let finished = process.finished().await;
    let told = lines(&finished.stdout);
    assert_eq!(only(&told, "session_ended")["cause"], "draining");
    only(&told, "draining");
    assert_eq!(told.first().map(|line| &line["event"]), Some(&json!("ticket_minted")));
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_starts_nothing() {
    let lines = Lines { server: "[audit]\nto = \"file\"\npath = \"no/such/folder/audit.log\"", ..Lines::default() };
    let path = crate::process::write_configuration(&lines.configuration("ws://127.0.0.1:9/"));
    let output = crate::process::admitone().args(["serve", "--config"]).arg(path).output().expect("the binary");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("the audit file cannot be opened") && told.contains("write to"), "{told}");
}
