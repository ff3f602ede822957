//! Where a gateway and its sockets are.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use rustls::pki_types::ServerName;

/// Why a text is no URL that can be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Another scheme, or none.
    #[error("its scheme is none of https, wss, http and ws")]
    Scheme,
    /// A user name or password.
    #[error("it holds a user name or password")]
    UserInfo,
    /// The host is neither a DNS name nor an IP address, or the port is 0.
    #[error("its host is neither a DNS name nor an IP address, or its port is none")]
    Host,
    /// A fragment, a space, or other than ASCII.
    #[error("it is no absolute URL of visible ASCII characters without fragment")]
    Malformed,
}

/// An absolute URL of a gateway or a socket. Shown without its query, which may hold what is not for everybody.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    uri: Uri,
    encrypted: bool,
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
        if text.contains('#') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Malformed);
        }
        let (scheme, _) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let encrypted = match &*scheme.to_ascii_lowercase() {
            "https" | "wss" => true,
            "http" | "ws" => false,
            _ => return Err(UrlError::Scheme),
        };
        let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
        let authority = uri.authority().ok_or(UrlError::Host)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::UserInfo);
        }
        let name = ServerName::try_from(without_brackets(authority.host()).to_owned()).map_err(|_| UrlError::Host)?;
        let written = authority.as_str().rsplit_once(':').filter(|(_, port)| !port.contains(']'));
        let port = match (written, authority.port_u16()) {
            (None, _) => Some(if encrypted { 443 } else { 80 }),
            (Some(_), port) => port.filter(|port| *port != 0),
        };
        Ok(Self { encrypted, port: port.ok_or(UrlError::Host)?, name, uri })
    }

    /// Whether it goes over TLS.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.encrypted
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

    /// The path, with a slash at its beginning.
    #[must_use]
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// The gateway's base: this URL's scheme (as `https` or `http`) and authority, without path and query.
    #[must_use]
    pub fn origin(&self) -> Self {
        let scheme = if self.encrypted { "https" } else { "http" };
        let uri = Uri::builder().scheme(scheme).authority(self.authority()).path_and_query("/").build();
        Self { uri: uri.unwrap_or_else(|_| self.uri.clone()), ..self.clone() }
    }

    /// Whether it is this machine's own, by its name or address alone.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host();
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    /// The path of an endpoint below this base.
    pub(crate) fn endpoint(&self, path: &str) -> String {
        [self.path().trim_end_matches('/'), path].concat()
    }

    pub(crate) const fn name(&self) -> &ServerName<'static> {
        &self.name
    }
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.uri.scheme_str().unwrap_or_default(), self.authority(), self.path())
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
    fn only_absolute_urls_of_the_web_are_read_and_no_query_is_shown() {
        let url = Url::parse("wss://gw.example.com:8443/chat?room=secret").expect("a URL");
        assert_eq!((url.host(), url.port(), url.target()), ("gw.example.com", 8443, "/chat?room=secret"));
        assert_eq!(format!("{url} {url:?}"), "wss://gw.example.com:8443/chat Url(wss://gw.example.com:8443/chat)");
        assert_eq!(url.origin().to_string(), "https://gw.example.com:8443/");
        assert_eq!(Url::parse("https://gw/base/").expect("a URL").endpoint("/auth/ticket"), "/base/auth/ticket");
        assert!(Url::parse("ws://[::1]/").expect("a URL").is_loopback());
        for (text, error) in [
            ("/chat", UrlError::Scheme),
            ("ftp://a/", UrlError::Scheme),
            ("wss://ada:pass@a/", UrlError::UserInfo),
            ("wss://a:0/", UrlError::Host),
            ("wss://a/#b", UrlError::Malformed),
            ("wss://a/ b", UrlError::Malformed),
        ] {
            assert_eq!(Url::parse(text), Err(error), "{text}");
        }
    }
}
