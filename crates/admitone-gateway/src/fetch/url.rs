use std::fmt;

use http::Uri;
use rustls::pki_types::ServerName;

/// Longest URL, in bytes.
const MAX_BYTES: usize = 2048;

/// Why a text is not a URL that can be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Another scheme, such as `file`, or none.
    #[error("its scheme is not https")]
    Scheme,
    /// A user name or password.
    #[error("it holds a user name or password")]
    UserInfo,
    /// The host is neither a DNS name nor an IP address, or the port is 0.
    #[error("its host is neither a DNS name nor an IP address, or its port is none")]
    Host,
    /// A fragment, a space, other than ASCII, or too long.
    #[error("it is not an absolute URL of at most 2048 visible ASCII characters without fragment")]
    Malformed,
}

/// An absolute `https` or `http` URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    text: String,
    uri: Uri,
    https: bool,
    port: u16,
    name: ServerName<'static>,
}

impl Url {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAX_BYTES || text.contains('#') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Malformed);
        }
        let https = match text.split_once("://") {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => true,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => false,
            _ => return Err(UrlError::Scheme),
        };
        let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
        let authority = uri.authority().ok_or(UrlError::Host)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::UserInfo);
        }
        let host = without_brackets(authority.host());
        let name = ServerName::try_from(host.to_owned()).map_err(|_| UrlError::Host)?;
        let named = authority.as_str().rsplit_once(':').filter(|(_, port)| !port.contains(']'));
        let port = match (named, authority.port_u16()) {
            (None, _) => Some(if https { 443 } else { 80 }),
            (Some(_), port) => port.filter(|port| *port != 0),
        };
        Ok(Self { text: text.to_owned(), https, port: port.ok_or(UrlError::Host)?, name, uri })
    }

    /// Whether its scheme is `https`.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        without_brackets(self.uri.host().unwrap_or_default())
    }

    /// The port, the scheme's own where none is written.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    pub(crate) fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    pub(super) const fn name(&self) -> &ServerName<'static> {
        &self.name
    }
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s31_only_absolute_web_urls_are_read() {
        for (text, host, port, target) in [
            ("https://id.example.com", "id.example.com", 443, "/"),
            ("https://id.example.com:8443/keys?v=1", "id.example.com", 8443, "/keys?v=1"),
            ("HTTP://127.0.0.1:9/a", "127.0.0.1", 9, "/a"),
            ("https://[2001:db8::1]/keys", "2001:db8::1", 443, "/keys"),
            ("https://[::1]:8443", "::1", 8443, "/"),
        ] {
            let url = Url::parse(text).expect(text);
            assert_eq!((url.host(), url.port(), url.target()), (host, port, target), "{text}");
        }
        for (text, error) in [
            ("file:///etc/passwd", UrlError::Scheme),
            ("gopher://a/", UrlError::Scheme),
            ("/keys", UrlError::Scheme),
            ("", UrlError::Scheme),
            ("https://ada:hunter2@a/", UrlError::UserInfo),
            ("https://a:0/", UrlError::Host),
            ("https://a_b..c/", UrlError::Host),
            ("https://a/#b", UrlError::Malformed),
            ("https://a/ b", UrlError::Malformed),
            ("https://a/\r\nX: y", UrlError::Malformed),
            ("https:///a", UrlError::Malformed),
        ] {
            assert_eq!(Url::parse(text), Err(error), "{text}");
        }
        assert_eq!(Url::parse(&format!("https://a/{}", "x".repeat(2048))), Err(UrlError::Malformed));
        assert!(Url::parse("https://a:70000/").is_err());
    }
}
