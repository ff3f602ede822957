//! The requests of one HTTP/2 connection, side by side.
//!
//! hyper reads the frames, within the bounds that are set here. Every request is a task that reaches its end even if its
//! stream is reset: from a redemption on that has to be so. How many there are at once is bounded apart from the streams,
//! since a stream that was reset no longer counts as one.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{COOKIE, HOST, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tokio::time::{Instant, sleep_until};
use tower::ServiceExt as _;

use super::conversation::{Answers, Limits, Standing};
use super::extended::{self, Asking};
use super::head::{self, HeadError};
use super::io::ClientIo;
use super::telling::{Asked, Teller};
use super::{App, Peer, headers};
use crate::rejection::Rejection;

/// Streams that a client may have open at once.
const STREAMS: u32 = 100;

/// Requests and sockets of one connection that may be under way at once, those of streams that were reset included.
const UNDER_WAY: usize = 2 * STREAMS as usize;

/// What a client may send ahead on one stream, and what waits for it on one, in bytes.
const STREAM_WINDOW: u32 = 32 * 1024;

/// What a client may send ahead on all streams together, in bytes: all that it may on each, so that streams whose upstream reads
/// nothing cannot hold up the others.
const CONNECTION_WINDOW: u32 = STREAMS * STREAM_WINDOW;

/// Streams that may be reset before they are looked at.
const RESETS: usize = 20;

/// Streams that may be reset for a fault of the client's.
const FAULTS: usize = 100;

/// How long a client may take for the rest when its connection ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// Answers requests until the connection ends. `places` are those of all connections, of which each socket takes one.
pub(super) async fn serve(io: ClientIo, peer: Peer, answers: Answers, places: Arc<Semaphore>, limits: &Limits) {
    let is_admitted = answers.standing == Standing::Admitted;
    let (under_way, begun) = (Arc::new(Semaphore::new(UNDER_WAY)), AtomicU64::new(0));
    let requests = Arc::new(Requests { peer, answers, places, under_way, begun });
    let service = service_fn(|request| requests.clone().answer(request));
    let mut connection = pin!(builder().serve_connection(TokioIo::new(io), service));
    let mut is_ending = false;
    let mut seen = 0;
    let mut look = Instant::now() + limits.header_timeout;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                return ended.unwrap_or_else(|error| tracing::debug!(%error, "a connection ended badly"));
            }
            () = limits.shutdown.cancelled(), if !is_ending => {}
            () = sleep_until(look) => {
                let begun = requests.begun.load(Ordering::Relaxed);
                let is_idle = requests.is_idle() && (begun == seen || !is_admitted);
                seen = begun;
                if is_idle && is_ending {
                    return;
                }
                if !is_idle {
                    look += limits.header_timeout;
                    continue;
                }
            }
        }
        is_ending = true;
        look = Instant::now() + FAREWELL;
        connection.as_mut().graceful_shutdown();
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .enable_connect_protocol()
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(STREAM_WINDOW as usize)
        .max_header_list_size(head::MAX_BYTES as u32)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(FAULTS);
    builder
}

/// Where a session of one stream takes its places, for as long as it lasts: it is one connection more.
#[derive(Clone)]
pub(super) struct Shared {
    of_all: Arc<Semaphore>,
    of_connection: Arc<Semaphore>,
}

/// A session's places.
pub(super) struct Held {
    _of_all: OwnedSemaphorePermit,
    _of_connection: OwnedSemaphorePermit,
}

impl Shared {
    /// `None` when there is none left.
    pub(super) fn take(self) -> Option<Held> {
        Some(Held {
            _of_all: self.of_all.try_acquire_owned().ok()?,
            _of_connection: self.of_connection.try_acquire_owned().ok()?,
        })
    }
}

/// What the requests of a connection share.
struct Requests {
    peer: Peer,
    answers: Answers,
    places: Arc<Semaphore>,
    under_way: Arc<Semaphore>,
    /// How many there have been.
    begun: AtomicU64,
}

impl Requests {
    fn is_idle(&self) -> bool {
        self.under_way.available_permits() == UNDER_WAY
    }

    /// In a task, which goes on when the stream is reset.
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response, JoinError> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.answers.clone();
        answers.present.refresh(&mut answers.serving);
        let app = answers.serving.app.clone();
        let mut response = match self.under_way.clone().try_acquire_owned() {
            Err(_) => unread(&app, self.peer, Rejection::Overloaded),
            Ok(place) => {
                let answered = app.tasks.spawn(self.respond(answers, request, place)).await;
                answered.inspect_err(|_| app.metrics.panicked())?
            }
        };
        headers::secure(&app, response.headers_mut());
        Ok(response)
    }

    async fn respond(
        self: Arc<Self>,
        answers: Answers,
        mut request: Request<Incoming>,
        place: OwnedSemaphorePermit,
    ) -> Response {
        let stream = (request.method() == Method::CONNECT).then(|| hyper::upgrade::on(&mut request));
        let (mut parts, body) = request.into_parts();
        if let Err(error) = settle(&mut parts) {
            return unread(&answers.serving.app, self.peer, error.into());
        }
        match stream {
            // A page can read a refused upgrade; a full gateway has no time for that.
            Some(stream) if answers.standing != Standing::Full => {
                let (peer, places, over) = (self.peer, self.places.clone(), answers.standing.over());
                let asking = Asking { peer, parts, stream, of_connection: place, places, over };
                extended::answer(&answers.serving.app, asking).await
            }
            _ => {
                parts.extensions.insert(self.peer);
                let shared = Shared { of_all: self.places.clone(), of_connection: self.under_way.clone() };
                parts.extensions.insert(shared);
                let Ok(response) = answers.router().oneshot(Request::from_parts(parts, Body::new(body))).await;
                drop(place);
                response
            }
        }
    }
}

/// The answer to a request that is not looked at.
fn unread(app: &Arc<App>, peer: Peer, rejection: Rejection) -> Response {
    let mut response = rejection.into_response();
    Teller::public(app).tell(&Asked::unreadable(app, peer), "", &mut response);
    response
}

/// Gives a request the form that those of HTTP/1.1 have, by the same rules: a path for a target, one `Host`, and all cookies
/// in one line (RFC 9113 §8.2.3).
fn settle(parts: &mut Parts) -> Result<(), HeadError> {
    if parts.headers.len() > head::MAX_LINES {
        return Err(HeadError::TooManyLines);
    }
    settle_host(parts)?;
    if let Some(target) = parts.uri.path_and_query() {
        parts.uri = Uri::from(target.clone());
    }
    join_cookies(&mut parts.headers)
}

/// RFC 9113 §8.3.1: where both stand there, they are the same.
fn settle_host(parts: &mut Parts) -> Result<(), HeadError> {
    let mut lines = parts.headers.get_all(HOST).iter();
    let host = match (parts.uri.authority(), lines.next(), lines.next()) {
        (Some(authority), None, None) => HeaderValue::from_str(authority.as_str()).map_err(|_| HeadError::Host)?,
        (Some(authority), Some(host), None) if host == authority.as_str() => host.clone(),
        (None, Some(host), None) => host.clone(),
        _ => return Err(HeadError::Host),
    };
    if !head::is_host(host.as_bytes()) {
        return Err(HeadError::Host);
    }
    parts.headers.insert(HOST, host);
    Ok(())
}

fn join_cookies(headers: &mut HeaderMap) -> Result<(), HeadError> {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1 {
        let joined = HeaderValue::from_bytes(&lines.join(&b"; "[..])).map_err(|_| HeadError::Malformed)?;
        headers.insert(COOKIE, joined);
    }
    Ok(())
}
