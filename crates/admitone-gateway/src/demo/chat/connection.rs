//! One connection: greeted, heard, and told what happens to its person.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::Chat;
use super::agent::Run;
use super::people::{Identity, Room};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);
const CLOSE_TIMEOUT: Duration = Duration::from_millis(250);

/// Room for the longest content, were every character of it escaped.
const MAX_MESSAGE_BYTES: usize = 32 * 1024;
const MAX_CONTENT_BYTES: usize = 4096;
const MAX_THREAD_ID_BYTES: usize = 128;

type Socket = WebSocketStream<TcpStream>;

/// Serves one connection until it ends or the server does.
pub(super) async fn run(chat: Arc<Chat>, stream: TcpStream) {
    let arrived = tokio::select! {
        arrived = timeout(HANDSHAKE_TIMEOUT, arrive(stream)) => arrived,
        () = chat.ending.cancelled() => return,
    };
    let Ok(Some((mut socket, arrival))) = arrived else { return };
    let (room, queue) = chat.people.join(&arrival.identity);
    let ended = visit(&chat, &room, &mut socket, queue, &arrival).await;
    chat.people.leave(&arrival.identity);
    if let Some((code, reason)) = ended.close() {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        // The connection is over whether or not the other side still hears of it.
        let _ = timeout(CLOSE_TIMEOUT, socket.close(Some(frame))).await;
    }
}

/// The request that opened a connection.
struct Arrival {
    identity: Identity,
    path: String,
    headers: Vec<(String, String)>,
}

impl Arrival {
    /// Nothing when the request does not say whose it is.
    fn read(request: &Request) -> Option<Self> {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let header = |name| request.headers().get(name).map(text).filter(|value| !value.is_empty());
        let identity = Identity {
            issuer: header("x-admitone-issuer").unwrap_or_default(),
            subject: header("x-admitone-subject")?,
        };
        let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        Some(Self { identity, path: request.uri().path().to_owned(), headers })
    }

    fn greeting(&self) -> String {
        let Self { identity, path, headers } = self;
        json!({"type": "connected", "path": path, "headers": headers, "user_id": identity.subject}).to_string()
    }
}

async fn arrive(stream: TcpStream) -> Option<(Socket, Arrival)> {
    let config = WebSocketConfig::default()
        .read_buffer_size(MAX_MESSAGE_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let mut arrival = None;
    #[expect(clippy::result_large_err, reason = "the handshake's callback refuses with a whole response")]
    let callback = |request: &Request, response| {
        arrival = Arrival::read(request);
        if arrival.is_some() { Ok(response) } else { Err(nobody()) }
    };
    let socket = tokio_tungstenite::accept_hdr_async_with_config(stream, callback, Some(config)).await.ok()?;
    Some((socket, arrival?))
}

fn nobody() -> ErrorResponse {
    let text = "Reach this chat through the gateway: the request has no x-admitone-subject.\n";
    let mut response = ErrorResponse::new(Some(text.to_owned()));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
}

/// Why a connection ended.
enum Ended {
    Gone,
    ServerEnding,
    TooSlow,
    TooLong,
    NoWebSocket,
}

impl Ended {
    fn close(&self) -> Option<(CloseCode, &'static str)> {
        match self {
            Self::Gone => None,
            Self::ServerEnding => Some((CloseCode::Away, "the chat is shutting down")),
            Self::TooSlow => Some((CloseCode::Again, "the connection reads too slowly")),
            Self::TooLong => Some((CloseCode::Size, "messages have at most 32 KiB")),
            Self::NoWebSocket => Some((CloseCode::Protocol, "not the WebSocket protocol")),
        }
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        match error {
            Error::Capacity(_) => Self::TooLong,
            Error::Protocol(_) | Error::Utf8(_) => Self::NoWebSocket,
            _ => Self::Gone,
        }
    }
}

async fn visit(
    chat: &Arc<Chat>,
    room: &Arc<Room>,
    socket: &mut Socket,
    mut queue: mpsc::Receiver<Utf8Bytes>,
    arrival: &Arrival,
) -> Ended {
    let mut next = Some(arrival.greeting().into());
    loop {
        if let Some(text) = next.take()
            && let Err(ended) = send(socket, text).await
        {
            return ended;
        }
        tokio::select! {
            () = chat.ending.cancelled() => return Ended::ServerEnding,
            event = queue.recv() => match event {
                Some(event) => next = Some(event),
                None => return Ended::TooSlow,
            },
            message = socket.next() => match message {
                Some(Ok(message)) => next = hear(chat, room, &arrival.identity, &message),
                Some(Err(error)) => return error.into(),
                None => return Ended::Gone,
            },
        }
    }
}

async fn send(socket: &mut Socket, text: Utf8Bytes) -> Result<(), Ended> {
    let sent = timeout(WRITE_TIMEOUT, socket.send(Message::Text(text))).await;
    sent.map_err(|_| Ended::TooSlow)?.map_err(Ended::from)
}

/// What a person may say.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    UserMessage { content: String, thread_id: Option<String> },
}

/// Starts a run for a message; gives the answer for one that starts none.
fn hear(chat: &Arc<Chat>, room: &Arc<Room>, identity: &Identity, message: &Message) -> Option<Utf8Bytes> {
    let started = match message {
        Message::Text(text) => read(text).and_then(|(content, thread_id)| {
            let run = Run::new(&identity.subject, thread_id, content);
            start(chat, room, run)
        }),
        Message::Binary(_) => Err("binary messages are not understood; send JSON text"),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => Ok(()),
    };
    started.err().map(|detail| json!({"type": "error", "detail": detail}).to_string().into())
}

fn read(text: &str) -> Result<(String, Option<String>), &'static str> {
    let Ok(Said::UserMessage { content, thread_id }) = serde_json::from_str(text) else {
        return Err("not understood; send {\"type\":\"user_message\",\"content\":\"...\",\"thread_id\":\"...\"}");
    };
    if content.is_empty() || content.len() > MAX_CONTENT_BYTES {
        return Err("content must have 1 to 4096 bytes");
    }
    if thread_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > MAX_THREAD_ID_BYTES) {
        return Err("thread_id must have 1 to 128 bytes");
    }
    Ok((content, thread_id))
}

fn start(chat: &Arc<Chat>, room: &Arc<Room>, run: Run) -> Result<(), &'static str> {
    let permit = Arc::clone(&room.runs).try_acquire_owned();
    let permit = permit.map_err(|_| "eight runs are under way; wait for one to complete")?;
    let (chat, room) = (Arc::clone(chat), Arc::clone(room));
    let tasks = chat.tasks.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = run.perform(room, chat.pace) => {}
            () = chat.ending.cancelled() => {}
        }
        drop(permit);
    });
    Ok(())
}
