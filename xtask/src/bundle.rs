//! The pages that the binary embeds: committed, so that building the gateway needs no Node.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::call::{self, Outcome};

const PAGES: &str = "crates/admitone-gateway/pages";

/// Rebuilds the SDK and the pages.
pub(crate) fn build(root: &Path) -> Outcome {
    call::npm(root).args(["run", "build"]).run()
}

/// Rebuilds from nothing, and fails when a file of a page comes out different from the one in the work tree.
pub(crate) fn check(root: &Path) -> Outcome {
    let folder = root.join(PAGES);
    let before = Snapshot::take(&folder)?;
    before.remove(&folder)?;
    if let Err(fault) = build(root) {
        before.restore(&folder)?;
        return Err(fault);
    }
    compare(&folder, &before)
}

/// What was there before with what is there now.
fn compare(folder: &Path, before: &Snapshot) -> Outcome {
    let after = Snapshot::take(folder)?;
    before.keep_times_of_unchanged(&after, folder)?;
    if after.files.is_empty() {
        return Err(format!("`npm run build` left {PAGES} empty"));
    }
    let differences = before.differences(&after);
    if differences.is_empty() {
        println!("{PAGES} is what its sources build: {} files compared", after.files.len());
        return Ok(());
    }
    Err(format!(
        "{PAGES} was not what its sources build:\n{}\nIt has been rebuilt now: look at `git diff \
         --stat {PAGES}`, and commit it with the change that it comes from.",
        differences.join("\n")
    ))
}

/// Every file under a folder, by its path there.
struct Snapshot {
    files: BTreeMap<PathBuf, File>,
}

struct File {
    bytes: Vec<u8>,
    modified: SystemTime,
}

impl Snapshot {
    /// A folder that does not exist has no files.
    fn take(folder: &Path) -> Outcome<Self> {
        let mut files = BTreeMap::new();
        if folder.exists() {
            collect(folder, folder, &mut files)
                .map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
        }
        Ok(Self { files })
    }

    fn remove(&self, folder: &Path) -> Outcome {
        self.each(folder, |path, _| fs::remove_file(path))
    }

    fn restore(&self, folder: &Path) -> Outcome {
        self.each(folder, |path, file| {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, &file.bytes)?;
            set_modified(path, file.modified)
        })
    }

    fn each(&self, folder: &Path, act: impl Fn(&Path, &File) -> io::Result<()>) -> Outcome {
        self.files.iter().try_for_each(|(name, file)| {
            let path = folder.join(name);
            act(&path, file).map_err(|error| format!("{}: {error}", path.display()))
        })
    }

    fn differences(&self, after: &Self) -> Vec<String> {
        let kept = self.files.iter().filter_map(|(path, file)| match after.files.get(path) {
            None => Some(format!("  no longer built: {}", path.display())),
            Some(built) if built.bytes != file.bytes => Some(format!("  differs:         {}", path.display())),
            Some(_) => None,
        });
        let added = after.files.keys().filter(|path| !self.files.contains_key(*path));
        kept.chain(added.map(|path| format!("  was missing:     {}", path.display()))).collect()
    }

    /// Cargo judges embedded files by their times: rebuilding the same bytes must not recompile the gateway.
    fn keep_times_of_unchanged(&self, after: &Self, folder: &Path) -> Outcome {
        self.each(folder, |path, file| {
            let built = path.strip_prefix(folder).ok().and_then(|name| after.files.get(name));
            match built.is_some_and(|built| built.bytes == file.bytes) {
                true => set_modified(path, file.modified),
                false => Ok(()),
            }
        })
    }
}

fn set_modified(path: &Path, time: SystemTime) -> io::Result<()> {
    fs::File::options().write(true).open(path)?.set_modified(time)
}

fn collect(folder: &Path, top: &Path, files: &mut BTreeMap<PathBuf, File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, top, files)?;
            continue;
        }
        let modified = fs::metadata(&path)?.modified()?;
        let name = path.strip_prefix(top).unwrap_or(&path).to_path_buf();
        files.insert(name, File { bytes: fs::read(&path)?, modified });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::Folder;

    #[test]
    fn changed_added_and_removed_files_are_named_and_equal_ones_are_not() {
        let folder = Folder::with(&[("same.js", "1"), ("assets/old.js", "2"), ("page.html", "3")]);
        let before = Snapshot::take(folder.path()).unwrap();
        folder.write("page.html", "4");
        folder.write("assets/new.js", "2");
        fs::remove_file(folder.path().join("assets/old.js")).unwrap();

        let differences = before.differences(&Snapshot::take(folder.path()).unwrap());

        assert_eq!(
            differences,
            ["  no longer built: assets/old.js", "  differs:         page.html", "  was missing:     assets/new.js",]
        );
    }

    #[test]
    fn a_rebuilt_equal_file_keeps_its_time() {
        let folder = Folder::with(&[("page.html", "1"), ("page.js", "1")]);
        let old = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        for name in ["page.html", "page.js"] {
            set_modified(&folder.path().join(name), old).unwrap();
        }
        let before = Snapshot::take(folder.path()).unwrap();
        folder.write("page.html", "1");
        folder.write("page.js", "2");
        let after = Snapshot::take(folder.path()).unwrap();

        before.keep_times_of_unchanged(&after, folder.path()).unwrap();

        let times = Snapshot::take(folder.path()).unwrap().files;
        assert_eq!(times[Path::new("page.html")].modified, old);
        assert_ne!(times[Path::new("page.js")].modified, old);
    }

    #[test]
    fn what_was_removed_for_a_build_that_failed_is_restored() {
        let folder = Folder::with(&[("page.html", "1"), ("assets/page.js", "2")]);
        let before = Snapshot::take(folder.path()).unwrap();

        before.remove(folder.path()).unwrap();
        assert!(Snapshot::take(folder.path()).unwrap().files.is_empty());
        before.restore(folder.path()).unwrap();

        assert_eq!(before.differences(&Snapshot::take(folder.path()).unwrap()), [""; 0]);
    }

    #[test]
    fn a_bundle_that_was_never_built_is_empty() {
        let folder = Folder::with(&[]);

        assert!(Snapshot::take(&folder.path().join("dist")).unwrap().files.is_empty());
    }
}
