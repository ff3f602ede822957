//! The server behind a route.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderName;
use rustls::ClientConfig;

use super::fault::{Wrong, quoted, wrong};
use super::host::parse_authority;
use super::secret::{MAX_BUNDLE_BYTES, read_public};
use super::table::{Entry, Table};
use crate::upstream::{Address, AddressError, TlsConfigError, tls_config};

/// What says something of an upstream, and of nothing else.
const OF_UPSTREAMS: [&str; 6] = [
    "upstream_ca_file",
    "bind_addresses",
    "drop_headers",
    "connect_timeout_seconds",
    "upgrade_timeout_seconds",
    "idle_timeout_seconds",
];

/// Reads `upstream` and `upstream_ca_file` of a route: where its sockets lead, and whose certificates are believed there. They
/// may lead nowhere where proxies ask (`forward_auth`).
pub(super) fn read(
    route: &Table<'_>,
    public: &Arc<ClientConfig>,
    forward_auth: bool,
) -> Option<(Vec<Address>, Arc<ClientConfig>)> {
    if forward_auth && !route.has("upstream") {
        for key in OF_UPSTREAMS.into_iter().filter(|key| route.has(key)) {
            route.refuse(key, wrong("the route has no upstream", "name one with upstream, or leave this out"));
        }
        return Some((Vec::new(), Arc::clone(public)));
    }
    let addresses = read_addresses(route);
    let Some(file) = route.text("upstream_ca_file") else {
        return addresses.filter(|_| !route.has("upstream_ca_file")).map(|addresses| (addresses, Arc::clone(public)));
    };
    let tls = read_authorities(&file);
    let addresses = addresses?;
    if !addresses.iter().all(Address::is_tls) {
        file.refuse(wrong("the upstream is ws, without TLS", "write the upstream with wss, or leave this out"));
    }
    Some((addresses, tls?))
}

fn read_addresses(route: &Table<'_>) -> Option<Vec<Address>> {
    let mend = "write the server's socket URL, like `ws://127.0.0.1:9000/chat`";
    if !route.has("upstream") {
        route.refuse_absence("upstream", mend);
    }
    let entries = route.texts("upstream")?;
    if entries.is_empty() {
        route.refuse("upstream", wrong("the list is empty", mend));
    }
    let mut addresses = Vec::new();
    for entry in &entries {
        let Some(address) = entry.parse(parse) else { continue };
        if addresses.contains(&address) {
            entry.refuse(wrong(format!("{} is named twice", quoted(entry.text())), "name it once"));
        }
        addresses.push(address);
    }
    Some(addresses).filter(|addresses| !addresses.is_empty())
}

/// Reads `bind_addresses` of a route: where its dials come from.
pub(super) fn read_bind_addresses(route: &Table<'_>) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for entry in route.texts("bind_addresses").unwrap_or_default() {
        let mend = "write an address of this machine, like `10.0.0.5`";
        let parsed = entry.parse(|text| match text.parse::<IpAddr>() {
            Ok(address) if address.is_unspecified() || address.is_multicast() => {
                Err(wrong(format!("{} is not one machine's address", quoted(text)), mend))
            }
            Ok(address) => Ok(address),
            Err(_) => Err(wrong(format!("{} is not an IP address", quoted(text)), mend)),
        });
        let Some(address) = parsed else { continue };
        if addresses.contains(&address) {
            entry.refuse(wrong(format!("{} is named twice", quoted(entry.text())), "name it once"));
        }
        addresses.push(address);
    }
    addresses
}

/// Reads `drop_headers` of a route: what clients send and the upstream would believe.
pub(super) fn read_drop_headers(route: &Table<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for entry in route.texts("drop_headers").unwrap_or_default() {
        let parsed = entry.parse(|text| match HeaderName::try_from(text) {
            Ok(name) if name.as_str().starts_with("sec-websocket-") => {
                Err(wrong(format!("the upgrade needs {}", quoted(text)), "leave it out"))
            }
            Ok(name) => Ok(name.as_str().to_owned()),
            Err(_) => Err(wrong(format!("{} is not a header's name", quoted(text)), "write it like `x-user`")),
        });
        let Some(name) = parsed else { continue };
        if names.contains(&name) {
            entry.refuse(wrong(format!("{} is named twice", quoted(entry.text())), "name it once"));
        }
        names.push(name);
    }
    names
}

fn parse(text: &str) -> Result<Address, Wrong> {
    let no_scheme = || wrong("it does not start with ws:// or wss://", "write it like `ws://127.0.0.1:9000/chat`");
    let (scheme, rest) = text.split_once("://").ok_or_else(no_scheme)?;
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "wss" => true,
        "ws" => false,
        "http" => return Err(wrong("an upstream is a socket server", "write ws:// instead of http://")),
        "https" => return Err(wrong("an upstream is a socket server", "write wss:// instead of https://")),
        _ => return Err(no_scheme()),
    };
    if rest.contains(['?', '#']) {
        return Err(wrong("it has a query or fragment", "leave it out: the client's own query is passed on"));
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = parse_authority(authority)?;
    let port = port.unwrap_or(if tls { 443 } else { 80 });
    Address::new(tls, &host.to_string(), port, path).map_err(|error| match error {
        AddressError::Path => wrong(
            format!("the path {} has a character that no path can have", quoted(path)),
            "write it percent-encoded",
        ),
        error => wrong(error.to_string(), "write it like `ws://127.0.0.1:9000/chat`"),
    })
}

fn read_authorities(file: &Entry<'_>) -> Option<Arc<ClientConfig>> {
    let pem = read_public(file, MAX_BUNDLE_BYTES)?;
    file.parse(|_| tls_config(Some(&pem)).map_err(complaint))
}

/// A fault of TLS with upstreams, as the configuration tells it.
pub(super) fn complaint(error: TlsConfigError) -> Wrong {
    wrong(error.to_string(), "name a PEM file with the certificates of the authorities that sign the upstream's")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let shown = |text| parse(text).expect("a URL").to_string();
        assert_eq!(shown("wss://Chat.internal/a/b%20c"), "wss://chat.internal/a/b%20c");
        assert_eq!(shown("WS://[0:0::1]:9000"), "ws://[::1]:9000/");
        assert_eq!(shown("ws://chat_app:80/"), "ws://chat_app/");
    }

    #[test]
    fn what_is_not_a_socket_url_is_refused() {
        for text in [
            "chat",
            "http://a",
            "https://a",
            "ftp://a",
            "ws://",
            "ws://a?b",
            "ws://a#b",
            "ws://a/b c",
            "ws://a/é",
            "ws://:9000",
            "ws://a:0",
            "ws://a/\u{7f}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let fault = parse("ws://ada:hunter2@a").expect_err("user information");
        assert!(!format!("{fault:?}").contains("hunter2"));
    }
}
