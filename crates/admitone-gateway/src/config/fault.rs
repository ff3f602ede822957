//! What is wrong with a configuration, where, and how to mend it.

use std::fmt;

use serde::Serialize;

/// Where a fault is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Place {
    /// The file as a whole: it could not be read.
    File {
        /// The file's name as it was given.
        file: String,
    },
    /// A character of the file.
    Character {
        /// The file's name as it was given.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// An environment variable.
    Variable {
        /// The variable's name.
        variable: String,
    },
}

impl Place {
    fn order(&self) -> (u8, usize, usize) {
        match self {
            Self::File { .. } => (0, 0, 0),
            Self::Character { line, column, .. } => (1, *line, *column),
            Self::Variable { .. } => (2, 0, 0),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file } => f.write_str(file),
            Self::Character { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Variable { variable } => f.write_str(variable),
        }
    }
}

/// One thing that is wrong, or, among a configuration's warnings, one that is risky.
///
/// Displays as one line: `FILE:LINE:COLUMN: KEY: PROBLEM; MEND`. The content of secrets never appears in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// The key's full name, such as `routes[0].upstream`; empty when no key is concerned.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// What is wrong, with the limit that was passed.
    pub problem: String,
    /// What to do about it; empty when nothing general can be said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mend: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.problem)?;
        if !self.mend.is_empty() {
            write!(f, "; {}", self.mend)?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a configuration, in the order of its lines; faults of variables come last.
///
/// Displays as one line for each and a closing line with their number. Serialises as a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn new(mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.place.order());
        Self(faults)
    }

    pub(super) fn into_inner(self) -> Vec<Fault> {
        self.0
    }

    /// The faults, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in self {
            writeln!(f, "{fault}")?;
        }
        let plural = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "{} fault{plural}; nothing was started.", self.0.len())
    }
}

impl std::error::Error for Faults {}

/// What is wrong with a value and how to mend it, before its place is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) problem: String,
    pub(crate) mend: String,
}

pub(super) fn wrong(problem: impl Into<String>, mend: impl Into<String>) -> Wrong {
    Wrong { problem: problem.into(), mend: mend.into() }
}

/// A value as a message shows it: on one line, without control characters, and not too long.
pub(super) fn quoted(value: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = value.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if value.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Names in a message: `a`, `b`, `c`.
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The candidate that was probably meant by a misspelt name.
pub(super) fn nearest<'n>(name: &str, candidates: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let length = name.chars().count();
    let tolerated = (length / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(length) <= tolerated)
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|&(distance, _)| distance <= tolerated)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, in characters.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, from) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (to_at, &to) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[to_at + 1];
            row[to_at + 1] = replaced.min(diagonal + 1).min(row[to_at] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_the_one_that_was_meant() {
        let known = ["listen", "public_url", "replicas", "id"];
        assert_eq!(nearest("lisen", known), Some("listen"));
        assert_eq!(nearest("publicurl", known), Some("public_url"));
        assert_eq!(nearest("replicsa", known), Some("replicas"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("xy", known), None);
    }

    #[test]
    fn a_quoted_value_stays_on_one_line() {
        assert_eq!(quoted("a\nb\u{1b}[31m"), r"`a\nb\u{1b}[31m`");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), 83);
    }
}
