use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use admitone_gateway::check::{Factor, Outcome, Report};

use super::super::stdout_style;
use super::super::table::printable;

/// Every factor, with what to do where one failed.
pub(super) fn print(report: &Report, json: bool) {
    let told = if json { as_json(report) } else { as_table(report) };
    // Whoever has stopped reading has read enough.
    let _ = writeln!(std::io::stdout(), "{told}");
}

/// One line while all is well.
pub(super) fn print_briefly(report: &Report, json: bool) {
    if json {
        return print(report, true);
    }
    let clock = clock();
    let told = match report.ready {
        true => {
            let times = report.factors.iter().map(|factor| format!("{} {} ms", factor.factor, rounded(factor)));
            format!("{clock}  {}  {}", verdict(report), times.collect::<Vec<_>>().join(", "))
        }
        false => format!("{clock}\n{}", as_table(report)),
    };
    let _ = writeln!(std::io::stdout(), "{told}");
}

fn as_json(report: &Report) -> String {
    serde_json::to_string(report).unwrap_or_default()
}

fn as_table(report: &Report) -> String {
    let mut lines = vec![format!("{}\n", stdout_style("1", &printable(&report.target)))];
    for factor in &report.factors {
        lines.push(line(factor));
        let parts = [("cause", &factor.cause), ("next", &factor.next)];
        let told = parts.iter().filter_map(|(name, text)| Some((*name, text.as_deref()?)));
        let notes = factor.notes.iter().map(|note| ("note", note.as_str()));
        lines.extend(told.chain(notes).map(|(name, text)| format!("      {name:<6} {}", printable(text))));
    }
    if let Some(gateways) = report.gateways.filter(|gateways| *gateways > 1) {
        lines.push(format!("\n  {gateways} gateways answered"));
    }
    lines.push(format!("\n  {}", verdict(report)));
    lines.join("\n")
}

fn line(factor: &Factor) -> String {
    let (code, mark) = match factor.outcome {
        Outcome::Passed => ("32", "✓"),
        Outcome::Failed => ("1;31", "✗"),
        Outcome::NotReached => ("2", "·"),
    };
    let time = if factor.ms.is_some() { format!("{} ms", rounded(factor)) } else { String::new() };
    let detail = match factor.outcome {
        Outcome::NotReached => "not reached",
        _ => &factor.detail,
    };
    let line = format!("  {} {:<14} {time:>9}  {}", stdout_style(code, mark), factor.factor, printable(detail));
    line.trim_end().to_owned()
}

fn rounded(factor: &Factor) -> String {
    let ms = factor.ms.unwrap_or_default();
    if ms < 10.0 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}

fn verdict(report: &Report) -> String {
    let (passed, all) = (report.passed, report.factors.len());
    match report.ready {
        true => stdout_style("1;32", &format!("{passed} of {all}: ready")),
        false => stdout_style("1;31", &format!("{passed} of {all}: not ready")),
    }
}

/// The time of day, UTC.
fn clock() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
