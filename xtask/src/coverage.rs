//! Which test covers which requirement of `docs/assurance.md`: by the IDs that tests' names begin with.

use std::collections::BTreeMap;
use std::path::Path;

use crate::call::Outcome;
use crate::sources::{self, Source, Sources};

const PAGE: &str = "docs/assurance.md";
/// Below this heading: what is covered otherwise than by a test with a name, and how.
const OTHERWISE: &str = "## Covered otherwise";

/// A requirement, as a row of the page begins: `| S1 | what must hold | … |`.
struct Row {
    id: String,
    what: String,
    line: usize,
    otherwise: Option<String>,
    tests: Vec<String>,
}

/// Fails with every requirement that nothing covers, and every ID that no row has.
pub(crate) fn check(root: &Path) -> Outcome {
    let (table, unknown) = read(root)?;
    let bare = |row: &&Row| row.tests.is_empty() && row.otherwise.is_none();
    let mut findings: Vec<String> = unknown;
    findings.extend(table.values().filter(bare).map(|row| {
        format!("{PAGE}:{}: {} has no test: name one, or say under “{OTHERWISE}” how it is covered", row.line, row.id)
    }));
    let tested = table.values().filter(|row| !row.tests.is_empty()).count();
    let tests: usize = table.values().map(|row| row.tests.len()).sum();
    println!("{} requirements: {tested} by {tests} named tests, {} otherwise", table.len(), table.len() - tested);
    if findings.is_empty() { Ok(()) } else { Err(findings.join("\n")) }
}

/// The table from requirement to tests, for people.
pub(crate) fn table(root: &Path) -> Outcome<String> {
    let (table, _) = read(root)?;
    let mut text = String::new();
    for row in table.values() {
        text += &format!("{:<4} {}\n", row.id, row.what);
        text.extend(row.tests.iter().map(|test| format!("       {test}\n")));
        text.extend(row.otherwise.iter().map(|how| format!("       otherwise: {how}\n")));
    }
    Ok(text)
}

/// In the order of kinds and numbers, not of their texts: S9 before S10.
type Table = BTreeMap<(char, u32), Row>;

fn read(root: &Path) -> Outcome<(Table, Vec<String>)> {
    let sources = sources::read(root)?;
    let page = sources.texts.iter().find(|source| source.path == PAGE).ok_or(format!("{PAGE} is missing"))?;
    let mut table = rows(page);
    let unknown = assign(&sources, &mut table);
    Ok((table, unknown))
}

fn rows(page: &Source) -> Table {
    let mut table = Table::new();
    let mut is_otherwise = false;
    for (index, line) in page.text.lines().enumerate() {
        is_otherwise |= line == OTHERWISE;
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let (Some(id), Some(what)) = (cells.next(), cells.next()) else { continue };
        let Some(key) = key(id) else { continue };
        match table.get_mut(&key) {
            Some(row) if is_otherwise => row.otherwise = Some(what.to_owned()),
            _ => {
                let row = Row { id: id.into(), what: what.into(), line: index + 1, otherwise: None, tests: Vec::new() };
                table.insert(key, row);
            }
        }
    }
    table
}

/// Gives each row its tests; the tests whose ID no row has.
fn assign(sources: &Sources, table: &mut Table) -> Vec<String> {
    let mut unknown = Vec::new();
    for source in &sources.texts {
        for (index, line) in source.text.lines().enumerate() {
            let place = format!("{}:{}", source.path, index + 1);
            for id in ids(source, line) {
                match table.get_mut(&id) {
                    Some(row) => row.tests.push(place.clone()),
                    None => unknown.push(format!("{place}: {}{} is no row of {PAGE}", id.0, id.1)),
                }
            }
        }
    }
    unknown
}

fn ids(source: &Source, line: &str) -> Vec<(char, u32)> {
    if source.path.ends_with(".rs") {
        return rust_ids(line);
    }
    let is_script = [".test.ts", ".test.tsx"].iter().any(|ending| source.path.ends_with(ending));
    if is_script { script_ids(line) } else { Vec::new() }
}

/// `async fn s2_a12_a_foreign_origin_is_refused()`.
fn rust_ids(line: &str) -> Vec<(char, u32)> {
    let line = line.trim_start();
    let Some(name) = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ") else { return Vec::new() };
    name.split('_').map_while(|word| word.starts_with(['s', 'a', 'f', 'm']).then(|| key(word)).flatten()).collect()
}

/// `test('S2, A12: a foreign origin is refused'`, where the name may have a line of its own.
fn script_ids(line: &str) -> Vec<(char, u32)> {
    let Some(at) = line.find(['\'', '`', '"']) else { return Vec::new() };
    let before = line[..at].trim_start();
    let opens_a_test =
        before.is_empty() || ["it", "test", "describe", "])"].iter().any(|word| before.starts_with(word));
    let Some((names, _)) = line[at + 1..].split_once(':').filter(|_| opens_a_test) else { return Vec::new() };
    names.split(", ").map(key).collect::<Option<_>>().unwrap_or_default()
}

fn key(id: &str) -> Option<(char, u32)> {
    let kind = id.chars().next()?.to_ascii_uppercase();
    let number = id.get(1..).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))?;
    matches!(kind, 'S' | 'A' | 'F' | 'M').then_some((kind, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into() }
    }

    fn covered(texts: Vec<Source>) -> (Table, Vec<String>) {
        let page =
            "| ID | what |\n| S2 | exact origins |\n| S10 | times |\n\n## Covered otherwise\n\n| S10 | by a look |\n";
        let mut table = rows(&source(PAGE, page));
        let sources = Sources { paths: Default::default(), texts };
        let unknown = assign(&sources, &mut table);
        (table, unknown)
    }

    #[test]
    fn tests_of_both_languages_are_found_by_the_ids_before_their_sentence() {
        let rust = source("crates/a/tests/it/b.rs", "#[test]\n    async fn s2_s10_a_sentence() {");
        let script = source("e2e/c.test.ts", "  ])('S2, S10: a sentence', () => {\n  'S10: one on a line of its own',");

        let (table, unknown) = covered(vec![rust, script]);

        assert_eq!(table[&('S', 2)].tests, ["crates/a/tests/it/b.rs:2", "e2e/c.test.ts:1"]);
        assert_eq!(table[&('S', 10)].tests.len(), 3);
        assert_eq!(table[&('S', 10)].otherwise.as_deref(), Some("by a look"));
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn an_id_without_a_row_is_told_with_its_place() {
        let (_, unknown) = covered(vec![source("crates/a/src/b.rs", "fn f99_nothing_is_like_this() {}")]);

        assert_eq!(unknown, ["crates/a/src/b.rs:1: F99 is no row of docs/assurance.md"]);
    }

    #[test]
    fn what_only_looks_like_an_id_is_none() {
        let lines = "fn sha256_of(text: &str) {}\nfn f_1() {}\nlet s2_x = 1;\n";
        let script = source("e2e/c.test.ts", "expect(started.get('S256')).toBe('S2: no test');");

        let (table, unknown) = covered(vec![source("crates/a/src/b.rs", lines), script]);

        assert!(table.values().all(|row| row.tests.is_empty()));
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
