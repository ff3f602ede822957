use admitone::close::{self, Next, Reading};

use super::{
    Action, AskedClose, Attempt, AttemptError, Cause, CredentialKind, Input, MachineOptions, ReceivedClose, State, Step,
};
use crate::backoff::{backoff_ms, fraction};
use crate::code::Code;
use crate::offer::REFUSED_MARKER;

/// Codes of a foreign Close that end an open socket only for a while: going away, no status, no Close, server errors.
const LOST_CODES: &[u16] = &[1001, 1005, 1006, 1011, 1012, 1013, 1014];

/// Where no Close came (RFC 6455 §7.1.5).
const NO_CLOSE: u16 = 1006;

const MINT_FALLS_BACK: &[Code] = &[Code::TICKETS_DISABLED, Code::UNAVAILABLE, Code::NETWORK, Code::TIMEOUT];
const DIAL_FALLS_BACK: &[Code] = &[Code::TICKET_NOT_ACCEPTED, Code::STORE_UNAVAILABLE, Code::CONNECTION_FAILED];

/// A connection's state, and the two counts that outlive a state.
#[derive(Clone, Debug)]
pub struct Machine {
    options: MachineOptions,
    state: State,
    attempts: u64,
    retries: u32,
}

/// When an input came, and the dice.
struct Turn<'a> {
    now: u64,
    random: &'a mut dyn FnMut() -> f64,
}

impl Machine {
    /// One that was not told anything yet.
    #[must_use]
    pub const fn new(options: MachineOptions) -> Self {
        Self { options, state: State::Idle, attempts: 0, retries: 0 }
    }

    /// What the connection is doing.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Tells the machine one thing, at `now`. `random` gives numbers in [0, 1) and is asked once for each backoff.
    pub fn handle(&mut self, input: Input, now: u64, random: &mut dyn FnMut() -> f64) -> Step {
        let is_of_another = input.attempt().is_some_and(|attempt| self.state.attempt() != Some(attempt));
        let is_early = input == Input::Timeout && self.state.wake_at().is_some_and(|at| now < at);
        if is_of_another || is_early {
            return Step::default();
        }
        let turn = Turn { now, random };
        match input {
            Input::Connect => self.connect(now),
            Input::Acquired { .. } => self.acquired(now),
            Input::AcquireFailed { error, .. } => self.acquire_failed(error, turn),
            Input::DialFailed { error, .. } => self.dial_failed(error, turn),
            Input::Opened { selected, .. } => self.opened(&selected, now),
            Input::Closed { close, .. } => self.ended(close, turn),
            Input::Close(asked) => self.close(asked, now),
            Input::Wake => self.wake(turn),
            Input::LoginChanged => self.login_changed(),
            Input::Timeout => self.timed_out(turn),
        }
    }

    fn connect(&mut self, now: u64) -> Step {
        if !matches!(self.state, State::Idle | State::Closed { .. }) {
            return Step::default();
        }
        self.retries = 0;
        self.begin(now)
    }

    fn acquired(&mut self, now: u64) -> Step {
        let State::Acquiring { attempt, .. } = self.state else { return Step::default() };
        self.state = State::Dialing { attempt, until: now.saturating_add(self.options.open_timeout_ms) };
        doing(Action::Dial(attempt))
    }

    fn acquire_failed(&mut self, error: AttemptError, turn: Turn<'_>) -> Step {
        let State::Acquiring { attempt, .. } = self.state else { return Step::default() };
        self.failed_with(attempt, MINT_FALLS_BACK, error, turn)
    }

    fn dial_failed(&mut self, error: AttemptError, turn: Turn<'_>) -> Step {
        match self.state {
            State::Dialing { attempt, .. } => self.failed_with(attempt, DIAL_FALLS_BACK, error, turn),
            State::Closing { .. } => self.hung_up(),
            _ => Step::default(),
        }
    }

    fn opened(&mut self, selected: &str, now: u64) -> Step {
        let State::Dialing { attempt, until } = self.state else { return Step::default() };
        self.state = match selected == REFUSED_MARKER {
            true => State::Refused { attempt, until },
            false => State::Open { attempt, since: now },
        };
        Step::default()
    }

    fn ended(&mut self, close: ReceivedClose, turn: Turn<'_>) -> Step {
        match self.state {
            State::Dialing { attempt, .. } | State::Refused { attempt, .. } => {
                self.ended_unopened(attempt, close, turn)
            }
            State::Open { since, .. } => self.ended_open(since, close, turn),
            State::Closing { .. } => self.end(cause_of(Code::CLOSED_BY_APPLICATION, close)),
            _ => Step::default(),
        }
    }

    fn close(&mut self, asked: AskedClose, now: u64) -> Step {
        match self.state {
            State::Acquiring { attempt, .. } => first(Action::Abandon { attempt: attempt.number }, self.hung_up()),
            State::Waiting { .. } => self.hung_up(),
            State::Dialing { attempt, .. } | State::Refused { attempt, .. } | State::Open { attempt, .. } => {
                let attempt = attempt.number;
                self.state = State::Closing { attempt, until: now.saturating_add(self.options.close_timeout_ms) };
                doing(Action::HangUp { attempt, close: asked })
            }
            State::Idle | State::Closing { .. } | State::Closed { .. } => Step::default(),
        }
    }

    /// Ends a wait soon, yet not for all at the same moment: what woke this client may have woken many.
    fn wake(&mut self, turn: Turn<'_>) -> Step {
        let State::Waiting { until, not_before, .. } = &mut self.state else { return Step::default() };
        if not_before.is_some_and(|at| turn.now < at) {
            return Step::default();
        }
        let soon = turn.now.saturating_add(fraction((turn.random)(), self.options.retry_base_ms));
        *until = soon.min(*until);
        if self.options.tickets { doing(Action::Prefetch) } else { Step::default() }
    }

    /// Of a connection by JWT, nobody told the handle that a renewal needs.
    fn login_changed(&self) -> Step {
        match self.state {
            State::Open { attempt: Attempt { number, credential: CredentialKind::Ticket }, .. } => {
                doing(Action::Renew { attempt: number })
            }
            _ => Step::default(),
        }
    }

    fn timed_out(&mut self, turn: Turn<'_>) -> Step {
        match self.state {
            State::Acquiring { attempt, .. } => {
                let abandon = Action::Abandon { attempt: attempt.number };
                first(abandon, self.failed(attempt, MINT_FALLS_BACK, Code::TIMEOUT.into(), true, None, turn))
            }
            State::Dialing { attempt, .. } | State::Refused { attempt, .. } => {
                let hang_up = Action::HangUp { attempt: attempt.number, close: AskedClose::default() };
                let none = ReceivedClose { code: NO_CLOSE, reason: String::new() };
                first(hang_up, self.ended_unopened(attempt, none, turn))
            }
            State::Waiting { .. } => self.begin(turn.now),
            State::Closing { .. } => self.hung_up(),
            State::Idle | State::Open { .. } | State::Closed { .. } => Step::default(),
        }
    }

    /// Begins an attempt with the credential that is preferred now.
    fn begin(&mut self, now: u64) -> Step {
        match (self.options.tickets, self.options.jwt_fallback) {
            (true, _) => self.acquire(CredentialKind::Ticket, now),
            (false, true) => self.acquire(CredentialKind::Jwt, now),
            (false, false) => self.end(Code::TICKETS_DISABLED.into()),
        }
    }

    fn acquire(&mut self, credential: CredentialKind, now: u64) -> Step {
        self.attempts += 1;
        let attempt = Attempt { number: self.attempts, credential };
        self.state = State::Acquiring { attempt, until: now.saturating_add(self.options.acquire_timeout_ms) };
        doing(Action::Acquire(attempt))
    }

    fn failed_with(&mut self, attempt: Attempt, fall_back: &[Code], error: AttemptError, turn: Turn<'_>) -> Step {
        let again = !error.code.is_final();
        self.failed(attempt, fall_back, error.code.into(), again, error.retry_after_ms, turn)
    }

    fn ended_unopened(&mut self, attempt: Attempt, close: ReceivedClose, turn: Turn<'_>) -> Step {
        let (code, again) = match close::read(close.code, &close.reason) {
            Reading::Ours { name, next } => (Code::new(name), next == Next::MintAgain),
            Reading::Upstream => (Code::CONNECTION_FAILED, true),
        };
        self.failed(attempt, DIAL_FALLS_BACK, cause_of(code, close), again, None, turn)
    }

    /// Ends an attempt that did not open.
    fn failed(
        &mut self,
        attempt: Attempt,
        fall_back: &[Code],
        cause: Cause,
        again: bool,
        retry_after_ms: Option<u64>,
        turn: Turn<'_>,
    ) -> Step {
        let by_ticket = attempt.credential == CredentialKind::Ticket;
        if self.options.jwt_fallback && by_ticket && fall_back.contains(&cause.code) {
            return Step { cause: Some(cause), ..self.acquire(CredentialKind::Jwt, turn.now) };
        }
        if again { self.retry(cause, retry_after_ms, turn) } else { self.end(cause) }
    }

    fn ended_open(&mut self, since: u64, close: ReceivedClose, turn: Turn<'_>) -> Step {
        if turn.now.saturating_sub(since) >= self.options.stable_after_ms {
            self.retries = 0;
        }
        let (code, again) = match close::read(close.code, &close.reason) {
            Reading::Ours { name, next } => (Code::new(name), next == Next::MintAgain),
            Reading::Upstream if self.is_lost(close.code) => (Code::CONNECTION_LOST, true),
            Reading::Upstream => (Code::CLOSED_BY_UPSTREAM, false),
        };
        let prefetch = self.options.tickets && code == Code::DRAINING;
        let cause = cause_of(code, close);
        let step = if again { self.retry(cause, None, turn) } else { self.end(cause) };
        if prefetch { first(Action::Prefetch, step) } else { step }
    }

    fn is_lost(&self, code: u16) -> bool {
        LOST_CODES.contains(&code) || self.options.retry_codes.contains(&code)
    }

    fn retry(&mut self, cause: Cause, retry_after_ms: Option<u64>, turn: Turn<'_>) -> Step {
        let MachineOptions { max_retries, retry_base_ms, retry_cap_ms, .. } = self.options;
        let retry = self.retries.saturating_add(1);
        if retry > max_retries {
            return self.end(Cause { gave_up: true, ..cause });
        }
        self.retries = retry;
        let pause = backoff_ms(retry, retry_base_ms, retry_cap_ms, (turn.random)(), retry_after_ms.unwrap_or_default());
        let not_before = retry_after_ms.map(|asked| turn.now.saturating_add(asked));
        self.state = State::Waiting { retry, until: turn.now.saturating_add(pause), cause, not_before };
        Step::default()
    }

    /// By the application, with nothing that is to be waited for.
    fn hung_up(&mut self) -> Step {
        self.end(Code::CLOSED_BY_APPLICATION.into())
    }

    fn end(&mut self, cause: Cause) -> Step {
        self.state = State::Closed { cause };
        Step::default()
    }
}

fn cause_of(code: Code, close: ReceivedClose) -> Cause {
    let close = (close.code != NO_CLOSE).then_some(close);
    Cause { code, close, gave_up: false }
}

fn doing(action: Action) -> Step {
    Step { actions: vec![action], cause: None }
}

/// Before all that the step asks for already.
fn first(action: Action, mut step: Step) -> Step {
    step.actions.insert(0, action);
    step
}
