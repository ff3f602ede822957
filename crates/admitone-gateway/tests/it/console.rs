//! What the operators' page is made of, and what it asks for.

use serde_json::{Value, json};

use crate::admin::{ADMIN, Operated, next_event};
use crate::client::{Connection, soon};
use crate::servers::Server;
use crate::tokens::{ADMIN_SECRET, ISSUER, token};
use crate::upstream::Upstream;
use crate::world::{Lines, World};

/// An operated gateway with its tickets in this server.
async fn shared(redis: &Server) -> Operated {
    let upstream = Upstream::echo().await;
    let store = format!("kind = \"redis\"\nurl = \"redis://{}\"", redis.address());
    let world = World::with(Lines { store: &store, end: ADMIN, ..Lines::default() }, &upstream.url()).await;
    Operated::of(world, upstream)
}

/// The next word of all nodes.
async fn next_nodes(operated: &Operated) -> Value {
    let mut stream = Connection::open(operated.admin).await;
    let request = operated.request("").starting("GET /admin/api/events HTTP/1.0").bearer(ADMIN_SECRET);
    stream.send(request.text()).await;
    assert_eq!(stream.answer().await.status, 200);
    let mut unread = String::new();
    loop {
        let (name, data) = soon("an event", next_event(&mut stream, &mut unread)).await;
        if name == "nodes" {
            return data;
        }
    }
}

#[tokio::test]
async fn the_page_is_there_for_whoever_has_yet_to_sign_in_and_holds_nothing() {
    let operated = Operated::new().await;
    operated.world.open(&operated.world.ticket().await).await.echo("alive").await;
    for (path, media_type) in [
        ("/admin/", "text/html; charset=utf-8"),
        ("/admin/console.js", "text/javascript; charset=utf-8"),
        ("/admin/style.css", "text/css; charset=utf-8"),
        ("/admin/favicon.svg", "image/svg+xml"),
    ] {
        let answer = operated.ask(operated.request(&format!("GET {path}"))).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media_type)), "{path}");
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.contains("script-src 'self'; style-src 'self'") && !policy.contains("unsafe"), "{policy}");
        let text = String::from_utf8(answer.body).expect("UTF-8");
        assert!(!text.contains("ada") || path != "/admin/", "{path} holds somebody's name");
        let elsewhere = ["https://", "src=\"http", "@import", "url("];
        let page = text.replace("http://www.w3.org/", "");
        assert!(elsewhere.iter().all(|reference| !page.contains(reference)), "{path} asks for something elsewhere");
    }
    let moved = operated.ask(operated.request("GET /admin")).await;
    assert_eq!((moved.status, moved.header("location")), (308, Some("/admin/")));
    let rebound = operated.request("GET /admin/").replacing("Host", "rebound.example");
    assert_eq!(operated.ask(rebound).await.status, 421);
    assert_eq!(
        operated.world.ask(crate::client::Request::new("GET /admin/")).await.status,
        404,
        "on the public listener"
    );
}

#[tokio::test]
async fn a_browser_is_told_whether_it_is_signed_in() {
    let operated = Operated::new().await;
    let asked = || operated.request("GET /admin/login");
    assert_eq!(operated.ask(asked()).await.json(), json!({ "signed_in": false }));
    let guessed = asked().with("Cookie", "admitone-admin=guessed");
    assert_eq!(operated.ask(guessed).await.json(), json!({ "signed_in": false }));
    let cookie = operated.sign_in().await;
    assert_eq!(operated.ask(asked().with("Cookie", &cookie)).await.json(), json!({ "signed_in": true }));
}

#[tokio::test]
async fn one_connection_or_those_of_one_person_are_closed_and_may_come_back() {
    let operated = Operated::new().await;
    let minted = operated.world.minted(&token("ada"), "{}").await;
    let mut first = operated.world.open(minted["ticket"].as_str().expect("a ticket")).await;
    let mut second = operated.world.open(&operated.world.ticket_for(&token("ada")).await).await;
    let mut grace = operated.world.open(&operated.world.ticket_for(&token("grace")).await).await;

    let answer = operated.post("/admin/api/close", &json!({ "session_id": minted["session_id"] })).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "closing": true, "sessions_here": 1 })));
    assert_eq!(soon("a Close", first.close()).await, (1012, "admitone:draining".to_owned()));
    second.echo("another connection").await;
    drop(first);
    let one_is_left = async || operated.get("/admin/api/sessions?subject=ada").await.json()["total"] == 1;
    soon("the first is gone", async { while !one_is_left().await {} }).await;

    let answer = operated.post("/admin/api/close", &json!({ "subject": "ada", "issuer": ISSUER })).await;
    assert_eq!((answer.status, &answer.json()["sessions_here"]), (200, &json!(1)), "{answer:?}");
    assert_eq!(soon("a Close", second.close()).await.0, 1012);
    grace.echo("somebody else").await;
    operated.world.open(&operated.world.ticket_for(&token("ada")).await).await.echo("back").await;

    let lines = operated.get("/admin/api/audit").await.json();
    let lines: Vec<Value> = lines["lines"].as_array().expect("lines").iter().map(parsed).collect();
    let closed: Vec<&Value> = lines.iter().filter(|line| line["event"] == "closed").collect();
    assert_eq!(closed.len(), 2, "{lines:?}");
    assert_eq!((&closed[0]["session_id"], &closed[0]["by"]), (&minted["session_id"], &json!("admin")));
    assert_eq!((&closed[1]["subject"], &closed[1]["count"]), (&json!("ada"), &json!(1)));
}

fn parsed(line: &Value) -> Value {
    serde_json::from_str(line.as_str().expect("text")).expect("JSON")
}

#[tokio::test]
async fn a_close_that_says_too_little_or_too_much_is_refused_with_its_mend() {
    let operated = Operated::new().await;
    for (body, field, detail) in [
        (json!({}), "route", "exactly one of route, session_id, subject and everything is needed"),
        (json!({ "route": "/chat", "subject": "ada" }), "route", "exactly one of"),
        (json!({ "route": "/chat", "issuer": ISSUER }), "issuer", "it counts with subject"),
        (json!({ "subject": "ada" }), "issuer", "needed, since there are several"),
        (json!({ "session_id": "ses_1" }), "session_id", "a session id is ses_"),
        (json!({ "everything": false }), "everything", "true is needed"),
        (json!({ "everything": true, "over_seconds": 301 }), "over_seconds", "a number from 0 to 300"),
    ] {
        let answer = operated.post("/admin/api/close", &body).await;
        assert_eq!((answer.status, &*answer.problem()), (422, "invalid_body"), "{body}");
        let fault = &answer.json()["errors"][0];
        assert_eq!(fault["field"], field, "{body}");
        assert!(fault["detail"].as_str().is_some_and(|told| told.starts_with(detail)), "{fault}");
    }
}

#[tokio::test]
async fn the_last_audit_lines_are_remembered_and_no_more_than_that() {
    let operated = Operated::new().await;
    for _ in 0..205 {
        let answer = operated.post("/admin/api/revoke", &json!({ "everything": true, "before": 1 })).await;
        assert_eq!(answer.status, 200);
    }
    operated.world.ticket().await;
    let answer = operated.get("/admin/api/audit").await.json();
    let lines = answer["lines"].as_array().expect("lines");
    assert_eq!(lines.len(), 200);
    assert_eq!(parsed(&lines[199])["event"], "ticket_minted", "the newest last");
}

#[tokio::test]
async fn a_node_alone_tells_how_it_is() {
    let operated = Operated::new().await;
    let _socket = operated.world.open(&operated.world.ticket().await).await;
    let told = next_nodes(&operated).await;
    assert_eq!((&told["is_whole"], told["nodes"].as_array().map(Vec::len)), (&json!(true), Some(1)), "{told}");
    let node = &told["nodes"][0];
    for (field, value) in [
        ("node", told["here"].clone()),
        ("status", json!("ready")),
        ("store", json!({ "kind": "memory", "answers": true })),
        ("sessions", json!({ "/chat": 1 })),
        ("mints", json!({ "minted": 1 })),
        ("redeems", json!({ "admitted": 1 })),
        ("admissions", json!({ "ticket": 1 })),
    ] {
        assert_eq!(node[field], value, "{field}");
    }
    let bounds = told["bounds_micros"].as_array().map(Vec::len).expect("bounds");
    assert_eq!(node["latencies"]["handshake"].as_array().map(Vec::len), Some(bounds + 1));
    assert!(!told.to_string().contains("\"ada\""), "nobody's name");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_node_of_a_store_tells_of_all_and_lists_and_closes_the_sessions_of_all() {
    let redis = Server::start(&[]);
    let (here, there) = (shared(&redis).await, shared(&redis).await);
    let mut near = here.world.open(&here.world.ticket_for(&token("ada")).await).await;
    let minted = here.world.minted(&token("ada"), "{}").await;
    let mut far = there.world.open(minted["ticket"].as_str().expect("a ticket")).await;
    let _grace = there.world.open(&there.world.ticket_for(&token("grace")).await).await;
    far.echo("alive").await;

    let told = soon("each knows of the other's sessions", async {
        loop {
            let told = next_nodes(&here).await;
            let of_both = told["nodes"].as_array().is_some_and(|nodes| nodes.len() == 2);
            if of_both && told["nodes"][1]["sessions"] == json!({ "/chat": 2 }) {
                return told;
            }
        }
    });
    let told = told.await;
    assert_eq!(told["nodes"][0]["node"], told["here"], "its own word first");
    assert_eq!(told["nodes"][0]["sessions"], json!({ "/chat": 1 }));

    let listed = here.get("/admin/api/sessions?subject=ada").await.json();
    assert_eq!(listed["total"], 1, "this node's alone where nobody says otherwise");
    // A node that says nothing within a second is told as silent, as one on a busy machine may be.
    let listed = soon("both tell of theirs", async {
        loop {
            let listed = here.get("/admin/api/sessions?subject=ada&nodes=all").await.json();
            if listed["silent"] == json!(0) {
                return listed;
            }
        }
    });
    let listed = listed.await;
    assert_eq!(listed["total"], 2, "{listed}");
    let sessions = listed["sessions"].as_array().expect("sessions");
    let distant = sessions.iter().find(|session| session["session_id"] == minted["session_id"]).expect("the far one");
    assert_eq!((&distant["node"], &distant["subject"]), (&told["nodes"][1]["node"], &json!("ada")));
    assert!(distant["ends_in_seconds"].as_u64().is_some_and(|seconds| seconds > 800), "{distant}");
    assert_eq!(here.get("/admin/api/sessions?nodes=two").await.status, 422);

    let answer = here.post("/admin/api/close", &json!({ "session_id": minted["session_id"] })).await;
    assert_eq!((answer.status, &answer.json()["sessions_here"]), (200, &json!(0)), "{answer:?}");
    assert_eq!(soon("a Close", far.close()).await.0, 1012);
    near.echo("undisturbed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_store_a_node_tells_of_itself_and_that_it_does_not_know_of_the_others() {
    let redis = Server::start(&[]);
    let operated = shared(&redis).await;
    redis.kill();
    // Whether the store answers is asked once a second: what was answered just before its end is told for that long.
    let told = soon("it is told", async {
        loop {
            let told = next_nodes(&operated).await;
            if told["nodes"][0]["store"]["answers"] == json!(false) {
                return told;
            }
        }
    })
    .await;
    assert_eq!((&told["is_whole"], &told["nodes"][0]["node"]), (&json!(false), &told["here"]), "{told}");
    assert_eq!(operated.get("/admin/api/sessions?nodes=all").await.status, 503);
}
