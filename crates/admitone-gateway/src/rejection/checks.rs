//! What the library's checks of a request refuse.

use admitone::handshake::HandshakeError;
use admitone::route::{GrantRefused, OriginRefused};

use super::Rejection;

impl From<HandshakeError> for Rejection {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::Broken(rule) => Self::Request(rule),
            _ => Self::NotAnUpgrade,
        }
    }
}

impl From<OriginRefused> for Rejection {
    fn from(refused: OriginRefused) -> Self {
        match refused {
            OriginRefused::CookieAlone => Self::CookieWithoutOrigin,
            _ => Self::Origin,
        }
    }
}

impl From<GrantRefused> for Rejection {
    fn from(refused: GrantRefused) -> Self {
        match refused {
            GrantRefused::PermissionRequired(lacking) => Self::PermissionRequired(lacking),
            GrantRefused::PermissionNotHeld => Self::PermissionNotHeld,
            _ => Self::Issuer,
        }
    }
}
