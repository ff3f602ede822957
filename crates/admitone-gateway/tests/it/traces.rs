//! Spans, as a receiver of OTLP gets them.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::admin::Operated;
use crate::client::{Request, soon};
use crate::event_streams::asking;
use crate::http2::Tls;
use crate::tokens::{RECEIVER_KEY, token};
use crate::upstream::{Behaviour, Closed, Upstream};
use crate::world::{Lines, ORIGIN, ROUTE, World};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A receiver of spans.
pub(crate) struct Receiver {
    port: u16,
    spans: watch::Receiver<Vec<Value>>,
}

impl Receiver {
    pub(crate) async fn new() -> Self {
        Self::answering(StatusCode::OK).await
    }

    async fn answering(status: StatusCode) -> Self {
        let (told, spans) = watch::channel(Vec::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::new((told, status)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, spans }
    }

    /// The lines that have a gateway tell it.
    pub(crate) fn lines(&self) -> String {
        format!(
            "[traces]\nendpoint = \"http://127.0.0.1:{}/v1/traces\"\nheaders_file = \"receiver.headers\"",
            self.port
        )
    }

    /// All spans so far.
    pub(crate) fn all(&self) -> Vec<Value> {
        self.spans.borrow().clone()
    }

    /// Waits until spans with all these names were told.
    pub(crate) async fn hears(&self, names: &[&str]) {
        let mut spans = self.spans.clone();
        let are_told = |spans: &Vec<Value>| names.iter().all(|name| spans.iter().any(|span| span["name"] == *name));
        assert!(soon(&names.join(", "), spans.wait_for(are_told)).await.is_ok(), "a receiver");
    }

    /// The first request's span with this name, and those of its steps, in the order of their ends.
    async fn request(&self, name: &str) -> (Value, Vec<Value>) {
        let mut spans = self.spans.clone();
        let is_told = |spans: &Vec<Value>| spans.iter().any(|span| span["name"] == name && span["kind"] == 2);
        let spans = soon(name, spans.wait_for(is_told)).await.expect("a receiver");
        let request = spans.iter().find(|span| span["name"] == name).expect("a span").clone();
        // The steps come with their request.
        let steps = spans.iter().filter(|span| span["parentSpanId"] == request["spanId"]).cloned().collect();
        (request, steps)
    }
}

type Told = Arc<(watch::Sender<Vec<Value>>, StatusCode)>;

async fn take(State(told): State<Told>, headers: HeaderMap, body: String) -> (StatusCode, &'static str) {
    let (spans, status) = &*told;
    assert_eq!(headers["x-receiver-key"], RECEIVER_KEY);
    assert_eq!(headers["content-type"], "application/json");
    let request: Value = serde_json::from_str(&body).expect("JSON");
    let told = request["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans").clone();
    spans.send_modify(|spans| spans.extend(told));
    (*status, "{}")
}

/// An attribute's text.
fn attribute(span: &Value, key: &str) -> Option<String> {
    let attributes = span["attributes"].as_array().expect("attributes");
    let value = &attributes.iter().find(|attribute| attribute["key"] == key)?["value"];
    Some(value["stringValue"].as_str().or_else(|| value["intValue"].as_str()).expect("a value").to_owned())
}

fn outcomes(steps: &[Value]) -> Vec<(String, Option<String>)> {
    steps
        .iter()
        .map(|step| (step["name"].as_str().expect("a name").to_owned(), attribute(step, "admitone.outcome")))
        .collect()
}

fn ended<'a>(name: &'a str, outcome: &'a str) -> (String, Option<String>) {
    (name.to_owned(), Some(outcome.to_owned()))
}

fn traced(request: Request, flags: &str) -> Request {
    request.with("Traceparent", &format!("00-{TRACE}-{PARENT}-{flags}")).with("Tracestate", "vendor=1")
}

/// A gateway before an upstream, that tells a receiver.
async fn told(server: &str, route: &str) -> (World, Upstream, Receiver) {
    let (upstream, receiver) = (Upstream::echo().await, Receiver::new().await);
    let lines = Lines { server, route, end: &receiver.lines(), ..Lines::default() };
    (World::with(lines, &upstream.url()).await, upstream, receiver)
}

const TRUSTING: &str = "trusted_proxies = [\"127.0.0.1\"]";

#[tokio::test]
async fn a_ticket_and_its_connection_are_told_step_by_step_in_the_trace_of_a_proxy_before() {
    let (world, upstream, receiver) = told(TRUSTING, "").await;
    let minted = world.ask(traced(Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("ada")), "01")).await;
    let (ticket, session) = (&minted.json()["ticket"], &minted.json()["session_id"]);
    let upgrade = Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket.as_str().expect("a ticket"));
    let (answer, _socket) = world.present(traced(upgrade, "01")).await;
    assert_eq!(answer.status, 101);

    let (mint, steps) = receiver.request("POST /auth/ticket").await;
    assert_eq!((&mint["traceId"], &mint["parentSpanId"]), (&json!(TRACE), &json!(PARENT)));
    assert_eq!(attribute(&mint, "http.response.status_code").as_deref(), Some("201"));
    assert_eq!(outcomes(&steps), [ended("authenticate", "accepted"), ended("put", "minted")]);
    let (opening, steps) = receiver.request("GET /chat").await;
    assert_eq!((&opening["traceId"], &opening["parentSpanId"]), (&json!(TRACE), &json!(PARENT)));
    for (key, value) in [
        ("http.route", ROUTE),
        ("http.response.status_code", "101"),
        ("admitone.session_id", session.as_str().expect("a session")),
        ("admitone.method", "ticket"),
        ("admitone.carrier", "subprotocol"),
        ("admitone.request_id", answer.header("x-request-id").expect("a name")),
    ] {
        assert_eq!(attribute(&opening, key).as_deref(), Some(value), "{key}");
    }
    let done = [
        ended("inspect", "authentic"),
        ended("dial", "connected"),
        ended("redeem", "admitted"),
        ended("open", "open"),
        ended("upgrade", "switched"),
    ];
    assert_eq!(outcomes(&steps), done);

    let asked = upstream.only_request().await.to_ascii_lowercase();
    let own = opening["spanId"].as_str().expect("an identifier");
    assert!(asked.contains(&format!("traceparent: 00-{TRACE}-{own}-01\r\n")), "{asked}");
    assert!(asked.contains("tracestate: vendor=1\r\n"), "{asked}");
}

#[tokio::test]
async fn a_clients_own_context_counts_for_nothing_and_reaches_no_upstream() {
    let (world, upstream, receiver) = told("", "").await;
    let upgrade = Request::upgrade(ROUTE).origin(ORIGIN).ticket(&world.ticket().await);
    let (answer, _socket) = world.present(traced(upgrade, "00")).await;
    assert_eq!(answer.status, 101);

    let (opening, _) = receiver.request("GET /chat").await;
    assert!(opening["traceId"] != TRACE && opening["parentSpanId"].is_null(), "{opening}");
    let asked = upstream.only_request().await.to_ascii_lowercase();
    assert!(!asked.contains(TRACE) && !asked.contains("tracestate"), "{asked}");
    assert!(asked.contains(&format!("traceparent: 00-{}", opening["traceId"].as_str().expect("an identifier"))));
}

#[tokio::test]
async fn what_a_proxy_has_decided_not_to_trace_is_not_traced() {
    let (world, upstream, receiver) = told(TRUSTING, "").await;
    let upgrade = Request::upgrade(ROUTE).origin(ORIGIN).ticket(&world.ticket().await);
    let (answer, _socket) = world.present(traced(upgrade, "00")).await;
    assert_eq!(answer.status, 101);

    soon("the end", world.shut_down()).await.expect("an end");
    assert!(!receiver.all().iter().any(|span| span["name"] == "GET /chat"), "{:?}", receiver.all());
    let asked = upstream.only_request().await.to_ascii_lowercase();
    assert!(asked.contains(&format!("traceparent: 00-{TRACE}-")) && asked.contains("-00\r\n"), "{asked}");
}

#[tokio::test]
async fn renewals_logouts_questions_of_proxies_and_refusals_are_told_too() {
    let (world, _upstream, receiver) = told(TRUSTING, "forward_auth = true").await;
    let minted = world.minted(&token("ada"), "{}").await;
    let (ticket, session) = (minted["ticket"].as_str().expect("a ticket"), minted["session_id"].as_str().expect("one"));
    let _socket = world.open(ticket).await;
    let renewal = Request::post(&format!("/auth/session/{session}/renew")).origin(ORIGIN).bearer(&token("ada"));
    assert_eq!(world.ask(renewal).await.status, 200);
    let question = Request::new("GET /auth/verify").with("X-Original-URI", ROUTE).origin(ORIGIN);
    let question = question.with("X-Forwarded-For", "203.0.113.9").with("Sec-WebSocket-Version", "13");
    assert_eq!(world.ask(question.ticket(&world.ticket().await)).await.status, 200);
    assert_eq!(world.ask(Request::post("/auth/logout").bearer(&token("ada"))).await.status, 204);
    assert_eq!(world.ask(Request::new("GET /healthz")).await.status, 200);
    assert_eq!(world.ask(Request::post("/auth/ticket/introspect").bearer("x")).await.status, 401);
    soon("the end", world.shut_down()).await.expect("an end");

    let (renewal, steps) = receiver.request("POST /auth/session/{id}/renew").await;
    assert_eq!(attribute(&renewal, "admitone.session_id").as_deref(), Some(session));
    assert_eq!(outcomes(&steps), [ended("authenticate", "accepted"), ended("renew", "renewed")]);
    let (verified, steps) = receiver.request("GET /auth/verify").await;
    assert_eq!(attribute(&verified, "admitone.route").as_deref(), Some(ROUTE));
    assert_eq!(outcomes(&steps), [ended("inspect", "authentic"), ended("redeem", "admitted")]);
    let (_, steps) = receiver.request("POST /auth/logout").await;
    assert_eq!(outcomes(&steps), [ended("authenticate", "accepted"), ended("revoke", "revoked")]);
    let (refused, _) = receiver.request("POST /auth/ticket/introspect").await;
    assert_eq!(attribute(&refused, "admitone.code").as_deref(), Some("not_logged_in"));
    assert!(!receiver.all().iter().any(|span| span["name"].as_str().is_some_and(|name| name.contains("healthz"))));
}

#[tokio::test]
async fn sockets_over_http_2_and_event_streams_are_told_as_the_others() {
    let (echo, receiver) = (Upstream::echo().await, Receiver::new().await);
    let tls = Tls::with("traces", Lines { end: &receiver.lines(), ..Lines::default() }, &echo).await;
    let client = tls.client().await;
    let ticket = client.ticket_for(&token("ada")).await;
    let (answer, _socket) = client.present(Request::upgrade(ROUTE).origin(ORIGIN).ticket(&ticket)).await;
    assert_eq!(answer.status, 200);
    let (opening, steps) = receiver.request("CONNECT /chat").await;
    assert_eq!(attribute(&opening, "http.response.status_code").as_deref(), Some("200"));
    assert_eq!(steps.len(), 5);
    assert_eq!(outcomes(&steps)[4], ended("upgrade", "switched"));

    let nothing = Upstream::that(Behaviour::Answers("HTTP/1.1 204 No Content\r\n\r\n")).await;
    let route = "event_streams = true\nticket_carriers = [\"authorization\"]";
    let world = World::with(Lines { route, end: &receiver.lines(), ..Lines::default() }, &nothing.url()).await;
    assert_eq!(world.ask(asking(&world.ticket().await)).await.status, 204);
    let (opening, steps) = receiver.request("GET /chat").await;
    assert_eq!(attribute(&opening, "admitone.carrier").as_deref(), Some("authorization"));
    assert_eq!(outcomes(&steps)[4], ended("upgrade", "streaming"));
}

#[tokio::test]
async fn where_it_failed_can_be_seen() {
    let (nobody, receiver) = (Closed::new(), Receiver::new().await);
    let lines = Lines { end: &receiver.lines(), ..Lines::default() };
    let world = World::with(lines, &nobody.url()).await;
    let ticket = world.ticket().await;
    let answer = world.ask(Request::upgrade(ROUTE).origin(ORIGIN).ticket(&ticket)).await;
    assert_eq!(answer.status, 502);

    let (refused, steps) = receiver.request("GET /chat").await;
    assert_eq!(outcomes(&steps), [ended("inspect", "authentic"), ended("dial", "unreachable")]);
    assert_eq!(attribute(&refused, "admitone.code").as_deref(), Some("upstream_unavailable"));
    assert_eq!(refused["status"], json!({ "code": 2 }));
}

#[tokio::test]
async fn a_receiver_that_takes_nothing_costs_traces_and_nothing_else() {
    let receiver = Receiver::answering(StatusCode::SERVICE_UNAVAILABLE).await;
    let operated = Operated::with(&receiver.lines()).await;
    let ticket = operated.world.ticket().await;
    receiver.request("POST /auth/ticket").await;
    operated.world.opens(&ticket).await;
    let counted = async {
        loop {
            let metrics = String::from_utf8(operated.get("/metrics").await.body).expect("UTF-8");
            if !metrics.contains("admitone_traces_lost_total 0\n") {
                return metrics;
            }
            tokio::task::yield_now().await;
        }
    };
    let metrics = soon("it is counted", counted).await;
    assert!(metrics.contains("admitone_traces_lost_total "), "{metrics}");
}
