//! The gateway's own requests to others: keys, discovery, introspection, the application's callback.
//!
//! What is fetched is trusted no further than TLS goes: no redirect is followed, no proxy of the environment is used, and
//! size and time are bounded. An address that is not public is dialled only where the configuration allows its network; it
//! is judged as resolved, so that a name which changes its address in between changes nothing.

mod dial;
mod freshness;
mod reach;
#[cfg(test)]
mod tests;
mod url;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{ACCEPT, CONNECTION, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;

use crate::upstream::UpstreamIo;

pub use freshness::max_age;
pub use reach::Reach;
pub use url::{Url, UrlError};

/// Most bytes of an answer's head.
const MAX_HEAD_BYTES: usize = 32 * 1024;

const MAX_HEADERS: usize = 64;

/// Why nothing usable came back. The texts hold nothing of a request, nor of an answer's body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The name did not resolve.
    #[error("the name {0} does not resolve")]
    Resolve(Box<str>),
    /// Every address of the name is one that may not be dialled; the first of them.
    #[error("{0} is not a public address, and allowed_networks does not name its network")]
    NotPublic(IpAddr),
    /// It would have gone unencrypted over a network.
    #[error("http to {0}: https is needed, except to this machine itself")]
    NotHttps(Box<str>),
    /// No address took the connection.
    #[error("no connection to {host}: {error}")]
    Connect {
        /// The host.
        host: Box<str>,
        /// The last address's reason.
        error: Box<str>,
    },
    /// The TLS handshake failed.
    #[error("TLS to {host}: {error}")]
    Tls {
        /// The host.
        host: Box<str>,
        /// The reason.
        error: Box<str>,
    },
    /// What came back is no HTTP, or was cut off.
    #[error("the answer broke off or is not HTTP: {0}")]
    Http(Box<str>),
    /// The answer sends elsewhere.
    #[error("answered with {0}, and redirects are not followed: configure the URL that it leads to, if that is right")]
    Redirect(StatusCode),
    /// The body is too long.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    /// The whole took too long.
    #[error("no complete answer within {} ms", .0.as_millis())]
    Timeout(Duration),
}

/// How much a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the lookup of the name to the last byte of the answer.
    pub time: Duration,
    /// Most bytes of the answer's body.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(5), body_bytes: 256 * 1024 }
    }
}

/// Asks others over HTTP/1.1, each request on a connection of its own.
#[derive(Clone, Debug)]
pub struct Fetch {
    tls: Arc<ClientConfig>,
    reach: Reach,
    limits: Limits,
}

/// A complete answer that is no redirect.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Fetch {
    /// Over `tls`, only to where `reach` allows, within `limits`.
    #[must_use]
    pub const fn new(tls: Arc<ClientConfig>, reach: Reach, limits: Limits) -> Self {
        Self { tls, reach, limits }
    }

    /// Asks for JSON.
    ///
    /// # Errors
    ///
    /// [`FetchError`]. An answer that is not a success is no error here, unless it is a redirect.
    pub async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Answer, FetchError> {
        self.send(Method::GET, url, headers, Bytes::new()).await
    }

    /// Posts a body, whose type is among `headers`, and asks for JSON.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Bytes) -> Result<Answer, FetchError> {
        self.send(Method::POST, url, headers, body).await
    }

    /// Asks for something to be deleted.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn delete(&self, url: &Url, headers: HeaderMap) -> Result<Answer, FetchError> {
        self.send(Method::DELETE, url, headers, Bytes::new()).await
    }

    /// A connection to the URL's host, for what is no single exchange.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn connect(&self, url: &Url) -> Result<UpstreamIo, FetchError> {
        let dialing = dial::dial(url, &self.reach, &self.tls);
        tokio::time::timeout(self.limits.time, dialing).await.map_err(|_| FetchError::Timeout(self.limits.time))?
    }

    async fn send(&self, method: Method, url: &Url, headers: HeaderMap, body: Bytes) -> Result<Answer, FetchError> {
        let request = request(method, url, headers, body)?;
        let exchange = async {
            let stream = dial::dial(url, &self.reach, &self.tls).await?;
            self.exchange(stream, request).await
        };
        tokio::time::timeout(self.limits.time, exchange).await.map_err(|_| FetchError::Timeout(self.limits.time))?
    }

    async fn exchange(&self, stream: UpstreamIo, request: Request<Full<Bytes>>) -> Result<Answer, FetchError> {
        let opened = http1::Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .handshake(TokioIo::new(stream))
            .await;
        let (mut sender, connection) = opened.map_err(broken)?;
        let answer = std::pin::pin!(async {
            let response = sender.send_request(request).await.map_err(broken)?;
            self.read(response).await
        });
        // The connection does the I/O; when it ends first, what it has read is still to be taken.
        match select(answer, std::pin::pin!(connection)).await {
            Either::Left((answer, _)) => answer,
            Either::Right((_, answer)) => answer.await,
        }
    }

    async fn read(&self, response: http::Response<hyper::body::Incoming>) -> Result<Answer, FetchError> {
        let (head, body) = response.into_parts();
        if head.status.is_redirection() {
            return Err(FetchError::Redirect(head.status));
        }
        let limit = self.limits.body_bytes;
        let body =
            Limited::new(body, limit).collect().await.map_err(|error| match error.downcast::<hyper::Error>() {
                Ok(error) => broken(*error),
                Err(error) if error.is::<LengthLimitError>() => FetchError::TooLarge(limit),
                Err(error) => FetchError::Http(error.to_string().into()),
            })?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}

fn request(method: Method, url: &Url, headers: HeaderMap, body: Bytes) -> Result<Request<Full<Bytes>>, FetchError> {
    let unwritable = |_| FetchError::Http("the request cannot be written".into());
    let mut request = Request::builder().method(method).uri(url.target()).body(Full::new(body)).map_err(unwritable)?;
    let host =
        HeaderValue::from_str(url.authority()).map_err(|_| FetchError::Http("the host cannot be written".into()))?;
    let ours = [
        (HOST, host),
        (ACCEPT, HeaderValue::from_static("application/json")),
        (CONNECTION, HeaderValue::from_static("close")),
        (USER_AGENT, HeaderValue::from_static(concat!("admitone/", env!("CARGO_PKG_VERSION")))),
    ];
    *request.headers_mut() = headers;
    request.headers_mut().extend(ours);
    Ok(request)
}

fn broken(error: hyper::Error) -> FetchError {
    FetchError::Http(error.to_string().into())
}
