//! The two lines in an axum router.

use std::sync::{Arc, Mutex};

use admitone::axum::{Admit, Admitted};
use admitone::carrier::{Carrier, Policy};
use admitone::route::Route;
use axum::body::Body;
use axum::extract::{OriginalUri, Request as AxumRequest, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;

use super::client::{Connection, Request};
use super::site::{ORIGIN, chat, logins, switching, talk, token};

type Uris = Arc<Mutex<Vec<String>>>;

async fn socket(
    admitted: Admitted,
    OriginalUri(original): OriginalUri,
    State(uris): State<Uris>,
    mut request: AxumRequest,
) -> Response {
    uris.lock().expect("no panic").extend([original.to_string(), request.uri().to_string()]);
    tokio::spawn(talk(hyper::upgrade::on(&mut request), admitted));
    switching().map(Body::new)
}

/// A handler that takes the argument and lets go of it.
async fn careless(_: Admitted, mut request: AxumRequest) -> Response {
    tokio::spawn(hyper::upgrade::on(&mut request));
    switching().map(Body::new)
}

/// One that never looks at it, and keeps the request.
async fn ignorant(mut request: AxumRequest) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move { drop((upgrade.await, request)) });
    switching().map(Body::new)
}

async fn twice(admitted: Admitted, request: AxumRequest) -> Response {
    let (mut parts, _) = request.into_parts();
    assert!(Admitted::take(&mut parts.extensions).is_none());
    admitted.principal().subject().to_owned().into_response()
}

struct Site {
    router: Router,
    uris: Uris,
}

impl Site {
    fn new() -> Self {
        let carriers = Policy { ticket: Carrier::ALL.to_vec(), ..Policy::default() };
        let routes = ["/chat", "/careless", "/ignorant", "/twice", "/api/nested"];
        let routes = routes.map(|path| Route { carriers: carriers.clone(), ..Route::new(path, chat().origins) });
        let admit = Admit::in_memory("https://chat.example.com", routes, logins).expect("a sound policy");
        let door = |path| admit.door(path).expect("a route");
        let uris = Uris::default();
        let nested = Router::new().route("/nested", get(socket).layer(door("/api/nested")));
        let router = Router::new()
            .route("/chat", get(socket).layer(door("/chat")))
            .route("/careless", get(careless).layer(door("/careless")))
            .route("/ignorant", get(ignorant).layer(door("/ignorant")))
            .route("/twice", get(twice).layer(door("/twice")))
            .route("/bare", get(socket))
            .nest("/api", nested)
            .merge(admit.routes())
            .layer(Extension("of the application"))
            .with_state(uris.clone());
        Self { router, uris }
    }

    fn connect(&self) -> Connection {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let service = TowerToHyperService::new(self.router.clone());
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(theirs), service).with_upgrades());
        Connection::over(ours)
    }

    async fn ticket(&self, route: &str) -> String {
        let body = format!(r#"{{"route":"{route}"}}"#);
        let mint = Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("ada")).json(&body);
        let answer = self.connect().ask(&mint).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["ticket"].as_str().expect("a ticket").to_owned()
    }
}

#[tokio::test]
async fn two_lines_mint_admit_and_close() {
    let site = Site::new();
    let ticket = site.ticket("/chat").await;
    let mut socket = site.connect();
    let answer = socket.ask(&Request::upgrade("/chat").origin(ORIGIN).ticket(&ticket)).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, Some("admitone.v1")));
    socket.echo("hello").await;
    let logout = site.connect().ask(&Request::post("/auth/logout").bearer(&token("ada"))).await;
    assert_eq!(logout.status, 204);
    assert_eq!(socket.close().await, (4900, "admitone:revoked".to_owned()));
}

#[tokio::test]
async fn s28_no_uri_that_axum_keeps_has_the_ticket() {
    let site = Site::new();
    for path in ["/chat", "/api/nested"] {
        let ticket = site.ticket(path).await;
        let upgrade = Request::upgrade(&format!("{path}?a=1&ticket={ticket}&b=2")).origin(ORIGIN);
        assert_eq!(site.connect().ask(&upgrade).await.status, 101);
    }
    let uris = site.uris.lock().expect("no panic").clone();
    assert_eq!(uris, ["/chat?a=1&b=2", "/chat?a=1&b=2", "/api/nested?a=1&b=2", "/nested?a=1&b=2"]);
}

#[tokio::test]
async fn s5_a_handler_that_governs_nothing_opens_nothing() {
    let site = Site::new();
    for path in ["/careless", "/ignorant"] {
        let ticket = site.ticket(path).await;
        let mut connection = site.connect();
        let answer = connection.ask(&Request::upgrade(path).origin(ORIGIN).ticket(&ticket)).await;
        assert_eq!((answer.status, &*answer.problem()), (500, "internal"), "{path}");
        connection.ends().await;
    }
}

#[tokio::test]
async fn without_a_door_nobody_is_admitted() {
    let site = Site::new();
    let ticket = site.ticket("/chat").await;
    let answer = site.connect().ask(&Request::upgrade("/bare").origin(ORIGIN).ticket(&ticket)).await;
    assert_eq!((answer.status, &*answer.problem()), (500, "internal"));
    assert!(answer.json()["detail"].is_null(), "how the server is built is nobody's business");
}

#[tokio::test]
async fn every_endpoint_is_mounted() {
    let site = Site::new();
    for start in [
        "POST /auth/ticket",
        "POST /auth/ticket/introspect",
        "POST /auth/ticket/revoke",
        "POST /auth/logout",
        "POST /auth/session/ses_1/renew",
        "DELETE /auth/session/ses_1",
    ] {
        assert_eq!(site.connect().ask(&Request::new(start)).await.problem(), "not_logged_in", "{start}");
    }
}

#[tokio::test]
async fn it_is_there_once() {
    let site = Site::new();
    let ticket = site.ticket("/twice").await;
    let answer = site.connect().ask(&Request::upgrade("/twice").origin(ORIGIN).ticket(&ticket)).await;
    assert_eq!(answer.status, 200);
}
