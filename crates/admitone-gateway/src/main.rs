//! The `admitone` command.
fn main() {}
