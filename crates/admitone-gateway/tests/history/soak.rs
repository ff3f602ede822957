//! A soak: many sockets come and go over two gateways while faults strike; in the quiet between, nothing of them is left.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::client::Request;
use crate::clients::Field;
use crate::dice::Dice;
use crate::faults::{Fault, Target};
use crate::gateways::{Gateways, Held};
use crate::history::recovered;
use crate::ledger::Ledger;
use crate::link::Link;
use crate::pair::Pair;
use crate::servers::eventually_within;
use crate::tokens::token;
use crate::world::{ORIGIN, ROUTE};

/// The gateway that lives through all of it, whose memory is compared; the other one is killed now and then.
const SURVIVOR: usize = 1;

/// What a gateway may keep more than after the first round: its allocator's, and what it remembers of spent tickets.
const SLACK: u64 = 12 << 20;

/// Descriptors that come and go by themselves: connections to the store, a health check.
const SPARE: usize = 6;

/// How long sockets may take to be gone once their clients are.
const QUIET: Duration = Duration::from_secs(20);

const ROUNDS: u32 = 3;

pub(crate) struct Soak {
    pub(crate) people: usize,
    pub(crate) length: Duration,
    pub(crate) seed: u64,
}

impl Soak {
    /// Runs it, and fails when somebody was admitted who should not have been, or something was left behind.
    pub(crate) async fn run(self) {
        println!("soak: {} people, {:?}, ADMITONE_HISTORY_SEED={}", self.people, self.length, self.seed);
        let mut dice = Dice::new(self.seed);
        let (mut pair, mut ledger) = (Pair::start(), Ledger::open().await);
        let link = Link::to(pair.primary.port).await;
        let gateways = Arc::new(Gateways::start("replid", link.address, ledger.address));
        let field = Field { gateways: gateways.clone(), book: Arc::default() };
        let counts = Arc::new(Counts::default());
        // However many they are, some two hundred come each second: more is another test's load.
        let pace = u32::try_from(self.people.div_ceil(200)).expect("not that many");
        let mut quiet = Vec::new();
        for round in 0..ROUNDS {
            let stop = watch::Sender::new(false);
            let people: Vec<_> = (0..self.people)
                .map(|number| Person { number, pace, field: field.clone(), dice: dice.fork(), counts: counts.clone() })
                .map(|person| tokio::spawn(person.come_and_go(stop.subscribe())))
                .collect();
            let mut target = Target { pair: &mut pair, link: &link, gateways: &gateways, upstream: &mut ledger };
            strike(&field, &mut target, &mut dice, self.length / ROUNDS).await;
            stop.send_replace(true);
            for person in people {
                person.await.expect("a person");
            }
            quiet.push(at_rest(&gateways));
            println!("  round {round}: {counts}; at rest {:?}", quiet[quiet.len() - 1]);
        }
        nothing_is_left(&quiet);
        nobody_came_in_unasked(&field, &ledger, &counts);
    }
}

#[derive(Default)]
struct Counts {
    opened: AtomicUsize,
    refused: AtomicUsize,
    forged: AtomicUsize,
    forged_admitted: AtomicUsize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let (opened, refused, forged) = (of(&self.opened), of(&self.refused), of(&self.forged));
        write!(f, "{opened} sockets opened, {refused} refused, {forged} forged tickets presented")
    }
}

/// Somebody who mints, connects, stays a while, and goes; now and then with a ticket that nobody minted.
struct Person {
    number: usize,
    pace: u32,
    field: Field,
    dice: Dice,
    counts: Arc<Counts>,
}

impl Person {
    async fn come_and_go(mut self, mut stop: watch::Receiver<bool>) {
        let mut login = String::new();
        for visit in 0.. {
            if visit % 50 == 0 {
                login = token(&format!("person-{}", self.number));
            }
            // Whoever is refused does not come back at once: else a fault would be a flood, too.
            let pause = if self.visit(&login, &mut stop).await { 300 } else { 2000 };
            let pause = self.some_time(pause);
            if tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await.is_ok() {
                return;
            }
        }
    }

    /// Whether it was let in.
    async fn visit(&mut self, login: &str, stop: &mut watch::Receiver<bool>) -> bool {
        let at = self.dice.below(2);
        let Some(minted) = self.field.mint(at, login).await else { return false };
        if self.dice.below(5) == 0 {
            present_forged(&self.field, at, &minted.ticket, &self.counts).await;
        }
        let socket = open(&self.field, at, &minted.ticket).await;
        let count = if socket.is_some() { &self.counts.opened } else { &self.counts.refused };
        count.fetch_add(1, Ordering::Relaxed);
        let Some(mut socket) = socket else { return false };
        let stay = self.some_time(2000);
        let mut ending = [0; 64];
        tokio::select! {
            () = tokio::time::sleep(stay) => {}
            _ = stop.wait_for(|stop| *stop) => {}
            // Its gateway or upstream went first.
            _ = socket.read(&mut ending) => {}
        }
        true
    }

    fn some_time(&mut self, milliseconds: usize) -> Duration {
        self.pace * Duration::from_millis(u64::try_from(self.dice.below(milliseconds)).expect("64 bits"))
    }
}

/// The socket behind a 101.
async fn open(field: &Field, at: usize, ticket: &str) -> Option<TcpStream> {
    let request = Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket);
    let opening = async {
        let mut stream = TcpStream::connect(field.gateways.address(at)).await.ok()?;
        stream.write_all(request.text().as_bytes()).await.ok()?;
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut read).await.ok().filter(|more| *more > 0)?;
        }
        read.starts_with(b"HTTP/1.1 101 ").then_some(stream)
    };
    tokio::time::timeout(Duration::from_secs(5), opening).await.ok()?
}

/// A ticket of the right form, with another MAC.
async fn present_forged(field: &Field, at: usize, ticket: &str, counts: &Counts) {
    let (sound, last) = ticket.split_at(ticket.len() - 2);
    let forged = format!("{sound}{}", if last == "AA" { "EA" } else { "AA" });
    counts.forged.fetch_add(1, Ordering::Relaxed);
    if open(field, at, &forged).await.is_some() {
        counts.forged_admitted.fetch_add(1, Ordering::Relaxed);
    }
}

async fn strike(field: &Field, target: &mut Target<'_>, dice: &mut Dice, length: Duration) {
    let started = Instant::now();
    while started.elapsed() < length {
        let mut faults = Fault::ALL;
        dice.shuffle(&mut faults);
        for fault in faults {
            match fault {
                Fault::GatewayKilled => target.gateways.kill_and_restart(1 - SURVIVOR),
                fault => target.suffer(fault, dice).await,
            }
            recovered(field, fault).await;
            if started.elapsed() >= length {
                break;
            }
        }
    }
}

/// What the gateways hold once all sockets are gone.
fn at_rest(gateways: &Gateways) -> [Held; 2] {
    let before = gateways.idle();
    eventually_within(QUIET, "every socket is gone", || {
        [0, 1].iter().all(|at| gateways.held(*at).descriptors <= before[*at].descriptors + SPARE)
    });
    [0, 1].map(|at| gateways.held(at))
}

fn nothing_is_left(quiet: &[[Held; 2]]) {
    let (first, last) = (quiet[0][SURVIVOR].memory, quiet[quiet.len() - 1][SURVIVOR].memory);
    assert!(last <= first + SLACK, "memory grew from {first} to {last} bytes: {quiet:?}");
}

/// Every upgrade that the upstream saw was of a ticket that was minted, and the only one of it.
fn nobody_came_in_unasked(field: &Field, ledger: &Ledger, counts: &Counts) {
    let minted: HashSet<String> = field.book.entries().minted.iter().map(|minted| minted.session_id.clone()).collect();
    for (session_id, upgrades) in ledger.upgrades() {
        assert!(minted.contains(&session_id), "nobody minted {session_id}");
        assert_eq!(upgrades, 1, "{session_id} came in more than once");
    }
    assert_eq!(counts.forged_admitted.load(Ordering::Relaxed), 0, "{counts}");
    assert!(counts.opened.load(Ordering::Relaxed) > 100, "a soak in which something happened: {counts}");
}
