//! The connection without its sockets: a state machine that does no I/O, reads no clock and knows no secret.
//!
//! The rules are those of `spec/vectors/README.md`, whose traces this machine and the browser SDK's both replay. Times are
//! milliseconds on the clock that the machine is driven by, which never runs backwards.

mod machine;

use crate::code::Code;

pub use machine::Machine;

/// What admits a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A ticket that was minted for it.
    Ticket,
    /// By fallback, the login itself.
    Jwt,
}

impl CredentialKind {
    /// As people read it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Jwt => "jwt",
        }
    }
}

/// A try to connect. Numbers count from 1 and are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which one.
    pub number: u64,
    /// With what.
    pub credential: CredentialKind,
}

/// A Close that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedClose {
    /// Its code.
    pub code: u16,
    /// Its reason.
    pub reason: String,
}

/// Why a connection waits or has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What happened.
    pub code: Code,
    /// The Close, where one was received.
    pub close: Option<ReceivedClose>,
    /// Whether this was the last retry.
    pub gave_up: bool,
}

impl From<Code> for Cause {
    fn from(code: Code) -> Self {
        Self { code, close: None, gave_up: false }
    }
}

/// What a connection is doing. `until` is when that times out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing yet.
    Idle,
    /// Minting, or getting the token.
    Acquiring {
        /// Which one.
        attempt: Attempt,
        /// When that times out.
        until: u64,
    },
    /// Opening the socket.
    Dialing {
        /// Which one.
        attempt: Attempt,
        /// When that times out.
        until: u64,
    },
    /// The answer selected the marker of a refusal; the Close with its reason is to come.
    Refused {
        /// Which one.
        attempt: Attempt,
        /// When that times out.
        until: u64,
    },
    /// Messages pass.
    Open {
        /// Which one.
        attempt: Attempt,
        /// When it opened.
        since: u64,
    },
    /// A retry is to come.
    Waiting {
        /// Which one in a row, from 1.
        retry: u32,
        /// When it begins.
        until: u64,
        /// Why it is needed.
        cause: Cause,
        /// What the gateway asked for: nothing makes the wait shorter.
        not_before: Option<u64>,
    },
    /// The application closed the socket; its end is awaited.
    Closing {
        /// The attempt's number.
        attempt: u64,
        /// When it is waited for no longer.
        until: u64,
    },
    /// The end, until the application connects again.
    Closed {
        /// Why.
        cause: Cause,
    },
}

impl State {
    /// The number of the attempt under way.
    #[must_use]
    pub const fn attempt(&self) -> Option<u64> {
        match self {
            Self::Acquiring { attempt, .. }
            | Self::Dialing { attempt, .. }
            | Self::Refused { attempt, .. }
            | Self::Open { attempt, .. } => Some(attempt.number),
            Self::Closing { attempt, .. } => Some(*attempt),
            Self::Idle | Self::Waiting { .. } | Self::Closed { .. } => None,
        }
    }

    /// When the machine wants [`Input::Timeout`], if ever.
    #[must_use]
    pub const fn wake_at(&self) -> Option<u64> {
        match self {
            Self::Acquiring { until, .. }
            | Self::Dialing { until, .. }
            | Self::Refused { until, .. }
            | Self::Waiting { until, .. }
            | Self::Closing { until, .. } => Some(*until),
            Self::Idle | Self::Open { .. } | Self::Closed { .. } => None,
        }
    }
}

/// Why an acquisition or a dial failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptError {
    /// What went wrong.
    pub code: Code,
    /// How long the gateway asked to wait.
    pub retry_after_ms: Option<u64>,
}

/// The Close that the application asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskedClose {
    /// 1000 or 3000–4999.
    pub code: Option<u16>,
    /// At most 123 bytes.
    pub reason: Option<String>,
}

/// What the machine is told. Every `attempt` is a number; of another attempt than the current one, nothing changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of the states and of the errors above")]
pub enum Input {
    /// The application wants a connection.
    Connect,
    /// The driver holds the credential.
    Acquired { attempt: u64 },
    /// Minting, or getting the token, failed.
    AcquireFailed { attempt: u64, error: AttemptError },
    /// The socket could not be opened, and the driver knows why.
    DialFailed { attempt: u64, error: AttemptError },
    /// The handshake ended in 101 with this subprotocol, empty for none.
    Opened { attempt: u64, selected: String },
    /// The socket ended; 1006 where no Close came.
    Closed { attempt: u64, close: ReceivedClose },
    /// The application ends it.
    Close(AskedClose),
    /// The network is there again.
    Wake,
    /// The application has a fresh login of the same person.
    LoginChanged,
    /// The time of [`State::wake_at`] has come.
    Timeout,
}

impl Input {
    const fn attempt(&self) -> Option<u64> {
        match self {
            Self::Acquired { attempt }
            | Self::AcquireFailed { attempt, .. }
            | Self::DialFailed { attempt, .. }
            | Self::Opened { attempt, .. }
            | Self::Closed { attempt, .. } => Some(*attempt),
            Self::Connect | Self::Close(_) | Self::Wake | Self::LoginChanged | Self::Timeout => None,
        }
    }
}

/// What the machine asks of its driver. Every `attempt` is a number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of the states above")]
pub enum Action {
    /// Mint a ticket, or ask the application for its token.
    Acquire(Attempt),
    /// Stop acquiring, and discard what arrives.
    Abandon { attempt: u64 },
    /// Open the socket with what was acquired.
    Dial(Attempt),
    /// Close the socket, or stop opening it.
    HangUp { attempt: u64, close: AskedClose },
    /// Mint the ticket of the next acquisition ahead.
    Prefetch,
    /// Renew the session of this attempt with the fresh login.
    Renew { attempt: u64 },
}

/// What one input led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// In this order.
    pub actions: Vec<Action>,
    /// Why an attempt ended that the fallback follows at once. No state holds it.
    pub cause: Option<Cause>,
}

/// What the machine goes by. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineOptions {
    /// Whether the login itself may take a ticket's place where none can be had.
    pub jwt_fallback: bool,
    /// Whether tickets are used. Without them, the fallback is at once.
    pub tickets: bool,
    /// For the token and the mint together.
    pub acquire_timeout_ms: u64,
    /// From the dial to the end of the handshake.
    pub open_timeout_ms: u64,
    /// How long the end of a socket is awaited that the application closed.
    pub close_timeout_ms: u64,
    /// The first retry's longest wait; it doubles with each.
    pub retry_base_ms: u64,
    /// No wait is longer, but for what the gateway asks.
    pub retry_cap_ms: u64,
    /// How many retries in a row.
    pub max_retries: u32,
    /// A socket that was open for so long makes the retries count from the start.
    pub stable_after_ms: u64,
    /// Close codes of the upstream's own that are retried.
    pub retry_codes: Vec<u16>,
}

impl Default for MachineOptions {
    fn default() -> Self {
        Self {
            jwt_fallback: false,
            tickets: true,
            acquire_timeout_ms: 10_000,
            open_timeout_ms: 10_000,
            close_timeout_ms: 3_000,
            retry_base_ms: 1_000,
            retry_cap_ms: 10_000,
            max_retries: 10,
            stable_after_ms: 10_000,
            retry_codes: Vec::new(),
        }
    }
}
