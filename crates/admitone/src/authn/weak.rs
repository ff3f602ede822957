//! Public keys that are well-formed and yet protect nothing.

/// The odd primes that divide the product from which the keys of CVE-2017-15361 are made, whatever their size.
const ROCA_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether an RSA modulus (big-endian) has the structure of CVE-2017-15361: it is a power of 65537 modulo every one of
/// the primes. Of sound keys fewer than one in 10⁸ are.
pub(super) fn is_roca(modulus: &[u8]) -> bool {
    ROCA_PRIMES.iter().all(|prime| is_power_of_65537(remainder(modulus, *prime), *prime))
}

fn remainder(number: &[u8], divisor: u32) -> u32 {
    number.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % divisor)
}

fn is_power_of_65537(number: u32, prime: u32) -> bool {
    let mut power = 1;
    loop {
        if power == number {
            return true;
        }
        power = power * 65_537 % prime;
        if power == 1 {
            return false;
        }
    }
}

/// 2²⁵⁵ − 19, little-endian: coordinates of edwards25519 are below it.
const P25519: [u8; 32] = [
    0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
];

/// The y coordinate of two points of order 8; that of the two others is its negative.
const ORDER_8: [u8; 32] = [
    0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac,
    0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
];

/// See [`ORDER_8`].
const ORDER_8_NEGATIVE: [u8; 32] = [
    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53,
    0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
];

/// Whether bytes encode a y coordinate of edwards25519 canonically, and not that of a point of small order, for which
/// anybody can find signatures. Whether there is a point with this coordinate is not looked at: without one, no signature
/// is ever accepted.
pub(super) fn is_sound_ed25519(point: &[u8]) -> bool {
    let Ok(mut y) = <[u8; 32]>::try_from(point) else { return false };
    y[31] &= 0x7f;
    let minus_one = {
        let mut y = P25519;
        y[0] -= 1;
        y
    };
    let mut one = [0; 32];
    one[0] = 1;
    let is_canonical = y.iter().rev().lt(P25519.iter().rev());
    is_canonical && ![[0; 32], one, minus_one, ORDER_8, ORDER_8_NEGATIVE].contains(&y)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, ParsedPublicKey};

    use super::*;

    /// Whether somebody without a private key can sign one of a few messages for it.
    fn is_forgeable(point: [u8; 32]) -> bool {
        let mut signature = [0; 64];
        signature[0] = 1;
        ParsedPublicKey::new(&ED25519, point)
            .is_ok_and(|key| (0..=255_u8).any(|message| key.verify_sig(&[message], &signature).is_ok()))
    }

    #[test]
    fn s8_points_for_which_anybody_can_sign_are_refused() {
        let mut minus_one = P25519;
        minus_one[0] -= 1;
        let mut one = [0; 32];
        one[0] = 1;
        for y in [[0; 32], one, minus_one, ORDER_8, ORDER_8_NEGATIVE] {
            for sign in [0, 0x80] {
                let mut point = y;
                point[31] |= sign;
                assert!(!is_sound_ed25519(&point), "{point:02x?}");
            }
            assert!(is_forgeable(y), "{y:02x?}");
        }
        let mut base = [0x66; 32];
        base[0] = 0x58;
        assert!(is_sound_ed25519(&base) && !is_forgeable(base), "the base point");
    }

    #[test]
    fn coordinates_are_below_the_prime() {
        let at_and_above: Vec<[u8; 32]> = (0xed..=0xff).map(|low| with_lowest(P25519, low)).collect();
        assert!(at_and_above.iter().all(|point| !is_sound_ed25519(point)));
        assert!(is_sound_ed25519(&with_lowest(P25519, 0xeb)) && !is_sound_ed25519(&P25519[..31]));
    }

    fn with_lowest(mut point: [u8; 32], low: u8) -> [u8; 32] {
        point[0] = low;
        point
    }

    #[test]
    fn a_power_of_65537_has_the_structure_of_roca_and_its_neighbour_has_not() {
        let power = 65_537_u128.pow(7).to_be_bytes();
        assert!(is_roca(&power));
        assert!(!is_roca(&(65_537_u128.pow(7) + 2).to_be_bytes()));
    }
}
