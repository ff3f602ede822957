//! `[assertion]`: the keys that sign what upstreams are told.

use super::fault::wrong;
use super::secret::read_private;
use super::table::Table;
use crate::assertion::SigningKey;

/// The keys that sign what upstreams are told.
#[derive(Debug)]
pub struct Assertion {
    /// Whether some route's upstream is told.
    pub is_wanted: bool,
    /// The first signs, all are published. Without any, the gateway makes one when it starts.
    pub keys: Vec<SigningKey>,
}

pub(super) fn read(table: &Table<'_>, is_wanted: bool, store_is_shared: bool) -> Assertion {
    if is_wanted && store_is_shared && !table.has("key_file") {
        let mend = "a route has upstream_assertion = true, and all gateways of a redis store sign with the same key: name a file \
                    that `openssl genpkey -algorithm ed25519` wrote";
        table.refuse_absence("key_file", mend);
    }
    let mut keys: Vec<SigningKey> = Vec::new();
    let entries = table.texts("key_file");
    if entries.as_ref().is_some_and(Vec::is_empty) {
        table.refuse("key_file", wrong("the list is empty", "name a file, or leave it out"));
    }
    for entry in entries.unwrap_or_default() {
        let Some(pem) = read_private(&entry) else { continue };
        let mend = "make one with `openssl genpkey -algorithm ed25519`";
        let key = entry.parse(|_| SigningKey::from_pem(&pem).map_err(|error| wrong(error.to_string(), mend)));
        let Some(key) = key else { continue };
        if keys.iter().any(|other| other.id() == key.id()) {
            entry.refuse(wrong("another file has the same key", "name each key once"));
        }
        keys.push(key);
    }
    Assertion { is_wanted, keys }
}
