use crate::place::SERVER;
use crate::process::Process;
use crate::role::timing::{Round, SAMPLES};
use crate::rounds::median;
use crate::table::{Goal, Row, Table};
use crate::{Failure, Settings};

/// Beyond this, two means are taken to differ: one chance in 100,000 that they do not.
const DIFFERENT: f64 = 4.5;

pub(super) fn run(settings: Settings) -> Result<Table, Failure> {
    let mut table = Table::new("timing: how long forged tickets take to be refused, Welch's |t| of two classes");
    let rounds: Vec<Round> =
        serde_json::from_str(&Process::printed(SERVER, &["role", "timing", &settings.rounds().to_string()])?)?;
    let t = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect()).abs();
    let alike = Some(Goal::AtMost(DIFFERENT));
    table.add(Row::alone("wrong in the MAC's last character, against random", t(|round| round.last), alike));
    table.add(Row::alone("wrong in the MAC's first character, against random", t(|round| round.first), alike));
    let told = Some(Goal::AtLeast(DIFFERENT));
    table.add(Row::alone("control: a comparison that ends at the first difference", t(|round| round.control), told));
    table.note(format!("{SAMPLES} refusals of each class in random order, {} rounds, the median", settings.rounds()));
    Ok(table)
}
