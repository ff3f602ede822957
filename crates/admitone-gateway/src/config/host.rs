//! Hosts, web origins and networks: the addresses that a configuration names.

use std::fmt;
use std::net::IpAddr;

use admitone::origin::{self, OriginError};
pub use admitone::origin::{Host, WebOrigin};

use super::fault::{Wrong, quoted, wrong};

impl From<OriginError> for Wrong {
    fn from(OriginError { problem, mend }: OriginError) -> Self {
        Self { problem, mend }
    }
}

/// Splits and checks `host[:port]`.
pub(super) fn parse_authority(text: &str) -> Result<(Host, Option<u16>), Wrong> {
    Ok(origin::parse_authority(text)?)
}

/// Parses an origin that is written exactly as a browser writes it.
pub(super) fn parse_origin(text: &str) -> Result<WebOrigin, Wrong> {
    Ok(WebOrigin::parse(text)?)
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
