use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Network;

/// Where requests may go: to public addresses by https, and further only as far as the configuration says.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Networks that may be dialled although they are not public.
    pub allowed_networks: Vec<Network>,
    /// Whether http may go over a network. To this machine itself it always may.
    pub danger_http: bool,
}

/// Every address, in networks that are not the whole of anything: that one would be a mistake in a configuration.
const EVERYWHERE: [&str; 4] = ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"];

impl Reach {
    /// Wherever somebody says who has a right to: for a command line. Without TLS only to this machine itself.
    #[must_use]
    pub fn anywhere() -> Self {
        let networks = EVERYWHERE.iter().filter_map(|network| Network::parse(network).ok());
        Self { allowed_networks: networks.collect(), danger_http: false }
    }

    /// Whether `address` may be dialled.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        is_public(address) || self.allowed_networks.iter().any(|network| network.contains(address))
    }

    /// Whether a request to `address` may go unencrypted.
    pub(crate) fn allows_http(&self, address: IpAddr) -> bool {
        self.danger_http || address.to_canonical().is_loopback()
    }
}

/// Whether an address is anybody's on the internet, rather than this machine's, a private network's, or reserved (the
/// registries of special-purpose addresses, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let of_this_network_or_many = a == 0 || a == 127 || a >= 224;
    let private = a == 10 || (a == 172 && (16..=31).contains(&b)) || (a == 192 && b == 168);
    let shared_or_local = (a == 100 && (64..=127).contains(&b)) || (a == 169 && b == 254);
    let special =
        matches!((a, b, c), (192, 0, 0 | 2) | (192, 88, 99) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113));
    !(of_this_network_or_many || private || shared_or_local || special)
}

/// Of IPv6, only what is handed out as global unicast; not what carries an IPv4 address that it would lead to.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x2001, second, ..] => second > 0x01ff && second != 0x0db8,
        [0x2002, ..] | [0x3fff, ..] => false,
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(reach: &Reach, address: &str) -> bool {
        reach.allows(address.parse().expect(address))
    }

    #[test]
    fn s31_what_is_not_public_is_not_dialled() {
        let reach = Reach::default();
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a9fe:a9fe::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!allows(&reach, address), "{address}");
        }
        for address in ["1.1.1.1", "100.63.0.1", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(allows(&reach, address), "{address}");
        }
    }

    #[test]
    fn s31_an_allowed_network_is_dialled_and_no_other() {
        let network = |text| Network::parse(text).expect(text);
        let reach = Reach { allowed_networks: vec![network("10.1.0.0/16"), network("::1")], danger_http: false };
        assert!(allows(&reach, "10.1.2.3") && allows(&reach, "::ffff:10.1.2.3") && allows(&reach, "::1"));
        assert!(!allows(&reach, "10.2.0.1") && !allows(&reach, "127.0.0.1"));
    }

    #[test]
    fn s31_http_stays_on_this_machine() {
        let (here, there) = (IpAddr::from([127, 0, 0, 2]), IpAddr::from([10, 0, 0, 1]));
        let reach = Reach::default();
        assert!(reach.allows_http(here) && !reach.allows_http(there));
        assert!(Reach { danger_http: true, ..reach }.allows_http(there));
    }
}
