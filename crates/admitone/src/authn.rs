//! Who is logged in: a presented token becomes a [`Login`](crate::principal::Login), or a reason why not.
//!
//! A [`Verifier`] is made once from the issuers that are trusted; every rule that it applies is in [`jwt`]. It reads no
//! clock and opens no connection: the time is passed in, and a key that a token points to is never fetched. Whoever fetches
//! an issuer's published keys reads them with [`KeySet::from_jwks`] and puts them into the issuer's [`IssuerKeys`]; when
//! that is due is in [`refresh`], and where they are in [`discovery`]. What others say about a credential that says nothing
//! itself is read by [`introspection`] and [`callback`], and kept in [`answers`].

mod algorithm;
pub mod answers;
pub mod callback;
mod der;
pub mod discovery;
pub mod explanation;
pub mod introspection;
mod json;
pub mod jwk;
pub mod jws;
pub mod jwt;
mod key;
mod keys;
mod known;
pub mod logout_token;
mod material;
pub mod refresh;
#[cfg(test)]
mod signer;
mod weak;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use jwk::{JwkError, KeySource};
pub use jws::JwsError;
pub use jwt::{ClaimNames, IssuerError, JwtIssuer, LoginError, TokenKind, Verifier};
pub use key::{KeyError, VerifyingKey};
pub use keys::{IssuerKeys, KeySet};
pub use logout_token::{LogoutReplays, LogoutToken, LogoutTokenError};
