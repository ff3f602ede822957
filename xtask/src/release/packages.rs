//! The packages, unpacked into a workspace of their own.

use std::fs;
use std::io;
use std::path::Path;

use super::Crate;
use crate::call::{self, Outcome};

/// Makes the packages, `target/package/NAME-VERSION.crate`.
pub(crate) fn make(root: &Path, crates: &[Crate]) -> Outcome {
    let named = crates.iter().flat_map(|published| ["--package", &published.name]);
    call::cargo(root).args(["package", "--locked", "--allow-dirty", "--quiet", "--no-verify"]).args(named).run()
}

/// Makes them and unpacks them. Cargo's own verification would do the same with what it once unpacked of this version, whatever
/// has changed since.
pub(crate) fn unpack(root: &Path, workspace: &Path, crates: &[Crate], version: &str) -> Outcome {
    make(root, crates)?;
    renew(workspace)?;
    for Crate { name, .. } in crates {
        let file = root.join(format!("target/package/{name}-{version}.crate"));
        // All files in a package are of one time: with that, a change would not be seen as one.
        call::program("tar", workspace).args(["-xzmf".as_ref(), file.as_os_str()]).run()?;
    }
    fs::write(workspace.join("Cargo.toml"), manifest(crates, version))
        .and_then(|()| fs::copy(root.join("Cargo.lock"), workspace.join("Cargo.lock")))
        .map(drop)
        .map_err(|error| format!("{}: {error}", workspace.display()))
}

/// Empties a folder, which is there afterwards.
pub(crate) fn renew(folder: &Path) -> Outcome {
    let emptied = match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::create_dir_all(folder),
    };
    emptied.map_err(|error| format!("{}: {error}", folder.display()))
}

/// A workspace of the packages alone, each taken for the published one.
fn manifest(crates: &[Crate], version: &str) -> String {
    let mut text = String::from("[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n\n[patch.crates-io]\n");
    for Crate { name, .. } in crates {
        text += &format!("{name} = {{ path = \"{name}-{version}\" }}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::Folder;

    #[test]
    fn the_packages_find_one_another() {
        let crates = [Crate { name: "admitone".to_owned(), folder: "crates/admitone".to_owned() }];

        let text = manifest(&crates, "0.1.0");

        assert!(text.ends_with("[patch.crates-io]\nadmitone = { path = \"admitone-0.1.0\" }\n"), "{text}");
    }

    #[test]
    fn a_renewed_folder_is_there_and_empty() {
        let folder = Folder::with(&[("packages/old/file", "1")]);
        let renewed = folder.path().join("packages");

        for _ in 0..2 {
            renew(&renewed).unwrap();
            assert_eq!(fs::read_dir(&renewed).unwrap().count(), 0);
            fs::remove_dir(&renewed).unwrap();
        }
    }
}
