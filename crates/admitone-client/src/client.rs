//! The connection as an application holds it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::PollSender;

use crate::code::Code;
use crate::connection::{AskedClose, MachineOptions, State};
use crate::driver::{Ends, Order, Outgoing, run};
use crate::event::{Ended, Event};
use crate::offer::{OfferError, check_protocols};
use crate::source::TicketSource;
use crate::transport::Transport;
use crate::url::Url;

/// Events, and messages to send, that wait at most.
const WAITING: usize = 32;

/// Longest reason of a Close (RFC 6455 §5.5), in bytes.
const LONGEST_REASON: usize = 123;

/// How a connection behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to connect. Default: where the mint says. The fallback needs it.
    pub url: Option<Url>,
    /// The application's own subprotocols, in order of preference.
    pub protocols: Vec<String>,
    /// Retries, time-outs and the fallback.
    pub machine: MachineOptions,
    /// How the socket is reached.
    pub transport: Transport,
    /// Largest message that is taken, in bytes. Default: 16 MiB.
    pub max_message_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: None,
            protocols: Vec::new(),
            machine: MachineOptions::default(),
            transport: Transport::default(),
            max_message_bytes: 16 * 1024 * 1024,
        }
    }
}

/// Why nothing was sent, or no Close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// Nothing is kept for later: a reconnect is another session.
    #[error("the connection is not open")]
    NotOpen,
    /// A code that applications may not send (RFC 6455 §7.4).
    #[error("the code {0} is neither 1000 nor in 3000–4999")]
    Code(u16),
    /// More than a Close can hold.
    #[error("the reason has {0} bytes, 123 at most")]
    Reason(usize),
}

/// A WebSocket that mints a fresh ticket for every attempt, reconnects by itself and says why it ended.
///
/// [`next_event`](Self::next_event) tells everything. As a [`Stream`] it yields messages alone, and what it ended with where that
/// was an error; as a [`Sink`] it takes messages while it is open. Dropped, it closes the socket.
pub struct AdmitConnection {
    orders: mpsc::UnboundedSender<Order>,
    sends: PollSender<Outgoing>,
    events: mpsc::Receiver<Event>,
    state: watch::Receiver<State>,
    ended: bool,
}

impl AdmitConnection {
    /// Begins to connect. To be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`OfferError::Protocol`] for subprotocols that cannot be offered.
    pub fn open<S: TicketSource>(source: S, options: Options) -> Result<Self, OfferError> {
        check_protocols(&options.protocols)?;
        let (orders, ordered) = mpsc::unbounded_channel();
        let (sends, sent) = mpsc::channel(WAITING);
        let (told, events) = mpsc::channel(WAITING);
        let (state, shown) = watch::channel(State::Idle);
        tokio::spawn(run(source, options, Ends { orders: ordered, sends: sent, events: told, state }));
        Ok(Self { orders, sends: PollSender::new(sends), events, state: shown, ended: false })
    }

    /// The next thing that happened; `None` behind [`Event::Closed`]. Messages wait at the gateway until they are taken.
    pub async fn next_event(&mut self) -> Option<Event> {
        std::future::poll_fn(|context| self.poll_event(context)).await
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let event = ready!(self.events.poll_recv(context));
        // Without its last event, the driver has panicked: in the application's source of tickets.
        let aborted = || (!self.ended).then(|| Event::Closed(aborted()));
        let event = event.or_else(aborted);
        self.ended |= matches!(event, Some(Event::Closed(_)) | None);
        Poll::Ready(event)
    }

    /// What the connection is doing. Times are milliseconds since it was opened.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// A sender of its own, for a task beside the one that takes the events.
    #[must_use]
    pub fn sender(&self) -> MessageSender {
        MessageSender { sends: self.sends.get_ref().cloned(), state: self.state.clone() }
    }

    /// Ends the connection behind what was sent, whatever it is doing, and does not reconnect. [`Event::Closed`] follows.
    ///
    /// # Errors
    ///
    /// [`SendError::Code`] and [`SendError::Reason`].
    pub fn close(&self, code: Option<u16>, reason: &str) -> Result<(), SendError> {
        if let Some(code) = code.filter(|code| !matches!(code, 1000 | 3000..=4999)) {
            return Err(SendError::Code(code));
        }
        if reason.len() > LONGEST_REASON {
            return Err(SendError::Reason(reason.len()));
        }
        let reason = (!reason.is_empty()).then(|| reason.to_owned());
        let code = code.or(reason.as_ref().map(|_| 1000));
        self.order(Order::Close(AskedClose { code, reason }));
        Ok(())
    }

    /// Tells that the source has a fresh login of the same person: an open session is renewed with it, and
    /// [`Event::Renewed`] or [`Event::NotRenewed`] follows. For another person, open another connection.
    pub fn login_changed(&self) {
        self.order(Order::LoginChanged);
    }

    /// Tells that the network is there again: a wait ends soon, unless the gateway asked for it.
    pub fn wake(&self) {
        self.order(Order::Wake);
    }

    fn order(&self, order: Order) {
        // A connection that has ended obeys no more.
        let _ = self.orders.send(order);
    }
}

/// Sends messages of a connection that another task holds.
#[derive(Clone)]
pub struct MessageSender {
    sends: Option<mpsc::Sender<Outgoing>>,
    state: watch::Receiver<State>,
}

impl MessageSender {
    /// Waits until the connection is open.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] once it has ended for good.
    pub async fn opened(&mut self) -> Result<(), SendError> {
        let opened = self.state.wait_for(|state| matches!(state, State::Open { .. })).await;
        opened.map(|_| ()).map_err(|_| SendError::NotOpen)
    }

    /// Sends a message; waits while too many others do.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`].
    pub async fn send(&self, message: Message) -> Result<(), SendError> {
        let State::Open { attempt, .. } = *self.state.borrow() else { return Err(SendError::NotOpen) };
        let sends = self.sends.as_ref().ok_or(SendError::NotOpen)?;
        let outgoing = Outgoing { attempt: attempt.number, message };
        sends.send(outgoing).await.map_err(|_| SendError::NotOpen)
    }
}

impl fmt::Debug for MessageSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSender").field("state", &*self.state.borrow()).finish_non_exhaustive()
    }
}

impl fmt::Debug for AdmitConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdmitConnection").field("state", &*self.state.borrow()).finish_non_exhaustive()
    }
}

fn aborted() -> Ended {
    Ended { cause: Code::new("aborted").into(), failure: None }
}

impl Stream for AdmitConnection {
    type Item = Result<Message, Ended>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.poll_event(context)) {
                Some(Event::Message(message)) => return Poll::Ready(Some(Ok(message))),
                Some(Event::Closed(ended)) if !ended.is_wanted() => return Poll::Ready(Some(Err(ended))),
                Some(Event::Closed(_)) | None => return Poll::Ready(None),
                Some(_) => {}
            }
        }
    }
}

/// Flushed means handed to the driver, which writes at once; closed, that the Close follows. The stream's end says that it is over.
impl Sink<Message> for AdmitConnection {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if !matches!(*self.state.borrow(), State::Open { .. }) {
            return Poll::Ready(Err(SendError::NotOpen));
        }
        self.sends.poll_reserve(context).map_err(|_| SendError::NotOpen)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), SendError> {
        let State::Open { attempt, .. } = *self.state.borrow() else { return Err(SendError::NotOpen) };
        let outgoing = Outgoing { attempt: attempt.number, message };
        self.sends.send_item(outgoing).map_err(|_| SendError::NotOpen)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Poll::Ready(self.close(None, ""))
    }
}
