//! Where an upstream is.

use std::fmt;
use std::net::IpAddr;

use rustls::pki_types::ServerName;

/// Why an address is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The host is neither a name nor an IP address.
    #[error("the host is neither a DNS name nor an IP address")]
    Host,
    /// Port 0 cannot be connected to.
    #[error("the port is 0")]
    Port,
    /// The path is not an absolute path of printable ASCII without query and fragment.
    #[error("the path must begin with `/` and be printable ASCII without `?`, `#` and spaces")]
    Path,
}

/// The host, port and path of an upstream, and whether it is reached by TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
    path: String,
    /// The name its certificate has to carry: present when it is reached by TLS.
    server_name: Option<ServerName<'static>>,
}

impl Address {
    /// The parts of a `ws://` or (with `tls`) `wss://` URL. An IPv6 `host` may stand in brackets; an empty `path` is `/`.
    ///
    /// # Errors
    /// [`AddressError`] names the part at fault.
    pub fn new(tls: bool, host: &str, port: u16, path: &str) -> Result<Self, AddressError> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        // Also for plain connections: names that DNS cannot carry are mistakes in either.
        let server_name = ServerName::try_from(host.to_owned()).map_err(|_| AddressError::Host)?;
        if port == 0 {
            return Err(AddressError::Port);
        }
        let path = if path.is_empty() { "/" } else { path };
        if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#')) {
            return Err(AddressError::Path);
        }
        Ok(Self { host: host.to_owned(), port, path: path.to_owned(), server_name: tls.then_some(server_name) })
    }

    /// It is reached by TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.server_name.is_some()
    }

    /// The host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path to ask for, beginning with `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn server_name(&self) -> Option<&ServerName<'static>> {
        self.server_name.as_ref()
    }

    /// The `Host` header (RFC 9110 §7.2): without the port when it is the scheme's own.
    pub(super) fn authority(&self) -> impl fmt::Display {
        let default = if self.is_tls() { 443 } else { 80 };
        fmt::from_fn(move |f| {
            match self.host.parse() {
                Ok(IpAddr::V6(host)) => write!(f, "[{host}]")?,
                _ => f.write_str(&self.host)?,
            }
            if self.port == default { Ok(()) } else { write!(f, ":{}", self.port) }
        })
    }
}

/// The URL.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls() { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_a_url() {
        let shown = |tls, host, port, path| Address::new(tls, host, port, path).expect("an address").to_string();
        assert_eq!(shown(false, "app", 80, ""), "ws://app/");
        assert_eq!(shown(false, "app.example", 8080, "/chat"), "ws://app.example:8080/chat");
        assert_eq!(shown(false, "chat_app", 8080, "/"), "ws://chat_app:8080/");
        assert_eq!(shown(true, "app.example", 443, "/chat"), "wss://app.example/chat");
        assert_eq!(shown(true, "app.example", 80, "/chat"), "wss://app.example:80/chat");
        assert_eq!(shown(false, "[::1]", 9000, "/"), "ws://[::1]:9000/");
        assert_eq!(shown(false, "127.0.0.1", 9000, "/"), "ws://127.0.0.1:9000/");
    }

    #[test]
    fn refuses_what_would_break_a_request() {
        let refused = |host, port, path| Address::new(false, host, port, path).expect_err("no address");
        assert_eq!(refused("", 80, "/"), AddressError::Host);
        assert_eq!(refused("a b", 80, "/"), AddressError::Host);
        assert_eq!(refused("a\r\nX: y", 80, "/"), AddressError::Host);
        assert_eq!(refused("app:80", 80, "/"), AddressError::Host);
        assert_eq!(refused("app", 0, "/"), AddressError::Port);
        assert_eq!(refused("app", 80, "chat"), AddressError::Path);
        assert_eq!(refused("app", 80, "/chat HTTP/1.1"), AddressError::Path);
        assert_eq!(refused("app", 80, "/chat?room=1"), AddressError::Path);
        assert_eq!(refused("app", 80, "/chat\r\n"), AddressError::Path);
    }
}
