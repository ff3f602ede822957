//! The fuzzers of `fuzz/`, on the stable toolchain: built once, each run for a while from its committed seeds.

use std::fs;
use std::path::Path;

use crate::call::{self, Outcome};

/// Seconds that each runs for, when nobody says otherwise.
pub(crate) const SHORT: u32 = 4;
pub(crate) const LONG: u32 = 60;

/// The fuzzers' names: the folders of their seeds.
pub(crate) fn names(root: &Path) -> Outcome<Vec<String>> {
    let folder = root.join("fuzz/seeds");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    Ok(names)
}

/// Builds all and runs those that are named, or all; what they found beyond the seeds is kept in `target/fuzz`.
pub(crate) fn run(root: &Path, named: &[String], seconds: u32) -> Outcome {
    let names = names(root)?;
    if let Some(unknown) = named.iter().find(|name| !names.contains(name)) {
        return Err(format!("no fuzzer `{unknown}`; there are {}", names.join(", ")));
    }
    call::cargo(root)
        .args(["build", "--package", "admitone-fuzz", "--bins"])
        .env("RUSTC_WORKSPACE_WRAPPER", root.join("fuzz/instrument.sh"))
        .run()?;
    let chosen = if named.is_empty() { &names } else { named };
    chosen.iter().try_for_each(|name| one(root, name, seconds))
}

fn one(root: &Path, name: &str, seconds: u32) -> Outcome {
    let kept = root.join("target/fuzz").join(name);
    fs::create_dir_all(&kept).map_err(|error| format!("{}: {error}", kept.display()))?;
    let seeds = root.join("fuzz/seeds").join(name);
    call::program(root.join("target/debug").join(name), root)
        .args([format!("-max_total_time={seconds}"), "-timeout=5".into(), "-rss_limit_mb=2048".into()])
        .args(["-verbosity=0", "-print_final_stats=1", "-max_len=16384"])
        .args([format!("-artifact_prefix={}/finding-", kept.display())])
        .args([kept, seeds])
        .run()
        .map_err(|fault| {
            format!("{fault}\n{name}: the input is in target/fuzz/{name}; `target/debug/{name} FILE` repeats it")
        })
}
