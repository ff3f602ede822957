//! Carries the bytes of an upgraded connection both ways, and ends it with a Close frame when it is told to.
//!
//! A relay owns no buffer: what is readable goes through a scratch buffer of the worker thread straight to the other
//! side, and only what that side does not take is kept, at most one scratch buffer for each direction, until it does.
//! Nothing more is read from a side meanwhile. Payloads are not looked at: [`frames`] follows the headers only, so that a
//! Close of ours stands between two frames.

mod close_frame;
mod direction;
pub mod frames;

#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use admitone::close::CloseCode;
use admitone::sessions::Session;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use close_frame::Farewell;
use direction::{Direction, Event};
use frames::BadLength;

/// The longest wait, when closing, for each of: the frame under way to end, the Close to be taken, and the peer to hang up.
pub const CLOSE_LIMIT: Duration = Duration::from_millis(250);

/// How long one side may go on after the other has ended, or both after their Close frames.
pub const LINGER_LIMIT: Duration = Duration::from_secs(10);

/// How long a side may take nothing of what waits for it.
pub const STALL_LIMIT: Duration = Duration::from_secs(30);

/// One end of a relayed connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who connected to the gateway.
    Client,
    /// The server behind it.
    Upstream,
}

/// Why a relay ended: the first cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// A peer sent a Close frame, and the connection ended after it.
    Closed,
    /// We closed it, with this code.
    Closing(CloseCode),
    /// The client hung up without a Close frame.
    ClientGone,
    /// The upstream hung up without a Close frame; the client was sent [`CloseCode::UpstreamUnavailable`].
    UpstreamGone,
    /// This side took nothing for [`STALL_LIMIT`].
    Stalled(Side),
    /// This side sent a frame with an impossible length.
    BadFrame(Side),
    /// This side sent a frame that is longer than the route lets through; it was sent 1009.
    FrameTooLong(Side),
    /// Writing failed, and neither side was seen to end.
    Failed,
    /// The relay panicked; both sides were sent 1011, where that was still possible.
    Panicked,
}

impl Why {
    /// The word in logs and metrics: of a Close of ours its code's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Closing(code) => code.name(),
            Self::ClientGone => "client_gone",
            Self::UpstreamGone => "upstream_gone",
            Self::Stalled(_) => "stalled",
            Self::BadFrame(_) => "bad_frame",
            Self::FrameTooLong(_) => "frame_too_long",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
        }
    }
}

/// How a relay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The first cause.
    pub why: Why,
    /// Bytes forwarded to the client.
    pub to_client: u64,
    /// Bytes forwarded to the upstream.
    pub to_upstream: u64,
}

/// What a route lets pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// How long nothing may pass, either way.
    pub idle: Option<Duration>,
    /// The longest payload of a frame, in bytes.
    pub frame: Option<NonZeroU32>,
}

/// Relays a session's socket between `client` and `upstream` until both have ended, a limit has passed, or the session is to be
/// closed; also when something is out of `bounds`.
///
/// `client_ahead` and `upstream_ahead` are what was already read from each behind its handshake; they go first.
///
/// - When the session is to be closed, each direction is forwarded to its next frame boundary, its receiver is sent a Close frame
///   with the code (unless the other peer's Close has already reached it), and nothing more is forwarded. Each step has
///   [`CLOSE_LIMIT`]; past it the socket is dropped.
/// - An upstream that ends without a Close frame while the connection is alive makes the client see
///   [`CloseCode::UpstreamUnavailable`], if what it has received ends with a whole frame.
/// - A client that ends without a Close frame is passed on as what it is, the end of the stream.
/// - When nothing has passed either way for `bounds.idle`, both are closed with [`CloseCode::OverLimit`].
/// - Who sends a frame with a payload of more than `bounds.frame` bytes is closed with 1009; the receiver, which may have
///   received the first of them by then, is hung up on.
pub fn run<C, U>(
    client: C,
    client_ahead: Bytes,
    upstream: U,
    upstream_ahead: Bytes,
    session: Session,
    bounds: Bounds,
) -> impl Future<Output = Ended>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let mut pump = Pump::new(client, client_ahead, upstream, upstream_ahead, bounds);
    // Thousands of these wait at once, and a future keeps twice what it is handed and then pins: so this one is made inside.
    async move { pump.run(pin!(session.closing())).await }
}

struct Pump<C, U> {
    client: C,
    upstream: U,
    to_upstream: Direction,
    to_client: Direction,
    linger_until: Option<Instant>,
    /// Only where silence has a limit: most connections are idle, and pay for nothing.
    idle: Option<Box<Idle>>,
    /// Set to the earliest limit or before it; left running when limits move on.
    timer: Option<Pin<Box<Sleep>>>,
    why: Option<Why>,
}

/// How long nothing has passed.
struct Idle {
    limit: Duration,
    /// How many bytes had passed when that changed last.
    seen: u64,
    until: Instant,
}

impl Idle {
    /// When it has been too long, `passed` being how many bytes have passed by now.
    fn until(&mut self, passed: u64) -> Instant {
        if passed != self.seen {
            (self.seen, self.until) = (passed, Instant::now() + self.limit);
        }
        self.until
    }
}

impl<C, U> Pump<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    fn new(client: C, client_ahead: Bytes, upstream: U, upstream_ahead: Bytes, bounds: Bounds) -> Self {
        Self {
            client,
            upstream,
            to_upstream: Direction::new(Side::Upstream, client_ahead, bounds.frame),
            to_client: Direction::new(Side::Client, upstream_ahead, bounds.frame),
            linger_until: None,
            idle: bounds.idle.map(|limit| Box::new(Idle { limit, seen: 0, until: Instant::now() + limit })),
            timer: None,
            why: None,
        }
    }

    /// Until both sides have ended; it begins to close them when `closing` resolves.
    fn run<F>(&mut self, closing: Pin<&mut F>) -> impl Future<Output = Ended>
    where
        F: Future<Output = CloseCode>,
    {
        let mut closing = Some(closing);
        poll_fn(move |cx| match catch_unwind(AssertUnwindSafe(|| self.poll(cx, &mut closing))) {
            Ok(polled) => polled,
            Err(_) => {
                closing = None;
                self.panicked(cx)
            }
        })
    }

    fn poll<F>(&mut self, cx: &mut Context<'_>, closing: &mut Option<Pin<&mut F>>) -> Poll<Ended>
    where
        F: Future<Output = CloseCode>,
    {
        if let Some(future) = closing
            && let Poll::Ready(code) = future.as_mut().poll(cx)
        {
            *closing = None;
            self.close(code);
        }
        while self.poll_directions(cx).is_pending() {
            ready!(self.poll_limits(cx));
        }
        Poll::Ready(self.ended())
    }

    fn ended(&self) -> Ended {
        Ended {
            why: self.why.unwrap_or(Why::Failed),
            to_client: self.to_client.forwarded(),
            to_upstream: self.to_upstream.forwarded(),
        }
    }

    /// A panic costs this connection and no other. What it left of this one is closed, unless that panics too.
    fn panicked(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        if self.why.replace(Why::Panicked) == Some(Why::Panicked) {
            return Poll::Ready(self.ended());
        }
        self.to_upstream.close(Farewell::Internal);
        self.to_client.close(Farewell::Internal);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn close(&mut self, code: CloseCode) {
        self.why.get_or_insert(Why::Closing(code));
        self.to_upstream.close(Farewell::Ours(code));
        self.to_client.close(Farewell::Ours(code));
    }

    /// Ready when both directions have ended.
    fn poll_directions(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let up = self.to_upstream.poll(cx, &mut self.client, &mut self.upstream);
            let down = self.to_client.poll(cx, &mut self.upstream, &mut self.client);
            let noted = self.note(Side::Client, up) | self.note(Side::Upstream, down);
            if self.to_upstream.has_ended() && self.to_client.has_ended() {
                return Poll::Ready(());
            }
            if !noted {
                self.linger();
                return Poll::Pending;
            }
        }
    }

    /// Acts on what happened to the direction from `source`: true when there was something that asks for another poll.
    fn note(&mut self, source: Side, event: Poll<Event>) -> bool {
        match event {
            Poll::Ready(Event::SourceEnded) => self.source_ended(source),
            Poll::Ready(Event::BadFrame(BadLength::Impossible)) => {
                self.why.get_or_insert(Why::BadFrame(source));
            }
            Poll::Ready(Event::BadFrame(BadLength::TooLong)) => {
                self.why.get_or_insert(Why::FrameTooLong(source));
                match source {
                    Side::Client => self.to_client.close(Farewell::TooLong),
                    Side::Upstream => self.to_upstream.close(Farewell::TooLong),
                }
            }
            Poll::Ready(Event::Ended) | Poll::Pending => return false,
        }
        true
    }

    fn source_ended(&mut self, source: Side) {
        let handshaking = self.to_upstream.close_passed() || self.to_client.close_passed();
        let why = match source {
            _ if handshaking => Why::Closed,
            Side::Client => Why::ClientGone,
            Side::Upstream => Why::UpstreamGone,
        };
        let first = self.why.is_none();
        self.why.get_or_insert(why);
        match source {
            Side::Client => self.to_upstream.drain(None),
            Side::Upstream if first && why == Why::UpstreamGone => {
                self.to_client.drain(Some(CloseCode::UpstreamUnavailable));
                self.to_upstream.stop();
            }
            Side::Upstream => self.to_client.drain(None),
        }
        // Behind both Closes nothing may come: whose socket is still open is hung up on.
        if self.to_upstream.close_passed() && self.to_client.close_passed() {
            match source {
                Side::Client => self.to_client.abandon(),
                Side::Upstream => self.to_upstream.abandon(),
            }
        }
    }

    fn linger(&mut self) {
        let ending = !self.to_upstream.is_forwarding() || !self.to_client.is_forwarding();
        let closed = self.to_upstream.close_passed() && self.to_client.close_passed();
        if self.linger_until.is_none() && (ending || closed) {
            self.linger_until = Some(Instant::now() + LINGER_LIMIT);
        }
    }

    /// Ready when a limit has passed and been acted on.
    fn poll_limits(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let passed = self.to_upstream.forwarded() + self.to_client.forwarded();
        let idle_until = self.idle.as_mut().map(|idle| idle.until(passed));
        let limits = [self.linger_until, self.to_upstream.limit(), self.to_client.limit(), idle_until];
        let Some(earliest) = limits.into_iter().flatten().min() else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(earliest)));
        if earliest < timer.deadline() {
            timer.as_mut().reset(earliest);
        }
        ready!(timer.as_mut().poll(cx));
        self.timer = None;
        self.expire(Instant::now());
        Poll::Ready(())
    }

    fn expire(&mut self, now: Instant) {
        for (side, direction) in [(Side::Upstream, &mut self.to_upstream), (Side::Client, &mut self.to_client)] {
            if direction.limit().is_none_or(|limit| now < limit) {
                continue;
            }
            if direction.is_forwarding() {
                self.why.get_or_insert(Why::Stalled(side));
                self.linger_until = Some(now);
            }
            direction.abandon();
        }
        if self.idle.take_if(|idle| idle.until <= now).is_some() && self.why.is_none() {
            self.close(CloseCode::OverLimit);
        }
        if self.linger_until.is_some_and(|until| until <= now) {
            self.to_upstream.abandon();
            self.to_client.abandon();
        }
    }
}
