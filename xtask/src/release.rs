//! What a release is made of: the files of each package, one version everywhere, the Rust that is promised.

use std::fs;
use std::path::Path;

use crate::call::{self, Outcome};

mod agreement;
mod contents;
pub(crate) mod packages;

/// Fails with everything that a release would have wrong, before anything is built for it.
pub(crate) fn check(root: &Path) -> Outcome {
    let rustc = call::program("rustc", root).args(["--version"]).read()?;
    let mut faults = agreement::faults(root, &rustc)?;
    let crates = published(root)?;
    for Crate { name, folder } in &crates {
        let manifest = read(root, &format!("{folder}/Cargo.toml"))?;
        let listed = call::cargo(root).args(["package", "--list", "--allow-dirty", "--package", name]).read()?;
        let files: Vec<&str> = listed.lines().collect();
        println!("{name}: {} files", files.len());
        faults.extend(contents::faults_of_a_crate(name, &manifest, &files));
    }
    faults.extend(npm_package(root)?);
    if faults.is_empty() {
        // Whether each would be accepted by itself, without the workspace around it.
        return packages::make(root, &crates);
    }
    Err(faults.join("\n"))
}

/// Builds each crate from its package alone.
pub(crate) fn build(root: &Path) -> Outcome {
    let crates = published(root)?;
    let (workspace, target) = (root.join("target/packages"), root.join("target/packaged"));
    packages::unpack(root, &workspace, &crates, &version(root)?)?;
    for Crate { name, .. } in &crates {
        let into = ["--target-dir".as_ref(), target.as_os_str()];
        call::cargo(&workspace).args(["build", "--package", name]).args(into).run()?;
    }
    Ok(())
}

fn npm_package(root: &Path) -> Outcome<Vec<String>> {
    let folder = root.join("packages/admitone");
    call::npm(&folder).args(["run", "prepack"]).run()?;
    let listed = call::npm(&folder).args(["pack", "--dry-run", "--json", "--ignore-scripts"]).read()?;
    let files = contents::paths_of_npm(&listed);
    println!("npm package: {} files", files.len());
    Ok(contents::faults_of_the_npm_package(&files))
}

/// A member of the workspace that is published.
#[derive(Debug, PartialEq)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) folder: String,
}

/// Those that do not say they are not.
pub(crate) fn published(root: &Path) -> Outcome<Vec<Crate>> {
    let mut published = Vec::new();
    for folder in members(&read(root, "Cargo.toml")?)? {
        let manifest = read(root, &format!("{folder}/Cargo.toml"))?;
        if manifest.lines().any(|line| line == "publish = false") {
            continue;
        }
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        let name = name.ok_or_else(|| format!("{folder}/Cargo.toml has no line `name = \"…\"`"))?;
        published.push(Crate { name: name.to_owned(), folder });
    }
    Ok(published)
}

/// The version of all that is published.
pub(crate) fn version(root: &Path) -> Outcome<String> {
    agreement::value(&read(root, "Cargo.toml")?, "version").map(String::from)
}

/// What the line `members = ["…", …]` has.
fn members(workspace: &str) -> Outcome<Vec<String>> {
    let listed = workspace.lines().find_map(|line| line.strip_prefix("members = [")?.strip_suffix(']'));
    let listed = listed.ok_or("Cargo.toml has no line `members = [\"…\", …]`")?;
    Ok(listed.split(',').map(|member| member.trim().trim_matches('"').to_owned()).collect())
}

fn read(root: &Path, path: &str) -> Outcome<String> {
    fs::read_to_string(root.join(path)).map_err(|error| format!("{path} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::Folder;

    #[test]
    fn a_member_is_published_unless_it_says_otherwise() {
        let folder = Folder::with(&[
            ("Cargo.toml", "[workspace]\nmembers = [\"crates/a\", \"b\"]\n"),
            ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("b/Cargo.toml", "[package]\nname = \"b\"\npublish = false\n"),
        ]);

        assert_eq!(published(folder.path()), Ok(vec![Crate { name: "a".to_owned(), folder: "crates/a".to_owned() }]));
    }

    #[test]
    fn a_workspace_without_members_is_a_fault_and_so_is_a_member_without_a_name() {
        let folder = Folder::with(&[("Cargo.toml", "members = [\"a\"]"), ("a/Cargo.toml", "[package]\n")]);

        assert!(members("[workspace]\n").is_err());
        assert!(published(folder.path()).unwrap_err().contains("a/Cargo.toml"));
    }
}
