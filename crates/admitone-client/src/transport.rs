//! TCP, TLS and HTTP/1.1: one request on a connection of its own. No redirect is followed, no proxy of the environment used.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use crate::code::Code;
use crate::url::Url;

/// A ticket, a problem or a renewal takes a few hundred bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Why nothing came back. The texts hold nothing of a request, nor of an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// A secret would have gone over a network in the clear.
    #[error("{0} is not encrypted: use https or wss, except to this machine itself")]
    Plaintext(Box<str>),
    /// No connection.
    #[error("no connection to {host}: {error}")]
    Connect {
        /// The host.
        host: Box<str>,
        /// The last reason.
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
    /// What came back is no HTTP, was cut off, or is too long.
    #[error("the answer broke off, is too long, or is not HTTP")]
    Http,
}

impl TransportError {
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Plaintext(_))
    }

    pub(crate) fn code(&self, otherwise: Code) -> Code {
        if self.is_final() { Code::INVALID_URL } else { otherwise }
    }
}

/// How gateways are reached.
#[derive(Clone)]
pub struct Transport {
    tls: Arc<ClientConfig>,
    plaintext: bool,
}

impl Transport {
    /// Over TLS with these settings: other authorities, or a client certificate. No ALPN is needed.
    #[must_use]
    pub const fn new(tls: Arc<ClientConfig>) -> Self {
        Self { tls, plaintext: false }
    }

    /// Lets tickets and tokens go over networks unencrypted: whoever listens can use them.
    #[must_use]
    pub fn danger_plaintext(mut self) -> Self {
        self.plaintext = true;
        self
    }

    async fn connect(&self, url: &Url) -> Result<Box<dyn Io>, TransportError> {
        if !(url.is_encrypted() || url.is_loopback() || self.plaintext) {
            return Err(TransportError::Plaintext(url.to_string().into()));
        }
        let host: Box<str> = url.host().into();
        let connected = TcpStream::connect((url.host(), url.port())).await;
        let tcp = connected
            .map_err(|error| TransportError::Connect { host: host.clone(), error: error.to_string().into() })?;
        // A message is to leave at once; without it, it leaves a little later.
        let _ = tcp.set_nodelay(true);
        if !url.is_encrypted() {
            return Ok(Box::new(tcp));
        }
        let connected = TlsConnector::from(self.tls.clone()).connect(url.name().clone(), tcp).await;
        Ok(Box::new(connected.map_err(|error| TransportError::Tls { host, error: error.to_string().into() })?))
    }

    /// Sends a request to `path` (and query) at the URL's host. What does the I/O lives as long as the handle.
    pub(crate) async fn send(
        &self,
        url: &Url,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, AbortOnDropHandle<()>), TransportError> {
        let host = HeaderValue::from_str(url.authority()).map_err(|_| TransportError::Http)?;
        request.headers_mut().insert(HOST, host);
        let agent = HeaderValue::from_static(concat!("admitone-client/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        let io = self.connect(url).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await.map_err(|_| TransportError::Http)?;
        let working = AbortOnDropHandle::new(tokio::spawn(async { drop(connection.with_upgrades().await) }));
        let response = sender.send_request(request).await.map_err(|_| TransportError::Http)?;
        Ok((response, working))
    }

    /// Posts JSON with the login and reads the answer to its end.
    pub(crate) async fn post(
        &self,
        url: &Url,
        path: &str,
        authorization: HeaderValue,
        body: Bytes,
    ) -> Result<Answer, TransportError> {
        let request = Request::post(path)
            .header("authorization", authorization)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header(CONNECTION, "close")
            .body(Full::new(body))
            .map_err(|_| TransportError::Http)?;
        let (response, _working) = self.send(url, request).await?;
        Answer::read(response).await
    }
}

impl Default for Transport {
    /// Over TLS with Mozilla's authorities.
    fn default() -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the suites of TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self::new(Arc::new(config))
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("danger_plaintext", &self.plaintext).finish_non_exhaustive()
    }
}

/// A complete answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn read(response: Response<Incoming>) -> Result<Self, TransportError> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await.map_err(|_| TransportError::Http)?;
        Ok(Self { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}
