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
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|hop| hop.trim().to_owned()).filter(|hop| !hop.is_empty()).collect()
}
