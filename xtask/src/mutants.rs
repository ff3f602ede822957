//! The modules that decide, changed in every small way: a test has to notice each change.

use std::fs;
use std::path::Path;

use crate::call::{self, Outcome};
use crate::install;

/// Which modules, and which changes are none, is in `.cargo/mutants.toml`.
const REPORT: &str = "target/mutants";

/// What keeps tickets, revocations and rollouts in Redis: its tests need a server.
const ON_REDIS: &str = "crates/admitone/src/*/redis**";

pub(crate) fn run(root: &Path) -> Outcome {
    let memory = judge(root, "memory", &["--exclude", ON_REDIS], &["lib", "test=it"]);
    let redis = judge(root, "redis", &["--file", ON_REDIS], &["test=redis"]);
    memory.and(redis)
}

fn judge(root: &Path, name: &str, files: &[&str], tests: &[&str]) -> Outcome {
    let report = Path::new(REPORT).join(name);
    let folder = root.join(&report);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| format!("{} cannot be cleared: {error}", report.display()))?;
    }
    fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}", report.display()))?;
    let ended = call::program(install::cargo_mutants_program(root), root)
        .args(["mutants", "--no-shuffle", "--output"])
        .args([&report])
        .args(files)
        .args(tests.iter().map(|test| format!("--cargo-arg=--{test}")))
        .run();
    let list = |name: &str| fs::read_to_string(folder.join("mutants.out").join(name)).unwrap_or_default();
    verdict(ended, &list("missed.txt"), &list("timeout.txt"))
}

/// A change that keeps the tests waiting for ever was noticed; cargo-mutants' exit status takes it for a fault.
fn verdict(ended: Outcome, missed: &str, timed_out: &str) -> Outcome {
    match ended {
        _ if !missed.is_empty() => Err(format!("no test noticed:\n{missed}")),
        Err(_) if !timed_out.is_empty() => Ok(()),
        ended => ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_test_noticed_fails_and_what_kept_them_waiting_does_not() {
        let failed = || Err("failed".to_owned());
        assert_eq!(verdict(Ok(()), "", ""), Ok(()));
        assert_eq!(verdict(failed(), "", "a.rs:1:1: replace f with ()\n"), Ok(()));
        assert_eq!(verdict(failed(), "", ""), failed());
        for ended in [Ok(()), failed()] {
            let told = verdict(ended, "a.rs:1:1: replace f with ()\n", "b.rs:1:1: replace g with ()\n");
            assert!(told.is_err_and(|told| told.contains("a.rs:1:1")));
        }
    }
}
