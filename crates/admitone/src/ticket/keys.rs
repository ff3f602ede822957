//! The keys that make tickets authentic.

mod places;

use std::fmt;
use std::net::IpAddr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{BODY_BYTES, Flags, MAC_BYTES, Place, SEALED_BYTES, SubjectTag, Ticket, TicketId, VERSION};
use crate::grant::SessionId;
use crate::rollout::Standing;
use places::{BindingTag, Places};

/// Fewest bytes in a secret.
pub const MIN_SECRET_BYTES: usize = 32;

/// Why a list of keys cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No key to sign with.
    #[error("at least one ticket key is needed")]
    None,
    /// Two keys have one id.
    #[error("two ticket keys have the id {0}")]
    DuplicateId(u8),
    /// A secret is too short to resist guessing.
    #[error("a ticket secret needs at least 32 bytes, this one has {0}")]
    TooShort(usize),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
}

/// Ticket keys: the first signs, all verify, so that keys rotate without refusing anybody.
///
/// The key of the two tags is separate and never rotates: a tag has to stay the same while tickets and marks refer to it.
pub struct TicketKeys {
    signing: Vec<(u8, Hmac<Sha256>)>,
    tags: Hmac<Sha256>,
    places: Places,
}

impl TicketKeys {
    /// Makes keys from secrets of at least 32 bytes each: `(id, secret)`, the signing one first.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when there is none, an id repeats, or a secret is short.
    pub fn new(secrets: &[(u8, &[u8])], tag_secret: &[u8]) -> Result<Self, KeyError> {
        if secrets.is_empty() {
            return Err(KeyError::None);
        }
        let mut signing = Vec::with_capacity(secrets.len());
        for &(id, secret) in secrets {
            if signing.iter().any(|(known, _)| *known == id) {
                return Err(KeyError::DuplicateId(id));
            }
            signing.push((id, keyed(secret)?));
        }
        Ok(Self { signing, tags: keyed(tag_secret)?, places: Places::default() })
    }

    /// Makes keys that nobody else has: tickets of this process work in this process only.
    ///
    /// # Errors
    ///
    /// [`KeyError::Random`] when the system gives no random bytes.
    pub fn random() -> Result<Self, KeyError> {
        // With a random id, so that another process's tickets are recognised as such and not as forgeries.
        let (mut secret, mut id) = (Zeroizing::new([0; 64]), [0; 1]);
        getrandom::fill(secret.as_mut_slice()).and_then(|()| getrandom::fill(&mut id)).map_err(KeyError::Random)?;
        let (signing, tags) = secret.split_at(32);
        Self::new(&[(id[0], signing)], tags)
    }

    /// The tag of a subject.
    #[must_use]
    pub fn subject_tag(&self, issuer: &str, subject: &str) -> SubjectTag {
        subject_tag(&self.tags, issuer, subject)
    }

    /// The same as a function that holds the tags' key alone, for stores that have to find a subject's place by themselves.
    pub fn tagging(&self) -> impl Fn(&str, &str) -> SubjectTag + Send + Sync + 'static {
        let tags = self.tags.clone();
        move |issuer, subject| subject_tag(&tags, issuer, subject)
    }

    /// Where a subject stands among all people, for rollouts: as constant as the tags' key.
    #[must_use]
    pub fn standing(&self, issuer: &str, subject: &str) -> Standing {
        let mut mac = self.tags.clone();
        mac.update(b"rollout");
        update_part(&mut mac, issuer.as_bytes());
        update_part(&mut mac, subject.as_bytes());
        Standing::of_hash(u64::from_be_bytes(first_bytes(mac)))
    }

    /// Seals a new ticket that says this, bound to `place`.
    pub(crate) fn seal(&self, new: &Opened, place: &Place<'_>) -> Ticket {
        let (key_id, key) = &self.signing[0];
        let flags = if new.single_use { Flags::SINGLE_USE } else { 0 } | Bound::at_mint(place).flags();
        let mut sealed = Zeroizing::new([0; SEALED_BYTES]);
        sealed[0] = VERSION | flags;
        sealed[1] = *key_id;
        sealed[2..6].copy_from_slice(&new.expires_at.to_be_bytes());
        sealed[6..14].copy_from_slice(&new.subject.0);
        sealed[14..22].copy_from_slice(&self.binding_tag(place, flags));
        sealed[22..38].copy_from_slice(&new.id.0);
        let mac: [u8; MAC_BYTES] = first_bytes(key.clone().chain_update(&sealed[..BODY_BYTES]));
        sealed[BODY_BYTES..].copy_from_slice(&mac);
        Ticket::from_sealed(sealed)
    }

    /// Checks a ticket's MAC, then its binding to `place`.
    pub(crate) fn open(&self, ticket: &Ticket, place: &Place<'_>) -> Result<Opened, OpenError> {
        let opened = self.open_anywhere(ticket)?;
        let body = &ticket.sealed[..BODY_BYTES];
        if !bool::from(self.binding_tag(place, body[0]).ct_eq(&body[14..22])) {
            return Err(OpenError::Misbound);
        }
        Ok(opened)
    }

    /// Checks a ticket's MAC, wherever it is presented: enough to ask about it, not to be admitted by it.
    pub(crate) fn open_anywhere(&self, ticket: &Ticket) -> Result<Opened, OpenError> {
        let (body, mac) = ticket.sealed.split_at(BODY_BYTES);
        let (_, key) = self.signing.iter().find(|(id, _)| *id == body[1]).ok_or(OpenError::UnknownKey(body[1]))?;
        let expected: [u8; MAC_BYTES] = first_bytes(key.clone().chain_update(body));
        if !bool::from(expected.ct_eq(mac)) {
            return Err(OpenError::Forged);
        }
        Ok(Opened {
            single_use: body[0] & Flags::SINGLE_USE != 0,
            expires_at: u32::from_be_bytes([body[2], body[3], body[4], body[5]]),
            subject: SubjectTag(array(&body[6..14])),
            id: TicketId(array(&body[22..38])),
        })
    }

    /// The handle of the connection that a ticket opens. Whoever has the keys and a ticket of any age can tell it.
    pub(crate) fn session_of(&self, id: TicketId, subject: SubjectTag) -> SessionId {
        let mut mac = self.tags.clone();
        mac.update(b"session");
        update_part(&mut mac, &id.0);
        self.session_id(subject, first_bytes(mac))
    }

    /// The handle of a session of `subject` with an unforeseeable name.
    pub(crate) fn session_id(&self, subject: SubjectTag, name: SessionName) -> SessionId {
        let mut bytes = [0; 16];
        let (head, tail) = bytes.split_at_mut(name.len());
        head.copy_from_slice(&name);
        tail.copy_from_slice(&self.owner_tag(subject, &name));
        SessionId::new(subject.bucket(), bytes)
    }

    /// Whether a session is the subject's, by its handle alone.
    pub(crate) fn is_session_of(&self, subject: SubjectTag, session: &SessionId) -> bool {
        let bytes = session.bytes();
        let (name, tag) = bytes[1..].split_at(size_of::<SessionName>());
        subject.bucket() == bytes[0] && bool::from(self.owner_tag(subject, name).ct_eq(tag))
    }

    fn owner_tag(&self, subject: SubjectTag, name: &[u8]) -> [u8; 6] {
        let mut mac = self.tags.clone();
        mac.update(b"owner");
        update_part(&mut mac, &subject.0);
        update_part(&mut mac, name);
        first_bytes(mac)
    }

    fn binding_tag(&self, place: &Place<'_>, flags: u8) -> BindingTag {
        let origin = place.origin.filter(|_| flags & Flags::ORIGIN != 0);
        match place.address.filter(|_| flags & Flags::ADDRESS != 0) {
            None => self.places.tag(place.route, origin, || self.tag_of_place(place.route, origin, &[])),
            Some(address) => self.tag_of_place(place.route, origin, &prefix(address)),
        }
    }

    fn tag_of_place(&self, route: &str, origin: Option<&str>, network: &[u8]) -> BindingTag {
        let mut mac = self.tags.clone();
        mac.update(b"binding");
        for part in [route.as_bytes(), origin.unwrap_or_default().as_bytes(), network] {
            update_part(&mut mac, part);
        }
        first_bytes(mac)
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<u8> = self.signing.iter().map(|(id, _)| *id).collect();
        f.debug_struct("TicketKeys").field("ids", &ids).finish_non_exhaustive()
    }
}

/// The part of a session's handle that tells it from all others.
pub(crate) type SessionName = [u8; 10];

/// What an authentic ticket says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opened {
    pub(crate) single_use: bool,
    /// Unix seconds.
    pub(crate) expires_at: u32,
    pub(crate) subject: SubjectTag,
    pub(crate) id: TicketId,
}

/// Why a ticket is not authentic here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    UnknownKey(u8),
    Forged,
    Misbound,
}

/// Which parts of a place a new ticket is bound to.
struct Bound {
    origin: bool,
    address: bool,
}

impl Bound {
    const fn at_mint(place: &Place<'_>) -> Self {
        Self { origin: place.origin.is_some(), address: place.address.is_some() }
    }

    const fn flags(&self) -> u8 {
        (if self.origin { Flags::ORIGIN } else { 0 }) | (if self.address { Flags::ADDRESS } else { 0 })
    }
}

fn subject_tag(tags: &Hmac<Sha256>, issuer: &str, subject: &str) -> SubjectTag {
    let mut mac = tags.clone();
    mac.update(b"subject");
    update_part(&mut mac, issuer.as_bytes());
    update_part(&mut mac, subject.as_bytes());
    SubjectTag(first_bytes(mac))
}

fn keyed(secret: &[u8]) -> Result<Hmac<Sha256>, KeyError> {
    if secret.len() < MIN_SECRET_BYTES {
        return Err(KeyError::TooShort(secret.len()));
    }
    Hmac::new_from_slice(secret).map_err(|_| KeyError::TooShort(secret.len()))
}

/// Parts are preceded by their length, so that two lists of parts never hash alike.
fn update_part(mac: &mut Hmac<Sha256>, part: &[u8]) {
    mac.update(&(part.len() as u64).to_be_bytes());
    mac.update(part);
}

fn first_bytes<const N: usize>(mac: Hmac<Sha256>) -> [u8; N] {
    array(&mac.finalize().into_bytes()[..N])
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

/// The part of an address that stays the same within one access network.
fn prefix(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(v4) => [&[4], &v4.octets()[..3]].concat(),
        IpAddr::V6(v6) => [&[6], &v6.octets()[..8]].concat(),
    }
}

#[cfg(test)]
mod tests;
