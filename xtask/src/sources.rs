//! The files of the work tree that are, or are about to be, committed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::call::{self, Outcome};

/// A text file, by its path from the repository's root.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every path, and every file among them that is text, in the order of their paths.
pub(crate) struct Sources {
    pub(crate) paths: BTreeSet<String>,
    pub(crate) texts: Vec<Source>,
}

/// Reads what git tracks, and new files that it does not ignore.
pub(crate) fn read(root: &Path) -> Outcome<Sources> {
    let listed = call::git(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).read()?;
    let paths: BTreeSet<String> =
        listed.split('\0').filter(|path| root.join(path).is_file()).map(String::from).collect();
    let mut texts = Vec::new();
    for path in &paths {
        let bytes = fs::read(root.join(path)).map_err(|error| format!("{path}: {error}"))?;
        texts.extend(String::from_utf8(bytes).map(|text| Source { path: path.clone(), text }).ok());
    }
    Ok(Sources { paths, texts })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A folder of a test's own, gone with it.
    pub(crate) struct Folder(PathBuf);

    impl Folder {
        pub(crate) fn with(files: &[(&str, &str)]) -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("admitone-xtask-{}-{number}", std::process::id());
            let folder = Self(std::env::temp_dir().join(name));
            fs::create_dir_all(&folder.0).unwrap();
            for (path, text) in files {
                folder.write(path, text);
            }
            folder
        }

        pub(crate) fn path(&self) -> &Path {
            &self.0
        }

        pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // A folder that stays behind harms no test.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn new_files_are_read_and_ignored_removed_and_binary_ones_are_not() {
        let folder = Folder::with(&[("kept.md", "kept"), ("gone.md", "gone"), (".gitignore", "out/")]);
        call::git(folder.path()).args(["init", "--quiet"]).run().unwrap();
        call::git(folder.path()).args(["add", "."]).run().unwrap();
        folder.write("new.md", "new");
        folder.write("out/ignored.md", "ignored");
        folder.write("picture.png", [0xff, 0xfe, 0x00]);
        fs::remove_file(folder.path().join("gone.md")).unwrap();

        let sources = read(folder.path()).unwrap();

        let texts: Vec<_> = sources.texts.iter().map(|source| source.path.as_str()).collect();
        assert_eq!(texts, [".gitignore", "kept.md", "new.md"]);
        assert!(sources.paths.contains("picture.png"));
    }
}
