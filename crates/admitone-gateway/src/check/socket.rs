use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::asking::{Asking, header, url};
use super::diagnosis;
use super::{Trouble, unique};
use crate::fetch::Answer;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

const MAX_BODY_BYTES: usize = 64 * 1024;

/// What an upgrade came to.
pub(super) enum Opening {
    /// A 101, and the socket behind it.
    Switched(Socket),
    /// Any other answer.
    Answered(Answer),
}

/// An open socket.
pub(super) struct Socket {
    io: Box<WebSocketStream<TokioIo<Upgraded>>>,
    /// The subprotocol that was selected.
    pub(super) selected: Option<String>,
}

/// How a socket ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// With a Close: its code and reason.
    Closed(u16, String),
    /// Without.
    Cut(String),
}

/// Asks for a socket, offering these subprotocols, as the page of this origin.
pub(super) async fn open(asking: &Asking<'_>, offers: &[&str], origin: Option<&str>) -> Result<Opening, Trouble> {
    let late = |_| {
        Trouble::new(
            "no answer",
            format!("nothing came within {} s", HANDSHAKE.as_secs()),
            "is something between that waits?",
        )
    };
    timeout(HANDSHAKE, handshake(asking, offers, origin)).await.map_err(late)?
}

async fn handshake(asking: &Asking<'_>, offers: &[&str], origin: Option<&str>) -> Result<Opening, Trouble> {
    let url = url(&asking.target.socket, &asking.target.route)?;
    let stream = asking.target.fetch.connect(&url).await.map_err(|error| diagnosis::unreached(&error))?;
    let broken = |error: hyper::Error| {
        let next = "look at what stands before the gateway: it does not speak HTTP/1.1 upgrades";
        Trouble::new("the connection broke", error.to_string(), next)
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // It ends with its socket.
    tokio::spawn(connection.with_upgrades());
    let key = key();
    let request = request(&url, offers, origin, &key)?;
    let response = sender.send_request(request).await.map_err(broken)?;
    asking.note(response.headers());
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY_BYTES).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        return Ok(Opening::Answered(Answer { status: head.status, headers: head.headers, body }));
    }
    let headers = response.headers().clone();
    if headers.get(SEC_WEBSOCKET_ACCEPT).is_none_or(|accept| *accept != derive_accept_key(key.as_bytes())) {
        return Err(Trouble::new(
            "a 101 whose Sec-WebSocket-Accept is wrong or missing",
            "something before the gateway answered in its place, or took that header out",
            "have it pass the upgrade and its answer on as they are",
        ));
    }
    let selected = text(&headers);
    let upgraded = hyper::upgrade::on(response).await.map_err(broken)?;
    let io = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await;
    Ok(Opening::Switched(Socket { io: Box::new(io), selected }))
}

fn request(
    url: &crate::fetch::Url,
    offers: &[&str],
    origin: Option<&str>,
    key: &str,
) -> Result<Request<Empty<Bytes>>, Trouble> {
    let mut request = Request::new(Empty::new());
    let target =
        url.target().parse().map_err(|_| Trouble::new("the route is no path", "its characters", "look at the URL"))?;
    *request.uri_mut() = target;
    let headers = request.headers_mut();
    headers.insert(HOST, header(url.authority(), "the host")?);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, header(key, "the key")?);
    let mut offered = header(&offers.join(", "), "a subprotocol")?;
    offered.set_sensitive(true);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, offered);
    if let Some(origin) = origin {
        headers.insert(ORIGIN, header(origin, "--origin")?);
    }
    Ok(request)
}

fn key() -> String {
    STANDARD.encode(unique().to_be_bytes())
}

fn text(headers: &HeaderMap) -> Option<String> {
    headers.get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok().map(str::to_owned)
}

impl Socket {
    pub(super) async fn say(&mut self, message: Message) -> Result<(), Ended> {
        self.io.send(message).await.map_err(|error| Ended::Cut(error.to_string()))
    }

    /// The next message, or the end.
    pub(super) async fn hear(&mut self) -> Result<Message, Ended> {
        match self.io.next().await {
            Some(Ok(Message::Close(Some(close)))) => Err(Ended::Closed(close.code.into(), close.reason.to_string())),
            Some(Ok(Message::Close(None))) => Err(Ended::Closed(1005, String::new())),
            Some(Ok(message)) => Ok(message),
            Some(Err(Error::ConnectionClosed)) | None => Err(Ended::Cut("the connection ended without a Close".into())),
            Some(Err(error)) => Err(Ended::Cut(error.to_string())),
        }
    }

    /// Waits for the end, whatever is said until then.
    pub(super) async fn ended(&mut self) -> Ended {
        loop {
            if let Err(ended) = self.hear().await {
                return ended;
            }
        }
    }

    /// Says goodbye, and does not wait for an answer.
    pub(super) async fn leave(mut self) {
        // Whoever has gone already needs no goodbye.
        let _ = timeout(Duration::from_millis(250), self.io.close()).await;
    }
}

impl Ended {
    /// The name of a close of ours.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Closed(_, reason) => reason.strip_prefix("admitone:"),
            Self::Cut(_) => None,
        }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed(code, reason) if reason.is_empty() => write!(f, "closed with {code}"),
            Self::Closed(code, reason) => write!(f, "closed with {code} {}", reason.escape_debug()),
            Self::Cut(why) => write!(f, "cut: {why}"),
        }
    }
}
