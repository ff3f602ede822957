use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use crate::Failure;

/// What the bare POST is answered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Stack {
    /// hyper alone.
    Hyper,
    /// axum's router on hyper.
    Axum,
}

/// Answers every POST with 201 and the same JSON, on one worker; prints where.
pub(super) fn run(stack: Stack, bytes: usize) -> Result<(), Failure> {
    let body = Bytes::from(format!("{{\"ticket\":\"{}\"}}", "t".repeat(bytes.saturating_sub(13))));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        tokio::spawn(accept(listener, stack, body)).await?
    })
}

async fn accept(listener: TcpListener, stack: Stack, body: Bytes) -> Result<(), Failure> {
    let answer = body.clone();
    let handler = async move |_: Bytes| {
        let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
        (StatusCode::CREATED, headers, answer.clone()).into_response()
    };
    let router = Router::new().route("/auth/ticket", post(handler));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        match stack {
            Stack::Hyper => tokio::spawn(bare(stream, body.clone())),
            Stack::Axum => tokio::spawn(routed(stream, router.clone())),
        };
    }
}

async fn bare(stream: TcpStream, body: Bytes) {
    let service = service_fn(move |request: Request<Incoming>| {
        let body = body.clone();
        async move {
            // A request that ends early ends the connection all the same.
            let _ = request.into_body().collect().await;
            let mut response = Response::new(Full::new(body));
            *response.status_mut() = StatusCode::CREATED;
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
            headers.insert(CACHE_CONTROL, hyper::header::HeaderValue::from_static("no-store"));
            Ok::<_, Infallible>(response)
        }
    });
    // How a connection ends is its client's affair.
    let _ = http().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

async fn routed(stream: TcpStream, router: Router) {
    let service = service_fn(move |request: Request<Incoming>| router.clone().oneshot(request));
    // As above.
    let _ = http().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

/// The settings of the gateway's listener.
pub(super) fn http() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(5))
        .max_buf_size(16 * 1024)
        .max_headers(100)
        .half_close(false);
    builder
}
