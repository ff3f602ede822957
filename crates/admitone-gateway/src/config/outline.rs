//! What two readings of a configuration are compared by.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::document::PREFIX;

/// What is set once, when the gateway starts: whole sections, and some keys of others.
const FIXED: [&str; 5] = ["store", "log", "admin", "audit", "traces"];
const FIXED_BUT: [(&str, &[&str]); 2] =
    [("server", &["public_url", "trusted_proxies", "tls"]), ("tickets", &["ttl_seconds", "service_permission"])];

/// What of a configuration a running gateway cannot change, and the files that it names.
#[derive(Default)]
pub struct Outline {
    fixed: BTreeMap<String, String>,
    files: Vec<PathBuf>,
    /// The issuers, and what the files hold that they name.
    issuers: Vec<Option<Vec<u8>>>,
}

/// Its values stay inside: secrets are among what the files hold.
impl fmt::Debug for Outline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outline").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Outline {
    /// Of a configuration's text, whose relative paths start at `folder`, and of the variables that override it.
    #[must_use]
    pub fn of(text: &str, folder: &Path, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let (root, _) = DeTable::parse_recoverable(text);
        let mut outline = Self::default();
        find_files(root.get_ref(), folder, &mut outline.files);
        let is_of_files = |name: &str| name.starts_with(PREFIX) && name.ends_with("_FILE");
        for (_, paths) in environment.into_iter().filter(|(name, _)| is_of_files(name)) {
            outline.files.extend(paths.split(',').map(|path| folder.join(path.trim())));
        }
        outline.read_issuers(root.get_ref(), folder);
        for (key, value) in root.get_ref() {
            let (key, value) = (key.get_ref().as_ref(), value.get_ref());
            let changeable = FIXED_BUT.iter().find(|(section, _)| *section == key).map(|(_, changeable)| *changeable);
            let is_fixed = changeable.is_some() || FIXED.contains(&key);
            if let (true, Some(section)) = (is_fixed, value.as_table()) {
                outline.fix(key, section, changeable.unwrap_or_default());
            }
        }
        outline
    }

    /// Whether logins are judged alike: the same issuers, with the same keys in their files.
    #[must_use]
    pub fn has_issuers_of(&self, other: &Self) -> bool {
        self.issuers == other.issuers
    }

    /// The files that it names, wherever.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The keys whose values differ and take effect at the next start only.
    #[must_use]
    pub fn differences<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let mut differ: Vec<&str> = self
            .fixed
            .iter()
            .filter(|(key, value)| other.fixed.get(*key) != Some(value))
            .map(|(key, _)| key.as_str())
            .chain(other.fixed.keys().filter(|key| !self.fixed.contains_key(*key)).map(String::as_str))
            .collect();
        differ.sort_unstable();
        differ
    }

    fn fix(&mut self, section: &str, table: &DeTable<'_>, changeable: &[&str]) {
        for (key, value) in table {
            let key: &str = key.get_ref();
            if !changeable.contains(&key) {
                self.fixed.insert(format!("{section}.{key}"), shown(value.get_ref()));
            }
        }
    }

    fn read_issuers(&mut self, root: &DeTable<'_>, folder: &Path) {
        for value in ["issuers", "authn"].iter().filter_map(|key| root.get(*key)) {
            self.issuers.push(Some(shown(value.get_ref()).into_bytes()));
            let mut files = Vec::new();
            find_files_in(value.get_ref(), folder, &mut files);
            self.issuers.extend(files.iter().map(|file| std::fs::read(file).ok()));
        }
    }
}

fn find_files(table: &DeTable<'_>, folder: &Path, files: &mut Vec<PathBuf>) {
    for (key, value) in table {
        let is_of_files = key.get_ref().ends_with("_file");
        match value.get_ref() {
            DeValue::String(path) if is_of_files => files.push(folder.join(&**path)),
            DeValue::Array(paths) if is_of_files => {
                files.extend(paths.iter().filter_map(|path| path.get_ref().as_str()).map(|path| folder.join(path)));
            }
            value => find_files_in(value, folder, files),
        }
    }
}

fn find_files_in(value: &DeValue<'_>, folder: &Path, files: &mut Vec<PathBuf>) {
    match value {
        DeValue::Table(table) => find_files(table, folder, files),
        DeValue::Array(array) => array.iter().for_each(|value| find_files_in(value.get_ref(), folder, files)),
        _ => {}
    }
}

/// A value, whatever its layout.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(integer) => format!("{}:{}", integer.radix(), integer.as_str()),
        DeValue::Float(float) => float.as_str().to_owned(),
        DeValue::Boolean(boolean) => boolean.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(array) => array.iter().map(|value| shown(value.get_ref()) + ",").collect(),
        DeValue::Table(table) => {
            table.iter().map(|(key, value)| format!("{}={},", key.get_ref(), shown(value.get_ref()))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[server]\nlisten = [\"127.0.0.1:1\"]\npublic_url = \"http://a\"\n[server.tls]\ncert_file = \"a.pem\"\n\
        [store]\nkind = \"memory\"\n[tickets]\nttl_seconds = 60\n[[tickets.keys]]\nid = 1\nsecret_file = \"/k\"\n\
        [[routes]]\npath = \"/chat\"\n";

    fn of(text: &str) -> Outline {
        Outline::of(text, Path::new("x"), [])
    }

    fn differences(change: impl Fn(&str) -> String) -> Vec<String> {
        let (before, after) = (of(TEXT), of(&change(TEXT)));
        before.differences(&after).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn what_cannot_change_is_named_and_what_can_is_not() {
        assert!(differences(|text| text.replace("[\"127.0.0.1:1\"]", "[ \"127.0.0.1:1\" ]")).is_empty(), "the layout");
        for (from, to) in [("http://a", "http://b"), ("a.pem", "b.pem"), ("= 60", "= 61"), ("/chat", "/talk")] {
            assert!(differences(|text| text.replace(from, to)).is_empty(), "{from}");
        }
        for (from, to, key) in [
            ("0.1:1", "0.1:2", "server.listen"),
            ("memory", "redis", "store.kind"),
            ("id = 1", "id = 2", "tickets.keys"),
            ("kind = \"memory\"", "", "store.kind"),
            ("[store]", "[log]\nlevel = \"info\"\n[store]", "log.level"),
        ] {
            assert_eq!(differences(|text| text.replace(from, to)), [key]);
        }
    }

    #[test]
    fn issuers_are_the_same_when_what_they_say_is() {
        let text = "[[issuers]]\nname = \"a\"\n[authn]\nchain = [\"jwt\"]\n[[routes]]\npath = \"/\"\n";
        let same = |changed: String| of(text).has_issuers_of(&of(&changed));
        assert!(same(text.replace("path = \"/\"", "path = \"/chat\"")) && same(text.replace(" = ", "=")));
        assert!(!same(text.replace("\"a\"", "\"b\"")) && !same(text.replace("\"jwt\"", "\"callback\"")));
    }

    #[test]
    fn every_file_that_is_named_is_known() {
        let text = TEXT.to_owned() + "[assertion]\nkey_file = [\"new.pem\", \"old.pem\"]\n";
        let variables = [("ADMITONE_SERVER__TLS__KEY_FILE", "b.key"), ("ADMITONE_LOG__LEVEL", "info")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let outline = Outline::of(&text, Path::new("x"), variables);
        let mut files: Vec<_> = outline.files().iter().map(|file| file.to_string_lossy()).collect();
        files.sort();
        assert_eq!(files, ["/k", "x/a.pem", "x/b.key", "x/new.pem", "x/old.pem"]);
    }
}
