//! One socket: what waits to be written, and how it ends.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::connection::{AskedClose, ReceivedClose};
use crate::upgrade::Socket;

/// Messages that wait to be written; more wait at whoever sends them.
const ROOM: usize = 16;

pub(crate) struct Link {
    socket: Socket,
    outgoing: VecDeque<Message>,
    flushed: bool,
    /// Writing failed: what there is to read says why.
    broken: bool,
    received: Option<ReceivedClose>,
}

pub(crate) enum LinkEvent {
    /// A text or binary message.
    Message(Message),
    /// There is room for messages again.
    Room,
    /// The end; 1006 where no Close came.
    Ended(ReceivedClose),
}

impl Link {
    pub(crate) const fn new(socket: Socket) -> Self {
        Self { socket, outgoing: VecDeque::new(), flushed: true, broken: false, received: None }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.outgoing.len() < ROOM
    }

    pub(crate) fn send(&mut self, message: Message) {
        self.outgoing.push_back(message);
    }

    /// Sends a Close behind what waits.
    pub(crate) fn hang_up(&mut self, asked: AskedClose) {
        let frame = |code: u16| CloseFrame { code: code.into(), reason: asked.reason.unwrap_or_default().into() };
        self.send(Message::Close(asked.code.map(frame)));
    }

    /// Writes what waits; reads while `may_read`.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, may_read: bool) -> Poll<LinkEvent> {
        let was_full = !self.has_room();
        let written = self.poll_write(context);
        if let Some(close) = self.received.take_if(|_| written.is_ready()) {
            return Poll::Ready(LinkEvent::Ended(close));
        }
        if was_full && self.has_room() {
            return Poll::Ready(LinkEvent::Room);
        }
        if may_read && self.received.is_none() { self.poll_read(context) } else { Poll::Pending }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.broken && !self.outgoing.is_empty() {
            self.broken = ready!(self.socket.poll_ready_unpin(context)).is_err();
            if let Some(message) = self.outgoing.pop_front() {
                self.broken |= self.socket.start_send_unpin(message).is_err();
            }
            self.flushed = false;
        }
        if !self.broken && !self.flushed {
            self.broken = ready!(self.socket.poll_flush_unpin(context)).is_err();
            self.flushed = true;
        }
        if self.broken {
            self.outgoing.clear();
        }
        Poll::Ready(())
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<LinkEvent> {
        loop {
            match ready!(self.socket.poll_next_unpin(context)) {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    return Poll::Ready(LinkEvent::Message(message));
                }
                Some(Ok(Message::Close(frame))) => {
                    self.received = Some(received(frame));
                    // The answer to it is written first.
                    self.flushed = false;
                    ready!(self.poll_write(context));
                    return Poll::Ready(self.end());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(self.end()),
            }
        }
    }

    fn end(&mut self) -> LinkEvent {
        let lost = || ReceivedClose { code: 1006, reason: String::new() };
        LinkEvent::Ended(self.received.take().unwrap_or_else(lost))
    }
}

fn received(frame: Option<CloseFrame>) -> ReceivedClose {
    frame.map_or_else(
        || ReceivedClose { code: 1005, reason: String::new() },
        |frame| ReceivedClose { code: frame.code.into(), reason: frame.reason.as_str().to_owned() },
    )
}
