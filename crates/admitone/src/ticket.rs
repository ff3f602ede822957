//! The ticket: an opaque secret of 77 characters.
//!
//! `adm1_` and unpadded base64url of 54 bytes; the layout is in `spec/PROTOCOL.md`. This module knows the shape.
//! What makes a ticket authentic is in `keys` (feature `server`).

#[cfg(feature = "server")]
pub mod keys;

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// What every ticket begins with, for secret scanners and for people.
pub const PREFIX: &str = "adm1_";

/// Characters in a ticket.
pub const LENGTH: usize = PREFIX.len() + 72;

const BODY_BYTES: usize = 38;
const MAC_BYTES: usize = 16;
const SEALED_BYTES: usize = BODY_BYTES + MAC_BYTES;
const VERSION: u8 = 1 << 4;

/// Why a string is not a ticket. It says nothing of the string's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketFormatError {
    /// Not 77 characters.
    #[error("a ticket has 77 characters")]
    Length,
    /// Not the prefix.
    #[error("a ticket begins with adm1_")]
    Prefix,
    /// Not canonical base64url.
    #[error("a ticket is unpadded base64url after its prefix")]
    Alphabet,
    /// A version or flag that this release does not know.
    #[error("the ticket is of a version that this release does not know")]
    Version,
}

/// A ticket: whoever holds it may open one connection.
///
/// Not `Clone`, not `Display`, redacted in `Debug`, wiped when dropped.
pub struct Ticket {
    /// ASCII.
    text: Zeroizing<[u8; LENGTH]>,
    #[cfg(feature = "server")]
    sealed: Zeroizing<[u8; SEALED_BYTES]>,
}

impl Ticket {
    /// Reads a ticket's text. Authenticity is for `Admission::inspect` to say.
    ///
    /// # Errors
    ///
    /// [`TicketFormatError`] for any string that no release of this version could have minted.
    pub fn parse(text: &str) -> Result<Self, TicketFormatError> {
        let whole: &[u8; LENGTH] = text.as_bytes().try_into().map_err(|_| TicketFormatError::Length)?;
        let encoded = text.strip_prefix(PREFIX).ok_or(TicketFormatError::Prefix)?;
        let mut sealed = Zeroizing::new([0; SEALED_BYTES]);
        match URL_SAFE_NO_PAD.decode_slice(encoded, sealed.as_mut_slice()) {
            Ok(SEALED_BYTES) => {}
            _ => return Err(TicketFormatError::Alphabet),
        }
        if !Flags::known(sealed[0]) {
            return Err(TicketFormatError::Version);
        }
        Ok(Self {
            text: Zeroizing::new(*whole),
            #[cfg(feature = "server")]
            sealed,
        })
    }

    /// The secret itself, to be handed to its owner and nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        // It was made of ASCII.
        std::str::from_utf8(self.text.as_slice()).unwrap_or_default()
    }

    #[cfg(feature = "server")]
    fn from_sealed(sealed: Zeroizing<[u8; SEALED_BYTES]>) -> Self {
        let mut text = Zeroizing::new([0; LENGTH]);
        let (prefix, encoded) = text.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(PREFIX.as_bytes());
        // It fits: both lengths are fixed.
        let written = URL_SAFE_NO_PAD.encode_slice(sealed.as_slice(), encoded);
        debug_assert_eq!(written, Ok(LENGTH - PREFIX.len()));
        Self { text, sealed }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(redacted)")
    }
}

/// A ticket's random name in the store. Knowing it redeems nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TicketId(pub(crate) [u8; 16]);

impl fmt::Debug for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketId(redacted)")
    }
}

/// A keyed hash of issuer and subject: says "the same person" without saying who.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubjectTag(pub(crate) [u8; 8]);

impl SubjectTag {
    /// Which of the 256 groups of subjects this one belongs to: the store's shard, Cluster's hash tag.
    #[must_use]
    pub const fn bucket(self) -> u8 {
        self.0[0]
    }
}

/// The place that a ticket is bound to: which of the parts count is the mint's decision, written into the ticket.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The route's path.
    pub route: &'a str,
    /// The `Origin`, of the mint request at mint and of the upgrade at redemption. Absent at mint: not bound.
    pub origin: Option<&'a str>,
    /// The client's address; counted by its /24 or /64 prefix. Absent at mint: not bound.
    pub address: Option<IpAddr>,
}

/// What a ticket's first byte says beside the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flags(u8);

impl Flags {
    const SINGLE_USE: u8 = 1;
    const ORIGIN: u8 = 1 << 1;
    const ADDRESS: u8 = 1 << 2;
    const ALL: u8 = Self::SINGLE_USE + Self::ORIGIN + Self::ADDRESS;

    const fn known(byte: u8) -> bool {
        byte & 0xf0 == VERSION && byte & 0x0f & !Self::ALL == 0
    }
}

#[cfg(test)]
mod tests;
