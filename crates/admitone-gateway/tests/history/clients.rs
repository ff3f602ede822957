//! Clients: they mint tickets and present each of them more often than they should.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::book::{Book, Minted, Outcome};
use crate::client::Request;
use crate::dice::Dice;
use crate::gateways::Gateways;
use crate::tokens::token;
use crate::world::{ORIGIN, ROUTE};

/// How long a client waits for an answer before it counts as unknown.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a client begins something new, at most.
const PACE: Duration = Duration::from_millis(25);

/// Most tickets that a client keeps for later.
const KEPT: usize = 40;

/// What all clients work with.
#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) gateways: Arc<Gateways>,
    pub(crate) book: Arc<Book>,
}

impl Field {
    /// A ticket from one of the gateways.
    pub(crate) async fn mint(&self, at: usize, login: &str) -> Option<Minted> {
        let request = Request::post("/auth/ticket").origin(ORIGIN).bearer(login).json("{}").with("Connection", "close");
        let answer = ask(self.gateways.address(at), &request).await.filter(|answer| answer.status == 201);
        let minted = answer.map(|answer| {
            let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
            let text = |name: &str| told[name].as_str().expect("a text").to_owned();
            Minted { session_id: text("session_id"), ticket: text("ticket") }
        });
        self.book.mint(minted.as_ref());
        minted
    }

    /// Presents a ticket at one of the gateways.
    pub(crate) async fn present(&self, at: usize, minted: &Minted) -> Outcome {
        let request = Request::upgrade(ROUTE).origin(ORIGIN).ticket(&minted.ticket);
        let outcome = match ask(self.gateways.address(at), &request).await.map(|answer| answer.status) {
            Some(101) => Outcome::Admitted,
            Some(401) => Outcome::Refused,
            _ => Outcome::Unknown,
        };
        self.book.outcome(&minted.session_id, outcome);
        outcome
    }

    /// Presents a ticket at both gateways at once, so many times in all.
    pub(crate) async fn race(&self, minted: &Minted, times: usize) {
        join_all((0..times).map(|at| self.present(at % 2, minted))).await;
    }
}

struct Answer {
    status: u16,
    body: Vec<u8>,
}

/// The answer, unless the connection ends before it or it takes too long.
async fn ask(address: SocketAddr, request: &Request) -> Option<Answer> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(request.text().as_bytes()).await.ok()?;
        let mut read = Vec::new();
        loop {
            if let Some(answer) = parse(&read) {
                return Some(answer);
            }
            stream.read_buf(&mut read).await.ok().filter(|more| *more > 0)?;
        }
    };
    tokio::time::timeout(PATIENCE, exchange).await.ok()?
}

/// A whole answer with its body.
fn parse(read: &[u8]) -> Option<Answer> {
    let end = read.windows(4).position(|end| end == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&read[..end]).expect("an ASCII head").to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().expect("a status");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().expect("a length"));
    let body = read[end + 4..].get(..length)?.to_vec();
    Some(Answer { status, body })
}

/// Goes on until it is told to stop.
pub(crate) async fn client(number: usize, field: Field, mut dice: Dice, stopped: watch::Receiver<bool>) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut kept = Vec::new();
    let mut login = String::new();
    for round in 0.. {
        pace.tick().await;
        if *stopped.borrow() {
            return;
        }
        // Logins end after a while.
        if round % 100 == 0 {
            login = token(&format!("client-{number}"));
        }
        if let Some(minted) = field.mint(dice.below(2), &login).await {
            begin(&field, minted, &mut kept, &mut dice).await;
        }
        let is_full = kept.len() > KEPT;
        if is_full || (!kept.is_empty() && dice.below(3) == 0) {
            let minted: Minted = kept.swap_remove(dice.below(kept.len()));
            field.race(&minted, 2).await;
        }
    }
}

/// The first things that are done with a ticket, which may be nothing. Each gateway remembers what it has seen spent, so
/// that only one that has not seen a kept ticket asks Redis for it again.
async fn begin(field: &Field, minted: Minted, kept: &mut Vec<Minted>, dice: &mut Dice) {
    let at = dice.below(2);
    match dice.below(4) {
        0 => field.race(&minted, 4).await,
        1 => {
            for at in [at, at, 1 - at] {
                field.present(at, &minted).await;
            }
        }
        2 => {
            field.present(at, &minted).await;
            kept.push(minted);
        }
        _ => kept.push(minted),
    }
}
