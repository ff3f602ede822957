//! Web origins, and the hosts in them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// Why a text is no origin, or no host and port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}: {mend}")]
pub struct OriginError {
    /// What is wrong with it.
    pub problem: String,
    /// How to mend it.
    pub mend: String,
}

fn wrong(problem: impl Into<String>, mend: impl Into<String>) -> OriginError {
    OriginError { problem: problem.into(), mend: mend.into() }
}

/// A value as a message shows it: on one line, without control characters, and not too long.
fn quoted(value: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = value.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if value.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// A host: a DNS name in lower case, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A DNS name: ASCII, lower case.
    Name(Arc<str>),
    /// An address.
    Ip(IpAddr),
}

impl Host {
    /// Whether it is this machine itself: a loopback address, `localhost`, or a name under it (RFC 6761 §6.3).
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => &**name == "localhost" || name.ends_with(".localhost"),
            Self::Ip(address) => address.is_loopback(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if let Some(inside) = text.strip_prefix('[') {
            let address: Ipv6Addr = inside.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Ip(address.into()));
        }
        let name = text.to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return name.parse().ok().map(|address| Self::Ip(IpAddr::V4(address)));
        }
        (name.len() <= 253 && name.split('.').all(is_label)).then(|| Self::Name(name.into()))
    }
}

impl fmt::Display for Host {
    /// As in a URL: an IPv6 address stands in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

fn is_label(label: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len()) && label.bytes().all(legal) && !label.starts_with('-') && !label.ends_with('-')
}

/// Splits and checks `host[:port]`.
///
/// # Errors
///
/// [`OriginError`].
pub fn parse_authority(text: &str) -> Result<(Host, Option<u16>), OriginError> {
    if text.contains('@') {
        return Err(wrong("it holds a user name or password", "leave out everything up to the `@`"));
    }
    let colon = text.rfind(':').filter(|&at| !text[at..].contains(']'));
    let (host, port) = colon.map_or((text, None), |at| (&text[..at], Some(&text[at + 1..])));
    let host = Host::parse(host).ok_or_else(|| {
        let problem = format!("{} is not a host", quoted(host));
        wrong(
            problem,
            "write a DNS name (`xn--…` for other than ASCII), an IPv4 address, or an IPv6 address in brackets",
        )
    })?;
    let Some(port) = port else { return Ok((host, None)) };
    match port.parse() {
        Ok(number @ 1..=u16::MAX) if port.starts_with(|first: char| first.is_ascii_digit()) => Ok((host, Some(number))),
        _ => Err(wrong(format!("{} is not a port", quoted(port)), "write a number from 1 to 65535")),
    }
}

/// A web origin, exactly as a browser writes it in `Origin` (RFC 6454 §6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin {
    /// Whether its scheme is `https`.
    pub https: bool,
    /// The host.
    pub host: Host,
    text: Arc<str>,
}

impl WebOrigin {
    /// The origin as a browser writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL of a socket at `path`, which starts with `/`: `wss` where the origin is `https`, else `ws`.
    #[must_use]
    pub fn socket_url(&self, path: &str) -> String {
        let (origin, socket) = if self.https { ("https", "wss") } else { ("http", "ws") };
        [socket, &self.text[origin.len()..], path].concat()
    }

    /// Of its parts.
    #[must_use]
    pub fn new(https: bool, host: Host, port: Option<u16>) -> Self {
        let (scheme, default_port) = if https { ("https", 443) } else { ("http", 80) };
        let text = match port.filter(|&port| port != default_port) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Self { https, host, text: text.into() }
    }

    /// Parses an origin that is written exactly as a browser writes it.
    ///
    /// # Errors
    ///
    /// [`OriginError`] for any other text, with what to write instead.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| {
            wrong(format!("{} has no scheme", quoted(text)), "write it like `https://app.example.com`")
        })?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong(format!("the scheme {} is not allowed", quoted(scheme)), "use https")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, beyond) = rest.split_at(end);
        let (host, port) = parse_authority(authority)?;
        let origin = Self::new(https, host, port);
        let mend = format!("write `{}`", origin.as_str());
        if !beyond.is_empty() {
            return Err(wrong("an origin ends after its host and port: no slash, path or query", mend));
        }
        if origin.as_str() != text {
            return Err(wrong(format!("{} is not how a browser writes it", quoted(text)), mend));
        }
        Ok(origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_accepted_only_as_a_browser_writes_it() {
        for text in ["https://app.example.com", "http://localhost:3000", "https://[::1]:8443", "https://10.0.0.1"] {
            assert_eq!(WebOrigin::parse(text).expect(text).as_str(), text);
        }
        for (text, meant) in [
            ("https://app.example.com/", "https://app.example.com"),
            ("https://app.example.com/a?b#c", "https://app.example.com"),
            ("HTTPS://App.example.com", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("http://localhost:80", "http://localhost"),
            ("https://app.example.com:08443", "https://app.example.com:8443"),
            ("https://[0:0::1]", "https://[::1]"),
        ] {
            assert_eq!(WebOrigin::parse(text).expect_err(text).mend, format!("write `{meant}`"), "{text}");
        }
        for text in [
            "app.example.com",
            "ftp://a",
            "https://",
            "https://a b",
            "https://a:0",
            "https://a:65536",
            "https://é.example",
            "https://a..b",
            "https://-a",
            "https://1.2.3",
            "https://a:+1",
            "https://[::1",
        ] {
            assert!(WebOrigin::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_is_this_machine_by_its_name_or_its_address() {
        let host = |text: &str| parse_authority(text).expect(text).0;
        for text in ["localhost", "app.localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(host(text).is_loopback(), "{text}");
        }
        for text in ["localhost.example.com", "notlocalhost", "10.0.0.1", "[::2]"] {
            assert!(!host(text).is_loopback(), "{text}");
        }
    }

    #[test]
    fn a_host_is_letters_digits_and_hyphens_within() {
        for text in ["a-b.example", "a_b", "1a.b2", &"a".repeat(63)] {
            assert!(parse_authority(text).is_ok(), "{text}");
        }
        let long = ["a".repeat(63).as_str(); 4].join(".");
        for text in ["-a.b", "a-.b", "a.-", "", "a..b", "a.", "a+b", &"a".repeat(64), &long] {
            assert!(parse_authority(text).is_err(), "{text}");
        }
        for port in ["+1", "-1", "0", "65536", "", " 1", "1a"] {
            assert!(parse_authority(&format!("a:{port}")).is_err(), "{port}");
        }
        assert_eq!(parse_authority("a:65535").map(|(_, port)| port), Ok(Some(65535)));
    }

    #[test]
    fn a_message_shows_the_value_in_one_line_of_80_characters() {
        let problem = |text: &str| parse_authority(text).expect_err(text).problem;
        assert_eq!(problem("a\n b"), "`a\\n b` is not a host");
        let long = "é".repeat(80);
        assert_eq!(problem(&long), format!("`{long}` is not a host"));
        assert_eq!(problem(&format!("{long}é")), format!("`{long}…` is not a host"));
    }

    #[test]
    fn a_password_in_an_origin_is_not_repeated() {
        let fault = WebOrigin::parse("https://ada:hunter2@app.example.com").expect_err("user information");
        assert!(!format!("{fault:?}").contains("hunter2"));
    }

    #[test]
    fn a_socket_url_follows_its_origin() {
        let url = |origin| WebOrigin::parse(origin).expect("an origin").socket_url("/chat");
        assert_eq!(url("https://gateway.example.com"), "wss://gateway.example.com/chat");
        assert_eq!(url("http://127.0.0.1:8080"), "ws://127.0.0.1:8080/chat");
    }
}
