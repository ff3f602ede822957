//! The golden path against a running deployment, from outside, through whatever stands before it: five factors, each with its
//! time and, on failure, the cause and the next step.
//!
//! It does what a page does, with a login that it is given, and takes back what it made: the session that it opens, and no login.

mod admit;
mod asking;
mod diagnosis;
mod health;
mod idle;
mod mint;
mod replies;
mod report;
mod revoke;
mod socket;

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use crate::fetch::{Fetch, Url};

use asking::Asking;
use mint::Minted;
use socket::Socket;

pub use report::{Factor, Outcome, Report};

/// What is checked, and how.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where tickets are minted: an origin.
    pub gateway: Url,
    /// Where its health is told: an origin, mostly the same.
    pub health: Url,
    /// Where the socket is opened: an origin, mostly the same.
    pub socket: Url,
    /// The route's path.
    pub route: String,
    /// The page that is played; none for a native client.
    pub origin: Option<String>,
    /// Subprotocols of the application.
    pub protocols: Vec<String>,
    /// What is said on the socket.
    pub talk: Talk,
    /// How long an idle socket has to live; none where that is not checked.
    pub idle: Option<Duration>,
    /// Asks.
    pub fetch: Fetch,
}

/// What is said on the socket, and what has to come back.
#[derive(Clone, Debug)]
pub enum Talk {
    /// A message; the five events of an agent's run, or its echo.
    EventsOrEcho,
    /// This message; one that holds the second text, or without it the same again.
    Text {
        /// What is said.
        say: String,
        /// What has to stand in an answer.
        expect: Option<String>,
    },
    /// A Ping of the protocol; its Pong, which comes from the upstream.
    Ping,
}

/// A step that did not go as it has to.
#[derive(Debug)]
struct Trouble {
    /// What was seen.
    found: String,
    /// Why, as far as can be told from outside.
    cause: String,
    /// What to do about it.
    next: String,
}

impl Trouble {
    fn new(found: impl Into<String>, cause: impl Into<String>, next: impl Into<String>) -> Self {
        Self { found: found.into(), cause: cause.into(), next: next.into() }
    }
}

/// A step that went well.
struct Done<T> {
    detail: String,
    /// What is worth a look all the same.
    notes: Vec<String>,
    value: T,
}

/// Goes the whole path once, with this token as login.
pub async fn check(target: &Target, token: &str) -> Report {
    let asking = Asking::new(target, token);
    let mut report = Report::new(target);
    timed(&mut report, "healthy", health::healthy(&asking)).await;
    let minted = timed(&mut report, "mints", mint::mint(&asking)).await;
    let socket = match &minted {
        Some(minted) => timed(&mut report, "admits", admit::admit(&asking, minted)).await,
        None => not_reached(&mut report, "admits"),
    };
    match (minted, socket) {
        (Some(minted), Some(socket)) => {
            timed(&mut report, "refuses again", admit::refuse(&asking, &minted)).await;
            timed(&mut report, "revokes", revoke::revoke(&asking, minted, socket)).await;
        }
        _ => {
            not_reached::<()>(&mut report, "refuses again");
            not_reached::<()>(&mut report, "revokes");
        }
    }
    if let Some(idle) = target.idle {
        timed(&mut report, "stays idle", idle::stay(&asking, idle)).await;
    }
    report.gateways(asking.gateways());
    report
}

async fn timed<T>(
    report: &mut Report,
    factor: &'static str,
    step: impl Future<Output = Result<Done<T>, Trouble>>,
) -> Option<T> {
    let began = Instant::now();
    let ended = step.await;
    report.add(factor, began.elapsed(), ended)
}

fn not_reached<T>(report: &mut Report, factor: &'static str) -> Option<T> {
    report.skip(factor);
    None
}

/// A ticket of its own, and the socket that it opens.
async fn opened(asking: &Asking<'_>) -> Result<(Minted, Socket), Trouble> {
    let minted = mint::mint(asking).await?.value;
    let socket = admit::open(asking, &minted).await?;
    Ok((minted, socket))
}

/// A number unlike all before it, which nobody has to be kept from guessing: a secret one would take its generator tens of
/// milliseconds to begin with.
fn unique() -> u128 {
    let hash = |number: u8| u128::from(RandomState::new().hash_one(number));
    hash(0) << 64 | hash(1)
}
