//! Where tickets come from.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::mint::{MintError, Minted, Renewed};
use crate::refusal::Refusal;
use crate::transport::{Answer, Transport};
use crate::url::Url;

/// A login's token: redacted in `Debug`, wiped when dropped.
pub struct Token(Zeroizing<String>);

impl Token {
    /// Takes a token's text.
    ///
    /// # Errors
    ///
    /// [`MintError::TokenText`] unless it is visible ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, MintError> {
        let text = Zeroizing::new(text.into());
        let is_visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_visible { Ok(Self(text)) } else { Err(MintError::TokenText) }
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

/// Mints tickets for one login. Each ticket admits one connection: no two calls may be given the same.
pub trait TicketSource: Send + Sync + 'static {
    /// A ticket that nobody else was given.
    fn mint(&self) -> impl Future<Output = Result<Minted, MintError>> + Send;

    /// Extends a live session with the login that is valid now.
    fn renew(&self, session_id: &str) -> impl Future<Output = Result<Renewed, MintError>> + Send;

    /// The login itself, for the fallback.
    fn token(&self) -> impl Future<Output = Result<Token, MintError>> + Send;
}

/// Mints at a gateway over HTTP/1.1.
///
/// The application's `token` is asked for at every request, so that it may be renewed meanwhile.
pub struct HttpTicketSource<F> {
    gateway: Url,
    token: F,
    transport: Transport,
    request: Map<String, Value>,
    timeout: Duration,
}

impl<F, T> HttpTicketSource<F>
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = Result<String, Box<dyn Error + Send + Sync>>> + Send,
{
    /// At the gateway with this base URL.
    #[must_use]
    pub fn new(gateway: Url, token: F) -> Self {
        let timeout = Duration::from_secs(10);
        Self { gateway, token, transport: Transport::default(), request: Map::new(), timeout }
    }

    /// Reaches the gateway in another way.
    #[must_use]
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// The route of the tickets: a path or socket URL. Default: the gateway's.
    #[must_use]
    pub fn route(self, route: &str) -> Self {
        self.asking("route", json!(route))
    }

    /// How long the tickets live: 5–3600 seconds. Default: the gateway's.
    #[must_use]
    pub fn ttl_seconds(self, seconds: u32) -> Self {
        self.asking("ttl_seconds", json!(seconds))
    }

    /// A subset of the login's permissions. Default: all of them.
    #[must_use]
    pub fn permissions(self, permissions: &[&str]) -> Self {
        self.asking("permissions", json!(permissions))
    }

    /// Time for the token and the answer together. Default: 10 seconds.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn asking(mut self, field: &str, value: Value) -> Self {
        self.request.insert(field.to_owned(), value);
        self
    }

    async fn read_token(&self) -> Result<Token, MintError> {
        Token::new((self.token)().await.map_err(|error| MintError::Token(Arc::from(error)))?)
    }

    async fn ask(&self, path: &str, body: &Map<String, Value>) -> Result<Answer, MintError> {
        let path = self.gateway.endpoint(path);
        let body = serde_json::to_vec(body).map_err(|_| MintError::BadAnswer("request"))?;
        let asking = async {
            let token = self.read_token().await?;
            let bearer = Zeroizing::new(["Bearer ", token.expose()].concat());
            let mut authorization = HeaderValue::from_str(&bearer).map_err(|_| MintError::TokenText)?;
            authorization.set_sensitive(true);
            let answer = self.transport.post(&self.gateway, &path, authorization, Bytes::from(body)).await;
            answer.map_err(MintError::from)
        };
        let answer = tokio::time::timeout(self.timeout, asking).await;
        let answer = answer.map_err(|_| MintError::Timeout(self.timeout))??;
        if answer.status.is_success() { Ok(answer) } else { Err(Refusal::of_mint(&answer).into()) }
    }
}

impl<F, T> TicketSource for HttpTicketSource<F>
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = Result<String, Box<dyn Error + Send + Sync>>> + Send,
{
    async fn mint(&self) -> Result<Minted, MintError> {
        Minted::read(&self.ask("/auth/ticket", &self.request).await?.body)
    }

    async fn renew(&self, session_id: &str) -> Result<Renewed, MintError> {
        // Handles are of these letters alone, and of nothing that ends a path's segment.
        if !session_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)) {
            return Err(MintError::BadAnswer("session_id"));
        }
        let path = format!("/auth/session/{session_id}/renew");
        Renewed::read(&self.ask(&path, &Map::new()).await?.body)
    }

    async fn token(&self) -> Result<Token, MintError> {
        let reading = tokio::time::timeout(self.timeout, self.read_token());
        reading.await.map_err(|_| MintError::Timeout(self.timeout))?
    }
}

impl<F> fmt::Debug for HttpTicketSource<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTicketSource").field("gateway", &self.gateway).finish_non_exhaustive()
    }
}
