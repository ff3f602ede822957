//! What an authorization server says about an opaque token (RFC 7662 §2.2).

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::answers::CredentialHash;
use super::json;
use super::jwt::claims::{self, Identity};
use super::{ClaimNames, LoginError};
use crate::principal::Login;

/// An issuer whose tokens say nothing themselves.
#[derive(Clone, Debug)]
pub struct IntrospectedIssuer {
    /// Its identifier: the issuer of its logins, and the `iss` of an answer that has one.
    pub issuer: String,
    /// Who its tokens must be for: `aud` holds one of these. Empty leaves it to the authorization server, which has to
    /// answer `active` only about tokens that are meant for whoever asks (RFC 7662 §4).
    pub audiences: Vec<String>,
    /// How far its clock may differ from ours, in seconds.
    pub leeway_seconds: u64,
    /// Where its answers keep what is not registered.
    pub claims: ClaimNames,
}

/// Why an answer is not a login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntrospectionError {
    /// It is no answer: not one JSON object, or without a boolean `active`.
    #[error("the answer is not one JSON object with a boolean `active`")]
    Malformed,
    /// The token is not good, for whatever reason.
    #[error("the authorization server says that the token is not active")]
    Inactive,
    /// What the answer says of the token is not accepted.
    #[error(transparent)]
    Refused(#[from] LoginError),
}

/// Reads the answer about `token` at `now` (Unix seconds).
///
/// A token without a `sid` and a `jti` of its own has its hash as `jti`, so that signing out ends this token.
///
/// # Errors
///
/// [`IntrospectionError`]. Only [`Malformed`](IntrospectionError::Malformed) says nothing about the token.
pub fn read(
    answer: &[u8],
    issuer: &IntrospectedIssuer,
    token: &CredentialHash,
    now: u64,
) -> Result<Login, IntrospectionError> {
    let answer = json::read_object(answer).ok_or(IntrospectionError::Malformed)?;
    match answer.get("active") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => return Err(IntrospectionError::Inactive),
        Some(_) | None => return Err(IntrospectionError::Malformed),
    }
    // A server may name the type without showing the confirmation (RFC 9449 §6.2).
    if claims::text(&answer, "token_type")?.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(LoginError::SenderConstrained.into());
    }
    if claims::text(&answer, "iss")?.is_some_and(|claimed| claimed != issuer.issuer) {
        return Err(LoginError::UnknownIssuer.into());
    }
    if !issuer.audiences.is_empty() {
        let audiences = claims::audiences(&answer)?;
        if !issuer.audiences.iter().any(|ours| audiences.contains(&ours.as_str())) {
            return Err(LoginError::Audience.into());
        }
    }
    let identity = Identity { issuer: &issuer.issuer, claims: &issuer.claims, leeway: issuer.leeway_seconds };
    let mut login = claims::read_identity(&answer, &identity, now)?;
    if login.stamp.sid.is_none() && login.stamp.jti.is_none() {
        login.stamp.jti = Some(token.name().into());
    }
    Ok(login)
}
