//! Who is logged in: a presented credential becomes a [`Login`], by whichever source it belongs to.

use std::fmt;

use admitone::authn::{LoginError, Verifier};
use admitone::now::Now;
use admitone::principal::Login;

/// Why a credential is not a login. The texts hold nothing of the credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoLogin {
    /// It is a token that is not accepted.
    #[error(transparent)]
    Token(#[from] LoginError),
}

/// A login's credential, taken out of a request and not yet judged.
#[derive(Clone, Copy)]
pub struct Credential<'r> {
    secret: &'r str,
}

impl<'r> Credential<'r> {
    /// A bearer token.
    #[must_use]
    pub const fn bearer(token: &'r str) -> Self {
        Self { secret: token }
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").finish_non_exhaustive()
    }
}

/// Every source of logins that is configured.
#[derive(Debug)]
pub struct Logins {
    verifier: Verifier,
}

impl Logins {
    /// Logins by the tokens that `verifier` accepts.
    #[must_use]
    pub const fn new(verifier: Verifier) -> Self {
        Self { verifier }
    }

    /// The login behind a credential, as its source says; nobody has compared it with the marks yet.
    ///
    /// # Errors
    ///
    /// [`NoLogin`]. It is final: no other source is asked about the same request.
    pub async fn authenticate(&self, credential: Credential<'_>, now: Now) -> Result<Login, NoLogin> {
        Ok(self.verifier.verify(credential.secret, now.unix)?)
    }
}
