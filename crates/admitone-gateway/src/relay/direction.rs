//! One direction of a relay: what is read from its source is written to its sink.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use admitone::close::CloseCode;
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::close_frame::{Farewell, close_frame};
use super::frames::{BadLength, Frames};
use super::{CLOSE_LIMIT, STALL_LIMIT, Side};

/// What one read takes at most, and so what one direction can hold back at most.
const SCRATCH_LEN: usize = 64 * 1024;

/// Reads in one poll before other tasks get their turn.
const READS_PER_POLL: usize = 16;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_LEN].into_boxed_slice());
}

/// What the relay has to decide on, or know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Nothing more will come: [`Direction::drain`] says what follows.
    SourceEnded,
    /// The source sent a frame of such a length; nothing more of it is forwarded.
    BadFrame(BadLength),
    /// There is nothing left to do.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Forwarding,
    /// Forwarding the frame under way, to put a Close behind it.
    ToBoundary(Farewell),
    /// The source has ended: what is pending goes out, then a Close if one is said and it would stand between frames.
    Draining(Option<Farewell>),
    /// Our Close is pending.
    Flushing,
    ShuttingDown,
    /// Reading to nowhere until the source hangs up: a socket dropped with unread input resets the connection, which can
    /// destroy the Close on its way.
    Discarding,
    Ended,
}

/// Why a step of forwarding cannot go on.
enum Stop {
    SourceEnded,
    SinkFailed,
    BadFrame(BadLength),
}

impl From<BadLength> for Stop {
    fn from(bad: BadLength) -> Self {
        Self::BadFrame(bad)
    }
}

type Step = Poll<Result<(), Stop>>;

pub(super) struct Direction {
    stage: Stage,
    to: Side,
    source_ended: bool,
    /// The sink may hold back what was written to it.
    unflushed: bool,
    /// The place in what the sink has taken.
    frames: Frames,
    /// The longest payload of a frame, where it has a limit.
    longest: Option<NonZeroU32>,
    /// Read and not yet taken by the sink.
    pending: Bytes,
    forwarded: u64,
    limit: Option<Instant>,
}

impl Direction {
    pub(super) fn new(to: Side, ahead: Bytes, longest: Option<NonZeroU32>) -> Self {
        Self {
            stage: Stage::Forwarding,
            to,
            source_ended: false,
            unflushed: false,
            frames: Frames::new(),
            longest,
            pending: ahead,
            forwarded: 0,
            limit: None,
        }
    }

    pub(super) fn is_forwarding(&self) -> bool {
        self.stage == Stage::Forwarding
    }

    pub(super) fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// The source's own Close has reached the sink.
    pub(super) fn close_passed(&self) -> bool {
        self.frames.close_passed()
    }

    pub(super) fn forwarded(&self) -> u64 {
        self.forwarded
    }

    /// When the present stage has to be over: act with [`Direction::abandon`].
    pub(super) fn limit(&self) -> Option<Instant> {
        self.limit
    }

    /// Ends forwarding with the frame under way and a Close behind it.
    pub(super) fn close(&mut self, farewell: Farewell) {
        if matches!(self.stage, Stage::Forwarding | Stage::Draining(_)) {
            let rest = self.frames.rest_of_frame(&self.pending).unwrap_or(self.pending.len());
            self.pending.truncate(rest);
            self.enter(Stage::ToBoundary(farewell));
        }
    }

    /// Ends forwarding with what is pending, and with a Close if `close` says so: the source has ended.
    pub(super) fn drain(&mut self, close: Option<CloseCode>) {
        self.source_ended = true;
        self.enter(Stage::Draining(close.map(Farewell::Ours)));
    }

    /// Ends forwarding at once: nobody reads the sink any more.
    pub(super) fn stop(&mut self) {
        if matches!(self.stage, Stage::Forwarding) {
            self.enter(Stage::ShuttingDown);
        }
    }

    /// Gives up whatever is left to do.
    pub(super) fn abandon(&mut self) {
        self.enter(Stage::Ended);
    }

    fn enter(&mut self, stage: Stage) {
        let stage = if stage == Stage::Discarding && self.source_ended { Stage::Ended } else { stage };
        if matches!(stage, Stage::ShuttingDown | Stage::Discarding | Stage::Ended) {
            self.pending = Bytes::new();
        }
        self.limit = match stage {
            // The relay's own limit on lingering covers these.
            Stage::Forwarding | Stage::Draining(_) | Stage::Ended => None,
            // One limit for writing the Close and shutting down behind it.
            Stage::ShuttingDown if self.stage == Stage::Flushing => self.limit,
            Stage::ToBoundary(_) | Stage::Flushing | Stage::ShuttingDown | Stage::Discarding => {
                Some(Instant::now() + CLOSE_LIMIT)
            }
        };
        self.stage = stage;
    }

    /// Ready whenever there is an [`Event`]; after [`Event::Ended`], always.
    pub(super) fn poll<R, W>(&mut self, cx: &mut Context<'_>, source: &mut R, sink: &mut W) -> Poll<Event>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            let step = match self.stage {
                Stage::Forwarding => self.poll_forwarding(cx, source, sink),
                Stage::ToBoundary(farewell) => self.poll_to_boundary(cx, source, sink, farewell),
                Stage::Draining(close) => self.poll_draining(cx, sink, close),
                Stage::Flushing => self.poll_flushing(cx, sink),
                Stage::ShuttingDown => self.poll_shutting_down(cx, sink),
                Stage::Discarding => self.poll_discarding(cx, source),
                Stage::Ended => return Poll::Ready(Event::Ended),
            };
            match ready!(step) {
                Ok(()) => {}
                Err(Stop::SourceEnded) => return Poll::Ready(Event::SourceEnded),
                Err(Stop::SinkFailed) => self.enter(Stage::Discarding),
                Err(Stop::BadFrame(bad)) => {
                    self.enter(Stage::Discarding);
                    return Poll::Ready(Event::BadFrame(bad));
                }
            }
        }
    }

    fn poll_forwarding<R, W>(&mut self, cx: &mut Context<'_>, source: &mut R, sink: &mut W) -> Step
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let before = self.forwarded;
        let mut step = self.poll_burst(cx, source, sink);
        if step.is_pending()
            && let Poll::Ready(Err(stop)) = self.poll_flush(cx, sink)
        {
            step = Poll::Ready(Err(stop));
        }
        if self.pending.is_empty() && !self.unflushed {
            self.limit = None;
        } else if self.forwarded > before || self.limit.is_none() {
            self.limit = Some(Instant::now() + STALL_LIMIT);
        }
        step
    }

    fn poll_burst<R, W>(&mut self, cx: &mut Context<'_>, source: &mut R, sink: &mut W) -> Step
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        for _ in 0..READS_PER_POLL {
            ready!(self.poll_write_pending(cx, sink)?);
            ready!(self.poll_carry(cx, source, sink)?);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads once, and writes what was read as far as the sink takes it; the rest becomes pending.
    fn poll_carry<R, W>(&mut self, cx: &mut Context<'_>, source: &mut R, sink: &mut W) -> Step
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut rest = ready!(poll_read(cx, source, scratch)?);
            while !rest.is_empty() {
                match self.poll_write(cx, sink, rest)? {
                    Poll::Ready(taken) => rest = &rest[taken..],
                    Poll::Pending => {
                        self.pending = Bytes::copy_from_slice(rest);
                        break;
                    }
                }
            }
            Poll::Ready(Ok(()))
        })
    }

    fn poll_to_boundary<R, W>(&mut self, cx: &mut Context<'_>, source: &mut R, sink: &mut W, farewell: Farewell) -> Step
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        ready!(self.poll_write_pending(cx, sink)?);
        if self.frames.at_boundary() {
            self.send_close(farewell);
            return Poll::Ready(Ok(()));
        }
        SCRATCH.with_borrow_mut(|scratch| match ready!(poll_read(cx, source, scratch)) {
            Ok(read) => {
                self.pending = Bytes::copy_from_slice(&read[..self.frames.rest_of_frame(read)?]);
                Poll::Ready(Ok(()))
            }
            Err(_) => {
                self.source_ended = true;
                self.enter(Stage::ShuttingDown);
                Poll::Ready(Ok(()))
            }
        })
    }

    fn poll_draining<W>(&mut self, cx: &mut Context<'_>, sink: &mut W, close: Option<Farewell>) -> Step
    where
        W: AsyncWrite + Unpin,
    {
        ready!(self.poll_write_pending(cx, sink)?);
        ready!(self.poll_flush(cx, sink)?);
        match close {
            Some(farewell) if self.frames.at_boundary() => self.send_close(farewell),
            _ => self.enter(Stage::ShuttingDown),
        }
        Poll::Ready(Ok(()))
    }

    /// Puts a Close behind what was forwarded, unless the source's own is there already.
    fn send_close(&mut self, farewell: Farewell) {
        let (code, reason) = farewell.says();
        let frame = if self.close_passed() { None } else { close_frame(code, reason, self.to) };
        self.pending = frame.unwrap_or_default();
        self.enter(Stage::Flushing);
    }

    fn poll_flushing<W>(&mut self, cx: &mut Context<'_>, sink: &mut W) -> Step
    where
        W: AsyncWrite + Unpin,
    {
        ready!(self.poll_write_pending(cx, sink)?);
        ready!(self.poll_flush(cx, sink)?);
        self.enter(Stage::ShuttingDown);
        Poll::Ready(Ok(()))
    }

    fn poll_shutting_down<W>(&mut self, cx: &mut Context<'_>, sink: &mut W) -> Step
    where
        W: AsyncWrite + Unpin,
    {
        // A sink that cannot be shut down has ended already.
        let _ = ready!(Pin::new(sink).poll_shutdown(cx));
        self.enter(Stage::Discarding);
        Poll::Ready(Ok(()))
    }

    fn poll_discarding<R>(&mut self, cx: &mut Context<'_>, source: &mut R) -> Step
    where
        R: AsyncRead + Unpin,
    {
        for _ in 0..READS_PER_POLL {
            let read = SCRATCH.with_borrow_mut(|scratch| poll_read(cx, source, scratch).map_ok(|_| ()));
            if ready!(read).is_err() {
                self.enter(Stage::Ended);
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_write_pending<W>(&mut self, cx: &mut Context<'_>, sink: &mut W) -> Step
    where
        W: AsyncWrite + Unpin,
    {
        while !self.pending.is_empty() {
            let mut pending = std::mem::take(&mut self.pending);
            let written = self.poll_write(cx, sink, &pending);
            if let Poll::Ready(Ok(taken)) = written {
                pending.advance(taken);
            }
            if !pending.is_empty() {
                self.pending = pending;
            }
            ready!(written?);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write<W>(&mut self, cx: &mut Context<'_>, sink: &mut W, bytes: &[u8]) -> Poll<Result<usize, Stop>>
    where
        W: AsyncWrite + Unpin,
    {
        match ready!(Pin::new(sink).poll_write(cx, bytes)) {
            Ok(0) | Err(_) => Poll::Ready(Err(Stop::SinkFailed)),
            Ok(taken) => {
                self.unflushed = true;
                if self.stage != Stage::Flushing {
                    self.forwarded += taken as u64;
                    self.frames.feed(&bytes[..taken], self.longest.map_or(u64::MAX, |longest| longest.get().into()))?;
                }
                Poll::Ready(Ok(taken))
            }
        }
    }

    fn poll_flush<W>(&mut self, cx: &mut Context<'_>, sink: &mut W) -> Step
    where
        W: AsyncWrite + Unpin,
    {
        if self.unflushed {
            ready!(Pin::new(sink).poll_flush(cx)).map_err(|_| Stop::SinkFailed)?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads once. A source that fails has ended too: who hung up how makes no difference to the other side.
fn poll_read<'a, R>(cx: &mut Context<'_>, source: &mut R, scratch: &'a mut [u8]) -> Poll<Result<&'a [u8], Stop>>
where
    R: AsyncRead + Unpin,
{
    let mut buf = ReadBuf::new(scratch);
    let read = ready!(Pin::new(source).poll_read(cx, &mut buf));
    let length = buf.filled().len();
    Poll::Ready(match read {
        Ok(()) if length > 0 => Ok(&scratch[..length]),
        Ok(()) | Err(_) => Err(Stop::SourceEnded),
    })
}
