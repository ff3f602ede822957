//! What comes out: for people and for programs.

use std::fmt;

use serde::Serialize;

use crate::rounds::{Rounds, Sample, median};

/// The results of one benchmark.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    title: String,
    rows: Vec<Row>,
    notes: Vec<String>,
}

/// Ours beside a peer's.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    what: String,
    peer: Option<&'static str>,
    peers: Option<f64>,
    ours: f64,
    ratio: Option<f64>,
    /// The smallest and the largest ratio.
    spread: Option<[f64; 2]>,
    goal: Option<String>,
    /// The goal's number.
    number: Option<u8>,
    met: Option<bool>,
}

/// How far a ratio, or a figure of ours, may go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(bound) => format!(">= {}", figure(bound)),
            Self::AtMost(bound) => format!("<= {}", figure(bound)),
        }
    }
}

impl Row {
    /// A figure without a peer; the goal is for the figure.
    pub(crate) fn alone(what: impl Into<String>, ours: f64, goal: Option<Goal>) -> Self {
        Self {
            what: what.into(),
            peer: None,
            peers: None,
            ours,
            ratio: None,
            spread: None,
            goal: goal.map(Goal::text),
            number: None,
            met: goal.map(|goal| goal.is_met(ours)),
        }
    }

    /// Ours beside a peer's, with the ratios of single rounds; the goal is for their median.
    pub(crate) fn beside(
        what: impl Into<String>,
        (peer, peers): (&'static str, f64),
        ours: f64,
        ratios: Vec<f64>,
        goal: Option<Goal>,
    ) -> Self {
        let spread = [ratios.iter().copied().fold(f64::NAN, f64::min), ratios.iter().copied().fold(f64::NAN, f64::max)];
        let ratio = median(ratios);
        let mut row = Self::alone(what, ours, None);
        (row.peer, row.peers, row.ratio, row.spread) = (Some(peer), Some(peers), Some(ratio), Some(spread));
        (row.goal, row.met) = (goal.map(Goal::text), goal.map(|goal| goal.is_met(ratio)));
        row
    }

    /// One figure of two contenders of the same rounds.
    pub(crate) fn of_rounds(
        what: impl Into<String>,
        rounds: &Rounds,
        (ours, peer, name): (usize, usize, &'static str),
        figure: fn(&Sample) -> f64,
        goal: Option<Goal>,
    ) -> Self {
        let peers = (name, rounds.median(peer, figure));
        Self::beside(what, peers, rounds.median(ours, figure), rounds.ratios(ours, peer, figure), goal)
    }

    /// Says which of the project's numbered goals this is.
    pub(crate) fn numbered(mut self, number: u8) -> Self {
        self.number = Some(number);
        self
    }

    fn cells(&self) -> [String; 6] {
        let optional = |value: Option<f64>| value.map_or_else(String::new, figure);
        let spread = self.spread.map(|[low, high]| format!(" ({low:.2}-{high:.2})")).unwrap_or_default();
        let verdict = match self.met {
            None => "",
            Some(true) => " met",
            Some(false) => " MISSED",
        };
        let number = self.number.map(|number| format!(" (goal {number})")).unwrap_or_default();
        [
            self.what.clone(),
            self.peer.unwrap_or_default().to_owned(),
            optional(self.peers),
            figure(self.ours),
            self.ratio.map(|ratio| format!("{ratio:.2}{spread}")).unwrap_or_default(),
            self.goal.as_ref().map(|goal| format!("{goal}{verdict}{number}")).unwrap_or_default(),
        ]
    }
}

impl Table {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new(), notes: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// What there is of other tables' rows that have a numbered goal, and their notes.
    pub(crate) fn of_goals(title: impl Into<String>, tables: Vec<Self>) -> Self {
        let mut goals = Self::new(title);
        for table in tables {
            goals.rows.extend(table.rows.into_iter().filter(|row| row.number.is_some()));
            goals.notes.extend(table.notes);
        }
        goals.rows.sort_by_key(|row| row.number);
        goals
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["", "peer", "peer's", "ours", "ratio (spread)", "goal"].map(str::to_owned);
        let lines: Vec<_> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
        let [what, peer, peers, ours, ratio, _] = std::array::from_fn(width);
        writeln!(f, "{}", self.title)?;
        for [a, b, c, d, e, g] in &lines {
            let line = format!("  {a:what$}  {b:peer$}  {c:>peers$}  {d:>ours$}  {e:ratio$}  {g}");
            writeln!(f, "{}", line.trim_end())?;
        }
        for (at, note) in self.notes.iter().enumerate() {
            write!(f, "{}  {note}", if at > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

/// Three significant digits, or all digits of large numbers.
fn figure(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_is_said() {
        let mut table = Table::new("mint");
        table.add(Row::beside("requests/s", ("bare", 100.0), 50.0, vec![0.5, 0.4, 0.6], Some(Goal::AtLeast(0.7))));
        let text = table.to_string();
        assert!(text.contains("0.50 (0.40-0.60)  >= 0.70 MISSED"), "{text}");
    }
}
