//! The subprotocols of a handshake: what a client offers, and what it shows of the answer.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::code::Code;
use crate::connection::CredentialKind;

/// What a server selects when it refuses the connection and its Close will say why.
pub const REFUSED_MARKER: &str = "admitone.refused";

const VERSION_MARKER: &str = "admitone.v1";
const OURS: &str = "admitone.";
const TICKET: &str = "admitone.ticket.";
const BEARER: &str = "bearer.";
const KUBERNETES: &str = "base64url.bearer.authorization.k8s.io.";
const CARRIERS: &[&str] = &[OURS, BEARER, "jwt.", "jwt-auth.", KUBERNETES];

/// Why a handshake cannot be offered. The texts hold nothing of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// One of the application's subprotocols, counted from 0.
    #[error("subprotocol {0} repeats, is no token, or is reserved")]
    Protocol(usize),
    /// The ticket or the login.
    #[error("the {} is none", .0.name())]
    Credential(CredentialKind),
}

impl OfferError {
    /// The stable text of it.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Protocol(_) => Code::new("invalid_protocol"),
            Self::Credential(_) => Code::INVALID_CREDENTIAL,
        }
    }
}

/// What admits a connection, and its secret: redacted in `Debug`, wiped when dropped.
pub struct Credential {
    kind: CredentialKind,
    value: Zeroizing<String>,
}

impl Credential {
    /// Of this kind, with this secret.
    #[must_use]
    pub fn new(kind: CredentialKind, value: impl Into<String>) -> Self {
        Self { kind, value: Zeroizing::new(value.into()) }
    }

    fn carrier(&self) -> Result<Zeroizing<String>, OfferError> {
        let value = self.value.as_str();
        let (prefix, encoded) = match (self.kind, is_token(value)) {
            (CredentialKind::Ticket, true) => (TICKET, None),
            (CredentialKind::Jwt, true) => (BEARER, None),
            (CredentialKind::Jwt, false) if !value.is_empty() => {
                (KUBERNETES, Some(Zeroizing::new(URL_SAFE_NO_PAD.encode(value))))
            }
            (kind, false) => return Err(OfferError::Credential(kind)),
        };
        Ok(Zeroizing::new([prefix, encoded.as_ref().map_or(value, |encoded| encoded)].concat()))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, redacted)", self.kind.name())
    }
}

/// The value of `Sec-WebSocket-Protocol`: the application's own subprotocols, our two markers, and the carrier of the credential.
///
/// # Errors
///
/// [`OfferError`].
pub fn offer(credential: &Credential, protocols: &[String]) -> Result<Zeroizing<String>, OfferError> {
    check_protocols(protocols)?;
    let carrier = credential.carrier()?;
    let ours = [VERSION_MARKER, REFUSED_MARKER, &carrier];
    let offered: Vec<&str> = protocols.iter().map(String::as_str).chain(ours).collect();
    Ok(Zeroizing::new(offered.join(", ")))
}

/// Checks an application's subprotocols before anything is opened.
///
/// # Errors
///
/// [`OfferError::Protocol`].
pub fn check_protocols(protocols: &[String]) -> Result<(), OfferError> {
    let fault = protocols.iter().enumerate().find(|(index, protocol)| {
        protocols[..*index].contains(protocol) || !is_token(protocol) || is_reserved(protocol)
    });
    fault.map_or(Ok(()), |(index, _)| Err(OfferError::Protocol(index)))
}

/// What an application sees of the subprotocol that a server selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown<'a> {
    /// The application's own, or empty.
    pub protocol: &'a str,
    /// Whether it is a refusal.
    pub refused: bool,
}

/// Reads the answer's subprotocol (empty for none) beside what was offered.
#[must_use]
pub fn shown<'a>(offered: &str, selected: &'a str) -> Shown<'a> {
    let own = !selected.is_empty() && offered.split(", ").any(|offered| offered == selected);
    Shown {
        protocol: if own && !is_reserved(selected) { selected } else { "" },
        refused: own && selected == REFUSED_MARKER,
    }
}

fn is_reserved(protocol: &str) -> bool {
    CARRIERS
        .iter()
        .any(|prefix| protocol.get(..prefix.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(prefix)))
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
