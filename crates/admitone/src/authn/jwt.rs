//! JWTs: which are a login (RFC 7519 and 8725; access tokens by RFC 9068, ID tokens by OpenID Connect Core §3.1.3.7).
//!
//! A token names its issuer; that issuer's keys and algorithms decide, whatever else the token's header says.
//! Nothing is lenient: a claim of the wrong type is a refusal, never an absent claim.

pub(super) mod claims;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use super::algorithm::Algorithm;
use super::answers::CredentialHash;
use super::json::Object;
use super::jws::{Jws, JwsError, MAX_TOKEN_BYTES};
use super::keys::{IssuerKeys, KeySet};
use super::known::{Known, KnownLogins};
use crate::principal::{IdentityError, Login, Principal};

/// Longest leeway for clocks that differ, in seconds.
pub const MAX_LEEWAY_SECONDS: u64 = 300;

/// An issuer whose tokens are logins.
#[derive(Clone, Debug)]
pub struct JwtIssuer {
    /// What the configuration calls it.
    pub name: String,
    /// Its identifier: the exact `iss` of its tokens.
    pub issuer: String,
    /// Who its tokens must be for: `aud` holds one of these. May be empty for [`TokenKind::Id`], where `aud` must hold the
    /// client id in any case.
    pub audiences: Vec<String>,
    /// The algorithms that its tokens may be signed with: at least one, and HMAC never beside others.
    pub algorithms: Vec<Algorithm>,
    /// The keys that its tokens are signed with; clones of the handle replace them.
    pub keys: IssuerKeys,
    /// Which of its tokens are logins.
    pub token_kind: TokenKind,
    /// How far its clock may differ from ours, at most 300 seconds.
    pub leeway_seconds: u64,
    /// Where its tokens keep what is not registered.
    pub claims: ClaimNames,
}

/// Which kind of an issuer's tokens are logins: one that is meant for something else is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Access tokens (RFC 9068).
    Access {
        /// Whether `typ` must say `at+jwt`. Without it, `JWT` and no `typ` will do, and only the audience tells an access
        /// token from another.
        require_at_jwt: bool,
    },
    /// ID tokens (OpenID Connect).
    Id {
        /// The client that the token was made for: in `aud`, and alone in `azp`.
        client_id: String,
    },
}

impl TokenKind {
    /// The name of [`TokenKind::Access`] in configuration.
    pub const ACCESS: &'static str = "access";
    /// The name of [`TokenKind::Id`] in configuration.
    pub const ID: &'static str = "id";

    /// The name in configuration.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Access { .. } => Self::ACCESS,
            Self::Id { .. } => Self::ID,
        }
    }
}

/// In which claims an issuer keeps what it knows of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// A string: who it is, within the issuer. `sub` by default; any other claim must be one that the issuer never gives to
    /// two people, and that people cannot choose themselves.
    pub subject: String,
    /// A string: the e-mail address. `email` by default.
    pub email: String,
    /// A string separated by spaces, or a list of strings: the permissions. `scope` by default.
    pub permissions: String,
    /// A string: the login session at the issuer. `sid` by default.
    pub session: String,
    /// A string: the organisation that somebody belongs to. Not read by default; where it is read, a login has to have it.
    pub tenant: Option<String>,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            subject: "sub".to_owned(),
            email: "email".to_owned(),
            permissions: "scope".to_owned(),
            session: "sid".to_owned(),
            tenant: None,
        }
    }
}

/// Why issuers cannot be used; each names the issuer as the configuration does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// The identifier could not travel in a header.
    #[error("issuer {0:?}: the identifier must be 1 to 512 visible ASCII characters")]
    Identifier(String),
    /// Two issuers have the same identifier, so a token could not tell which is meant.
    #[error("issuer {0:?}: another issuer has the same identifier")]
    Repeated(String),
    /// Tokens made for anybody would be accepted.
    #[error("issuer {0:?}: at least one audience is needed, none may be empty")]
    Audience(String),
    /// The client id is empty.
    #[error("issuer {0:?}: the client id must not be empty")]
    ClientId(String),
    /// No algorithm, or shared secrets beside public keys: a token could then choose between the two.
    #[error("issuer {0:?}: at least one algorithm is needed, and HMAC goes with HMAC only")]
    Algorithms(String),
    /// The leeway is too long.
    #[error("issuer {0:?}: the leeway must be at most 300 seconds")]
    Leeway(String),
}

/// Why a token is not a login. The texts hold nothing of the token, so that they can be logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The token is malformed, or its signature is not the issuer's.
    #[error(transparent)]
    Jws(JwsError),
    /// None of the issuer's keys is meant: newer ones might be. The signature has not been looked at.
    #[error("no known key of issuer {issuer:?} has the token's `kid`, or none is for its `alg`")]
    UnknownKey {
        /// What the configuration calls the issuer.
        issuer: Box<str>,
    },
    /// No configured issuer has this `iss`.
    #[error("the token's `iss` is not exactly one of the configured issuers")]
    UnknownIssuer,
    /// The header's `typ` says that the token is for something else.
    #[error("the token's `typ` is not that of the token kind which the issuer is configured with")]
    Type,
    /// The token reports an event (RFC 8417), such as a logout.
    #[error("the token has `events`: it reports an event and is not a login")]
    Event,
    /// The token has to be presented with a proof of possession (`cnf`).
    #[error("the token is sender-constrained (`cnf`) and cannot be used as a plain bearer token")]
    SenderConstrained,
    /// A required claim is absent.
    #[error("the token has no `{0}`")]
    MissingClaim(Box<str>),
    /// A claim has another type, or is outside its bounds.
    #[error("the token's `{0}` has a wrong type, or is empty, too long or too large")]
    MistypedClaim(Box<str>),
    /// The token was for somebody else.
    #[error("the token's `aud` has none of the audiences that the issuer is configured with")]
    Audience,
    /// The ID token was made for another client.
    #[error("the token's `azp` is not the configured client id, or is absent although there are several audiences")]
    AuthorizedParty,
    /// Past `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf`.
    #[error("the token is not valid yet (`nbf`); if it is new, compare the clocks")]
    NotYetValid,
    /// `iat` is in the future.
    #[error("the token was issued in the future (`iat`); compare the clocks")]
    IssuedInFuture,
    /// The identity or a permission could not stand in a header.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl LoginError {
    /// The label in metrics: one of a fixed set.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Jws(error) => error.cause(),
            Self::UnknownKey { .. } => JwsError::UnknownKey.cause(),
            Self::UnknownIssuer => "unknown_issuer",
            Self::Type => "type",
            Self::Event => "event",
            Self::SenderConstrained => "sender_constrained",
            Self::MissingClaim(_) => "missing_claim",
            Self::MistypedClaim(_) => "mistyped_claim",
            Self::Audience => "audience",
            Self::AuthorizedParty => "authorized_party",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::Identity(_) => "identity",
        }
    }
}

/// Turns tokens of the issuers it was made with into logins.
#[derive(Clone)]
pub struct Verifier {
    issuers: Vec<JwtIssuer>,
    known: Option<Arc<KnownLogins>>,
}

impl Verifier {
    /// Trusts `issuers`; with none, nobody is logged in.
    ///
    /// # Errors
    ///
    /// [`IssuerError`] for the first issuer that would accept nobody, or too much.
    pub fn new(issuers: Vec<JwtIssuer>) -> Result<Self, IssuerError> {
        for (at, issuer) in issuers.iter().enumerate() {
            check_issuer(issuer)?;
            if issuers[..at].iter().any(|earlier| earlier.issuer == issuer.issuer) {
                return Err(IssuerError::Repeated(issuer.name.clone()));
            }
        }
        Ok(Self { issuers, known: None })
    }

    /// Remembers about `most` tokens that were accepted, by their hashes: each until it expires, its issuer's keys are replaced,
    /// or it was not asked for lately.
    #[must_use]
    pub fn remembering(mut self, most: usize) -> Self {
        self.known = Some(Arc::new(KnownLogins::new(most)));
        self
    }

    /// Verifies a token at `now` (Unix seconds).
    ///
    /// Within the issuer's leeway a token is accepted past its `exp`: `expires_at` of the login is `exp` and the leeway.
    ///
    /// # Errors
    ///
    /// [`LoginError`] says which rule refused the token. After [`LoginError::UnknownKey`] it is worth verifying once more
    /// when that issuer's keys have been replaced.
    pub fn verify(&self, token: &str, now: u64) -> Result<Login, LoginError> {
        let Some(known) = self.known.as_ref().filter(|_| token.len() <= MAX_TOKEN_BYTES) else {
            return self.verify_anew(token, now).map(|verified| verified.login);
        };
        let hash = CredentialHash::of("", token);
        if let Some(login) = known.login(hash, now, |issuer| self.issuers[issuer].keys.current()) {
            return Ok(login);
        }
        let verified = self.verify_anew(token, now)?;
        let login = verified.login.clone();
        known.keep(hash, verified);
        Ok(login)
    }

    fn verify_anew(&self, token: &str, now: u64) -> Result<Known, LoginError> {
        let Signed { header, claims, at, keys } = self.check_signature(token)?;
        let issuer = &self.issuers[at];
        claims::check_type(&header, &issuer.token_kind)?;
        let login = claims::read_login(&claims, issuer, now)?;
        Ok(Known { login, issuer: at, keys, verified_at: now })
    }

    /// The issuers, in their order.
    pub(super) fn issuers(&self) -> &[JwtIssuer] {
        &self.issuers
    }

    /// Finds the issuer and checks that one of its keys signed the token, whatever the token is for.
    pub(super) fn check_signature(&self, token: &str) -> Result<Signed, LoginError> {
        let jws = Jws::parse(token).map_err(LoginError::Jws)?;
        let claims = jws.claims().map_err(LoginError::Jws)?;
        let claimed = claims::required_text(&claims, "iss")?;
        let at = self.issuers.iter().position(|issuer| issuer.issuer == claimed).ok_or(LoginError::UnknownIssuer)?;
        let issuer = &self.issuers[at];
        let keys = issuer.keys.current();
        jws.verify(&keys, &issuer.algorithms).map_err(|error| match error {
            JwsError::UnknownKey => LoginError::UnknownKey { issuer: issuer.name.as_str().into() },
            error => LoginError::Jws(error),
        })?;
        Ok(Signed { header: jws.header, claims, at, keys })
    }
}

/// A token that its issuer has signed; nothing else of it is checked.
pub(super) struct Signed {
    pub(super) header: Object,
    pub(super) claims: Object,
    /// Which of the verifier's issuers.
    pub(super) at: usize,
    /// The keys that it had.
    pub(super) keys: Arc<KeySet>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("issuers", &self.issuers).finish()
    }
}

fn check_issuer(issuer: &JwtIssuer) -> Result<(), IssuerError> {
    let name = || issuer.name.clone();
    if Principal::new(&issuer.issuer, "anybody", None).is_err() {
        return Err(IssuerError::Identifier(name()));
    }
    let shared = issuer.algorithms.iter().filter(|algorithm| algorithm.is_shared_secret()).count();
    if issuer.algorithms.is_empty() || ![0, issuer.algorithms.len()].contains(&shared) {
        return Err(IssuerError::Algorithms(name()));
    }
    if issuer.leeway_seconds > MAX_LEEWAY_SECONDS {
        return Err(IssuerError::Leeway(name()));
    }
    if issuer.audiences.iter().any(String::is_empty) {
        return Err(IssuerError::Audience(name()));
    }
    match &issuer.token_kind {
        TokenKind::Access { .. } if issuer.audiences.is_empty() => Err(IssuerError::Audience(name())),
        TokenKind::Id { client_id } if client_id.is_empty() => Err(IssuerError::ClientId(name())),
        TokenKind::Access { .. } | TokenKind::Id { .. } => Ok(()),
    }
}
