//! Typed reading of one table: its known keys, its defaults, and every fault at the place where it is.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::document::{Document, PREFIX};
use super::fault::{Place, Wrong, listed, nearest, quoted, wrong};

/// One table of the configuration, in the file or only in variables.
pub(super) struct Table<'d> {
    document: &'d Document<'d>,
    path: String,
    entries: Option<&'d DeTable<'d>>,
    span: Option<Range<usize>>,
    overridable: bool,
    /// Whether the file had something else than a table here, which is a fault already.
    mistaken: bool,
    known: RefCell<BTreeSet<&'static str>>,
}

/// A string of the configuration and where it stands.
pub(super) struct Entry<'d> {
    document: &'d Document<'d>,
    place: Place,
    key: String,
    text: &'d str,
}

enum Found<'d> {
    Written(&'d Spanned<DeValue<'d>>),
    Variable(&'d str),
}

impl<'d> Table<'d> {
    pub(super) fn root(document: &'d Document<'d>, entries: &'d DeTable<'d>) -> Self {
        Self::new(document, String::new(), Some(entries), None, true)
    }

    fn new(
        document: &'d Document<'d>,
        path: String,
        entries: Option<&'d DeTable<'d>>,
        span: Option<Range<usize>>,
        overridable: bool,
    ) -> Self {
        Self { document, path, entries, span, overridable, mistaken: false, known: RefCell::default() }
    }

    /// The table `key`, read by `read`; where it is absent, all its keys are.
    pub(super) fn section<T>(&self, key: &'static str, read: impl FnOnce(&Table<'d>) -> T) -> T {
        self.known.borrow_mut().insert(key);
        let written = self.entries.and_then(|entries| entries.get(key));
        let entries = written.and_then(|value| value.get_ref().as_table());
        let span = written.map(Spanned::span);
        let mut table = Table::new(self.document, self.full(key), entries, span, self.overridable);
        if let Some(value) = written.filter(|_| entries.is_none()) {
            self.refuse_kind(key, value, "a table");
            table.mistaken = true;
        }
        let section = read(&table);
        table.refuse_unknown_keys();
        section
    }

    /// Every table of the array `key`, read by `read`; only those for which it gave something.
    pub(super) fn tables<T>(&self, key: &'static str, mut read: impl FnMut(&Table<'d>) -> Option<T>) -> Vec<T> {
        self.known.borrow_mut().insert(key);
        let Some(value) = self.entries.and_then(|entries| entries.get(key)) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.refuse_kind(key, value, &format!("a list of tables, each under [[{}]]", self.full(key)));
            return Vec::new();
        };
        if array.is_empty() {
            self.refuse(key, wrong("the list is empty", "add an entry, or leave it out"));
        }
        let mut read_tables = Vec::new();
        for (index, element) in array.iter().enumerate() {
            let path = format!("{}[{index}]", self.full(key));
            let Some(entries) = element.get_ref().as_table() else {
                let place = self.document.place(Some(element.span()));
                self.document.refuse(place, &path, wrong_kind(element.get_ref(), "a table"));
                continue;
            };
            let table = Table::new(self.document, path, Some(entries), Some(element.span()), false);
            read_tables.extend(read(&table));
            table.refuse_unknown_keys();
        }
        read_tables
    }

    /// Whether the file has the table, be it right or wrong.
    pub(super) fn is_present(&self) -> bool {
        self.entries.is_some() || self.mistaken
    }

    /// Whether `key` is set, in the file or by a variable.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    /// Whether the file has `key`, be it right or wrong.
    pub(super) fn is_written(&self, key: &'static str) -> bool {
        self.entries.is_some_and(|entries| entries.contains_key(key))
    }

    /// A string.
    pub(super) fn text(&self, key: &'static str) -> Option<Entry<'d>> {
        let (place, found) = self.find(key)?;
        let text = match found {
            Found::Variable(text) => text,
            Found::Written(value) => match value.get_ref() {
                DeValue::String(text) => text,
                _ => {
                    self.refuse_kind(key, value, "a string");
                    return None;
                }
            },
        };
        let entry = Entry { document: self.document, place, key: self.full(key), text };
        if text.is_empty() {
            entry.refuse(wrong("it is empty", "write a value, or leave it out"));
            return None;
        }
        Some(entry)
    }

    /// A string that has to be there; `mend` says what it should be.
    pub(super) fn required_text(&self, key: &'static str, mend: &str) -> Option<Entry<'d>> {
        if !self.has(key) {
            self.refuse_absence(key, mend);
        }
        self.text(key)
    }

    /// A list of strings; a string alone counts as a list of one, and a variable's value is split at commas.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<Entry<'d>>> {
        let (place, found) = self.find(key)?;
        let full = self.full(key);
        let entry = |place, key, text| Entry { document: self.document, place, key, text };
        match found {
            Found::Variable(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Some(parts.map(|part| entry(place.clone(), full.clone(), part)).collect())
            }
            Found::Written(value) => match value.get_ref() {
                DeValue::String(text) => Some(vec![entry(place, full, text)]),
                DeValue::Array(array) => {
                    let elements = array.iter().enumerate();
                    Some(elements.filter_map(|(index, value)| self.element(&full, index, value)).collect())
                }
                _ => {
                    self.refuse_kind(key, value, "a list of strings");
                    None
                }
            },
        }
    }

    fn element(&self, full: &str, index: usize, value: &'d Spanned<DeValue<'d>>) -> Option<Entry<'d>> {
        let place = self.document.place(Some(value.span()));
        let key = format!("{full}[{index}]");
        match value.get_ref() {
            DeValue::String(text) => Some(Entry { document: self.document, place, key, text }),
            other => {
                self.document.refuse(place, &key, wrong_kind(other, "a string"));
                None
            }
        }
    }

    /// A whole number within `range`; `default` where it is absent or wrong.
    pub(super) fn number(&self, key: &'static str, range: RangeInclusive<u64>, default: u64) -> u64 {
        self.optional_number(key, range).unwrap_or(default)
    }

    /// A whole number within `range`.
    pub(super) fn optional_number(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let (place, found) = self.find(key)?;
        let mend = format!("write a whole number from {} to {}", range.start(), range.end());
        let (shown, number) = match found {
            Found::Variable(text) => (quoted(text), text.parse::<u64>().ok()),
            Found::Written(value) => match value.get_ref() {
                DeValue::Integer(integer) => (integer.to_string(), natural(integer)),
                other => (format!("{} value", with_article(other.type_str())), None),
            },
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let problem = format!("{shown} is not a whole number from {} to {}", range.start(), range.end());
            self.document.refuse(place, &self.full(key), wrong(problem, mend));
        }
        number
    }

    /// A whole number of seconds within `range`.
    pub(super) fn seconds(&self, key: &'static str, range: RangeInclusive<u64>, default: u64) -> Duration {
        Duration::from_secs(self.number(key, range, default))
    }

    /// `true` or `false`; `default` where it is absent or wrong.
    pub(super) fn switch(&self, key: &'static str, default: bool) -> bool {
        let Some((place, found)) = self.find(key) else { return default };
        let switch = match found {
            Found::Variable(text) => text.parse().ok(),
            Found::Written(value) => value.get_ref().as_bool(),
        };
        switch.unwrap_or_else(|| {
            let fault = wrong("it is neither `true` nor `false`", "write `true` or `false`, without quotes");
            self.document.refuse(place, &self.full(key), fault);
            default
        })
    }

    /// One of a few names; `default` where it is absent or wrong.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&'static str, T)], default: T) -> T {
        self.text(key).and_then(|entry| entry.choice(choices)).unwrap_or(default)
    }

    /// A list of a few names, each at most once and at least one; `default` where it is absent or wrong.
    pub(super) fn choices<T: Copy + PartialEq>(
        &self,
        key: &'static str,
        choices: &[(&'static str, T)],
        default: &[T],
    ) -> Vec<T> {
        let Some(entries) = self.texts(key) else { return default.to_vec() };
        if entries.is_empty() {
            let mend = format!("name at least one of {}", listed(choices.iter().map(|(name, _)| *name)));
            self.refuse(key, wrong("the list is empty", mend));
        }
        let mut chosen = Vec::new();
        for entry in &entries {
            let Some(choice) = entry.choice(choices) else { continue };
            if chosen.contains(&choice) {
                entry.refuse(wrong(format!("{} is named twice", quoted(entry.text)), "name it once"));
            }
            chosen.push(choice);
        }
        chosen
    }

    /// Notes a fault of `key`, at its value or, where it is absent, at the table.
    pub(super) fn refuse(&self, key: &'static str, wrong: Wrong) {
        let place = self.find(key).map_or_else(|| self.place(), |(place, _)| place);
        self.document.refuse(place, &self.full(key), wrong);
    }

    /// Notes a risk of `key`.
    pub(super) fn warn(&self, key: &'static str, wrong: Wrong) {
        let place = self.find(key).map_or_else(|| self.place(), |(place, _)| place);
        self.document.warn(place, &self.full(key), wrong);
    }

    /// Notes that `key` is needed and absent, unless an unreadable line may have held it.
    pub(super) fn refuse_absence(&self, key: &'static str, mend: &str) {
        self.known.borrow_mut().insert(key);
        if self.is_whole() {
            self.document.refuse(self.place(), &self.full(key), wrong("it is required", mend));
        }
    }

    /// Whether everything around the table could be read, so that what is absent is known to be absent.
    pub(super) fn is_whole(&self) -> bool {
        self.document.is_whole() && !self.mistaken
    }

    /// Ends the reading of the root; sections and arrays of tables end by themselves.
    pub(super) fn refuse_unknown_keys(&self) {
        let Some(entries) = self.entries else { return };
        let known = self.known.borrow();
        for key in entries.keys() {
            let name: &str = key.get_ref();
            if known.contains(name) {
                continue;
            }
            let mend = match nearest(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the keys here are {}", listed(known.iter().copied())),
            };
            let place = self.document.place(Some(key.span()));
            self.document.refuse(place, &self.full(&shortened(name)), wrong("there is no such key", mend));
        }
    }

    fn find(&self, key: &'static str) -> Option<(Place, Found<'d>)> {
        self.known.borrow_mut().insert(key);
        if self.overridable {
            let variable = self.variable_of(key);
            if let Some(text) = self.document.variable(&variable) {
                return Some((Place::Variable { variable }, Found::Variable(text)));
            }
        }
        let value = self.entries?.get(key)?;
        Some((self.document.place(Some(value.span())), Found::Written(value)))
    }

    fn place(&self) -> Place {
        self.document.place(self.span.clone())
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn variable_of(&self, key: &str) -> String {
        format!("{PREFIX}{}", self.full(key).replace('.', "__").to_ascii_uppercase())
    }

    fn refuse_kind(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let place = self.document.place(Some(value.span()));
        self.document.refuse(place, &self.full(key), wrong_kind(value.get_ref(), wanted));
    }
}

impl<'d> Entry<'d> {
    /// The string.
    pub(super) fn text(&self) -> &'d str {
        self.text
    }

    /// The string as a path; a relative one starts at the configuration's folder.
    pub(super) fn path(&self) -> PathBuf {
        self.document.folder().join(self.text)
    }

    /// The folder where a relative path starts, as a message shows it.
    pub(super) fn path_start(&self) -> String {
        match self.document.folder().to_string_lossy() {
            folder if folder.is_empty() => "the folder that the gateway was started in".to_owned(),
            folder => quoted(&folder),
        }
    }

    /// What `parse` makes of the string; its complaint becomes a fault here.
    pub(super) fn parse<T>(&self, parse: impl FnOnce(&'d str) -> Result<T, Wrong>) -> Option<T> {
        parse(self.text).map_err(|wrong| self.refuse(wrong)).ok()
    }

    /// The choice of this name.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Option<T> {
        let names = || choices.iter().map(|(name, _)| *name);
        self.parse(|text| {
            choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice).ok_or_else(|| {
                let meant = nearest(text, names()).map(|meant| format!("did you mean `{meant}`? "));
                let mend = format!("{}the choices are {}", meant.unwrap_or_default(), listed(names()));
                wrong(format!("{} is not a choice", quoted(text)), mend)
            })
        })
    }

    /// Notes a fault of this string.
    pub(super) fn refuse(&self, wrong: Wrong) {
        self.document.refuse(self.place.clone(), &self.key, wrong);
    }

    /// Notes a risk of this string.
    pub(super) fn warn(&self, wrong: Wrong) {
        self.document.warn(self.place.clone(), &self.key, wrong);
    }
}

fn wrong_kind(value: &DeValue<'_>, wanted: &str) -> Wrong {
    wrong(format!("it is {}", with_article(value.type_str())), format!("write {wanted}"))
}

fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
    format!("{article} {kind}")
}

fn natural(integer: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn shortened(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_debug).collect()
}
