//! What a release is made of, for whoever asks which programs have a flawed part: CycloneDX, in JSON.

use std::fs;
use std::path::Path;

use crate::call::{self, Outcome};
use crate::install;
use crate::release::{self, packages};

const FOLDER: &str = "target/sbom";
const BINARY: &str = "admitone-gateway";

/// Writes the program's bill of materials, and the npm package's.
pub(crate) fn write(root: &Path) -> Outcome {
    let (folder, version) = (root.join(FOLDER), release::version(root)?);
    let made = of_the_program(root, &folder.join("packages"), &version)?;
    put(&folder.join("admitone.cdx.json"), &made, "\"name\": \"aws-lc-rs\"")?;
    let made = of_the_npm_package(root, &folder, &version)?;
    put(&folder.join("admitone-npm.cdx.json"), &made, &format!("\"purl\": \"pkg:npm/admitone@{version}\""))
}

/// Made of the packages rather than of the workspace, whose tests and examples turn on features, and so crates, that the
/// program has not.
fn of_the_program(root: &Path, workspace: &Path, version: &str) -> Outcome<String> {
    packages::unpack(root, workspace, &release::published(root)?, version)?;
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
    packages::renew(&package)?;
    let into = ["--pack-destination".as_ref(), folder.as_os_str()];
    call::npm(&root.join("packages/admitone")).args(["pack", "--silent"]).args(into).run()?;
    let file = folder.join(format!("admitone-{version}.tgz"));
    call::program("tar", &package).args(["--strip-components=1".as_ref(), "-xzf".as_ref(), file.as_os_str()]).run()?;
    call::npm(&package).args(["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "library", "--omit", "dev"]).read()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::Folder;

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
