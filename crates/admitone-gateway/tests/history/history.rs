//! One history, and what it shows.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::interval;

use crate::book::{Minted, Outcome};
use crate::clients::{Field, client};
use crate::dice::Dice;
use crate::faults::{Fault, Target};
use crate::gateways::Gateways;
use crate::ledger::Ledger;
use crate::link::Link;
use crate::pair::Pair;
use crate::tokens::token;

const CLIENTS: usize = 8;

/// How long the gateways may take to serve again after a fault.
const RECOVERY: Duration = Duration::from_secs(15);

/// How many tickets are presented once more at the end, beside those that nobody has presented.
const SWEPT: usize = 400;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strikes {
    Never,
    /// Each fault at least once, in a random order; and at the end a ticket spent behind the back of the replica that is
    /// then promoted.
    Random,
}

pub(crate) struct Plan {
    pub(crate) fence: &'static str,
    pub(crate) strikes: Strikes,
    pub(crate) length: Duration,
    pub(crate) seed: u64,
}

impl Plan {
    pub(crate) async fn run(self) -> Summary {
        println!("history: fence {}, ADMITONE_HISTORY_SEED={}", self.fence, self.seed);
        let mut dice = Dice::new(self.seed);
        let (mut pair, mut ledger) = (Pair::start(), Ledger::open().await);
        let link = Link::to(pair.primary.port).await;
        let gateways = Arc::new(Gateways::start(self.fence, link.address, ledger.address));
        let field = Field { gateways: gateways.clone(), book: Arc::default() };

        let stop = watch::Sender::new(false);
        let clients = (0..CLIENTS).map(|number| client(number, field.clone(), dice.fork(), stop.subscribe()));
        let clients: Vec<_> = clients.map(tokio::spawn).collect();
        let mut target = Target { pair: &mut pair, link: &link, gateways: &gateways, upstream: &mut ledger };
        let faults = self.strike(&field, &mut target, &mut dice).await;
        stop.send_replace(true);
        for client in clients {
            client.await.expect("a client");
        }

        let behind = match self.strikes {
            Strikes::Never => Vec::new(),
            Strikes::Random => cut_and_promotion(&field, &mut pair, &link).await,
        };
        sweep(&field).await;
        let summary = Summary::of(&self, &field, &ledger, faults, behind);
        println!("{summary}");
        summary.is_sound();
        summary
    }

    /// Lets the clients work for the history's length, and faults strike.
    async fn strike(&self, field: &Field, target: &mut Target<'_>, dice: &mut Dice) -> Vec<Fault> {
        let started = Instant::now();
        let mut suffered = Vec::new();
        if self.strikes == Strikes::Never {
            tokio::time::sleep(self.length).await;
            return suffered;
        }
        loop {
            let mut faults = Fault::ALL;
            dice.shuffle(&mut faults);
            for fault in faults {
                if suffered.len() >= Fault::ALL.len() && started.elapsed() >= self.length {
                    return suffered;
                }
                target.suffer(fault, dice).await;
                suffered.push(fault);
                recovered(field, fault).await;
            }
        }
    }
}

/// Waits until both gateways mint and redeem.
pub(crate) async fn recovered(field: &Field, fault: Fault) {
    let started = Instant::now();
    let mut pace = interval(Duration::from_millis(20));
    let login = token("prober");
    for at in [0, 1] {
        loop {
            pace.tick().await;
            let minted = field.mint(at, &login).await;
            if let Some(minted) = minted
                && field.present(at, &minted).await == Outcome::Admitted
            {
                break;
            }
            assert!(started.elapsed() < RECOVERY, "gateway {at} does not serve within {RECOVERY:?} of {fault:?}");
        }
    }
}

/// Tickets that are spent on one gateway while the replica hears nothing, and presented on the other once that replica is
/// the primary.
async fn cut_and_promotion(field: &Field, pair: &mut Pair, link: &Link) -> Vec<Minted> {
    let login = token("ada");
    let mut tickets = Vec::new();
    for _ in 0..5 {
        tickets.extend(field.mint(0, &login).await);
    }
    pair.is_in_step();
    pair.cut_replication();
    for minted in &tickets {
        field.present(0, minted).await;
    }
    pair.fail_over(link);
    recovered(field, Fault::PromotedBehind).await;
    for minted in &tickets {
        field.present(1, minted).await;
    }
    tickets
}

/// Presents once more, everywhere, the latest tickets and those that nobody has presented.
async fn sweep(field: &Field) {
    let swept: Vec<_> = {
        let tickets = field.book.entries();
        let latest = tickets.minted.len().saturating_sub(SWEPT);
        let is_swept = |at: usize, minted: &Minted| at >= latest || tickets.outcomes[&minted.session_id].is_empty();
        let all = tickets.minted.iter().enumerate();
        all.filter(|(at, minted)| is_swept(*at, minted)).map(|(_, minted)| minted.clone()).collect()
    };
    stream::iter(&swept).for_each_concurrent(CLIENTS, |minted| field.race(minted, 2)).await;
}

/// What a history has shown.
pub(crate) struct Summary {
    fence: &'static str,
    seed: u64,
    unminted: usize,
    outcomes: HashMap<String, Vec<Outcome>>,
    upgrades: HashMap<String, usize>,
    faults: Vec<Fault>,
    /// The tickets of [`cut_and_promotion`].
    behind: Vec<Minted>,
}

impl Summary {
    fn of(plan: &Plan, field: &Field, ledger: &Ledger, faults: Vec<Fault>, behind: Vec<Minted>) -> Self {
        let tickets = field.book.entries();
        let (outcomes, unminted) = (tickets.outcomes.clone(), tickets.unminted);
        let upgrades = ledger.upgrades();
        Self { fence: plan.fence, seed: plan.seed, unminted, outcomes, upgrades, faults, behind }
    }

    /// No ticket was admitted twice.
    pub(crate) fn is_safe(&self) {
        let doubles = self.doubles();
        assert!(doubles.is_empty(), "admitted more than once: {doubles:?}\n{self}");
    }

    /// Nobody was told to be admitted who was not, and enough happened to show something.
    pub(crate) fn is_sound(&self) {
        for (session_id, outcomes) in &self.outcomes {
            let told = outcomes.iter().filter(|outcome| **outcome == Outcome::Admitted).count();
            assert!(told <= self.upgraded(session_id), "told {told} times: {session_id} {outcomes:?}\n{self}");
        }
        let unheard_of = self.upgrades.keys().find(|session_id| !self.outcomes.contains_key(*session_id));
        assert_eq!(unheard_of, None, "only tickets that were minted\n{self}");
        assert!(self.upgrades.len() > 50, "a history in which something happened\n{self}");
        let was_spent = |minted: &Minted| self.upgraded(&minted.session_id) > 0;
        assert!(self.faults.is_empty() || self.behind.iter().any(was_spent), "spent behind the replica's back\n{self}");
    }

    /// Each ticket whose every presentation was answered was admitted exactly once.
    pub(crate) fn is_live(&self) {
        let is_answered = |outcomes: &[Outcome]| !outcomes.is_empty() && !outcomes.contains(&Outcome::Unknown);
        let mut answered = 0;
        for (session_id, outcomes) in self.outcomes.iter().filter(|(_, outcomes)| is_answered(outcomes)) {
            let told = outcomes.iter().filter(|outcome| **outcome == Outcome::Admitted).count();
            assert_eq!((told, self.upgraded(session_id)), (1, 1), "{session_id} {outcomes:?}\n{self}");
            answered += 1;
        }
        assert!(answered * 2 > self.outcomes.len(), "hardly anything was answered\n{self}");
    }

    /// Whether what [`is_safe`](Self::is_safe) excludes was seen where it was provoked.
    pub(crate) fn cut_and_promotion_admits_twice(&self) -> bool {
        self.behind.iter().any(|minted| self.upgraded(&minted.session_id) > 1)
    }

    fn upgraded(&self, session_id: &str) -> usize {
        self.upgrades.get(session_id).copied().unwrap_or(0)
    }

    fn doubles(&self) -> Vec<(&str, usize)> {
        let all = self.upgrades.iter().map(|(session_id, count)| (session_id.as_str(), *count));
        all.filter(|(_, count)| *count > 1).collect()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted| self.outcomes.values().flatten().filter(|outcome| **outcome == wanted).count();
        let [admitted, refused, unknown] = [Outcome::Admitted, Outcome::Refused, Outcome::Unknown].map(count);
        let (minted, mints) = (self.outcomes.len(), self.outcomes.len() + self.unminted);
        let behind = self.behind.iter().filter(|minted| self.upgraded(&minted.session_id) > 1).count();
        writeln!(f, "history: fence {}, seed {}", self.fence, self.seed)?;
        writeln!(f, "  operations         {} ({mints} mints)", mints + admitted + refused + unknown)?;
        writeln!(f, "  tickets            {minted} ({} mints without one)", self.unminted)?;
        writeln!(f, "  presented          {admitted} admitted, {refused} refused, {unknown} unknown")?;
        let mut kinds = BTreeMap::<Fault, usize>::new();
        self.faults.iter().for_each(|fault| *kinds.entry(*fault).or_default() += 1);
        writeln!(f, "  faults             {} {kinds:?}", self.faults.len())?;
        writeln!(f, "  upgrades upstream  {}", self.upgrades.values().sum::<usize>())?;
        writeln!(f, "  double admissions  {} ({behind} of them by cut and promotion)", self.doubles().len())
    }
}
