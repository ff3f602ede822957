//! Which core does what, and how many descriptors there are.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::Failure;

/// Part of util-linux, which every Debian has.
pub(crate) const TASKSET: &str = "/usr/bin/taskset";

/// A socket on each side of eight thousand connections, and room.
const DESCRIPTORS: u32 = 20_000;

/// A core by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Core(pub(crate) u8);

/// Where the server under test runs, alone.
pub(crate) const SERVER: Core = Core(0);

/// Where this process, which makes the load, and the upstream run.
pub(crate) const GENERATOR: Core = Core(1);

/// Starts this process again, on the generator's core and with enough descriptors; returns only when that fails.
///
/// # Errors
///
/// On a machine with one core, or without the place's executable.
pub(crate) fn again_in_place() -> Result<Failure, Failure> {
    if std::thread::available_parallelism()?.get() < 2 {
        return Err("two cores are needed: one for the server under test, one for the load".into());
    }
    let raise = format!("ulimit -n {DESCRIPTORS} || exit 1; exec \"$0\" \"$@\"");
    let error = Command::new(TASKSET)
        .args(["-c", &GENERATOR.0.to_string(), "sh", "-c", &raise])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .arg("--placed")
        .exec();
    Ok(format!("{TASKSET}: {error} (it is in Debian's package util-linux)").into())
}
