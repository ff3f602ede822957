//! What a release is made of, for whoever asks which programs have a flawed part: CycloneDX, in JSON.

use std::fs;
use std::io;
use std::path::Path;

use crate::call::{self, Outcome};
use crate::install;
use crate::release::{self, Crate};

const FOLDER: &str = "target/sbom";
const BINARY: &str = "admitone-gateway";

/// Writes the program's bill of materials, and the npm package's.
pub(crate) fn write(root: &Path) -> Outcome {
    let (crates, version) = (release::published(root)?, release::version(root)?);
    let folder = root.join(FOLDER);
    let workspace = folder.join("packages");
    renewed(&workspace).map_err(|error| format!("{}: {error}", workspace.display()))?;
    let made = of_the_program(root, &workspace, &crates, &version)?;
    put(&folder.join("admitone.cdx.json"), &made, "\"name\": \"aws-lc-rs\"")?;
    let made = of_the_npm_package(root, &folder, &version)?;
    put(&folder.join("admitone-npm.cdx.json"), &made, &format!("\"purl\": \"pkg:npm/admitone@{version}\""))
}

/// Made of the packages rather than of the workspace, whose tests and examples turn on features, and so crates, that the
/// program has not.
fn of_the_program(root: &Path, workspace: &Path, crates: &[Crate], version: &str) -> Outcome<String> {
    release::package(root, crates, &["--quiet", "--no-verify"])?;
    for Crate { name, .. } in crates {
        let file = root.join(format!("target/package/{name}-{version}.crate"));
        call::program("tar", workspace).args(["-xzf".as_ref(), file.as_os_str()]).run()?;
    }
    fs::write(workspace.join("Cargo.toml"), manifest(crates, version))
        .and_then(|()| fs::copy(root.join("Cargo.lock"), workspace.join("Cargo.lock")))
        .map_err(|error| format!("{}: {error}", workspace.display()))?;
    let committed = call::git(root).args(["log", "-1", "--format=%ct"]).read()?;
    call::program(install::cargo_cyclonedx_program(root), workspace)
        .args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5", "--override-filename", "bom"])
        .env("SOURCE_DATE_EPOCH", committed.trim())
        .run()?;
    let made = workspace.join(format!("{BINARY}-{version}/bom.json"));
    let made = fs::read_to_string(&made).map_err(|error| format!("{}: {error}", made.display()))?;
    Ok(without_place(&made, workspace))
}

/// Made of the package too: of the workspace, npm would tell that it is a private one with a package in it.
fn of_the_npm_package(root: &Path, folder: &Path, version: &str) -> Outcome<String> {
    let package = folder.join("admitone");
    renewed(&package).map_err(|error| format!("{}: {error}", package.display()))?;
    let into = ["--pack-destination".as_ref(), folder.as_os_str()];
    call::npm(&root.join("packages/admitone")).args(["pack", "--silent"]).args(into).run()?;
    let file = folder.join(format!("admitone-{version}.tgz"));
    call::program("tar", &package).args(["--strip-components=1".as_ref(), "-xzf".as_ref(), file.as_os_str()]).run()?;
    call::npm(&package).args(["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "library", "--omit", "dev"]).read()
}

/// A workspace of the packages alone, each taken for the published one.
fn manifest(crates: &[Crate], version: &str) -> String {
    let mut text = String::from("[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n\n[patch.crates-io]\n");
    for Crate { name, .. } in crates.iter().filter(|published| published.name != BINARY) {
        text += &format!("{name} = {{ path = \"{name}-{version}\" }}\n");
    }
    text
}

/// Where it was made is no part of it.
fn without_place(made: &str, folder: &Path) -> String {
    made.replace(&format!("{}/", folder.display()), "")
}

/// Writes one, after a look whether it is what it should be.
fn put(path: &Path, made: &str, part: &str) -> Outcome {
    for wanted in ["\"bomFormat\": \"CycloneDX\"", part] {
        if !made.contains(wanted) {
            return Err(format!("what was made for {} has no {wanted}", path.display()));
        }
    }
    fs::write(path, made).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{}: {} components", path.display(), made.matches("\"bom-ref\": ").count());
    Ok(())
}

fn renewed(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::Folder;

    fn published(name: &str) -> Crate {
        Crate { name: name.to_owned(), folder: format!("crates/{name}") }
    }

    #[test]
    fn the_packages_find_one_another() {
        let text = manifest(&[published("admitone"), published(BINARY)], "0.1.0");

        assert!(text.ends_with("[patch.crates-io]\nadmitone = { path = \"admitone-0.1.0\" }\n"), "{text}");
    }

    #[test]
    fn the_place_is_taken_out() {
        let made = without_place("path+file:///a/b/admitone-0.1.0#0.1.0", Path::new("/a/b"));

        assert_eq!(made, "path+file://admitone-0.1.0#0.1.0");
    }

    #[test]
    fn what_is_no_bill_or_not_of_this_is_not_written() {
        let folder = Folder::with(&[]);
        let path = folder.path().join("bom.json");

        assert!(put(&path, "{}", "").is_err());
        assert!(put(&path, "{\"bomFormat\": \"CycloneDX\"}", "\"name\": \"aws-lc-rs\"").is_err());
        assert!(!path.exists());
        assert_eq!(put(&path, "{\"bomFormat\": \"CycloneDX\"}", ""), Ok(()));
    }
}
