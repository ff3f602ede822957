//! The credential that a request's headers hold.

use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName};

/// Why the credential of a request cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PresentError {
    /// Two lines.
    #[error("more than one {0}")]
    Repeated(&'static str),
    /// Bytes that are none of a credential.
    #[error("{0} is not printable ASCII")]
    NotAscii(&'static str),
}

/// Whether a token has the form of a signed one: three parts, none of them empty.
pub(super) fn is_signed(token: &str) -> bool {
    let mut parts = token.split('.');
    let three: [Option<&str>; 3] = [parts.next(), parts.next(), parts.next()];
    parts.next().is_none() && three.iter().all(|part| part.is_some_and(|part| !part.is_empty()))
}

/// The token of the only `Authorization: Bearer` (RFC 6750 §2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, PresentError> {
    let Some(text) = only(headers, &AUTHORIZATION, "Authorization header")? else { return Ok(None) };
    // A scheme alone is an empty token, which is refused: another credential of the request is not looked at.
    let (scheme, token) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    Ok(scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()))
}

pub(super) fn only<'r>(
    headers: &'r HeaderMap,
    name: &HeaderName,
    what: &'static str,
) -> Result<Option<&'r str>, PresentError> {
    let mut lines = headers.get_all(name).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(PresentError::Repeated(what));
    }
    line.to_str().map(Some).map_err(|_| PresentError::NotAscii(what))
}

/// The value of the only cookie of this name.
pub(super) fn cookie<'r>(headers: &'r HeaderMap, name: &str) -> Result<Option<&'r str>, PresentError> {
    let mut found = None;
    for line in headers.get_all(COOKIE) {
        // A line that is not text may hold others' cookies only.
        let pairs = line.to_str().unwrap_or_default().split(';').filter_map(|pair| pair.trim().split_once('='));
        for (_, value) in pairs.filter(|(known, _)| *known == name) {
            if found.replace(value).is_some() {
                return Err(PresentError::Repeated("session cookie"));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_scheme_without_a_token_is_a_credential_too() {
        let bearer_of = |line: &'static str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(line))]);
            bearer(&headers).map(|token| token.map(str::to_owned))
        };
        assert_eq!(bearer_of("Bearer"), Ok(Some(String::new())));
        assert_eq!(bearer_of("Bearer\ttoken"), Ok(Some("token".to_owned())));
        assert_eq!(bearer_of("bearer token"), Ok(Some("token".to_owned())));
        assert_eq!(bearer_of("Basic dXNlcg=="), Ok(None));
    }
}
