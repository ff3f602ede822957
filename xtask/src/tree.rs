//! The crates that end up in the build, checked against deny.toml's list of banned ones.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::call::{self, Outcome};

/// Fails when a banned crate is in the graph of any target, whatever features are on.
pub(crate) fn check(root: &Path) -> Outcome {
    let rules =
        fs::read_to_string(root.join("deny.toml")).map_err(|error| format!("deny.toml cannot be read: {error}"))?;
    let banned = banned(&rules)?;
    let listed = call::cargo(root)
        .args(["tree", "--workspace", "--all-features", "--target", "all"])
        .args(["--edges", "normal,build,dev", "--prefix", "none", "--format", "{p}"])
        .read()?;
    let crates = names(&listed);
    let found: Vec<_> = banned.iter().filter(|name| crates.contains(name.as_str())).collect();
    if found.is_empty() {
        println!("{} crates, none of them banned ({})", crates.len(), banned.join(", "));
        return Ok(());
    }
    for name in &found {
        call::cargo(root).args(["tree", "--workspace", "--all-features", "--target", "all", "--invert", name]).run()?;
    }
    Err(format!("deny.toml bans {found:?}, which the graph above holds"))
}

fn names(listed: &str) -> BTreeSet<&str> {
    listed.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

/// The names in the list `deny`, each written on its line as `{ crate = "name"`.
fn banned(rules: &str) -> Outcome<Vec<String>> {
    let names: Vec<String> = rules
        .lines()
        .skip_while(|line| *line != "deny = [")
        .take_while(|line| *line != "]")
        .filter_map(|line| line.trim().strip_prefix("{ crate = \"")?.split('"').next())
        .map(String::from)
        .collect();
    if names.is_empty() {
        return Err("deny.toml bans no crate in the form `{ crate = \"name\" …`".into());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_crates_are_read_from_the_projects_own_rules() {
        let banned = banned(include_str!("../../deny.toml")).unwrap();

        for name in ["ring", "openssl", "rsa"] {
            assert!(banned.iter().any(|entry| entry == name), "{name} in {banned:?}");
        }
    }

    #[test]
    fn rules_without_a_ban_are_a_fault() {
        assert!(banned("[bans]\ndeny = []").is_err());
        assert!(banned("skip = [\n    { crate = \"syn@2\" },\n]").is_err());
    }

    #[test]
    fn crates_are_named_without_version_or_path() {
        let names = names("admitone v0.1.0 (/here)\nring v0.17.0\n\nring v0.17.0 (*)\nstring v1.0.0");

        assert_eq!(names, BTreeSet::from(["admitone", "ring", "string"]));
    }
}
