//! What fuzzers reach of this module.

use super::record;

/// A record that is read can be written, and read again.
pub fn record(data: &[u8]) {
    let Some(stored) = record::read(data) else { return };
    let Some(written) = record::write(&stored) else { panic!("what was read cannot be written") };
    let head = [record::VERSION, &"-".repeat(40), &written.uses, "0000000000000"].concat();
    let again = record::read(&[head.as_bytes(), &written.rest].concat());
    assert!(again.is_some_and(|again| again.session_id == stored.session_id && again.uses == stored.uses));
}
