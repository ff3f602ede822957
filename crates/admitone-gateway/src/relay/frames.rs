//! Where frames begin and end (RFC 6455 §5.2).
//!
//! [`Frames`] is fed one direction of a connection, cut anywhere, and keeps only its place in it: no payload, and of a
//! header only what is still to come. Masking, reserved bits, opcodes and the order of fragments are the peers' business.
//!
//! A control frame may stand between any two frames, also between the fragments of a message (RFC 6455 §5.4), so a frame
//! boundary is all that a Close of ours needs.

const OPCODE: u8 = 0x0F;
const OPCODE_CLOSE: u8 = 0x08;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;

/// Why a frame is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLength {
    /// A 64-bit payload length with its most significant bit set, which RFC 6455 §5.2 forbids.
    #[error("a frame announces more than 2^63 - 1 bytes")]
    Impossible,
    /// A payload that is longer than is let through.
    #[error("a frame announces more than is let through")]
    TooLong,
}

/// The place in one direction of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Frames {
    at: At,
    /// Bytes of payload still to come; while the length is being read, the part of it already seen.
    left: u64,
    in_close: bool,
    close_passed: bool,
}

#[derive(Clone, Copy, Debug)]
enum At {
    Boundary,
    Length,
    ExtendedLength { missing: u8, masked: bool },
    MaskingKey { missing: u8 },
    Payload,
}

impl Frames {
    /// The place before the first frame.
    #[must_use]
    pub const fn new() -> Self {
        Self { at: At::Boundary, left: 0, in_close: false, close_passed: false }
    }

    /// Everything fed so far were whole frames.
    #[must_use]
    pub const fn at_boundary(&self) -> bool {
        matches!(self.at, At::Boundary)
    }

    /// A whole Close frame has been fed.
    #[must_use]
    pub const fn close_passed(&self) -> bool {
        self.close_passed
    }

    /// Follows `bytes`, whose frames have payloads of at most `longest` bytes.
    ///
    /// # Errors
    /// [`BadLength`]: the place is lost, and [`Frames::at_boundary`] stays false.
    pub fn feed(&mut self, mut bytes: &[u8], longest: u64) -> Result<(), BadLength> {
        while !bytes.is_empty() {
            let used = self.finish_frame(bytes, longest)?;
            bytes = &bytes[used..];
        }
        Ok(())
    }

    /// How many of the next `bytes` belong to the frame under way: none at a boundary, all when it goes on after them.
    ///
    /// # Errors
    /// [`BadLength`] when its header is in `bytes` and invalid.
    pub fn rest_of_frame(&self, bytes: &[u8]) -> Result<usize, BadLength> {
        if self.at_boundary() {
            return Ok(0);
        }
        let mut ahead = *self;
        ahead.finish_frame(bytes, u64::MAX)
    }

    /// Follows `bytes` to the end of the first frame that ends in them, and returns how many that were.
    fn finish_frame(&mut self, bytes: &[u8], longest: u64) -> Result<usize, BadLength> {
        let mut used = 0;
        while used < bytes.len() {
            if matches!(self.at, At::Payload) {
                let taken = self.left.min((bytes.len() - used) as u64);
                self.left -= taken;
                // No more than `bytes.len()`.
                used += taken as usize;
            } else {
                self.header_byte(bytes[used])?;
                used += 1;
                if self.left > longest && matches!(self.at, At::Payload) {
                    return Err(BadLength::TooLong);
                }
            }
            if matches!(self.at, At::Payload) && self.left == 0 {
                self.at = At::Boundary;
                self.close_passed |= self.in_close;
                return Ok(used);
            }
        }
        Ok(used)
    }

    fn header_byte(&mut self, byte: u8) -> Result<(), BadLength> {
        self.at = match self.at {
            At::Boundary => {
                self.in_close = byte & OPCODE == OPCODE_CLOSE;
                self.left = 0;
                At::Length
            }
            At::Length => {
                let masked = byte & MASKED != 0;
                match byte & LENGTH {
                    126 => At::ExtendedLength { missing: 2, masked },
                    127 => At::ExtendedLength { missing: 8, masked },
                    length => {
                        self.left = u64::from(length);
                        after_length(masked)
                    }
                }
            }
            At::ExtendedLength { missing: 8, .. } if byte >> 7 == 1 => return Err(BadLength::Impossible),
            At::ExtendedLength { missing, masked } => {
                self.left = self.left << 8 | u64::from(byte);
                if missing == 1 { after_length(masked) } else { At::ExtendedLength { missing: missing - 1, masked } }
            }
            At::MaskingKey { missing: 1 } => At::Payload,
            At::MaskingKey { missing } => At::MaskingKey { missing: missing - 1 },
            At::Payload => At::Payload,
        };
        Ok(())
    }
}

impl Default for Frames {
    fn default() -> Self {
        Self::new()
    }
}

const fn after_length(masked: bool) -> At {
    if masked { At::MaskingKey { missing: 4 } } else { At::Payload }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(pieces: &[&[u8]]) -> Frames {
        let mut frames = Frames::new();
        for piece in pieces {
            frames.feed(piece, u64::MAX).expect("valid lengths");
        }
        frames
    }

    #[test]
    fn holds_its_place_in_sixteen_bytes() {
        assert_eq!(size_of::<Frames>(), 16);
    }

    #[test]
    fn a_frame_is_whole_only_after_its_last_byte() {
        for frame in [
            vec![0x81, 0x02, b'h', b'i'],
            vec![0x81, 0x82, 1, 2, 3, 4, 5, 6],
            vec![0x89, 0x00],
            vec![0x89, 0x80, 1, 2, 3, 4],
            [vec![0x82, 126, 0, 200], vec![0; 200]].concat(),
            [vec![0x82, 126 | 0x80, 1, 0, 9, 9, 9, 9], vec![0; 256]].concat(),
            [vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], vec![0; 65_536]].concat(),
        ] {
            let mut frames = Frames::new();
            for byte in &frame[..frame.len() - 1] {
                frames.feed(&[*byte], u64::MAX).expect("valid length");
                assert!(!frames.at_boundary());
            }
            frames.feed(&frame[frame.len() - 1..], u64::MAX).expect("valid length");
            assert!(frames.at_boundary());
        }
    }

    #[test]
    fn a_close_has_passed_when_its_last_byte_has() {
        assert!(!fed(&[&[0x88, 0x02, 0x03]]).close_passed());
        assert!(fed(&[&[0x88, 0x02, 0x03, 0xE8]]).close_passed());
        assert!(fed(&[&[0x88, 0x80, 1, 2, 3, 4]]).close_passed());
        assert!(!fed(&[&[0x81, 0x02, 0x88, 0x00]]).close_passed(), "a payload that looks like a Close is payload");
    }

    #[test]
    fn between_fragments_is_a_boundary() {
        let frames = fed(&[&[0x01, 0x01, b'a', 0x00, 0x01, b'b']]);
        assert!(frames.at_boundary());
    }

    #[test]
    fn the_rest_of_a_frame_ends_at_its_end() {
        let frames = fed(&[&[0x81, 0x03, b'a']]);
        assert_eq!(frames.rest_of_frame(&[b'b', b'c', 0x81, 0x00]), Ok(2));
        assert_eq!(frames.rest_of_frame(b"b"), Ok(1));
        assert_eq!(Frames::new().rest_of_frame(&[0x81, 0x00]), Ok(0));
        assert_eq!(fed(&[&[0x81]]).rest_of_frame(&[0x00, 0x81, 0x00]), Ok(1), "a header may be what is missing");
    }

    #[test]
    fn a_length_with_the_top_bit_set_is_refused_for_good() {
        let mut frames = Frames::new();
        assert_eq!(frames.feed(&[0x82, 127, 0x80], u64::MAX), Err(BadLength::Impossible));
        assert!(!frames.at_boundary());

        let largest = fed(&[&[0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], &[0; 1000]]);
        assert!(!largest.at_boundary());
    }

    #[test]
    fn s26_a_payload_that_is_too_long_is_known_by_its_header() {
        for header in
            [&[0x82, 126, 0, 201][..], &[0x02, 126 | 0x80, 0, 201, 1, 2, 3, 4], &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]]
        {
            let mut frames = Frames::new();
            let (last, before) = header.split_last().expect("a header");
            frames.feed(before, 200).expect("more is to come");
            assert_eq!(frames.feed(&[*last], 200), Err(BadLength::TooLong));
            assert!(!frames.at_boundary());
        }
        let mut frames = Frames::new();
        frames.feed(&[&[0x82, 126, 0, 200][..], &[0; 200], &[0x82, 5, 1, 2, 3, 4, 5]].concat(), 200).expect("all fit");
        assert!(frames.at_boundary());
    }
}
