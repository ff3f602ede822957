//! The requests of one HTTP/1.1 connection, one after another.
//!
//! Every request's head is read here, strictly and by one parser. An upgrade to a route leaves HTTP for good; a request in
//! one of the usual forms is answered, and the next one read. The rare forms (`chunked`, `Expect`, `HEAD`, HTTP/1.0, a large
//! body) are hyper's, each as the last request of its connection, so that no other parser ever decides where a request begins.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use http::header::{EXPECT, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::answer::{self, Answer};
use super::event_stream::Governed;
use super::head::{Framing, Head, HeadError, Scan};
use super::io::{ClientIo, Rewound};
use super::present::{Present, Serving};
use super::telling::{Asked, Refusal, Teller};
use super::{Peer, body, connect, direct, headers, verify};
use crate::limits::Over;
use crate::rejection::Rejection;
use crate::relay::STALL_LIMIT;
use crate::traces::Trace;

/// What one read asks for at least.
const READ: usize = 1024;

/// What a connection's requests are answered by.
#[derive(Clone)]
pub(super) struct Answers {
    pub(super) present: Arc<Present>,
    pub(super) serving: Arc<Serving>,
    pub(super) standing: Standing,
}

impl Answers {
    pub(super) fn router(&self) -> Router {
        let router = match self.standing {
            Standing::Admitted => &self.serving.router,
            Standing::Full => &self.serving.when_full,
            Standing::Over(_) => &self.serving.when_over,
        };
        router.clone()
    }
}

/// Whether there is a place for a connection: for upgrades, that is, and more than one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is.
    Admitted,
    /// The gateway is full.
    Full,
    /// Its address has taken all of its own.
    Over(Over),
}

impl Standing {
    /// What its address has too much of.
    pub(super) const fn over(self) -> Option<Over> {
        match self {
            Self::Over(over) => Some(over),
            Self::Admitted | Self::Full => None,
        }
    }
}

/// How long a client may take, and when there is no time left.
#[derive(Clone)]
pub(super) struct Limits {
    pub(super) header_timeout: Duration,
    pub(super) shutdown: CancellationToken,
}

/// A connection between two requests.
pub(super) struct Conversation {
    io: ClientIo,
    peer: Peer,
    /// Read, and not yet used.
    read: BytesMut,
    answers: Answers,
    asked: Asked,
}

impl Conversation {
    pub(super) fn new(io: ClientIo, peer: Peer, answers: Answers) -> Self {
        let asked = Asked::unreadable(&answers.serving.app, peer);
        Self { io, peer, read: BytesMut::new(), answers, asked }
    }

    /// The name of the request that is being answered.
    pub(super) const fn request_id(&self) -> &HeaderValue {
        self.asked.id()
    }

    /// The trace of that request.
    pub(super) const fn trace(&self) -> &Trace {
        self.asked.trace()
    }

    /// Tells of a refusal.
    pub(super) fn refused(&self, refusal: &Refusal) {
        Teller::public(&self.answers.serving.app).refused(&self.asked, "", refusal);
    }

    pub(super) const fn peer(&self) -> Peer {
        self.peer
    }

    /// Why there is no upgrade for it.
    pub(super) const fn over(&self) -> Option<Over> {
        self.answers.standing.over()
    }

    fn is_admitted(&self) -> bool {
        self.answers.standing == Standing::Admitted
    }

    /// The connection, and what was read of it behind the last request.
    pub(super) fn into_parts(self) -> (ClientIo, Bytes) {
        // A copy: what follows would keep all that was read before it.
        (self.io, Bytes::copy_from_slice(&self.read))
    }

    /// Answers requests until the connection ends. What answers them is boxed: whoever waits for a request needs none of it.
    pub(super) async fn run(mut self, limits: &Limits) {
        loop {
            let head = tokio::select! {
                biased;
                head = self.read_head(limits.header_timeout) => head,
                () = limits.shutdown.cancelled() => return,
            };
            let head = match head {
                Ok(Some(head)) => head,
                Ok(None) => return,
                Err(error) => return Box::pin(self.end_with(Rejection::from(error).into_response())).await,
            };
            self.answers.present.refresh(&mut self.answers.serving);
            // A page can read a refused upgrade; a full gateway has no time for that.
            let asks_for_upgrade = connect::asks_for_upgrade(&head.parts.headers);
            // A proxy may repeat the client's `Upgrade` in its question, which is none.
            let is_question = verify::is_asked(head.parts.uri.path());
            if asks_for_upgrade && !is_question && self.answers.standing != Standing::Full {
                return Box::pin(self.upgrade(head)).await;
            }
            let Some(length) = usual_body(&head) else {
                return Box::pin(self.hand_over(head)).await;
            };
            let Some(request) = self.read_body(head.parts, length).await else { return };
            if !Box::pin(self.answer(request, limits)).await {
                return;
            }
        }
    }

    /// The next head; `None` when the client hangs up or takes too long. It has the time twice: to begin, and then to end.
    async fn read_head(&mut self, limit: Duration) -> Result<Option<Head>, HeadError> {
        let mut scan = Scan::default();
        let mut has_begun = !self.read.is_empty();
        let mut deadline = Instant::now() + limit;
        loop {
            if let Some(length) = scan.advance(&self.read)? {
                return Head::parse(self.read.split_to(length).freeze()).map(Some);
            }
            self.read.reserve(READ);
            match timeout_at(deadline, self.io.read_buf(&mut self.read)).await {
                Ok(Ok(read)) if read > 0 => {}
                _ => return Ok(None),
            }
            if !has_begun {
                has_begun = true;
                deadline = Instant::now() + limit;
            }
        }
    }

    /// The request with its body; `None` when that does not arrive.
    async fn read_body(&mut self, parts: Parts, length: usize) -> Option<Request<Body>> {
        let deadline = Instant::now() + body::DEADLINE;
        while self.read.len() < length {
            self.read.reserve(length - self.read.len());
            let read = timeout_at(deadline, self.io.read_buf(&mut self.read)).await;
            if !matches!(read, Ok(Ok(read)) if read > 0) {
                return None;
            }
        }
        let mut request = Request::from_parts(parts, Body::from(self.read.split_to(length).freeze()));
        request.extensions_mut().insert(self.peer);
        Some(request)
    }

    /// Answers; false when the connection is to end behind it.
    async fn answer(&mut self, request: Request<Body>, limits: &Limits) -> bool {
        let is_last = !self.is_admitted() || limits.shutdown.is_cancelled() || wants_to_end(&request);
        let (mut response, lines) = match direct::is_mint(&request) && self.is_admitted() {
            true => direct::mint(&self.answers.serving.app, self.peer, request).await,
            false => {
                let Ok(response) = self.answers.router().oneshot(request).await;
                (response, Vec::new())
            }
        };
        let governed = response.extensions_mut().remove::<Governed>();
        let Ok(answer) = Answer::with_lines(response, &lines, is_last).await else { return false };
        if answer::write(&mut self.io, &answer.bytes).await.is_err() {
            return false;
        }
        if let Some(rest) = answer.rest {
            self.stream(rest, governed).await;
            return false;
        }
        !is_last
    }

    /// Writes a body as it comes, until it ends, the client hangs up, or whoever governs it says that it is over.
    async fn stream(&mut self, body: Body, governed: Option<Governed>) {
        let over = async {
            match governed {
                Some(governed) => governed.over().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stream_on(body) => {}
            () = over => {}
        }
    }

    async fn stream_on(&mut self, mut body: Body) {
        loop {
            let mut unasked = [0; 1];
            let frame = tokio::select! {
                frame = body.frame() => frame,
                _ = self.io.read(&mut unasked) => return,
            };
            let Some(Ok(frame)) = frame else { return };
            let Ok(data) = frame.into_data() else { continue };
            if answer::write_within(STALL_LIMIT, &mut self.io, &data).await.is_err() {
                return;
            }
        }
    }

    async fn upgrade(mut self, mut head: Head) {
        let app = self.answers.serving.app.clone();
        let route = app.route_with_upstream(head.parts.uri.path()).cloned();
        let parts = &mut head.parts;
        let path = route.as_ref().map_or("", |route| &route.path);
        self.asked = Asked::traced(&app, self.peer, &parts.method, path, &mut parts.headers);
        self.asked.trace().travel(&mut parts.extensions);
        match route {
            Some(route) => connect::connect(&app, &route, head.parts, self).await,
            None => self.end_with(Rejection::NoSuchPath.into_response()).await,
        }
    }

    /// Answers with a last answer.
    pub(super) async fn end_with(self, mut response: Response) {
        Teller::public(&self.answers.serving.app).tell(&self.asked, "", &mut response);
        headers::secure(&self.answers.serving.app, response.headers_mut());
        if let Ok(answer) = Answer::of(response, true).await {
            self.io.end_with(&answer.bytes).await;
        }
    }

    /// Has hyper answer a request, the last of its connection.
    async fn hand_over(self, head: Head) {
        let Self { io, peer, read, answers, .. } = self;
        let ahead = Bytes::from([&head.bytes[..], &read[..]].concat());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            answers.router().oneshot(request)
        });
        let connection = http1::Builder::new()
            .keep_alive(false)
            .half_close(false)
            .max_headers(super::head::MAX_LINES)
            .serve_connection(TokioIo::new(Rewound::new(ahead, io)), service);
        if let Err(error) = Box::pin(connection).await {
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}

/// The length of a body that is answered here; `None` for a request in a form that is not.
fn usual_body(head: &Head) -> Option<usize> {
    let Framing::Length(length) = head.framing else { return None };
    let is_usual = head.parts.version == Version::HTTP_11
        && !matches!(head.parts.method, Method::HEAD | Method::CONNECT)
        && !head.parts.headers.contains_key(EXPECT);
    usize::try_from(length).ok().filter(|length| is_usual && *length <= body::MAX_BYTES)
}

/// After a question that repeats an `Upgrade` too: whoever is before us must not believe in a tunnel.
fn wants_to_end(request: &Request<Body>) -> bool {
    connect::asks_for_upgrade(request.headers())
        || super::handshake::lists(request.headers(), &http::header::CONNECTION, "close")
}
