use crate::place::SERVER;
use crate::process::Process;
use crate::role::verify::{Report, Round};
use crate::rounds::median;
use crate::table::{Goal, Row, Table};
use crate::{Failure, Settings};

/// How many runs a round has: four of each of twelve algorithms.
const RUNS: u128 = 48;

pub(super) fn run(settings: Settings) -> Result<Table, Failure> {
    let mut table = Table::new("verify: tokens by the library alone, one thread");
    let milliseconds = (settings.run().as_millis() * 5 / RUNS).max(20).to_string();
    let arguments = ["role", "verify", &settings.rounds().to_string(), &milliseconds];
    let report: Report = serde_json::from_str(&Process::printed(SERVER, &arguments)?)?;
    let mut others = Vec::new();
    for (algorithm, rounds) in &report.algorithms {
        let label = |what: &str| format!("{algorithm} {what}");
        let goal = Some(Goal::AtLeast(0.9));
        pair(&mut table, label("signatures/s"), rounds, |round| round.key, ("aws-lc", |round| round.crypto), goal);
        pair(&mut table, label("logins/s"), rounds, |round| round.login, ("aws-lc", |round| round.crypto), None);
        pair(&mut table, label("logins/s"), rounds, |round| round.login, ("jsonwebtoken", |round| round.peer), goal);
        others.extend(rounds.iter().map(|round| round.others));
    }
    table.note("signatures: by our key. logins: a whole token, with form, issuer, key, times, audience and claims");
    table.note(
        "aws-lc: the signature alone, by the crypto library's own verify; jsonwebtoken: a whole token, one claim read",
    );
    table.note(format!("other processes used {:.2} cores meanwhile; no round was repeated", median(others)));
    Ok(table)
}

type Figure = fn(&Round) -> f64;

fn pair(
    table: &mut Table,
    what: String,
    rounds: &[Round],
    ours: Figure,
    (name, peer): (&'static str, Figure),
    goal: Option<Goal>,
) {
    let rate = |figure: Figure| 1e9 / median(rounds.iter().map(figure).collect());
    let ratios = rounds.iter().map(|round| peer(round) / ours(round)).collect();
    table.add(Row::beside(what, (name, rate(peer)), rate(ours), ratios, goal));
}
