//! What an application says about a session of its own: who is behind a cookie or a header.

use std::time::Duration;

use serde_json::{Value, json};

use super::answers::CredentialHash;
use super::jwt::claims::{self, Identity};
use super::{ClaimNames, LoginError, json as strict};
use crate::principal::Login;

/// Why an answer is not a login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// It is not one JSON object.
    #[error("the identity is not one JSON object")]
    Malformed,
    /// What it says is not accepted.
    #[error("the identity: {0}")]
    Refused(#[from] LoginError),
}

/// Reads the identity of a session at `now` (Unix seconds), under the identifier of the application as its issuer.
///
/// `sub` is required; without `exp` the login lasts for `lifetime`, without `sid` the session is named by its hash, so that
/// signing out ends it.
///
/// # Errors
///
/// [`CallbackError`].
pub fn read(
    answer: &[u8],
    issuer: &str,
    names: &ClaimNames,
    session: &CredentialHash,
    lifetime: Duration,
    now: u64,
) -> Result<Login, CallbackError> {
    let mut answer = strict::read_object(answer).ok_or(CallbackError::Malformed)?;
    if matches!(answer.get("exp"), None | Some(Value::Null)) {
        answer.insert("exp".to_owned(), json!(now.saturating_add(lifetime.as_secs())));
    }
    let identity = Identity { issuer, claims: names, leeway: 0 };
    let mut login = claims::read_identity(&answer, &identity, now)?;
    if login.stamp.sid.is_none() {
        login.stamp.sid = Some(session.name().into());
    }
    Ok(login)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn identity(answer: &str) -> Result<Login, CallbackError> {
        let names = ClaimNames { permissions: "permissions".to_owned(), ..ClaimNames::default() };
        let session = CredentialHash::of("app", "cookie");
        read(answer.as_bytes(), "https://app.example.com", &names, &session, Duration::from_secs(60), NOW)
    }

    #[test]
    fn an_identity_is_a_login() {
        let answer = r#"{"sub":"ada","email":"ada@example.com","permissions":["chat"],"sid":"s","exp":1700000900,"iat":1699999000}"#;
        let login = identity(answer).expect("a login");
        assert_eq!((login.principal.subject(), login.principal.email()), ("ada", Some("ada@example.com")));
        assert_eq!((login.permissions.to_string(), login.stamp.sid.as_deref()), ("chat".to_owned(), Some("s")));
        assert_eq!((login.expires_at, login.stamp.issued_at), (NOW + 900, 1_699_999_000));
    }

    #[test]
    fn what_an_application_does_not_say_has_a_default() {
        let login = identity(r#"{"sub":"ada","exp":null}"#).expect("a login");
        assert_eq!(login.expires_at, NOW + 60);
        assert_eq!(login.stamp.sid, Some(CredentialHash::of("app", "cookie").name().into()));
    }

    #[test]
    fn a24_an_identity_that_is_wrong_is_an_error() {
        for malformed in ["", "null", "[]", "{", r#"{"sub":"ada","sub":"eve"}"#] {
            assert_eq!(identity(malformed).expect_err("malformed"), CallbackError::Malformed, "{malformed}");
        }
        for (answer, error) in [
            ("{}", LoginError::MissingClaim("sub".into())),
            (r#"{"sub":7}"#, LoginError::MistypedClaim("sub".into())),
            (r#"{"sub":"ada","exp":1699999999}"#, LoginError::Expired),
            (r#"{"sub":"ada","exp":"never"}"#, LoginError::MistypedClaim("exp".into())),
            (r#"{"sub":"ada","permissions":{}}"#, LoginError::MistypedClaim("permissions".into())),
            (r#"{"sub":"ada","cnf":{}}"#, LoginError::SenderConstrained),
        ] {
            assert_eq!(identity(answer).expect_err("refused"), error.into(), "{answer}");
        }
    }
}
