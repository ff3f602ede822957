//! Relative links of Markdown files: the file is there, and so is the heading.

use std::collections::BTreeSet;

use crate::sources::{Source, Sources};

/// How many relative links there are, and what is wrong with which.
pub(crate) fn check(sources: &Sources) -> (usize, Vec<String>) {
    let mut count = 0;
    let mut broken = Vec::new();
    for page in sources.texts.iter().filter(|source| source.path.ends_with(".md")) {
        for (line, target) in targets(&page.text) {
            if is_elsewhere(&target) {
                continue;
            }
            count += 1;
            if let Some(fault) = fault(page, &target, sources) {
                broken.push(format!("{}:{line}: link to {target}: {fault}", page.path));
            }
        }
    }
    (count, broken)
}

/// An address of its own (`https:`, `mailto:`), not a place in this repository.
fn is_elsewhere(target: &str) -> bool {
    let scheme = target.split(':').next().unwrap_or_default();
    scheme.len() < target.len() && scheme.chars().all(|letter| letter.is_ascii_alphanumeric())
}

fn fault(page: &Source, target: &str, sources: &Sources) -> Option<&'static str> {
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let Some(path) = resolve(&page.path, path) else {
        return Some("leaves the repository");
    };
    let folder = format!("{path}/");
    let there = path.is_empty()
        || sources.paths.contains(&path)
        || sources.paths.iter().any(|known| known.starts_with(&folder));
    if !there {
        return Some("no such file");
    }
    let linked = sources.texts.iter().find(|source| source.path == path)?;
    let known = !linked.path.ends_with(".md") || headings(&linked.text).contains(heading);
    (!heading.is_empty() && !known).then_some("no such heading")
}

/// The path from the root that `target` means on `page`; none when it climbs above the root.
fn resolve(page: &str, target: &str) -> Option<String> {
    if target.is_empty() {
        return Some(page.to_owned());
    }
    let mut parts: Vec<&str> = match target.starts_with('/') {
        true => Vec::new(),
        false => page.split('/').collect(),
    };
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Every target, in the forms `[text](target)` and `[name]: target`, with its line; code is no link.
fn targets(text: &str) -> Vec<(usize, String)> {
    prose(text)
        .flat_map(|(number, line)| {
            let line = without_code(line);
            let inline = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            let found: Vec<_> = inline.chain(definition(&line)).map(bare).collect();
            found.into_iter().map(move |target| (number, target))
        })
        .collect()
}

/// The lines outside fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (fence, mark) {
            (None, None) => return Some((index + 1, line)),
            (None, Some(_)) => fence = mark,
            (Some(_), _) if mark == fence => fence = None,
            (Some(_), _) => {}
        }
        None
    })
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("code")
}

fn definition(line: &str) -> Option<&str> {
    let (name, target) = line.strip_prefix('[')?.split_once("]: ")?;
    (!name.contains(']')).then(|| target.trim())
}

/// Without a title or angle brackets.
fn bare(target: &str) -> String {
    let target = target.split_whitespace().next().unwrap_or_default();
    target.trim_start_matches('<').trim_end_matches('>').to_owned()
}

/// The anchors of a page's headings, as GitHub makes them.
fn headings(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text).filter(|(_, line)| line.starts_with('#')) {
        let anchor = anchor(line.trim_start_matches('#').trim());
        let free = std::iter::once(anchor.clone())
            .chain((1..).map(|number| format!("{anchor}-{number}")))
            .find(|candidate| !anchors.contains(candidate));
        anchors.extend(free);
    }
    anchors
}

fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(pages: &[(&str, &str)]) -> Vec<String> {
        let texts: Vec<_> =
            pages.iter().map(|(path, text)| Source { path: (*path).into(), text: (*text).into() }).collect();
        let paths = texts.iter().map(|source| source.path.clone()).collect();
        check(&Sources { paths, texts }).1
    }

    #[test]
    fn links_to_files_folders_and_headings_that_exist_hold() {
        let pages = [
            ("README.md", "[a](docs/a.md) [b](docs/a.md#two-words) [c](docs) [d](./LICENSE \"t\")"),
            ("docs/a.md", "# Two `words`!\n[up](../README.md) [root](/LICENSE) [own](#two-words)"),
            ("LICENSE", ""),
        ];

        assert_eq!(broken(&pages), [""; 0]);
    }

    #[test]
    fn a_missing_file_is_found_in_each_form_of_link() {
        let page = "see\n[a](gone.md), ![b](gone.png)\n\n[c]: gone/c.md\n[d](../above.md)";

        assert_eq!(
            broken(&[("README.md", page)]),
            [
                "README.md:2: link to gone.md: no such file",
                "README.md:2: link to gone.png: no such file",
                "README.md:4: link to gone/c.md: no such file",
                "README.md:5: link to ../above.md: leaves the repository",
            ]
        );
    }

    #[test]
    fn a_missing_heading_is_found() {
        let pages = [("README.md", "[a](a.md#three) [b](a.md#two-1)"), ("a.md", "## Two\n## Two")];

        assert_eq!(broken(&pages), ["README.md:1: link to a.md#three: no such heading"]);
    }

    #[test]
    fn code_and_addresses_elsewhere_are_no_relative_links() {
        let page = "`[a](gone)` [b](https://example.com/x)\n```md\n[c](gone)\n```\n[d](mailto:a@b.c)";

        assert_eq!(broken(&[("README.md", page)]), [""; 0]);
    }
}
