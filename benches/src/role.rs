//! What this program is when it is not the one that measures: a child with its own process, so that it is measured alone.

mod authenticator;
mod echo;
mod floor;
pub(crate) mod redeem;
pub(crate) mod timing;
pub(crate) mod verify;

use std::time::Duration;

use clap::Parser;

use crate::Failure;
use floor::Stack;

/// A child's part.
#[derive(Debug, Parser)]
#[command(name = Role::COMMAND)]
pub(crate) enum Role {
    /// The upstream, or the direct connection's server: a WebSocket echo.
    Echo,
    /// What nginx asks, built by hand.
    Authenticator,
    /// The bare POST.
    Floor {
        /// What answers.
        #[arg(value_enum)]
        stack: Stack,
        /// Bytes of the answer's body.
        bytes: usize,
    },
    /// The library alone.
    Redeem {
        /// How many tickets are outstanding.
        outstanding: usize,
        /// Rounds.
        rounds: usize,
        /// Milliseconds of each run.
        milliseconds: u64,
    },
    /// How long refusals take.
    Timing {
        /// Rounds.
        rounds: usize,
    },
    /// Tokens by the library alone.
    Verify {
        /// Rounds.
        rounds: usize,
        /// Milliseconds of each run.
        milliseconds: u64,
    },
}

impl Role {
    /// The word that begins a child's arguments.
    pub(crate) const COMMAND: &str = "role";

    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Echo => echo::run(),
            Self::Authenticator => authenticator::run(),
            Self::Floor { stack, bytes } => floor::run(stack, bytes),
            Self::Redeem { outstanding, rounds, milliseconds } => {
                redeem::run(outstanding, rounds, Duration::from_millis(milliseconds))
            }
            Self::Timing { rounds } => timing::run(rounds),
            Self::Verify { rounds, milliseconds } => verify::run(rounds, Duration::from_millis(milliseconds)),
        }
    }
}
