//! The systemd unit, by systemd's own judgement.

use std::fs;
use std::process::Command;

use super::{read, repository, said};
use crate::tokens::FOLDER;

/// The unit with the program that was built in the place of the installed one.
fn unit() -> std::path::PathBuf {
    let text = read("deploy/systemd/admitone.service");
    let text = text.replace("/usr/bin/admitone", env!("CARGO_BIN_EXE_admitone"));
    let path = FOLDER.join("admitone.service");
    fs::write(&path, text).expect("a file");
    path
}

#[test]
fn systemd_finds_no_fault_in_the_unit() {
    let output = Command::new("systemd-analyze").arg("verify").arg(unit()).output().expect("systemd-analyze");
    let told = String::from_utf8_lossy(&output.stderr);
    // Of this unit alone: the machine's own may have faults.
    let of_it: Vec<&str> = told.lines().filter(|line| line.contains("admitone")).collect();
    assert_eq!(of_it, [""; 0]);
}

#[test]
fn systemd_rates_its_exposure_below_two_of_ten() {
    let mut command = Command::new("systemd-analyze");
    said(command.args(["security", "--offline=true", "--threshold=20", "--no-pager"]).arg(unit()));
}

#[test]
fn it_is_stopped_no_earlier_than_any_drain_ends() {
    let text = read("deploy/systemd/admitone.service");
    let seconds = text.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).expect("a limit");
    assert!(seconds.parse::<u64>().expect("seconds") > 300, "drain_seconds is at most 300");
    assert!(repository("deploy/systemd/admitone.sysusers").is_file());
}
