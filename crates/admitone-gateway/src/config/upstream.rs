//! The server behind a route.

use std::sync::Arc;

use rustls::ClientConfig;

use super::fault::{Wrong, quoted, wrong};
use super::host::parse_authority;
use super::secret::{MAX_BUNDLE_BYTES, read_public};
use super::table::{Entry, Table};
use crate::upstream::{Address, AddressError, TlsConfigError, tls_config};

/// Reads `upstream` and `upstream_ca_file` of a route: where its sockets lead, and whose certificates are believed there.
pub(super) fn read(route: &Table<'_>, public: &Arc<ClientConfig>) -> Option<(Address, Arc<ClientConfig>)> {
    let mend = "write the server's socket URL, like `ws://127.0.0.1:9000/chat`";
    let address = route.required_text("upstream", mend).and_then(|entry| entry.parse(parse));
    let Some(file) = route.text("upstream_ca_file") else {
        return address.filter(|_| !route.has("upstream_ca_file")).map(|address| (address, Arc::clone(public)));
    };
    let tls = read_authorities(&file);
    let address = address?;
    if !address.is_tls() {
        file.refuse(wrong("the upstream is ws, without TLS", "write the upstream with wss, or leave this out"));
    }
    Some((address, tls?))
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
