//! What a run prints around its suites.

use std::io::IsTerminal;
use std::time::Duration;

/// How one suite ended.
pub(crate) struct Record {
    pub(crate) suite: &'static str,
    pub(crate) fault: Option<String>,
    pub(crate) time: Duration,
}

pub(crate) fn header(name: &str, about: &str) {
    println!("\n{} {about}", strong(&format!("== {name}:")));
}

pub(crate) fn ended(record: &Record) {
    let time = readable(record.time);
    match &record.fault {
        None => println!("-- {} passed in {time}", record.suite),
        Some(fault) => println!("{fault}\n{}", strong(&format!("-- {} FAILED in {time}", record.suite))),
    }
}

/// The closing table. Its last line is the count, alone on the line.
pub(crate) fn summary(records: &[Record]) -> String {
    let total = records.iter().map(|record| record.time).sum();
    let rows = records.iter().map(|record| {
        let result = if record.fault.is_none() { "passed" } else { "FAILED" };
        row(record.suite, result, record.time)
    });
    let failed: Vec<_> = records.iter().filter(|record| record.fault.is_some()).map(|record| record.suite).collect();
    let mut text = String::from("\n");
    text.extend(rows);
    text += &row("total", "", total);
    if !failed.is_empty() {
        text += &format!("failed: {}\n", failed.join(", "));
    }
    let passed = records.len() - failed.len();
    text + &format!("suites: {passed} passed, {} failed\n", failed.len())
}

fn row(name: &str, result: &str, time: Duration) -> String {
    format!("{name:<12} {result:<7} {:>14}\n", readable(time))
}

fn readable(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let seconds = seconds.round() as u64;
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

fn strong(text: &str) -> String {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        return format!("\x1b[1m{text}\x1b[0m");
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(suite: &'static str, fault: Option<&str>, millis: u64) -> Record {
        Record { suite, fault: fault.map(String::from), time: Duration::from_millis(millis) }
    }

    #[test]
    fn the_last_line_is_the_count_of_suites() {
        let text = summary(&[record("fmt", None, 400), record("rust", Some("no"), 61_000)]);

        let lines: Vec<_> = text.lines().rev().collect();
        assert_eq!(lines[0], "suites: 1 passed, 1 failed");
        assert_eq!(lines[1], "failed: rust");
        assert_eq!(lines[2].split_whitespace().collect::<Vec<_>>(), ["total", "1", "min", "01", "s"]);
    }

    #[test]
    fn a_clean_run_names_no_failure() {
        let text = summary(&[record("fmt", None, 400)]);

        assert!(!text.contains("failed:"), "{text}");
        assert!(text.ends_with("suites: 1 passed, 0 failed\n"), "{text}");
    }

    #[test]
    fn times_are_readable_around_a_minute() {
        assert_eq!(readable(Duration::from_millis(59_940)), "59.9 s");
        assert_eq!(readable(Duration::from_millis(59_960)), "1 min 00 s");
        assert_eq!(readable(Duration::from_secs(754)), "12 min 34 s");
    }
}
