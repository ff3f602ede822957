//! What the log, at its most talkative, never says.

use serde_json::json;

use crate::admin::Operated;
use crate::client::{Connection, Request, soon};
use crate::process::Process;
use crate::tokens::{ADMIN_SECRET, FOLDER, RECEIVER_KEY, claims_with, legacy_token, sign, token, unix_now};
use crate::traces::Receiver;
use crate::upstream::{Behaviour, Upstream};
use crate::world::{Lines, ORIGIN, ROUTE};

/// Spans that have to be there, lest nothing is told and so no secret.
const TOLD: [&str; 8] =
    ["POST /auth/ticket", "GET /wrong", "GET /chat", "GET", "TRACE", "GET /auth/verify", "inspect", "dial"];

/// Every secret that a request has held, in parts long enough to be recognised.
#[derive(Default)]
struct Secrets(Vec<String>);

impl Secrets {
    fn keep(&mut self, secret: &str) -> String {
        for part in secret.split('.') {
            // The first part of a token is its header, the same for all.
            let middle = &part[part.len() / 3..];
            if middle.len() >= 16 {
                self.0.push(middle[..16].to_owned());
            }
        }
        secret.to_owned()
    }
}

async fn ask(process: &Process, request: Request) -> crate::client::Answer {
    let mut connection = Connection::open(process.address).await;
    connection.send(request.text()).await;
    connection.answer().await
}

async fn ticket(process: &Process, secrets: &mut Secrets) -> String {
    let token = secrets.keep(&token("ada"));
    let answer = ask(process, Request::post("/auth/ticket").origin(ORIGIN).bearer(&token)).await;
    assert_eq!(answer.status, 201);
    secrets.keep(answer.json()["ticket"].as_str().expect("a ticket"))
}

#[tokio::test]
async fn s28_a16_no_ticket_or_token_is_logged_or_traced_on_any_path() {
    let receiver = Receiver::new().await;
    let (upstream, wrong) =
        (Upstream::echo().await, Upstream::that(Behaviour::Answers("HTTP/1.1 200 OK\r\n\r\n")).await);
    let end = format!(
        "[[routes]]\npath = \"/wrong\"\nforward_auth = true\nupstream = \"{}\"\norigins = [\"{ORIGIN}\"]\nbind_origin = false\n\
         ticket_carriers = [\"query\", \"cookie\", \"authorization\", \"subprotocol\"]\n\
         jwt_fallback = \"warn\"\njwt_carriers = [\"cookie\", \"authorization\"]\njwt_cookie = \"session\"\n{}",
        wrong.url(),
        receiver.lines()
    );
    let lines = Lines {
        top: "default_route = \"/chat\"",
        server: "trusted_proxies = [\"127.0.0.1\"]\ndrain_seconds = 0\n[log]\nformat = \"text\"\nlevel = \"trace\"\n[audit]\nto = \"stdout\"",
        end: &end,
        ..Lines::default()
    };
    let process = Process::serve(&lines.configuration(&upstream.url())).await;
    let mut secrets = Secrets::default();

    refuse_at_mint(&process, &mut secrets).await;
    refuse_at_upgrade(&process, &mut secrets).await;
    answer_proxies(&process, &mut secrets).await;
    let ticket = ticket(&process, &mut secrets).await;
    let mut socket = Connection::open(process.address).await;
    socket.send(Request::upgrade(ROUTE).origin(ORIGIN).ticket(&ticket).text()).await;
    assert_eq!(socket.answer().await.status, 101);
    socket.echo("a secret in a message").await;
    let leaving = secrets.keep(&token("grace"));
    assert_eq!(ask(&process, Request::post("/auth/logout").bearer(&leaving)).await.status, 204);
    assert_eq!(ask(&process, Request::post("/auth/logout").bearer(&leaving)).await.status, 401);

    // At its end it waits a second at most for the receiver.
    receiver.hears(&TOLD).await;
    process.terminate();
    drop(socket);
    let finished = process.finished().await;
    assert_eq!(finished.status.code(), Some(0));
    let spans: Vec<String> = receiver.all().iter().map(|span| span.to_string()).collect();
    let told = finished.stdout + &finished.stderr + &spans.join("\n");
    assert!(told.contains("refused") && told.contains("ticket_minted") && told.contains("DEBUG"), "{told}");
    assert!(secrets.0.len() > 30, "{}", secrets.0.len());
    for secret in secrets.0.iter().map(String::as_str).chain(["a secret in a message", "adm1_", "eyJ", RECEIVER_KEY]) {
        let line = told.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is told");
    }
    assert!(!told.contains('\x1b'), "A30: no escape sequence of a client's");
}

async fn refuse_at_mint(process: &Process, secrets: &mut Secrets) {
    for token in [
        sign(&claims_with("ada", json!({ "exp": unix_now() - 600 }))),
        sign(&claims_with("ada", json!({ "aud": "another" }))),
        sign(&claims_with("ada", json!({ "iss": "https://unknown.example" }))),
        sign(&claims_with("\u{1b}[31mada", json!({}))),
        token("ada") + "x",
        format!("adm1_{}", "x".repeat(72)),
    ] {
        let token = secrets.keep(&token);
        for request in [
            Request::post("/auth/ticket").bearer(&token),
            Request::post("/auth/logout").bearer(&token),
            Request::post(&format!("/auth/ticket?access_token={token}")),
            Request::post("/auth/ticket").bearer(&token).bearer(&token),
            Request::new(&format!("GET /auth/ticket/{token}")),
            Request::new("TRACE /auth/ticket").bearer(&token),
            Request::new("TRACE /chat").bearer(&token),
        ] {
            assert!(ask(process, request).await.status >= 400);
        }
    }
    let token = secrets.keep(&legacy_token("ada"));
    for body in [
        format!("{{\"{token}\": 1}}"),
        format!("{{\"route\": \"/{token}\"}}"),
        format!("{{\"route\": {token}}}"),
        format!("{{\"permissions\": [\"{token}\"]}}"),
    ] {
        assert!(ask(process, Request::post("/auth/ticket").bearer(&token).json(&body)).await.status >= 400, "{body}");
    }
}

async fn refuse_at_upgrade(process: &Process, secrets: &mut Secrets) {
    let upgrade = |target: &str| Request::upgrade(target).origin(ORIGIN);
    let good = ticket(process, secrets).await;
    let forged = secrets.keep(&format!("adm1_{}", "0123456789abcdefghijklmn".repeat(3)));
    let jwt = secrets.keep(&token("ada"));
    for ticket in [good, forged] {
        let requests = [
            upgrade("/wrong").ticket(&ticket),
            upgrade("/wrong").readable_ticket(&ticket),
            upgrade(&format!("/wrong?ticket={ticket}")),
            upgrade(&format!("/chat?ticket={ticket}")),
            upgrade(&format!("/nowhere?ticket={ticket}")),
            upgrade("/wrong").with("Cookie", &format!("__Host-admitone-ticket={ticket}")),
            upgrade("/wrong").with("Authorization", &format!("Ticket {ticket}")),
            upgrade("/chat").ticket(&ticket).bearer(&jwt),
            upgrade("/chat").with("Sec-WebSocket-Protocol", &format!("not a token admitone.ticket.{ticket}")),
            Request::upgrade("/chat").origin(&format!("https://{ticket}")).ticket(&ticket),
            upgrade("/chat").ticket(&ticket).without("Sec-WebSocket-Key"),
            upgrade("/chat").starting("TRACE /chat HTTP/1.1").ticket(&ticket),
            upgrade("/wrong").ticket(&ticket).with("X-Request-Id", &ticket),
            upgrade("/chat").ticket(&ticket).with("X-Bad", "\u{1b}[31m\0"),
        ];
        for request in requests {
            let status = ask(process, request.clone()).await.status;
            assert!(status == 101 && request.text().contains("refused") || status >= 400, "{status}");
        }
    }
    for request in [
        upgrade("/wrong").bearer(&jwt),
        upgrade("/wrong").with("Cookie", &format!("session={jwt}")),
        Request::upgrade("/wrong").with("Cookie", &format!("session={jwt}")),
        upgrade("/chat").bearer(&jwt),
        upgrade(&format!("/chat?token={jwt}")),
        upgrade("/chat").with("Sec-WebSocket-Protocol", &format!("bearer.{jwt}")),
    ] {
        assert!(ask(process, request).await.status >= 400);
    }
}

/// Yes, no, and what is no question.
async fn answer_proxies(process: &Process, secrets: &mut Secrets) {
    let question = |target: &str| {
        let said = Request::new("GET /auth/verify").with("X-Original-URI", target).origin(ORIGIN);
        said.with("X-Forwarded-For", "203.0.113.9").with("Sec-WebSocket-Version", "13")
    };
    let login = secrets.keep(&token("ada"));
    let minted = ask(process, Request::post("/auth/ticket").bearer(&login).json("{\"route\":\"/wrong\"}")).await;
    let ticket = secrets.keep(minted.json()["ticket"].as_str().expect("a ticket"));
    let target = format!("/wrong?ticket={ticket}");
    for (request, status) in [
        (question(&target), 200),
        (question(&target), 401),
        (question("/wrong").ticket(&ticket), 401),
        (question("/wrong").starting(&format!("GET /auth/verify{target} HTTP/1.1")), 400),
        (question(&target).with("X-Forwarded-Uri", &format!("/{ticket}")), 400),
        (question(&format!("{target}#")), 400),
        (question(&format!("/{ticket}")), 404),
        (question(&target).with("X-Forwarded-Method", &ticket), 405),
        (question(&target).without("X-Forwarded-For"), 400),
    ] {
        assert_eq!(ask(process, request.clone()).await.status, status, "{}", request.text());
    }
}

/// What the operators' listener tells at the moment.
async fn told_to_operators(operated: &Operated) -> String {
    let mut told = String::new();
    for path in ["/metrics", "/admin/api/status", "/admin/api/sessions", "/admin/api/nothing"] {
        let answer = operated.get(path).await;
        told.push_str(&String::from_utf8(answer.body).expect("UTF-8"));
    }
    for (path, body) in [("/admin/api/revoke", "{\"subject\":1}"), ("/admin/login", "{\"secret\":1}")] {
        let answer = operated.post(path, &serde_json::from_str(body).expect("JSON")).await;
        told.push_str(&String::from_utf8(answer.body).expect("UTF-8"));
    }
    told
}

#[tokio::test]
async fn s28_a16_metrics_audit_operators_and_problems_hold_no_secret() {
    let path = FOLDER.join("audit-secrecy.log");
    let operated = Operated::with("[audit]\nto = \"file\"\npath = \"audit-secrecy.log\"").await;
    let mut secrets = Secrets::default();
    let mut told = String::new();
    let login = secrets.keep(&token("ada"));
    let ticket = secrets.keep(&operated.world.ticket_for(&login).await);
    let _socket = operated.world.open(&ticket).await;
    let forged = secrets.keep(&format!("adm1_{}", "0123456789abcdefghijklmn".repeat(3)));
    let upgrade = || Request::upgrade(ROUTE).origin(ORIGIN);
    for request in [
        upgrade().ticket(&ticket),
        upgrade().ticket(&forged).with("X-Request-Id", &forged),
        upgrade().bearer(&login),
        upgrade().ticket(&ticket).bearer(&login),
        Request::upgrade(&format!("/chat?ticket={ticket}")).origin(ORIGIN),
        Request::upgrade(&format!("/{ticket}")).origin(ORIGIN),
        upgrade().starting("TRACE /chat HTTP/1.1").ticket(&ticket),
        Request::new("TRACE /auth/ticket").bearer(&login).with("Cookie", &format!("session={login}")),
        Request::post("/auth/ticket").bearer(&login).json(&format!("{{\"{ticket}\":\"{login}\"}}")),
        Request::post(&format!("/auth/ticket?token={login}")),
        Request::post("/auth/logout").bearer(&(login.clone() + "x")),
        Request::post("/auth/ticket/revoke").bearer(&login).json(&format!("{{\"ticket\":\"{forged}\"}}")),
    ] {
        let answer = operated.world.ask(request.clone()).await;
        assert!(answer.status >= 400, "{}", request.text());
        let body = String::from_utf8(answer.body).expect("UTF-8");
        // A field's name is repeated to whoever wrote it, and to nobody else.
        if !request.text().contains(&format!("{{\"{ticket}")) {
            told.push_str(&body);
        }
    }
    told.push_str(&told_to_operators(&operated).await);
    secrets.keep(ADMIN_SECRET);
    let (world, running) = (operated.admin, operated.world.shut_down());
    soon("the end", running).await.expect("an end");
    told.push_str(&std::fs::read_to_string(path).expect("an audit file"));
    assert!(told.contains("admitone_redeems_total") && told.contains("\"event\":\"refused\""), "{world}: {told}");
    for secret in secrets.0.iter().map(String::as_str).chain(["adm1_", "eyJ", "the-secret-that-operators"]) {
        let line = told.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is told");
    }
}
