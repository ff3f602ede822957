//! The Close frame that the relay itself writes (RFC 6455 §5.5.1).

use std::sync::LazyLock;

use admitone::close::{self, CloseCode};
use bytes::Bytes;
use rustls::crypto::{SecureRandom, aws_lc_rs};

use super::Side;

const FIN_CLOSE: u8 = 0x88;
const MASKED: u8 = 0x80;

static RANDOM: LazyLock<&'static dyn SecureRandom> = LazyLock::new(|| aws_lc_rs::default_provider().secure_random);

/// What a Close of ours says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    Ours(CloseCode),
    /// A fault of ours.
    Internal,
    /// A frame that is longer than the route lets through.
    TooLong,
}

impl Farewell {
    /// What has a code of RFC 6455 §7.4.1 has nothing more that a client could act on.
    pub(super) const fn says(self) -> (u16, &'static str) {
        match self {
            Self::Ours(code) => (code.code(), code.reason()),
            Self::Internal => (1011, ""),
            Self::TooLong => (1009, ""),
        }
    }
}

/// The Close frame with `code` and `reason` (at most 123 bytes): masked toward the upstream, where the gateway is the client (RFC 6455 §5.3).
/// `None` only when the system has no randomness for the masking key.
pub(super) fn close_frame(code: u16, reason: &str, to: Side) -> Option<Bytes> {
    let frame = close::frame(code, reason);
    if to == Side::Client {
        return Some(frame.into());
    }
    let mut key = [0; 4];
    RANDOM.fill(&mut key).ok()?;
    let payload = frame[2..].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    Some([FIN_CLOSE, MASKED | frame[1]].into_iter().chain(key).chain(payload).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masking_keys_differ() {
        let frames: Vec<_> = (0..4).map(|_| close_frame(4900, CloseCode::Revoked.reason(), Side::Upstream)).collect();
        assert!(frames.windows(2).any(|pair| pair[0] != pair[1]));
    }
}
