//! Opening a socket: the upgrade (RFC 6455 §4.1), and why there is none.

use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::code::Code;
use crate::offer::{Credential, OfferError, REFUSED_MARKER, offer, shown};
use crate::refusal::Refusal;
use crate::transport::{Answer, Transport, TransportError};
use crate::url::Url;

/// Why no socket opened. The texts hold no ticket and no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// There is nothing that could be offered.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// The gateway was not reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// It refused over HTTP.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its answer breaks the WebSocket protocol.
    #[error("the answer to the upgrade has no proper {0}")]
    Handshake(&'static str),
}

impl DialError {
    /// The stable text of it.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Offer(error) => error.code(),
            Self::Transport(error) => error.code(Code::CONNECTION_FAILED),
            Self::Refused(refusal) => refusal.code.clone(),
            Self::Handshake(_) => Code::CONNECTION_FAILED,
        }
    }
}

pub(crate) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A socket, and what the machine is told of its subprotocol.
pub(crate) struct Dialed {
    pub(crate) socket: Socket,
    pub(crate) selected: String,
}

pub(crate) async fn dial(
    transport: &Transport,
    url: &Url,
    credential: &Credential,
    protocols: &[String],
    max_message_bytes: usize,
) -> Result<Dialed, DialError> {
    let offered = offer(credential, protocols)?;
    let key = generate_key();
    let (response, _working) = transport.send(url, request(url, &key, &offered)?).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(Refusal::of_upgrade(&Answer::read(response).await?).into());
    }
    let selected = check(&response, &key, &offered)?;
    let upgraded = hyper::upgrade::on(response).await.map_err(|_| TransportError::Http)?;
    let limits =
        WebSocketConfig::default().max_message_size(Some(max_message_bytes)).max_frame_size(Some(max_message_bytes));
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(limits)).await;
    Ok(Dialed { socket, selected })
}

fn request(url: &Url, key: &str, offered: &str) -> Result<Request<Full<Bytes>>, DialError> {
    let mut offered = HeaderValue::from_str(offered).map_err(|_| DialError::Handshake("subprotocol"))?;
    offered.set_sensitive(true);
    let request = Request::get(url.target())
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header("sec-websocket-version", "13")
        .header(SEC_WEBSOCKET_KEY, key)
        .header(SEC_WEBSOCKET_PROTOCOL, offered)
        .body(Full::default());
    Ok(request.map_err(|_| TransportError::Http)?)
}

/// RFC 6455 §4.1, of a 101. An answer without a subprotocol counts; one that was not offered does not.
fn check(response: &Response<Incoming>, key: &str, offered: &str) -> Result<String, DialError> {
    let header = |name: HeaderName| response.headers().get(name).map_or(Some(""), |value| value.to_str().ok());
    let is = |name, wanted: &str| header(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted));
    let has = |name, wanted: &str| {
        header(name).is_some_and(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(wanted)))
    };
    if !is(UPGRADE, "websocket") {
        return Err(DialError::Handshake("Upgrade"));
    }
    if !has(CONNECTION, "upgrade") {
        return Err(DialError::Handshake("Connection"));
    }
    if header(SEC_WEBSOCKET_ACCEPT) != Some(&derive_accept_key(key.as_bytes())) {
        return Err(DialError::Handshake("Sec-WebSocket-Accept"));
    }
    if response.headers().contains_key("sec-websocket-extensions") {
        return Err(DialError::Handshake("Sec-WebSocket-Extensions"));
    }
    let selected = header(SEC_WEBSOCKET_PROTOCOL).unwrap_or(",");
    if !selected.is_empty() && !offered.split(", ").any(|offered| offered == selected) {
        return Err(DialError::Handshake("Sec-WebSocket-Protocol"));
    }
    let shown = shown(offered, selected);
    Ok(if shown.refused { REFUSED_MARKER } else { shown.protocol }.to_owned())
}
