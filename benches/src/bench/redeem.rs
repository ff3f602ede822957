use crate::place::SERVER;
use crate::process::Process;
use crate::role::redeem::{Report, Round};
use crate::rounds::median;
use crate::table::{Goal, Row, Table};
use crate::{Failure, Settings};

const OUTSTANDING: [usize; 3] = [1_000, 100_000, 1_000_000];

pub(super) fn run(settings: Settings) -> Result<Table, Failure> {
    let mut table = Table::new("redeem: the library alone, one thread, memory store");
    let (rounds, time) = (settings.rounds().to_string(), (settings.run().as_millis() / 2).to_string());
    let mut others = Vec::new();
    for outstanding in OUTSTANDING {
        let arguments = ["role", "redeem", &outstanding.to_string(), &rounds, &time];
        let report: Report = serde_json::from_str(&Process::printed(SERVER, &arguments)?)?;
        add(&mut table, outstanding, &report);
        others.extend(report.rounds.iter().map(|round| round.others));
    }
    table.note(
        "an operation parses the ticket's text and reads the clocks too; rates are 1 s / the median of chunks of 200",
    );
    table.note(
        "the floors: one HMAC-SHA-256 of 38 bytes, keyed before; one take from a map of as many entries of 208 bytes",
    );
    table.note(format!("other processes used {:.2} cores meanwhile; no round was repeated", median(others)));
    Ok(table)
}

fn add(table: &mut Table, outstanding: usize, report: &Report) {
    let label = |what: &str| format!("{what}, {outstanding} outstanding");
    let floor_of_redeem = ("HMAC + take", (|round| round.mac + round.take) as Figure);
    let floor_of_forged = ("HMAC", (|round| round.mac) as Figure);
    pair(table, label("inspect + redeem/s"), report, |round| round.redeem, floor_of_redeem);
    pair(table, label("forged refused/s"), report, |round| round.forged, floor_of_forged);
    table.add(Row::alone(label("bytes per ticket"), report.bytes_per_ticket, None));
}

type Figure = fn(&Round) -> f64;

/// A rate with its goal, and beside its floor.
fn pair(table: &mut Table, what: String, report: &Report, ours: Figure, (name, floor): (&'static str, Figure)) {
    let rate = |figure: Figure| 1e9 / median(report.rounds.iter().map(figure).collect());
    let ratios = report.rounds.iter().map(|round| floor(round) / ours(round)).collect();
    table.add(Row::alone(what.clone(), rate(ours), Some(Goal::AtLeast(1e6))));
    table.add(Row::beside(what, (name, rate(floor)), rate(ours), ratios, None));
}
