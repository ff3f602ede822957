//! The text of a configuration with its positions, the variables that override it, and the faults found so far.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::fault::{Fault, Faults, Place, Wrong, nearest, wrong};
use super::table::Table;

/// What the names of overriding variables begin with.
pub(super) const PREFIX: &str = "ADMITONE_";

/// A configuration being read: every section asks it for values and tells it what is wrong with them.
pub(super) struct Document<'t> {
    name: String,
    folder: PathBuf,
    text: &'t str,
    line_starts: Vec<usize>,
    broken_lines: BTreeSet<usize>,
    root: DeTable<'t>,
    variables: BTreeMap<String, Variable>,
    overridable: RefCell<BTreeSet<String>>,
    faults: RefCell<Vec<Fault>>,
    warnings: RefCell<Vec<Fault>>,
}

struct Variable {
    value: String,
    used: Cell<bool>,
}

impl<'t> Document<'t> {
    /// Parses as much of `text` as is sound TOML; the faults of the rest are noted.
    pub(super) fn new(
        text: &'t str,
        name: &str,
        folder: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut document = Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            text,
            line_starts: line_starts(text),
            broken_lines: BTreeSet::new(),
            root: root.into_inner(),
            variables: overrides(environment),
            overridable: RefCell::default(),
            faults: RefCell::default(),
            warnings: RefCell::default(),
        };
        for error in errors {
            document.note_syntax_fault(&error);
        }
        document
    }

    fn note_syntax_fault(&mut self, error: &toml::de::Error) {
        let at = error.span().map_or(self.text.len(), |span| span.start);
        let (line, column) = self.line_and_column(at);
        let repeated = !self.broken_lines.insert(line);
        if repeated {
            return;
        }
        let place = Place::Character { file: self.name.clone(), line, column };
        let problem = format!("this is not TOML: {}", error.message());
        self.faults.get_mut().push(Fault { place, key: String::new(), problem, mend: String::new() });
    }

    /// The table that holds all others.
    pub(super) fn root(&self) -> Table<'_> {
        Table::root(self, &self.root)
    }

    /// Whether all of the text was read: where it was not, nothing can be said about what is absent.
    pub(super) fn is_whole(&self) -> bool {
        self.broken_lines.is_empty()
    }

    /// Where a relative path in the configuration starts.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The place of a piece of the text; without one, the file's beginning.
    pub(super) fn place(&self, span: Option<Range<usize>>) -> Place {
        let (line, column) = self.line_and_column(span.map_or(0, |span| span.start));
        Place::Character { file: self.name.clone(), line, column }
    }

    /// The value of an overriding variable that the schema has; asking marks it as known.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.overridable.borrow_mut().insert(name.to_owned());
        let variable = self.variables.get(name)?;
        variable.used.set(true);
        Some(&variable.value)
    }

    /// Notes a fault, unless the line it is on could not be read anyhow.
    pub(super) fn refuse(&self, place: Place, key: &str, Wrong { problem, mend }: Wrong) {
        if let Place::Character { line, .. } = &place
            && self.broken_lines.contains(line)
        {
            return;
        }
        self.faults.borrow_mut().push(Fault { place, key: key.to_owned(), problem, mend });
    }

    /// Notes what is risky but allowed.
    pub(super) fn warn(&self, place: Place, key: &str, Wrong { problem, mend }: Wrong) {
        self.warnings.borrow_mut().push(Fault { place, key: key.to_owned(), problem, mend });
    }

    /// Ends the reading: the warnings, or everything that is wrong.
    pub(super) fn finish(self) -> Result<Vec<Fault>, Faults> {
        self.refuse_unused_variables();
        let faults = self.faults.into_inner();
        if faults.is_empty() {
            Ok(Faults::new(self.warnings.into_inner()).into_inner())
        } else {
            Err(Faults::new(faults))
        }
    }

    fn refuse_unused_variables(&self) {
        let known = self.overridable.borrow();
        for (name, variable) in &self.variables {
            if variable.used.get() || is_service_link(name, &variable.value) {
                continue;
            }
            let mend = match nearest(name, known.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "unset it; variables reach single values and lists of strings outside [[issuers]], [[routes]] \
                         and [[tickets.keys]], with two underscores between levels, as in ADMITONE_LOG__LEVEL"
                    .to_owned(),
            };
            self.refuse(Place::Variable { variable: name.clone() }, "", wrong("it overrides no known key", mend));
        }
    }

    fn line_and_column(&self, at: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|&start| start <= at);
        let start = self.line_starts[line - 1];
        let before = self.text.get(start..at.min(self.text.len())).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}

/// Where the lines of a text start; the first entry is always 0.
pub(super) fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

fn overrides(environment: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, Variable> {
    environment
        .into_iter()
        .filter(|(name, _)| name.starts_with(PREFIX))
        .map(|(name, value)| (name, Variable { value, used: Cell::new(false) }))
        .collect()
}

/// Whether a variable is one of those that Kubernetes sets in every container for a Service named `admitone…`.
fn is_service_link(name: &str, value: &str) -> bool {
    let of_one_port = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    !name.contains("__")
        && (name.ends_with("_SERVICE_HOST")
            || name.contains("_SERVICE_PORT")
            || (name.ends_with("_PORT") && value.contains("://"))
            || name.split_once("_PORT_").is_some_and(|(_, rest)| of_one_port(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_of_kubernetes_services_are_no_overrides() {
        for (name, value) in [
            ("ADMITONE_SERVICE_HOST", "10.0.0.1"),
            ("ADMITONE_SERVICE_PORT", "80"),
            ("ADMITONE_SERVICE_PORT_HTTP", "80"),
            ("ADMITONE_PORT", "tcp://10.0.0.1:80"),
            ("ADMITONE_GATEWAY_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("ADMITONE_PORT_80_TCP_ADDR", "10.0.0.1"),
        ] {
            assert!(is_service_link(name, value), "{name}");
        }
        for (name, value) in [("ADMITONE_PORT", "8080"), ("ADMITONE_SERVER__PORT", "tcp://"), ("ADMITONE_LISTEN", "")] {
            assert!(!is_service_link(name, value), "{name}");
        }
    }
}
