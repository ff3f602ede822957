//! DER, as far as public keys (`SubjectPublicKeyInfo`, RFC 5280 §4.1) and their recognition need it.

use super::material::Material;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// `AlgorithmIdentifier`s, whole but for their tag and length: the object identifier, and NULL or the named curve.
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const P256: &[u8] =
    &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

/// Reads a whole `SubjectPublicKeyInfo` of a known kind; lengths are definite and minimal.
pub(super) fn read_public_key(der: &[u8]) -> Option<Material> {
    let (algorithm, rest) = element(SEQUENCE, only(SEQUENCE, der)?)?;
    let key = only(BIT_STRING, rest)?.strip_prefix(&[0])?;
    match algorithm {
        RSA => {
            let (n, e) = element(INTEGER, only(SEQUENCE, key)?)?;
            Some(Material::Rsa { n: natural(n)?.to_vec(), e: natural(only(INTEGER, e)?)?.to_vec() })
        }
        P256 => Some(Material::P256(key.to_vec())),
        P384 => Some(Material::P384(key.to_vec())),
        ED25519 => Some(Material::Ed25519(key.to_vec())),
        _ => None,
    }
}

/// Whether bytes have the outline of a public or private key or of a certificate.
pub(super) fn is_document(bytes: &[u8]) -> bool {
    let mut tags = Vec::new();
    let Some(mut rest) = only(SEQUENCE, bytes) else { return false };
    while let Some(tag) = rest.first().copied() {
        let Some((_, following)) = element(tag, rest) else { return false };
        tags.push(tag);
        rest = following;
    }
    matches!(
        tags[..],
        [SEQUENCE, BIT_STRING]
            | [INTEGER, INTEGER]
            | [SEQUENCE, SEQUENCE, BIT_STRING]
            | [INTEGER, SEQUENCE | OCTET_STRING, ..]
            | [INTEGER, INTEGER, INTEGER, ..]
    )
}

/// A positive integer's magnitude: the zero that keeps it from being negative is not part of it.
fn natural(integer: &[u8]) -> Option<&[u8]> {
    match integer {
        [0, rest @ ..] if rest.first().is_some_and(|byte| byte & 0x80 != 0) => Some(rest),
        [1..=0x7f, ..] => Some(integer),
        _ => None,
    }
}

fn only(tag: u8, der: &[u8]) -> Option<&[u8]> {
    element(tag, der).filter(|(_, rest)| rest.is_empty()).map(|(content, _)| content)
}

/// The content of an element with this tag, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der.strip_prefix(&[tag])? {
        [short @ 0..=0x7f, rest @ ..] => (usize::from(*short), rest),
        [0x81, long @ 0x80..=0xff, rest @ ..] => (usize::from(*long), rest),
        [0x82, high @ 1..=0xff, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_is_positive_and_has_no_byte_too_many() {
        for (integer, magnitude) in [
            (&[0x00, 0x80][..], Some(&[0x80][..])),
            (&[0x00, 0xff, 0x01], Some(&[0xff, 0x01])),
            (&[0x01], Some(&[0x01])),
            (&[0x7f, 0x00], Some(&[0x7f, 0x00])),
            (&[0x00, 0x7f], None),
            (&[0x00, 0x00], None),
            (&[0x00], None),
            (&[0x80], None),
            (&[], None),
        ] {
            assert_eq!(natural(integer), magnitude, "{integer:02x?}");
        }
    }

    #[test]
    fn a_length_is_written_in_the_shortest_way_and_does_not_pass_the_end() {
        let of = |head: &[u8], length: usize| [head, &vec![7; length]].concat();
        for (head, length) in [
            (&[INTEGER, 0x00][..], 0),
            (&[INTEGER, 0x7f], 0x7f),
            (&[INTEGER, 0x81, 0x80], 0x80),
            (&[INTEGER, 0x81, 0xff], 0xff),
            (&[INTEGER, 0x82, 0x01, 0x00], 0x100),
        ] {
            let whole = of(head, length);
            assert_eq!(only(INTEGER, &whole).map(<[u8]>::len), Some(length), "{head:02x?}");
            assert_eq!(only(INTEGER, &of(head, length + 1)), None, "{head:02x?}: one byte more");
            assert_eq!(element(INTEGER, &of(head, length + 1)).map(|(_, rest)| rest.len()), Some(1), "{head:02x?}");
            assert_eq!(only(BIT_STRING, &whole), None, "{head:02x?}: another tag");
            let cut = &whole[..whole.len() - usize::from(length > 0)];
            assert_eq!(element(INTEGER, cut).is_some(), length == 0, "{head:02x?}: cut");
        }
        for head in
            [&[INTEGER, 0x80][..], &[INTEGER, 0x81, 0x7f], &[INTEGER, 0x82, 0x00, 0xff], &[INTEGER, 0x83, 0x01, 0, 0]]
        {
            assert_eq!(element(INTEGER, &of(head, 0x1_0000)), None, "{head:02x?}");
        }
    }
}
