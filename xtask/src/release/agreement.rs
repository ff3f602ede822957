//! One version, and one Rust, wherever either is written.

use std::path::Path;

use super::read;
use crate::call::Outcome;

/// A file, and what stands before each mention of the project's version in it.
const VERSION: &[(&str, &str)] = &[
    ("Cargo.toml", "admitone\", version = \""),
    ("Cargo.toml", "admitone-client\", version = \""),
    ("Cargo.toml", "admitone-gateway\", version = \""),
    ("packages/admitone/package.json", "\"version\": \""),
    ("demo/package.json", "\"admitone\": \""),
    ("examples/next/package.json", "\"admitone\": \"^"),
    ("examples/react-vite/package.json", "\"admitone\": \"^"),
    ("deploy/Containerfile", "--tag admitone:"),
    ("deploy/compose/compose.yaml", "image: admitone:"),
    ("deploy/kubernetes/deployment.yaml", "/admitone:"),
    ("deploy/cloud-run/service.yaml", "/admitone:"),
    ("docs/deploying.md", "# target/debian/admitone_"),
    ("docs/deploying.md", "--tag admitone:"),
    ("docs/embedding.md", "admitone = { version = \""),
];

/// The same of the oldest Rust that builds it.
const RUST: &[(&str, &str)] = &[("README.md", "With Rust "), ("deploy/Containerfile", "library/rust:")];

/// Every disagreement. `rustc` is what `rustc --version` says.
pub(super) fn faults(root: &Path, rustc: &str) -> Outcome<Vec<String>> {
    let workspace = read(root, "Cargo.toml")?;
    let (version, rust) = (value(&workspace, "version")?, value(&workspace, "rust-version")?);
    let mut faults = Vec::new();
    for (mentions, wanted) in [(VERSION, version), (RUST, rust)] {
        for (file, before) in mentions {
            faults.extend(disagreements(file, &read(root, file)?, before, wanted));
        }
    }
    faults.extend(not_in_the_changelog(&read(root, "CHANGELOG.md")?, version));
    faults.extend(not_the_promised(rustc, rust));
    println!("version {version}, Rust {rust}");
    Ok(faults)
}

/// What the line `KEY = "…"` has.
pub(super) fn value<'a>(manifest: &'a str, key: &str) -> Outcome<&'a str> {
    let found = manifest.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'));
    found.ok_or_else(|| format!("Cargo.toml has no line `{key} = \"…\"`"))
}

/// A mention may leave out the last numbers: `0.1` is said of every 0.1.x.
fn disagreements(file: &str, text: &str, before: &str, wanted: &str) -> Vec<String> {
    let mentions: Vec<&str> = text.split(before).skip(1).map(numbers).collect();
    if mentions.is_empty() {
        return vec![format!(
            "{file} has no `{before}…` any more: xtask/src/release/agreement.rs looks for a version there"
        )];
    }
    let agrees = |mention: &&&str| **mention == wanted || wanted.starts_with(&format!("{mention}."));
    let wrong = mentions.iter().filter(|mention| !agrees(mention));
    wrong.map(|mention| format!("{file}: `{before}{mention}`, where Cargo.toml says {wanted}")).collect()
}

/// The version at a text's beginning.
fn numbers(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

fn not_in_the_changelog(changelog: &str, version: &str) -> Option<String> {
    let newest = changelog.lines().find(|line| line.starts_with("## ")).unwrap_or("nothing");
    let named =
        newest.split(|letter: char| letter.is_whitespace() || "[]:".contains(letter)).any(|word| word == version);
    (!named).then(|| format!("CHANGELOG.md begins with `{newest}`, where Cargo.toml says {version}"))
}

/// Only a run on the oldest Rust that is promised sees whether the promise holds.
fn not_the_promised(rustc: &str, rust: &str) -> Option<String> {
    let used = rustc.split_whitespace().nth(1).unwrap_or_default();
    let promised = used == rust || used.starts_with(&format!("{rust}."));
    (!promised).then(|| {
        format!("this is rustc {used}, and Cargo.toml promises {rust}: run it on that (`rustup run {rust} cargo xtask test`)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_agrees_in_whole_or_without_its_last_number() {
        for mention in ["image: a:0.1.0", "image: a:0.1", "image: a:0.1.0-1_amd64", "image: a:0.1.0."] {
            assert_eq!(disagreements("f", mention, "a:", "0.1.0"), [""; 0], "{mention}");
        }
        for mention in ["image: a:0.1.1", "image: a:0.2", "image: a:latest", "image: a:0.1.0.1", "a:0.1.0 a:0.0.9"] {
            assert_eq!(disagreements("f", mention, "a:", "0.1.0").len(), 1, "{mention}");
        }
    }

    #[test]
    fn a_mention_that_is_gone_is_a_fault() {
        assert!(disagreements("f.md", "nothing here", "a:", "0.1.0")[0].starts_with("f.md"));
    }

    #[test]
    fn the_changelogs_newest_heading_names_the_version() {
        for heading in ["# C\n\n## Unreleased: 0.1.0\n", "## [0.1.0] 2026-01-31", "## 0.1.0\n\n## 0.0.9"] {
            assert_eq!(not_in_the_changelog(heading, "0.1.0"), None, "{heading}");
        }
        for heading in ["## 0.1.1\n## 0.1.0", "## 0.1.0-rc.1", ""] {
            assert!(not_in_the_changelog(heading, "0.1.0").is_some(), "{heading}");
        }
    }

    #[test]
    fn only_the_promised_rust_checks_the_promise() {
        assert_eq!(not_the_promised("rustc 1.95.0 (59807616e 2026-04-14)", "1.95"), None);
        for other in ["rustc 1.96.0 (x)", "rustc 1.9.5", "rustc 1.950.0", ""] {
            assert!(not_the_promised(other, "1.95").is_some(), "{other}");
        }
    }

    #[test]
    fn values_are_read_from_their_own_lines() {
        let manifest = "[workspace.package]\nversion = \"0.1.0\"\nrust-version = \"1.95\"\n";

        assert_eq!(value(manifest, "version"), Ok("0.1.0"));
        assert_eq!(value(manifest, "rust-version"), Ok("1.95"));
        assert!(value(manifest, "edition").is_err());
    }
}
