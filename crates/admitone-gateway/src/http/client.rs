use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use super::{App, Peer};

/// The client's address: the TCP peer, or what trusted proxies say of it. `X-Forwarded-For` is read from its end, past the
/// trusted hops; whatever stands before the first untrusted one was written by the client. Where a hop is no address, the one
/// behind it is the last that is known.
pub(super) fn address(app: &App, peer: Peer, headers: &HeaderMap) -> IpAddr {
    let mut client = peer.0.ip().to_canonical();
    for hop in forwarded_for(headers).iter().rev() {
        if !app.trusts(client) {
            break;
        }
        let Some(address) = parse_hop(hop) else { break };
        client = address.to_canonical();
    }
    client
}

/// An address, with or without the port that some proxies add.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// What the upstream is told: the hops so far, of which an untrusted peer's own claims are dropped.
pub(super) fn forwarded_chain(app: &App, peer: Peer, headers: &HeaderMap) -> String {
    let peer = peer.0.ip().to_canonical();
    let mut hops: Vec<String> = if app.trusts(peer) { forwarded_for(headers) } else { Vec::new() };
    for hop in &mut hops {
        // As RFC 7239 §6 names it.
        if !hop.bytes().all(|byte| byte.is_ascii_graphic()) {
            "unknown".clone_into(hop);
        }
    }
    hops.push(peer.to_string());
    hops.join(", ")
}

fn forwarded_for(headers: &HeaderMap) -> Vec<String> {
    // Byte for byte: a hop that is no text must not take the others of its line with it.
    let lines = headers.get_all("x-forwarded-for").iter().map(http::HeaderValue::as_bytes);
    let hops = lines.flat_map(|line| line.split(|byte| *byte == b','));
    hops.map(|hop| String::from_utf8_lossy(hop).trim().to_owned()).filter(|hop| !hop.is_empty()).collect()
}

/// Every hop that is an address.
#[cfg(fuzzing)]
pub(super) fn read_hops(headers: &HeaderMap) -> Vec<IpAddr> {
    forwarded_for(headers).iter().filter_map(|hop| parse_hop(hop)).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn s32_a_hop_that_is_no_text_takes_no_other_with_it() {
        let mut headers = HeaderMap::new();
        let line = HeaderValue::from_bytes(b"\xff, 203.0.113.9").expect("a header line");
        headers.append("x-forwarded-for", line);
        let hops = forwarded_for(&headers);
        assert_eq!(hops.last().and_then(|hop| parse_hop(hop)), "203.0.113.9".parse().ok());
        assert_eq!(hops.first().and_then(|hop| parse_hop(hop)), None);
        assert_eq!(hops.len(), 2);
    }
}
