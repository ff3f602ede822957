//! What a token with a good signature has to say before it is a login.

use std::sync::Arc;

use serde_json::Value;

use super::{ClaimNames, JwtIssuer, LoginError, TokenKind};
use crate::authn::json::Object;
use crate::principal::{Login, LoginStamp, Permissions, Principal};

/// Longest `sid` and `jti` accepted, in bytes: revocation marks are kept under them.
const MAX_STAMP_BYTES: usize = 256;

/// Largest time accepted: JSON numbers above it are not exact everywhere (RFC 7493 §2.2).
const MAX_TIME: u64 = 1 << 53;

pub(super) fn check_type(header: &Object, kind: &TokenKind) -> Result<(), LoginError> {
    let accepted: &[Option<&str>] = match kind {
        TokenKind::Access { require_at_jwt: true } => &[Some("at+jwt")],
        TokenKind::Access { require_at_jwt: false } => &[None, Some("jwt"), Some("at+jwt")],
        TokenKind::Id { .. } => &[None, Some("jwt")],
    };
    if has_type(header, accepted) { Ok(()) } else { Err(LoginError::Type) }
}

/// Whether `typ` is one of these, compared as RFC 7515 §4.1.9 compares media types: in any case, `application/` optional.
pub(in crate::authn) fn has_type(header: &Object, accepted: &[Option<&str>]) -> bool {
    let typ = match header.get("typ") {
        None => None,
        Some(Value::String(typ)) => Some(typ.to_ascii_lowercase()),
        Some(_) => return false,
    };
    accepted.contains(&typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ)))
}

/// Whose claims are read, and where they are.
pub(in crate::authn) struct Identity<'i> {
    pub(in crate::authn) issuer: &'i str,
    pub(in crate::authn) claims: &'i ClaimNames,
    pub(in crate::authn) leeway: u64,
}

pub(super) fn read_login(claims: &Object, issuer: &JwtIssuer, now: u64) -> Result<Login, LoginError> {
    if claims.contains_key("events") {
        return Err(LoginError::Event);
    }
    check_audience(claims, issuer)?;
    let identity = Identity { issuer: &issuer.issuer, claims: &issuer.claims, leeway: issuer.leeway_seconds };
    read_identity(claims, &identity, now)
}

/// Who it is and until when; for whom it was said is not looked at.
pub(in crate::authn) fn read_identity(claims: &Object, of: &Identity<'_>, now: u64) -> Result<Login, LoginError> {
    if claims.contains_key("cnf") {
        return Err(LoginError::SenderConstrained);
    }
    let (issued_at, expires_at) = check_times(claims, of.leeway, now)?;
    let ClaimNames { subject, email, permissions, session, tenant } = of.claims;
    let principal = Principal::new(of.issuer, required_text(claims, subject)?, text(claims, email)?)?;
    Ok(Login {
        principal: match tenant {
            Some(tenant) => principal.with_tenant(required_text(claims, tenant)?)?,
            None => principal,
        },
        permissions: read_permissions(claims, permissions)?,
        stamp: LoginStamp { issued_at, sid: stamp(claims, session)?, jti: stamp(claims, "jti")? },
        expires_at,
    })
}

fn check_audience(claims: &Object, issuer: &JwtIssuer) -> Result<(), LoginError> {
    let audiences = audiences(claims)?;
    let is_ours = |ours: &String| audiences.contains(&ours.as_str());
    if !issuer.audiences.is_empty() && !issuer.audiences.iter().any(is_ours) {
        return Err(LoginError::Audience);
    }
    match &issuer.token_kind {
        TokenKind::Access { .. } => Ok(()),
        TokenKind::Id { client_id } if !is_ours(client_id) => Err(LoginError::Audience),
        TokenKind::Id { client_id } => match text(claims, "azp")? {
            Some(party) if party == client_id => Ok(()),
            None if audiences.len() == 1 => Ok(()),
            Some(_) | None => Err(LoginError::AuthorizedParty),
        },
    }
}

/// Everybody in `aud`.
pub(in crate::authn) fn audiences(claims: &Object) -> Result<Vec<&str>, LoginError> {
    match claims.get("aud") {
        None => Err(LoginError::MissingClaim("aud".into())),
        Some(Value::String(audience)) => Ok(vec![audience]),
        Some(list) => texts(list, "aud"),
    }
}

/// Gives `iat` (0 when absent), and `exp` with the leeway.
pub(in crate::authn) fn check_times(claims: &Object, leeway: u64, now: u64) -> Result<(u64, u64), LoginError> {
    let expires = time(claims, "exp")?.ok_or_else(|| LoginError::MissingClaim("exp".into()))?;
    // What counts as a login here until the leeway is over also lasts here until then.
    let expires_at = expires.saturating_add(leeway);
    let not_before = time(claims, "nbf")?.unwrap_or(0);
    let issued_at = time(claims, "iat")?.unwrap_or(0);
    let latest = now.saturating_add(leeway);
    if expires_at <= now {
        return Err(LoginError::Expired);
    }
    if not_before > latest {
        return Err(LoginError::NotYetValid);
    }
    if issued_at > latest {
        return Err(LoginError::IssuedInFuture);
    }
    Ok((issued_at, expires_at))
}

fn read_permissions(claims: &Object, name: &str) -> Result<Permissions, LoginError> {
    Ok(match claims.get(name) {
        None => Permissions::default(),
        Some(Value::String(list)) => Permissions::new(list.split(' ').filter(|permission| !permission.is_empty()))?,
        Some(list) => Permissions::new(texts(list, name)?)?,
    })
}

pub(in crate::authn) fn stamp(claims: &Object, name: &str) -> Result<Option<Arc<str>>, LoginError> {
    match text(claims, name)? {
        Some(stamp) if stamp.is_empty() || stamp.len() > MAX_STAMP_BYTES => Err(mistyped(name)),
        stamp => Ok(stamp.map(Arc::from)),
    }
}

fn time(claims: &Object, name: &str) -> Result<Option<u64>, LoginError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let time = value.as_u64().filter(|time| *time <= MAX_TIME);
    time.map(Some).ok_or_else(|| mistyped(name))
}

pub(in crate::authn) fn required_text<'c>(claims: &'c Object, name: &str) -> Result<&'c str, LoginError> {
    text(claims, name)?.ok_or_else(|| LoginError::MissingClaim(name.into()))
}

pub(in crate::authn) fn text<'c>(claims: &'c Object, name: &str) -> Result<Option<&'c str>, LoginError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    value.as_str().map(Some).ok_or_else(|| mistyped(name))
}

fn texts<'c>(list: &'c Value, name: &str) -> Result<Vec<&'c str>, LoginError> {
    let list = list.as_array().ok_or_else(|| mistyped(name))?;
    list.iter().map(|item| item.as_str().ok_or_else(|| mistyped(name))).collect()
}

fn mistyped(name: &str) -> LoginError {
    LoginError::MistypedClaim(name.into())
}
