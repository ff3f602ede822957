//! Event streams: a `GET` whose answer goes on, through the same gate as a socket, and governed as one.

mod pump;

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::stream::unfold;
use http::header::{ACCEPT, CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::admit::{Streaming, admit};
use super::handshake::{Handshake, check_query, read_origin};
use super::multiplexed::{Held, Shared};
use super::{App, Peer, forward, headers, problem};
use crate::rejection::Rejection;
use crate::relay::{CLOSE_LIMIT, Ended, Why};
use crate::routes::Route;
use crate::traces::Trace;
use pump::Pump;

/// A browser says with it where the page is from; pages cannot write it themselves.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Keeps nginx in front from holding events back.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What comes with an answer whose body is governed from elsewhere: when that is over, whatever of it is yet to be taken.
#[derive(Clone)]
pub(super) struct Governed(CancellationToken);

impl Governed {
    /// Over, and a moment to take the rest has passed.
    pub(super) async fn over(&self) {
        self.0.cancelled().await;
        tokio::time::sleep(CLOSE_LIMIT).await;
    }
}

/// Answers a request to a route that streams, and which asks for no upgrade.
pub(super) async fn answer(app: Arc<App>, route: Arc<Route>, request: Request) -> Response {
    let pages = headers::stream_cors(&route);
    let answering = service_fn(move |request: Request| {
        let (app, route) = (app.clone(), route.clone());
        async move { Ok::<_, std::convert::Infallible>(respond(app, route, request).await) }
    });
    let Ok(response) = pages.layer(answering).oneshot(request).await;
    response
}

/// In a task, which goes on when the client goes away: from the redemption on that has to be so.
async fn respond(app: Arc<App>, route: Arc<Route>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let (tasks, metrics, path) = (app.tasks.clone(), app.metrics.clone(), route.path.clone());
    let opened = tasks.spawn(async move {
        let began = Instant::now();
        let opened = open(&app, &route, &mut parts).await;
        if opened.is_ok() {
            app.metrics.admitted_after(began.elapsed())
        } else {
            app.metrics.refused_after(began.elapsed())
        }
        opened
    });
    let opened = opened.await.unwrap_or_else(|_| {
        metrics.panicked();
        Err(Rejection::Internal("a panic"))
    });
    opened.unwrap_or_else(|rejection| problem::respond(&rejection, &path))
}

async fn open(app: &Arc<App>, route: &Arc<Route>, parts: &mut Parts) -> Result<Response, Rejection> {
    Trace::of(&parts.extensions).is_for(&parts.method, &route.path);
    check(parts)?;
    let peer = parts.extensions.get::<Peer>().copied().ok_or(Rejection::Internal("a request without a peer"))?;
    let held = match parts.extensions.remove::<Shared>() {
        Some(shared) => Some(shared.take().ok_or(Rejection::Overloaded)?),
        None => None,
    };
    let origin = origin(app, &parts.headers);
    let entered = admit(app, route, peer, parts, origin.as_deref()).await.map_err(|refused| refused.rejection)?;
    Ok(stream(app, route, entered.stream().await?, held))
}

/// What is no request for an event stream is answered as on any other route.
fn check(parts: &Parts) -> Result<(), Rejection> {
    if parts.method != Method::GET || !is_wanted(&parts.headers) {
        return Err(Handshake::read(parts).err().map_or(Rejection::NotAnUpgrade, Rejection::from));
    }
    Ok(check_query(parts)?)
}

/// Whether a request is for an event stream, wherever it is sent.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let ranges = headers.get_all(ACCEPT).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let mut types = ranges.filter_map(|range| range.split(|byte| *byte == b';').next());
    types.any(|name| name.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
}

/// Whose page asks. To its own origin a browser sends no `Origin` with a `GET`, but says that it is that.
pub(super) fn origin(app: &App, headers: &HeaderMap) -> Option<String> {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    let is_own = matches!((sites.next(), sites.next()), (Some(site), None) if site == "same-origin");
    read_origin(headers).or_else(|| is_own.then(|| app.public_url.as_str().to_owned()))
}

fn stream(app: &Arc<App>, route: &Route, streaming: Streaming, held: Option<Held>) -> Response {
    let Streaming { session, record, streamed, place } = streaming;
    let mut response = Response::new(Body::empty());
    write_headers(response.headers_mut(), &streamed.headers);
    let Some(events) = streamed.events else {
        *response.status_mut() = StatusCode::NO_CONTENT;
        record.end(&Ended { why: Why::Closed, to_client: 0, to_upstream: 0 });
        return response;
    };
    // One piece ahead: while that waits, the upstream does.
    let (sender, pieces) = mpsc::channel(1);
    let ending = CancellationToken::new();
    response.extensions_mut().insert(Governed(ending.clone()));
    *response.body_mut() = Body::from_stream(unfold(pieces, async |mut pieces: mpsc::Receiver<Bytes>| {
        Some((Ok::<_, std::convert::Infallible>(pieces.recv().await?), pieces))
    }));
    let pump = Pump::new(events, sender, &streamed.headers, route.bounds.idle);
    let metrics = app.metrics.clone();
    app.tasks.spawn(async move {
        let _ends: DropGuard = ending.drop_guard();
        let pumping = std::panic::AssertUnwindSafe(pump.run(&session)).catch_unwind();
        let Ok(ended) = pumping.await else { return metrics.panicked() };
        record.end(&ended);
        drop((place, held));
    });
    response
}

fn write_headers(answer: &mut HeaderMap, upstreams: &HeaderMap) {
    for (name, value) in forward::answer(upstreams) {
        // Which pages may read it is said here.
        if !name.as_str().starts_with("access-control-") {
            answer.append(name, value.clone());
        }
    }
    answer.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
}
