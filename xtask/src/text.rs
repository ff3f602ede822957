//! Checks of the committed texts that no linter of one language makes.

use std::path::Path;

use crate::call::Outcome;
use crate::links;
use crate::sources::{self, Source};

const LONGEST_SOURCE: usize = 400;
const SOURCE_ENDINGS: &[&str] = &[".rs", ".ts", ".tsx", ".js", ".mjs", ".css", ".html", ".sh", ".toml"];

/// Folders of one machine. In halves, or this file would be its own first finding.
const MACHINE_FOLDERS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/t", "mp/"), concat!("/ho", "me/")];

/// Hosts that serve packages: which of them a machine uses is its own affair.
const REGISTRY_HOSTS: &[&str] = &[
    concat!("registry.", "npmjs.org"),
    concat!("registry.", "yarnpkg.com"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("deb.", "debian.org"),
    concat!("files.", "pythonhosted.org"),
];

/// What is built from the sources, and committed.
const GENERATED: &[&str] = &["crates/admitone-gateway/pages/"];

const LOOSE_ENDS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// Fails with every finding, each as `file:line: what`.
pub(crate) fn check(root: &Path) -> Outcome {
    let sources = sources::read(root)?;
    let mut findings: Vec<String> = sources.texts.iter().flat_map(findings).collect();
    let (links, broken) = links::check(&sources);
    findings.extend(broken);
    println!("{} texts and {links} relative links read", sources.texts.len());
    if findings.is_empty() {
        return Ok(());
    }
    Err(findings.join("\n"))
}

fn findings(source: &Source) -> Vec<String> {
    let mut findings: Vec<String> = source
        .text
        .lines()
        .enumerate()
        .flat_map(|(index, line)| {
            let place = format!("{}:{}", source.path, index + 1);
            faults_of(line, source).into_iter().map(move |fault| format!("{place}: {fault}"))
        })
        .collect();
    findings.extend(too_long(source));
    findings
}

fn faults_of(line: &str, source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for folder in MACHINE_FOLDERS.iter().filter(|folder| begins_a_path(line, folder)) {
        faults.push(format!("names a folder of one machine ({folder})"));
    }
    for host in REGISTRY_HOSTS.iter().filter(|host| line.contains(*host)) {
        faults.push(format!("names a package registry's host ({host})"));
    }
    if is_npm_lock(source) && line.trim_start().starts_with("\"resolved\": \"http") {
        faults.push(
            "names where a package came from: install with \
                     omit-lockfile-registry-resolved (.npmrc)"
                .into(),
        );
    }
    if !is_generated(source) {
        for word in LOOSE_ENDS.iter().filter(|word| has_word(line, word)) {
            faults.push(format!("a loose end ({word}): do it, or file it"));
        }
    }
    faults
}

fn too_long(source: &Source) -> Option<String> {
    let counted = SOURCE_ENDINGS.iter().any(|ending| source.path.ends_with(ending)) && !is_generated(source);
    let lines = source.text.lines().count();
    (counted && lines > LONGEST_SOURCE)
        .then(|| format!("{}: {lines} lines, above {LONGEST_SOURCE}: split it", source.path))
}

fn is_npm_lock(source: &Source) -> bool {
    source.path.ends_with("package-lock.json")
}

fn is_generated(source: &Source) -> bool {
    GENERATED.iter().any(|folder| source.path.starts_with(folder)) || source.path == "Cargo.lock" || is_npm_lock(source)
}

/// Whether the path starts here, and is not the middle of an address or of a longer path.
fn begins_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || "._-~}*".contains(letter))
    })
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        ![before, after].into_iter().flatten().any(|letter| letter.is_alphanumeric() || letter == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        findings(&Source { path: path.into(), text: text.into() })
    }

    #[test]
    fn a_machines_folder_is_found_and_a_longer_path_is_not() {
        let folder = MACHINE_FOLDERS[0];

        let findings = found("a.rs", &format!("ok\nlet path = \"{folder}main\";"));
        assert_eq!(findings, [format!("a.rs:2: names a folder of one machine ({folder})")]);
        assert_eq!(found("a.md", &format!("https://example.com{folder}x")), [""; 0]);
        assert_eq!(found("a.md", &format!("{{base}}{folder}x")), [""; 0]);
    }

    #[test]
    fn a_registrys_host_is_found_even_in_generated_files() {
        let line = format!("https://{}/left-pad", REGISTRY_HOSTS[0]);

        assert_eq!(found("crates/admitone-gateway/pages/demo/page.js", &line).len(), 1);
        assert_eq!(found("README.md", &line).len(), 1);
    }

    #[test]
    fn the_npm_lock_names_no_place_of_download() {
        let line = "      \"resolved\": \"https://mirror.example/left-pad.tgz\",";

        assert_eq!(found("package-lock.json", line).len(), 1);
        assert_eq!(found("package-lock.json", "\"resolved\": \"packages/admitone\","), [""; 0]);
    }

    #[test]
    fn loose_ends_are_found_as_words_in_what_people_write() {
        let word = LOOSE_ENDS[0];

        assert_eq!(found("a.ts", &format!("// {word}: later")).len(), 1);
        assert_eq!(found("a.ts", &format!("const MAS{word}N = 1;")), [""; 0]);
        assert_eq!(found("crates/admitone-gateway/pages/demo/page.js", &format!("// {word}")), [""; 0]);
    }

    #[test]
    fn sources_end_at_the_limit_and_generated_files_or_documents_do_not() {
        let limit = "line\n".repeat(LONGEST_SOURCE);
        let beyond = "line\n".repeat(LONGEST_SOURCE + 1);

        assert_eq!(found("a.rs", &limit), [""; 0]);
        assert_eq!(found("a.rs", &beyond).len(), 1);
        assert_eq!(found("spec/vectors/connection.json", &beyond), [""; 0]);
        assert_eq!(found("crates/admitone-gateway/pages/demo/page.js", &beyond), [""; 0]);
        assert_eq!(found("docs/a.md", &beyond), [""; 0]);
    }
}
