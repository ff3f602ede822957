//! The operators' listener.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::client::{Answer, Connection, Request, soon, within_a_second};
use crate::tokens::{ADMIN_SECRET, ISSUER, LEGACY_ISSUER, claims_with, sign, token, unix_now};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

pub(crate) const ADMIN: &str = "[admin]\nlisten = \"127.0.0.1:0\"\nsecret_file = \"admin.secret\"";

/// A gateway with an operators' listener.
pub(crate) struct Operated {
    pub(crate) world: World,
    _upstream: Upstream,
    pub(crate) admin: SocketAddr,
}

impl Operated {
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// With sections behind everything.
    pub(crate) async fn with(sections: &str) -> Self {
        Self::routing("", sections).await
    }

    /// With lines in the route too.
    pub(crate) async fn routing(route: &str, sections: &str) -> Self {
        Self::configured(Lines { route, end: sections, ..Lines::default() }).await
    }

    /// With lines wherever.
    pub(crate) async fn configured(lines: Lines<'_>) -> Self {
        let upstream = Upstream::echo().await;
        let end = format!("{ADMIN}\n{}", lines.end);
        Self::of(World::with(Lines { end: &end, ..lines }, &upstream.url()).await, upstream)
    }

    /// A gateway that has an operators' listener.
    pub(crate) fn of(world: World, upstream: Upstream) -> Self {
        let admin = world.admin.expect("an operators' listener");
        Self { world, _upstream: upstream, admin }
    }

    /// A request by the listener's own name.
    pub(crate) fn request(&self, start: &str) -> Request {
        Request::new(start).replacing("Host", &self.admin.to_string())
    }

    pub(crate) async fn ask(&self, request: Request) -> Answer {
        let mut connection = Connection::open(self.admin).await;
        connection.send(request.text()).await;
        connection.answer().await
    }

    /// An operator's GET.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(self.request(&format!("GET {path}")).bearer(ADMIN_SECRET)).await
    }

    /// An operator's POST.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(self.request(&format!("POST {path}")).bearer(ADMIN_SECRET).json(&body.to_string())).await
    }

    fn origin(&self) -> String {
        format!("http://{}", self.admin)
    }

    pub(crate) async fn sign_in(&self) -> String {
        let body = json!({ "secret": ADMIN_SECRET }).to_string();
        let answer = self.ask(self.request("POST /admin/login").origin(&self.origin()).json(&body)).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
        let (pair, attributes) = cookie.split_once("; ").expect("attributes");
        assert_eq!(attributes, "Path=/admin; Max-Age=43200; HttpOnly; SameSite=Strict");
        pair.to_owned()
    }

    pub(crate) async fn metric(&self, sample: &str) -> f64 {
        let answer = self.get("/metrics").await;
        assert_eq!(answer.status, 200);
        let text = String::from_utf8(answer.body).expect("UTF-8");
        let value = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("{sample} in {text}"))
    }
}

#[tokio::test]
async fn whoever_does_not_know_the_secret_gets_nothing() {
    let operated = Operated::new().await;
    for path in ["/metrics", "/admin/api/status", "/admin/api/events", "/admin/api/nothing", "/"] {
        let answer = operated.ask(operated.request(&format!("GET {path}"))).await;
        assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"), "{path}");
        let answer = operated.ask(operated.request(&format!("GET {path}")).bearer("x")).await;
        assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"), "{path}");
    }
    let cookie = operated.request("GET /metrics").with("Cookie", "admitone-admin=guessed");
    assert_eq!(operated.ask(cookie).await.status, 401);
    assert_eq!(operated.get("/admin/api/nothing").await.status, 404);
    assert_eq!(operated.get("/admin/api/revoke").await.status, 405);
}

#[tokio::test]
async fn the_public_listener_answers_nothing_of_the_operators() {
    let operated = Operated::new().await;
    for start in ["GET /metrics", "GET /admin/api/status", "POST /admin/login", "POST /admin/api/drain"] {
        let answer = operated.world.ask(Request::new(start).bearer(ADMIN_SECRET)).await;
        assert_eq!(answer.status, 404, "{start}");
    }
}

#[tokio::test]
async fn without_its_section_nothing_listens_for_operators() {
    let world = World::before(&Upstream::echo().await.url()).await;
    assert_eq!(world.admin, None);
}

#[tokio::test]
async fn a_name_that_is_not_the_listeners_is_refused_before_the_secret_is_looked_at() {
    let operated = Operated::new().await;
    let port = operated.admin.port();
    for host in [&format!("rebound.example:{port}"), "127.0.0.1", &format!("localhost.:{port}"), ""] {
        let request = operated.request("GET /metrics").replacing("Host", host).bearer(ADMIN_SECRET);
        assert_eq!(operated.ask(request).await.status, 421, "{host}");
    }
    for host in [format!("localhost:{port}"), format!("LOCALHOST:{port}"), format!("127.0.0.1:{port}")] {
        let request = operated.request("GET /metrics").replacing("Host", &host).bearer(ADMIN_SECRET);
        assert_eq!(operated.ask(request).await.status, 200, "{host}");
    }
    let twice = operated.request("GET /metrics").with("Host", &operated.admin.to_string()).bearer(ADMIN_SECRET);
    assert_eq!(operated.ask(twice).await.status, 400);
}

#[tokio::test]
async fn a_page_of_elsewhere_changes_and_reads_nothing_even_with_the_cookie() {
    let operated = Operated::new().await;
    let cookie = operated.sign_in().await;
    let with_cookie = |start: &str| operated.request(start).with("Cookie", &cookie);
    let revoke = || with_cookie("POST /admin/api/revoke").json("{\"subject\":\"ada\"}");
    let status = || with_cookie("GET /admin/api/status");
    for (request, status) in [
        (revoke().origin("http://evil.example"), 403),
        (revoke().origin("null"), 403),
        (revoke(), 403),
        (revoke().origin(&operated.origin()).with("Sec-Fetch-Site", "cross-site"), 403),
        (status().with("Sec-Fetch-Site", "same-site"), 403),
        (status().origin(&format!("https://{}", operated.admin)), 403),
        (status().with("Sec-Fetch-Site", "same-origin"), 200),
        (status().with("Sec-Fetch-Site", "none"), 200),
        // Several issuers: the body says too little, but the caller may call.
        (revoke().origin(&operated.origin()), 422),
        (operated.request("POST /admin/api/revoke").bearer(ADMIN_SECRET).origin("http://evil.example").json("{}"), 403),
        (operated.request("POST /admin/login").origin("http://evil.example").json("{}"), 403),
    ] {
        assert_eq!(operated.ask(request.clone()).await.status, status, "{}", request.text());
    }
    let out = with_cookie("POST /admin/logout").origin(&operated.origin());
    assert_eq!(operated.ask(out).await.status, 204);
    assert_eq!(operated.ask(status()).await.status, 401, "signed out");
}

#[tokio::test]
async fn wrong_secrets_are_refused_and_after_ten_even_the_right_one_waits() {
    let operated = Operated::new().await;
    let try_with = async |secret: &str| {
        let body = json!({ "secret": secret }).to_string();
        operated.ask(operated.request("POST /admin/login").json(&body)).await
    };
    let cookie = operated.sign_in().await;
    for _ in 0..10 {
        let answer = try_with("not-the-secret-of-the-operators-at-all").await;
        assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"));
    }
    let answer = try_with(ADMIN_SECRET).await;
    assert_eq!((answer.status, &*answer.problem(), answer.header("retry-after")), (429, "over_limit", Some("60")));
    assert_eq!(operated.get("/metrics").await.status, 429);
    let signed_in = operated.request("GET /admin/api/status").with("Cookie", &cookie);
    assert_eq!(operated.ask(signed_in).await.status, 200, "whoever is signed in already stays");
}

#[tokio::test]
async fn every_answer_is_locked_down() {
    let operated = Operated::new().await;
    let refused = operated.ask(operated.request("GET /metrics")).await;
    let rebound = operated.ask(operated.request("GET /metrics").replacing("Host", "evil.example")).await;
    for answer in [operated.get("/metrics").await, operated.get("/admin/api/status").await, refused, rebound] {
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn metrics_and_status_tell_what_happened() {
    let operated = Operated::new().await;
    let ticket = operated.world.ticket().await;
    let mut socket = operated.world.open(&ticket).await;
    socket.echo("alive").await;
    operated.world.does_not_open(&ticket).await;
    let forged = Request::upgrade(ROUTE).origin(ORIGIN).ticket(&format!("adm1_{}", "A".repeat(72)));
    assert_eq!(operated.world.ask(forged).await.status, 401);
    assert_eq!(operated.world.ask(Request::post("/auth/ticket")).await.status, 401);
    for (sample, value) in [
        ("admitone_mints_total{outcome=\"minted\"}", 1.0),
        ("admitone_redeems_total{route=\"/chat\",outcome=\"admitted\"}", 1.0),
        ("admitone_redeems_total{route=\"/chat\",outcome=\"replayed\"}", 1.0),
        ("admitone_admissions_total{route=\"/chat\",method=\"ticket\",carrier=\"subprotocol\"}", 1.0),
        ("admitone_sessions_open{route=\"/chat\"}", 1.0),
        ("admitone_dials_total{route=\"/chat\",outcome=\"connected\"}", 1.0),
        ("admitone_handshake_seconds_count{outcome=\"refused\"}", 2.0),
        ("admitone_refusals_total{route=\"/chat\",reason=\"ticket_not_accepted\"}", 2.0),
        ("admitone_refusals_total{route=\"/auth/ticket\",reason=\"not_logged_in\"}", 1.0),
        ("admitone_store_operation_seconds_count{operation=\"take\"}", 1.0),
        ("admitone_mirror_age_seconds", 0.0),
    ] {
        assert_eq!(operated.metric(sample).await, value, "{sample}");
    }
    let status = operated.get("/admin/api/status").await.json();
    assert_eq!(status["status"], "ready");
    assert_eq!(status["sessions"], json!({ "total": 1, "by_route": { "/chat": 1 } }));
    assert_eq!(status["store"], json!({ "kind": "memory", "fence": null, "answers": true }));
}

#[tokio::test]
async fn s5_an_operator_revokes_a_person_and_the_socket_closes_and_the_login_mints_no_more() {
    let operated = Operated::new().await;
    let login = token("ada");
    let mut ada = operated.world.open(&operated.world.ticket_for(&login).await).await;
    let mut grace = operated.world.open(&operated.world.ticket_for(&token("grace")).await).await;
    let answer = operated.post("/admin/api/revoke", &json!({ "subject": "ada", "issuer": ISSUER })).await;
    assert_eq!((answer.status, &answer.json()["revoked"]), (200, &json!("subject")), "{answer:?}");
    assert_eq!(within_a_second("a Close", ada.close()).await, (4900, "admitone:revoked".to_owned()));
    assert_eq!(operated.world.ask_for_ticket(&login, "{}").await.status, 401);
    grace.echo("undisturbed").await;
    assert_eq!(operated.metric("admitone_revocations_total{mark=\"subject\"}").await, 1.0);
}

#[tokio::test]
async fn s5_an_operator_revokes_a_session_and_everything() {
    let operated = Operated::new().await;
    let minted = operated.world.minted(&token("ada"), "{}").await;
    let mut ada = operated.world.open(minted["ticket"].as_str().expect("a ticket")).await;
    let mut grace = operated.world.open(&operated.world.ticket_for(&token("grace")).await).await;
    let answer = operated.post("/admin/api/revoke", &json!({ "session_id": minted["session_id"] })).await;
    assert_eq!((answer.status, &answer.json()["revoked"]), (200, &json!("session")));
    assert_eq!(soon("a Close", ada.close()).await.0, 4900);
    grace.echo("undisturbed").await;
    let answer = operated.post("/admin/api/revoke", &json!({ "everything": true })).await;
    assert_eq!((answer.status, &answer.json()["revoked"]), (200, &json!("everything")));
    assert_eq!(soon("a Close", grace.close()).await.0, 4900);
}

#[tokio::test]
async fn s5_an_operator_revokes_what_was_logged_in_before_a_time_and_later_logins_stay() {
    let before = unix_now() - 100;
    for target in [json!({ "subject": "ada", "issuer": ISSUER }), json!({ "everything": true })] {
        let operated = Operated::new().await;
        let login = |subject: &str, iat: u64| sign(&claims_with(subject, json!({ "iat": iat })));
        let open = async |login: &str| operated.world.open(&operated.world.ticket_for(login).await).await;
        let (earlier, later, other) = (login("ada", before), login("ada", before + 1), login("grace", before));
        let outstanding = [operated.world.ticket_for(&earlier).await, operated.world.ticket_for(&later).await];
        let (mut old, mut new, mut graces) = (open(&earlier).await, open(&later).await, open(&other).await);
        let mut body = target.clone();
        body["before"] = json!(before);
        let answer = operated.post("/admin/api/revoke", &body).await;
        assert_eq!((answer.status, &answer.json()["until"]), (200, &json!(before)), "{answer:?}");

        assert_eq!(soon("a Close", old.close()).await, (4900, "admitone:revoked".to_owned()));
        operated.world.does_not_open(&outstanding[0]).await;
        assert_eq!(operated.world.ask_for_ticket(&earlier, "{}").await.status, 401);
        new.echo("a later login").await;
        operated.world.opens(&outstanding[1]).await;
        assert_eq!(operated.world.ask_for_ticket(&later, "{}").await.status, 201);
        match target.get("everything") {
            Some(_) => assert_eq!(soon("a Close", graces.close()).await.0, 4900),
            None => graces.echo("somebody else").await,
        }
    }
}

#[tokio::test]
async fn a_revocation_that_says_too_little_or_too_much_is_refused_with_its_mend() {
    let operated = Operated::new().await;
    let issuers = format!("{ISSUER}, {LEGACY_ISSUER}");
    for (body, field, detail) in [
        (json!({}), "subject", "exactly one of session_id, subject, sid, jti and everything is needed".to_owned()),
        (json!({ "subject": "ada", "sid": "1" }), "subject", "exactly one of".to_owned()),
        (json!({ "subject": "ada" }), "issuer", format!("needed, since there are several: {issuers}")),
        (json!({ "subject": "ada", "issuer": "x" }), "issuer", format!("no such issuer; there are {issuers}")),
        (json!({ "subject": "", "issuer": ISSUER }), "subject", "a string is needed".to_owned()),
        (json!({ "session_id": "ses_1" }), "session_id", "a session id is ses_".to_owned()),
        (json!({ "everything": false }), "everything", "true is needed".to_owned()),
        (json!({ "everything": true, "before": 99_999_999_999_u64 }), "before", "it is ahead".to_owned()),
        (json!({ "sid": "1", "issuer": ISSUER, "before": 1 }), "before", "it counts with subject".to_owned()),
        (json!({ "everything": true, "issuer": ISSUER }), "issuer", "it counts with subject, sid or jti".to_owned()),
        (json!({ "user": "ada" }), "user", "no such field".to_owned()),
    ] {
        let answer = operated.post("/admin/api/revoke", &body).await;
        assert_eq!((answer.status, &*answer.problem()), (422, "invalid_body"), "{body}");
        let fault = &answer.json()["errors"][0];
        assert_eq!(fault["field"], field, "{body}");
        assert!(fault["detail"].as_str().is_some_and(|told| told.starts_with(&detail)), "{fault}");
    }
}

#[tokio::test]
async fn f12_an_operator_orders_the_shutdown() {
    let operated = Operated::new().await;
    let mut socket = operated.world.open(&operated.world.ticket().await).await;
    socket.echo("alive").await;
    let answer = operated.post("/admin/api/drain", &json!({})).await;
    assert_eq!((answer.status, answer.json()), (202, json!({ "draining": true, "sessions": 1 })));
    assert_eq!(soon("a Close", socket.close()).await, (1012, "admitone:draining".to_owned()));
    drop(socket);
    soon("the end", operated.world.ended()).await;
}

/// One event of a stream: its name and its data.
pub(crate) async fn next_event(connection: &mut Connection, unread: &mut String) -> (String, Value) {
    loop {
        if let Some((event, rest)) = unread.split_once("\n\n") {
            let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            let found =
                (line("event").map(str::to_owned), line("data").and_then(|data| serde_json::from_str(data).ok()));
            *unread = rest.to_owned();
            if let (Some(name), Some(data)) = found {
                return (name, data);
            }
            continue;
        }
        unread.push_str(&String::from_utf8(connection.read_some().await).expect("UTF-8"));
    }
}

#[tokio::test]
async fn events_and_counts_are_told_as_they_happen() {
    let operated = Operated::new().await;
    let mut stream = Connection::open(operated.admin).await;
    // HTTP/1.0 knows no chunks: the events follow as they are.
    let request = operated.request("").starting("GET /admin/api/events HTTP/1.0").bearer(ADMIN_SECRET);
    stream.send(request.text()).await;
    let answer = stream.answer().await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    let mut unread = String::new();
    let (name, counts) = soon("counts", next_event(&mut stream, &mut unread)).await;
    assert_eq!((&*name, &counts["admitone_mints_total{outcome=\"minted\"}"]), ("metrics", &json!(0.0)));
    let minted = operated.world.minted(&token("ada"), "{}").await;
    let (mut told, mut counted) = (false, false);
    while !(told && counted) {
        let (name, data) = soon("an event", next_event(&mut stream, &mut unread)).await;
        told |= name == "audit" && data["event"] == "ticket_minted" && data["session_id"] == minted["session_id"];
        counted |= name == "metrics" && data["admitone_mints_total{outcome=\"minted\"}"] == json!(1.0);
    }
    soon("the end", operated.world.shut_down()).await.expect("an end");
    soon("the stream's end", stream.end()).await;
}
