//! Cluster's slots (Redis Cluster specification, "Hash tags").

const SLOTS: u16 = 16384;

/// The slot of a key without a hash tag, or of a hash tag.
pub(super) fn slot(tag: &[u8]) -> u16 {
    tag.iter().fold(0, |crc, byte| crc16(crc, *byte)) % SLOTS
}

/// CRC-16/XMODEM.
fn crc16(crc: u16, byte: u8) -> u16 {
    (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| match crc & 0x8000 {
        0 => crc << 1,
        _ => (crc << 1) ^ 0x1021,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(b"123456789".iter().fold(0, |crc, byte| crc16(crc, *byte)), 0x31c3);
        assert_eq!((slot(b"foo"), slot(b"user1000")), (12182, 3443));
    }
}
