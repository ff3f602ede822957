//! What an OpenID provider says about itself (OpenID Connect Discovery 1.0 §3 and §4).

use serde_json::Value;

use super::json::{self, Object};

/// The path of the document below an issuer's identifier.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// Where the document of an issuer is.
#[must_use]
pub fn document_url(issuer: &str) -> String {
    format!("{}{WELL_KNOWN}", issuer.strip_suffix('/').unwrap_or(issuer))
}

/// Why a document cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// Not one JSON object without repeated members.
    #[error("the discovery document is not one JSON object, or repeats a member")]
    Malformed,
    /// It speaks for another issuer.
    #[error("the discovery document's `issuer` is not exactly the configured one")]
    OtherIssuer,
    /// A member is absent.
    #[error("the discovery document has no `{0}`")]
    Missing(&'static str),
    /// A member is no string.
    #[error("the discovery document's `{0}` is not a string")]
    Mistyped(&'static str),
}

/// Where the document of `issuer` says that its key set is. Whoever fetches it judges where the URL leads.
///
/// # Errors
///
/// [`DiscoveryError`], also when the document's own `issuer` is not exactly this one (§4.3).
pub fn jwks_uri(document: &[u8], issuer: &str) -> Result<String, DiscoveryError> {
    let document = json::read_object(document).ok_or(DiscoveryError::Malformed)?;
    if required(&document, "issuer")? != issuer {
        return Err(DiscoveryError::OtherIssuer);
    }
    Ok(required(&document, "jwks_uri")?.to_owned())
}

fn required<'d>(document: &'d Object, member: &'static str) -> Result<&'d str, DiscoveryError> {
    match document.get(member) {
        None => Err(DiscoveryError::Missing(member)),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(DiscoveryError::Mistyped(member)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.example.com";

    #[test]
    fn the_document_is_below_the_issuer() {
        assert_eq!(document_url(ISSUER), "https://id.example.com/.well-known/openid-configuration");
        assert_eq!(document_url("https://id.example.com/"), "https://id.example.com/.well-known/openid-configuration");
        assert_eq!(document_url("https://a/tenant"), "https://a/tenant/.well-known/openid-configuration");
    }

    #[test]
    fn a_document_of_the_issuer_is_read() {
        let document = br#"{"issuer":"https://id.example.com","jwks_uri":"https://keys.example.com/","x":[1]}"#;
        assert_eq!(jwks_uri(document, ISSUER).as_deref(), Ok("https://keys.example.com/"));
    }

    #[test]
    fn a24_a_document_that_is_wrong_is_an_error() {
        for (document, error) in [
            ("", DiscoveryError::Malformed),
            ("null", DiscoveryError::Malformed),
            ("[]", DiscoveryError::Malformed),
            ("{\"issuer\":", DiscoveryError::Malformed),
            (r#"{"issuer":"https://id.example.com","issuer":"https://id.example.com"}"#, DiscoveryError::Malformed),
            ("{}", DiscoveryError::Missing("issuer")),
            (r#"{"issuer":"https://id.example.com/"}"#, DiscoveryError::OtherIssuer),
            (r#"{"issuer":"https://evil.example","jwks_uri":"https://evil.example/"}"#, DiscoveryError::OtherIssuer),
            (r#"{"issuer":["https://id.example.com"]}"#, DiscoveryError::Mistyped("issuer")),
            (r#"{"issuer":"https://id.example.com"}"#, DiscoveryError::Missing("jwks_uri")),
            (r#"{"issuer":"https://id.example.com","jwks_uri":null}"#, DiscoveryError::Mistyped("jwks_uri")),
        ] {
            assert_eq!(jwks_uri(document.as_bytes(), ISSUER), Err(error), "{document}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(jwks_uri(deep.as_bytes(), ISSUER), Err(DiscoveryError::Malformed));
        assert_eq!(jwks_uri(&[0xff, 0xfe], ISSUER), Err(DiscoveryError::Malformed));
    }
}
