use admitone::authn::introspection::IntrospectionError;
use admitone::authn::{LoginError, LogoutTokenError};

use super::{NotAccepted, Unavailable};

/// Why a credential is not a login. The texts hold nothing of the credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoLogin {
    /// It is a token that is not accepted.
    #[error(transparent)]
    Token(#[from] LoginError),
    /// It is an opaque token that is not accepted.
    #[error(transparent)]
    Introspected(#[from] IntrospectionError),
    /// It is a session that is not accepted.
    #[error(transparent)]
    Session(#[from] NotAccepted),
    /// It has a byte that no header can have.
    #[error("the session cannot be written into a header")]
    Unwritable,
    /// Its source cannot say.
    #[error("issuer {issuer:?} cannot say who it is: {cause}")]
    Unavailable {
        /// What the configuration calls the issuer.
        issuer: Box<str>,
        /// Why not.
        cause: Unavailable,
    },
}

/// Why a logout token ends nothing. The texts hold nothing of the token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoLogout {
    /// It is not accepted.
    #[error(transparent)]
    Token(#[from] LogoutTokenError),
    /// It has been here.
    #[error("the logout token was presented before")]
    Replayed,
    /// It ends nobody's login.
    #[error("the logout token names nobody")]
    Nobody,
    /// Its issuer's keys have not come.
    #[error("issuer {issuer:?} cannot be asked for its keys: {cause}")]
    Unavailable {
        /// What the configuration calls the issuer.
        issuer: Box<str>,
        /// Why not.
        cause: Unavailable,
    },
}
