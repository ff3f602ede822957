//! The Close frame that the relay itself writes (RFC 6455 §5.5.1).

use std::sync::LazyLock;

use admitone::close;
use bytes::Bytes;
use rustls::crypto::{SecureRandom, aws_lc_rs};

use super::Side;

const FIN_CLOSE: u8 = 0x88;
const MASKED: u8 = 0x80;

static RANDOM: LazyLock<&'static dyn SecureRandom> = LazyLock::new(|| aws_lc_rs::default_provider().secure_random);

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
    use admitone::close::CloseCode;

    use super::*;

    #[test]
    fn masking_keys_differ() {
        let frames: Vec<_> = (0..4).map(|_| close_frame(4900, CloseCode::Revoked.reason(), Side::Upstream)).collect();
        assert!(frames.windows(2).any(|pair| pair[0] != pair[1]));
    }
}
