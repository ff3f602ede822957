//! A server with a door, on hyper alone.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use admitone::close;
use admitone::now::Now;
use admitone::origin::WebOrigin;
use admitone::principal::{Login, LoginStamp, Permissions, Principal};
use admitone::route::Route;
use admitone::tower::{Admit, AdmitBuilder, Admitted, Door, NoLogin};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::client::{Answer, Connection, Request as Asking, soon};

pub(super) const ORIGIN: &str = "https://app.example.com";
pub(super) const ISSUER: &str = "https://id.example.com";

pub(super) type Reply = Result<Response<Full<Bytes>>, Infallible>;

/// A token that logs `subject` in.
pub(super) fn token(subject: &str) -> String {
    format!("login-of-{subject}")
}

/// The logins of the tests: `login-of-<subject>`, whose session ends by its `sid`; `away` is what nobody can tell.
pub(super) fn logins(token: &str, now: Now) -> Result<Login, NoLogin> {
    if token == "away" {
        return Err(NoLogin::Unavailable("the identity provider is away".to_owned()));
    }
    let subject = token.strip_prefix("login-of-").ok_or_else(|| NoLogin::Refused("no such login".to_owned()))?;
    Ok(Login {
        principal: Principal::new(ISSUER, subject, None).expect("visible ASCII"),
        permissions: Permissions::new(["chat", "admin"]).expect("scopes"),
        stamp: LoginStamp { issued_at: now.unix - 60, sid: Some(subject.into()), jti: None },
        expires_at: now.unix + 900,
    })
}

pub(super) fn origin(text: &str) -> WebOrigin {
    WebOrigin::parse(text).expect("an origin")
}

pub(super) fn chat() -> Route {
    Route::new("/chat", [origin(ORIGIN)])
}

/// What a handler saw of its request.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) target: String,
    /// Every header as a line.
    pub(super) headers: String,
    pub(super) subject: String,
}

/// What a handler does with a request that it is called with.
pub(super) type Handler = fn(Request<Incoming>, Admitted) -> Reply;

pub(super) struct Site {
    pub(super) admit: Admit,
    door: Door,
    handler: Handler,
    seen: Arc<Mutex<Vec<Seen>>>,
    refusals: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub(super) fn new() -> Arc<Self> {
        Self::with(chat(), |builder| builder)
    }

    pub(super) fn with(route: Route, build: impl FnOnce(AdmitBuilder) -> AdmitBuilder) -> Arc<Self> {
        Self::handled_by(echo, route, build)
    }

    pub(super) fn handled_by(
        handler: Handler,
        route: Route,
        build: impl FnOnce(AdmitBuilder) -> AdmitBuilder,
    ) -> Arc<Self> {
        let refusals = Arc::new(Mutex::new(Vec::new()));
        let heard = refusals.clone();
        let hears = move |path: &str, refusal: &_| heard.lock().expect("no panic").push(format!("{path}: {refusal}"));
        let builder = Admit::builder("https://chat.example.com", logins).route(route).on_refusal(hears);
        let admit = build(builder).in_memory().expect("a sound policy");
        let door = admit.door("/chat").expect("a route");
        Arc::new(Self { admit, door, handler, seen: Arc::default(), refusals })
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Reply {
        if request.uri().path() != "/chat" {
            return Ok(self.admit.answer(request).await.map(Full::from));
        }
        let handler = async |request: Request<Incoming>, admitted: Admitted| {
            self.seen.lock().expect("no panic").push(Seen {
                target: request.uri().to_string(),
                headers: format!("{:?}", request.headers()),
                subject: admitted.principal().subject().to_owned(),
            });
            (self.handler)(request, admitted)
        };
        self.door.admit(request, handler).await
    }

    pub(super) fn connect(self: &Arc<Self>) -> Connection {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let site = self.clone();
        let service = service_fn(move |request| {
            let site = site.clone();
            async move { site.answer(request).await }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(theirs), service).with_upgrades());
        Connection::over(ours)
    }

    /// One request on a connection of its own, and the connection behind the answer.
    pub(super) async fn present(self: &Arc<Self>, request: &Asking) -> (Answer, Connection) {
        let mut connection = self.connect();
        (connection.ask(request).await, connection)
    }

    pub(super) async fn ask(self: &Arc<Self>, request: &Asking) -> Answer {
        self.present(request).await.0
    }

    /// A ticket that the application's page minted.
    pub(super) async fn ticket(self: &Arc<Self>, subject: &str) -> String {
        let asking = Asking::post("/auth/ticket").origin(ORIGIN).bearer(&token(subject)).json("{}");
        let answer = self.ask(&asking).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["ticket"].as_str().expect("a ticket").to_owned()
    }

    /// A live socket of the application's page.
    pub(super) async fn open(self: &Arc<Self>, ticket: &str) -> Connection {
        let (answer, connection) = self.present(&Asking::upgrade("/chat").origin(ORIGIN).ticket(ticket)).await;
        assert_eq!(answer.status, 101, "{answer:?}");
        assert_eq!(answer.header("sec-websocket-protocol"), Some("admitone.v1"));
        connection
    }

    /// The ticket was not spent: it still opens a socket, and that works.
    pub(super) async fn opens(self: &Arc<Self>, ticket: &str) {
        self.open(ticket).await.echo("still good").await;
    }

    /// What the handler saw, in order.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    /// What was refused, in order.
    pub(super) fn refusals(&self) -> Vec<String> {
        self.refusals.lock().expect("no panic").clone()
    }

    /// Waits until no session is open.
    pub(super) async fn is_empty(&self) {
        let emptied = async {
            while self.admit.engine().sessions.count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        soon("nobody is connected", emptied).await;
    }
}

/// An answer behind which there is a socket.
pub(super) fn switching() -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("connection", http::HeaderValue::from_static("upgrade"));
    response.headers_mut().insert("upgrade", http::HeaderValue::from_static("websocket"));
    response
}

/// Opens a socket that gives back what it gets, byte by byte.
pub(super) fn echo(mut request: Request<Incoming>, admitted: Admitted) -> Reply {
    tokio::spawn(talk(hyper::upgrade::on(&mut request), admitted));
    Ok(switching())
}

pub(super) async fn talk(socket: hyper::upgrade::OnUpgrade, admitted: Admitted) {
    let Ok(socket) = socket.await else { return };
    let mut socket = TokioIo::new(socket);
    let mut buffer = [0; 1024];
    loop {
        match admitted.until_closing(socket.read(&mut buffer)).await {
            Ok(Ok(read)) if read > 0 => socket.write_all(&buffer[..read]).await.expect("a client that reads"),
            Ok(_) => return,
            Err(code) => {
                socket.write_all(&close::frame(code.code(), code.reason())).await.expect("a client that reads");
                return;
            }
        }
    }
}
