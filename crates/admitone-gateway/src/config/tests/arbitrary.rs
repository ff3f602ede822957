use proptest::prelude::*;

use super::{Folder, MINIMAL};

/// Pieces that configurations are made of, so that arbitrary ones get past the first letter.
const PIECES: [&str; 28] = [
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    "\n",
    "\"",
    "'''",
    ".",
    ",",
    "#",
    "é",
    "\u{0}",
    "\\u00",
    "server",
    "listen",
    "tls",
    "issuers",
    "routes",
    "keys",
    "claims",
    "tickets",
    "origins",
    "\"127.0.0.1:1\"",
    "-1",
    "true",
];

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_panics_and_every_refusal_has_a_fault(text in prop_oneof![".*", pieces()]) {
        let faults = Folder::new().parse(&text).expect_err("nothing arbitrary is a configuration");
        prop_assert!(faults.iter().count() > 0);
    }

    #[test]
    fn a_configuration_with_something_changed_is_read_or_refused_with_a_fault(
        at in 0..MINIMAL.len(),
        removed in 0..40_usize,
        added in prop_oneof![".{0,6}", pieces()],
    ) {
        let end = (at + removed).min(MINIMAL.len());
        let text = format!("{}{added}{}", &MINIMAL[..at], &MINIMAL[end..]);
        match Folder::new().parse(&text) {
            Ok(config) => prop_assert!(config.issuers.len() == 1 && config.routes.len() == 1),
            Err(faults) => prop_assert!(faults.iter().count() > 0),
        }
    }

    #[test]
    fn no_value_panics(key in prop::sample::select(&["listen", "public_url", "trusted_proxies"][..]), value in ".*") {
        let variable = format!("ADMITONE_SERVER__{}", key.to_ascii_uppercase());
        let _ = Folder::new().parse_with(MINIMAL, &[(&variable, &value)]);
    }
}
