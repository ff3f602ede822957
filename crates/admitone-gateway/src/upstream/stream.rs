//! A request whose answer goes on: an event stream.

use std::fmt;
use std::future::poll_fn;
use std::io::Error as IoError;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{Either, Fuse, select};
use http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::answer::{HEAD_LIMIT, HEADERS_LIMIT};
use super::request::{HeaderLines, check_query};
use super::{Address, AnswerError, UpstreamIo};

type Asking = Request<Empty<Bytes>>;
type Connection = http1::Connection<TokioIo<UpstreamIo>, Empty<Bytes>>;

/// An answer that is an event stream, or says that there is none (204), which ends a browser's tries.
#[derive(Debug)]
pub struct Streamed {
    /// The answer's headers.
    pub headers: HeaderMap,
    /// The stream, where there is one.
    pub events: Option<Events>,
}

/// What an upstream streams. Dropping it hangs up.
pub struct Events {
    connection: Fuse<Pin<Box<Connection>>>,
    /// Without it the connection would end before the stream.
    _sender: http1::SendRequest<Empty<Bytes>>,
    body: Incoming,
}

impl Events {
    /// The next bytes; `None` behind the last. One that is not waited for is not lost.
    ///
    /// # Errors
    /// The connection failed, or what came is no HTTP.
    pub async fn next(&mut self) -> Option<Result<Bytes, AnswerError>> {
        poll_fn(|cx| {
            // It does the I/O; how it ended shows in the body.
            let _ = self.connection.poll_unpin(cx);
            loop {
                match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => return Poll::Ready(Some(Ok(data))),
                        Err(_trailers) => {}
                    },
                    Some(Err(error)) => return Poll::Ready(Some(Err(broken(error)))),
                    None => return Poll::Ready(None),
                }
            }
        })
        .await
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

pub(super) fn request(address: &Address, query: Option<&str>, headers: &HeaderLines) -> Result<Asking, AnswerError> {
    check_query(query)?;
    let target = query.map_or_else(|| address.path().to_owned(), |query| format!("{}?{query}", address.path()));
    let unwritable = |what| AnswerError::BadHead { what };
    let host = HeaderValue::try_from(address.authority().to_string()).map_err(|_| unwritable("the host"))?;
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = target.parse().map_err(|_| unwritable("the query"))?;
    *request.headers_mut() = headers.to_map()?;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

/// Sends `request` and takes no other answer than an event stream or 204.
pub(super) async fn exchange(io: UpstreamIo, request: Asking) -> Result<Streamed, AnswerError> {
    let opened = http1::Builder::new().max_buf_size(HEAD_LIMIT).max_headers(HEADERS_LIMIT).handshake(TokioIo::new(io));
    let (mut sender, connection) = opened.await.map_err(broken)?;
    let mut connection = Box::pin(connection).fuse();
    let answer = {
        let answering = pin!(sender.send_request(request));
        // The connection does the I/O; when it ends first, what it has read is still to be taken.
        match select(answering, &mut connection).await {
            Either::Left((answer, _)) => answer,
            Either::Right((_, answering)) => answering.await,
        }
    };
    let (head, body) = answer.map_err(broken)?.into_parts();
    match head.status {
        StatusCode::OK if is_event_stream(&head.headers) => {
            Ok(Streamed { headers: head.headers, events: Some(Events { connection, _sender: sender, body }) })
        }
        StatusCode::OK => Err(AnswerError::BadAnswer { why: "it is no text/event-stream" }),
        StatusCode::NO_CONTENT => Ok(Streamed { headers: head.headers, events: None }),
        status => Err(AnswerError::Refused { status }),
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

fn broken(error: hyper::Error) -> AnswerError {
    if error.is_parse() {
        return AnswerError::BadAnswer { why: "it is not HTTP/1.1" };
    }
    AnswerError::Io(IoError::other(error))
}
