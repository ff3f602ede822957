//! Who is logged in: a presented token becomes a [`Login`](crate::principal::Login), or a reason why not.
//!
//! A [`Verifier`] is made once from the issuers that are trusted; every rule that it applies is in [`jwt`]. It reads no
//! clock and opens no connection: the time is passed in, and a key that a token points to is never fetched.

pub mod answers;
pub mod discovery;
mod json;
mod jws;
pub mod jwt;
mod key;
pub mod refresh;

pub use jwt::{ClaimNames, IssuerError, JwtIssuer, LoginError, TokenKind, Verifier};
pub use key::{Algorithm, KeyError, UnknownAlgorithm, VerifyingKey};
