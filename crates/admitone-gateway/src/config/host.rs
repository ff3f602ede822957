//! Hosts, web origins and networks: the addresses that a configuration names.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::fault::{Wrong, quoted, wrong};

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
pub(super) fn parse_authority(text: &str) -> Result<(Host, Option<u16>), Wrong> {
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
        Ok(1..) if port.starts_with(|first: char| first.is_ascii_digit()) => Ok((host, port.parse().ok())),
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
        let (_, authority) = self.text.split_once("://").unwrap_or_default();
        format!("{}://{authority}{path}", if self.https { "wss" } else { "ws" })
    }

    pub(super) fn new(https: bool, host: Host, port: Option<u16>) -> Self {
        let (scheme, default_port) = if https { ("https", 443) } else { ("http", 80) };
        let text = match port.filter(|&port| port != default_port) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Self { https, host, text: text.into() }
    }

    /// Parses an origin that is written exactly as a browser writes it.
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
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

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether `address` belongs to it. An IPv4 address in IPv6 clothing (`::ffff:a.b.c.d`) counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.bits) == self.address
    }

    /// Parses an address, or an address with `/` and a number of bits.
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let not_a_network = || {
            let problem = format!("{} is not an address or network", quoted(text));
            wrong(problem, "write it like `10.0.0.0/8`, `192.0.2.7` or `fd00::/8`")
        };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| not_a_network())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| not_a_network())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        if bits > width {
            return Err(wrong(format!("/{bits} is more than the {width} bits of the address"), "write fewer bits"));
        }
        if bits == 0 {
            let problem = format!("{} lets every client say which address it comes from", quoted(text));
            return Err(wrong(problem, "name only the proxies in front of the gateway"));
        }
        let first = masked(address, bits);
        if first != address {
            let problem = format!("{} is an address within a network, not a network", quoted(text));
            return Err(wrong(problem, format!("write `{first}/{bits}` or `{address}`")));
        }
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
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

    #[test]
    fn a_network_contains_its_addresses() {
        let contains = |network, address: &str| {
            Network::parse(network).expect("a network").contains(address.parse().expect("an address"))
        };
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(contains("192.0.2.7", "192.0.2.7"));
        assert!(!contains("192.0.2.7", "192.0.2.8"));
        assert!(contains("fd00::/8", "fdff::1"));
        assert!(!contains("fd00::/8", "10.0.0.1"));
    }

    #[test]
    fn what_is_not_a_network_is_refused_with_its_mend() {
        let mend = |text| Network::parse(text).expect_err("a fault").mend;
        assert_eq!(mend("10.0.0.1/8"), "write `10.0.0.0/8` or `10.0.0.1`");
        assert_eq!(mend("0.0.0.0/0"), "name only the proxies in front of the gateway");
        assert_eq!(mend("10.0.0.0/33"), "write fewer bits");
        assert!(Network::parse("ten").is_err());
        assert!(Network::parse("10.0.0.0/").is_err());
    }
}
