//! The machine with a clock, a timer, and the one attempt that is under way.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use crate::ahead::Ahead;
use crate::attempt::{Done, Work, acquire};
use crate::client::Options;
use crate::code::Code;
use crate::connection::{
    Action, AskedClose, Attempt, AttemptError, Cause, CredentialKind, Input, Machine, ReceivedClose, State,
};
use crate::event::{Ended, Event, Failure, Opened};
use crate::link::{Link, LinkEvent};
use crate::mint::{MintError, Renewed};
use crate::source::TicketSource;
use crate::upgrade::{DialError, dial};

/// What an application orders beside messages.
pub(crate) enum Order {
    Close(AskedClose),
    LoginChanged,
    Wake,
}

/// A message, and the attempt whose socket it is for: never another's.
pub(crate) struct Outgoing {
    pub(crate) attempt: u64,
    pub(crate) message: Message,
}

/// The driver's ends of what it shares with the application.
pub(crate) struct Ends {
    pub(crate) orders: mpsc::UnboundedReceiver<Order>,
    pub(crate) sends: mpsc::Receiver<Outgoing>,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) state: watch::Sender<State>,
}

type Renewal = Pin<Box<dyn Future<Output = Result<Renewed, MintError>> + Send>>;

struct Driver<S> {
    source: Arc<S>,
    options: Options,
    machine: Machine,
    begun: Instant,
    /// What `work` belongs to.
    attempt: u64,
    work: Work,
    ahead: Ahead,
    renewal: Option<Renewal>,
    session_id: Option<String>,
    fallback: Option<Code>,
    protocol: String,
    untold: VecDeque<Event>,
    state: watch::Sender<State>,
}

/// Connects, and goes on until the connection is closed and that is told, or nobody listens any more.
pub(crate) async fn run<S: TicketSource>(source: S, options: Options, ends: Ends) {
    let Ends { mut orders, mut sends, events, state } = ends;
    let machine = Machine::new(options.machine.clone());
    let mut driver = Driver {
        source: Arc::new(source),
        options,
        machine,
        begun: Instant::now(),
        attempt: 0,
        work: Work::Nothing,
        ahead: Ahead::None,
        renewal: None,
        session_id: None,
        fallback: None,
        protocol: String::new(),
        untold: VecDeque::new(),
        state,
    };
    driver.feed(Input::Connect, None);
    let mut listened_to = true;
    loop {
        if !listened_to {
            driver.untold.clear();
        }
        if driver.is_over() {
            return;
        }
        let may_read = driver.untold.is_empty() || !driver.is_open();
        let wake_at = driver.wake_at();
        tokio::select! {
            order = orders.recv(), if listened_to => match order {
                Some(order) => driver.obey(order, &mut sends),
                None => {
                    listened_to = false;
                    driver.feed(Input::Close(AskedClose::default()), None);
                }
            },
            Some(outgoing) = sends.recv(), if driver.work.has_room() => driver.send(outgoing),
            Ok(permit) = events.reserve(), if !driver.untold.is_empty() => {
                if let Some(event) = driver.untold.pop_front() {
                    permit.send(event);
                }
            }
            () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => {
                driver.feed(Input::Timeout, None);
            }
            done = driver.work.next(may_read) => driver.done(done),
            () = driver.ahead.progress() => {}
            renewed = renewed(&mut driver.renewal) => driver.renewed(renewed),
        }
    }
}

async fn renewed(renewal: &mut Option<Renewal>) -> Result<Renewed, MintError> {
    match renewal {
        Some(renewal) => renewal.await,
        None => std::future::pending().await,
    }
}

impl<S: TicketSource> Driver<S> {
    fn is_over(&self) -> bool {
        matches!(self.machine.state(), State::Closed { .. }) && self.untold.is_empty()
    }

    fn is_open(&self) -> bool {
        matches!(self.machine.state(), State::Open { .. })
    }

    fn wake_at(&self) -> Option<Instant> {
        let wake_at = self.machine.state().wake_at()?;
        self.begun.checked_add(Duration::from_millis(wake_at))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn obey(&mut self, order: Order, sends: &mut mpsc::Receiver<Outgoing>) {
        match order {
            Order::Close(asked) => {
                // What was sent before goes before the Close.
                while let Ok(outgoing) = sends.try_recv() {
                    self.send(outgoing);
                }
                self.feed(Input::Close(asked), None);
            }
            Order::LoginChanged => {
                self.ahead = Ahead::None;
                self.feed(Input::LoginChanged, None);
            }
            Order::Wake => self.feed(Input::Wake, None),
        }
    }

    fn send(&mut self, Outgoing { attempt, message }: Outgoing) {
        let is_current = self.is_open() && attempt == self.attempt;
        if let Some(link) = self.work.link().filter(|_| is_current) {
            link.send(message);
        }
    }

    fn done(&mut self, done: Done) {
        let attempt = self.attempt;
        match done {
            Done::Acquired(Ok(acquired)) => {
                self.session_id = acquired.session_id.clone();
                self.work = Work::Acquired(acquired);
                self.feed(Input::Acquired { attempt }, None);
            }
            Done::Acquired(Err(error)) => {
                let retry_after = error.retry_after();
                let failed = attempt_error(error.code(), retry_after);
                self.feed(Input::AcquireFailed { attempt, error: failed }, Some(error.into()));
            }
            Done::Dialed(Ok(dialed)) => {
                self.work = Work::Linked(Box::new(Link::new(dialed.socket)));
                self.protocol.clone_from(&dialed.selected);
                self.feed(Input::Opened { attempt, selected: dialed.selected }, None);
            }
            Done::Dialed(Err(error)) => {
                let retry_after = match &error {
                    DialError::Refused(refusal) => refusal.retry_after,
                    _ => None,
                };
                let failed = attempt_error(error.code(), retry_after);
                self.feed(Input::DialFailed { attempt, error: failed }, Some(error.into()));
            }
            Done::Link(LinkEvent::Ended(close)) => self.feed(Input::Closed { attempt, close }, None),
            Done::Link(LinkEvent::Message(message)) if self.is_open() => self.untold.push_back(Event::Message(message)),
            Done::Link(LinkEvent::Message(_) | LinkEvent::Room) => {}
        }
    }

    fn renewed(&mut self, renewed: Result<Renewed, MintError>) {
        self.renewal = None;
        self.untold.push_back(renewed.map_or_else(Event::NotRenewed, Event::Renewed));
    }

    fn feed(&mut self, input: Input, failure: Option<Failure>) {
        let before = self.machine.state().clone();
        let now = self.now();
        let step = self.machine.handle(input, now, &mut random);
        let state = self.machine.state().clone();
        if state != before {
            self.changed(&state, step.cause.as_ref(), failure, now);
        }
        for action in step.actions {
            self.perform(action, step.cause.as_ref());
        }
        if self.machine.state().attempt() != Some(self.attempt) {
            self.work = Work::Nothing;
            self.renewal = None;
        }
    }

    fn changed(&mut self, state: &State, jumped: Option<&Cause>, failure: Option<Failure>, now: u64) {
        let cause = match state {
            State::Waiting { cause, .. } | State::Closed { cause } => Some(cause),
            _ => jumped,
        };
        if cause.is_some_and(|cause| cause.code.is_against_login()) {
            self.ahead = Ahead::None;
        }
        match state {
            State::Open { attempt: Attempt { credential, .. }, .. } => self.untold.push_back(Event::Opened(Opened {
                credential: *credential,
                fallback: self.fallback.clone(),
                protocol: std::mem::take(&mut self.protocol),
                session_id: self.session_id.clone(),
            })),
            State::Waiting { retry, until, cause, .. } => self.untold.push_back(Event::Waiting {
                retry: *retry,
                pause: Duration::from_millis(until.saturating_sub(now)),
                ended: Ended { cause: cause.clone(), failure },
            }),
            State::Closed { cause } => {
                self.untold.push_back(Event::Closed(Ended { cause: cause.clone(), failure }));
            }
            _ => {}
        }
        self.state.send_replace(state.clone());
    }

    fn perform(&mut self, action: Action, cause: Option<&Cause>) {
        match action {
            Action::Acquire(Attempt { number, credential }) => {
                self.attempt = number;
                self.session_id = None;
                self.fallback = cause.map(|cause| cause.code.clone());
                let ahead = if credential == CredentialKind::Ticket { self.ahead.take() } else { None };
                let acquiring = acquire(self.source.clone(), credential, ahead, self.options.url.clone());
                self.work = Work::Acquiring(Box::pin(acquiring));
            }
            Action::Dial(_) => self.dial(),
            Action::Abandon { .. } => self.work = Work::Nothing,
            Action::HangUp { attempt, close } => match self.work.link() {
                Some(link) => link.hang_up(close),
                None => {
                    self.work = Work::Nothing;
                    let close = ReceivedClose { code: 1006, reason: String::new() };
                    self.feed(Input::Closed { attempt, close }, None);
                }
            },
            Action::Prefetch => self.ahead.begin(&self.source),
            Action::Renew { .. } => {
                let Some(session_id) = self.session_id.clone() else { return };
                let source = self.source.clone();
                self.renewal = Some(Box::pin(async move { source.renew(&session_id).await }));
            }
        }
    }

    fn dial(&mut self) {
        let Work::Acquired(acquired) = std::mem::replace(&mut self.work, Work::Nothing) else { return };
        let Options { transport, protocols, max_message_bytes, .. } = self.options.clone();
        self.work = Work::Dialing(Box::pin(async move {
            dial(&transport, &acquired.url, &acquired.credential, &protocols, max_message_bytes).await
        }));
    }
}

fn attempt_error(code: Code, retry_after: Option<Duration>) -> AttemptError {
    let retry_after_ms = retry_after.map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
    AttemptError { code, retry_after_ms }
}

/// Uniform in [0, 1). Without a source of randomness, the longest pause.
fn random() -> f64 {
    (getrandom::u64().unwrap_or(u64::MAX) >> 11) as f64 / (1_u64 << 53) as f64
}
