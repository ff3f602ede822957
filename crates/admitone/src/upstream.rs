//! What an upstream is told of who was admitted.

/// What the names of our headers begin with.
const OURS: &str = "x-admitone-";

/// Whether a header reads as one of ours, in any spelling that some servers fold into it: `_` and `.` count as `-`.
#[must_use]
pub fn is_identity(name: &str) -> bool {
    name.len() >= OURS.len()
        && name.bytes().zip(OURS.bytes()).all(|(byte, ours)| match byte {
            b'_' | b'.' => ours == b'-',
            _ => byte.eq_ignore_ascii_case(&ours),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a2_every_spelling_of_our_headers_is_one_of_them() {
        for name in ["x-admitone-subject", "X_AdmitOne_Sub", "x.admitone.sub", "x-admitone-", "X-ADMITONE_email"] {
            assert!(is_identity(name), "{name}");
        }
        for name in ["x-admitone", "x-admitones-subject", "xx-admitone-subject", "x-request-id", ""] {
            assert!(!is_identity(name), "{name}");
        }
    }
}
