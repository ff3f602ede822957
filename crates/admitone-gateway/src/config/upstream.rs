//! The server behind a route.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::fault::{Wrong, quoted, wrong};
use super::host::{Host, parse_authority};
use super::secret::{MAX_BUNDLE_BYTES, read_public};
use super::table::{Entry, Table};
use super::tls::provider;

/// Where a route's sockets lead.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The host to dial.
    pub host: Host,
    /// The port to dial.
    pub port: u16,
    /// The path to ask for; it starts with `/`.
    pub path: Arc<str>,
    /// How to speak TLS with it; none for `ws`.
    pub tls: Option<UpstreamTls>,
}

/// How to speak TLS with an upstream.
#[derive(Clone, Debug)]
pub struct UpstreamTls {
    /// The name that its certificate has to have.
    pub name: ServerName<'static>,
    /// Offers HTTP/1.1 and trusts `upstream_ca_file`, or without one the public authorities.
    pub client: Arc<ClientConfig>,
}

/// Reads `upstream` and `upstream_ca_file` of a route.
pub(super) fn read(route: &Table<'_>) -> Option<Upstream> {
    let mend = "write the server's socket URL, like `ws://127.0.0.1:9000/chat`";
    let url = route.required_text("upstream", mend).and_then(|entry| entry.parse(parse_url));
    let file = route.text("upstream_ca_file");
    let roots = file.as_ref().map(read_roots);
    let url = url?;
    if !url.tls {
        if let Some(file) = file {
            file.refuse(wrong("the upstream is ws, without TLS", "write the upstream with wss, or leave this out"));
        }
        return Some(Upstream { host: url.host, port: url.port, path: url.path, tls: None });
    }
    let name = match &url.host {
        Host::Ip(address) => ServerName::from(*address),
        Host::Name(name) => ServerName::try_from(name.to_string())
            .map_err(|_| route.refuse("upstream", wrong("no certificate can have this host's name", "rename the host")))
            .ok()?,
    };
    let client = client(roots.unwrap_or_else(|| Some(public_roots()))?, &url.host, route)?;
    Some(Upstream { tls: Some(UpstreamTls { name, client }), host: url.host, port: url.port, path: url.path })
}

struct Url {
    tls: bool,
    host: Host,
    port: u16,
    path: Arc<str>,
}

fn parse_url(text: &str) -> Result<Url, Wrong> {
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
    let path = if path.is_empty() { "/" } else { path };
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) || http::uri::PathAndQuery::try_from(path).is_err() {
        let problem = format!("the path {} has a character that no path can have", quoted(path));
        return Err(wrong(problem, "write it percent-encoded"));
    }
    Ok(Url { tls, host, port: port.unwrap_or(if tls { 443 } else { 80 }), path: path.into() })
}

fn public_roots() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

fn read_roots(file: &Entry<'_>) -> Option<RootCertStore> {
    let pem = read_public(file, MAX_BUNDLE_BYTES)?;
    file.parse(|_| {
        let mend = "it needs one or more PEM blocks that begin with -----BEGIN CERTIFICATE-----";
        let mut roots = RootCertStore::empty();
        for certificate in rustls::pki_types::CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|_| wrong("the file is not sound PEM", mend))?;
            roots.add(certificate).map_err(|_| wrong("the file has a certificate that cannot be an authority", mend))?;
        }
        if roots.is_empty() { Err(wrong("the file has no certificate", mend)) } else { Ok(roots) }
    })
}

fn client(roots: RootCertStore, host: &Host, route: &Table<'_>) -> Option<Arc<ClientConfig>> {
    let built = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    match built {
        Ok(builder) => {
            let mut client = builder.with_root_certificates(roots).with_no_client_auth();
            client.alpn_protocols = vec![b"http/1.1".to_vec()];
            Some(Arc::new(client))
        }
        Err(error) => {
            route.refuse("upstream", wrong(format!("TLS with {host} cannot be set up: {error}"), ""));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let url = parse_url("wss://Chat.internal/a/b%20c").expect("a URL");
        assert_eq!((url.tls, url.host.to_string(), url.port, &*url.path), (true, "chat.internal".into(), 443, "/a/b%20c"));
        let url = parse_url("ws://[::1]:9000").expect("a URL");
        assert_eq!((url.tls, url.host.to_string(), url.port, &*url.path), (false, "[::1]".into(), 9000, "/"));
    }

    #[test]
    fn what_is_not_a_socket_url_is_refused() {
        for text in ["chat", "http://a", "https://a", "ftp://a", "ws://", "ws://a?b", "ws://a#b", "ws://a/b c", "ws://a/é",
            "ws://:9000", "ws://a:0", "ws://a/\u{7f}"]
        {
            assert!(parse_url(text).is_err(), "{text}");
        }
        let fault = parse_url("ws://ada:hunter2@a").err().expect("user information");
        assert!(!format!("{fault:?}").contains("hunter2"));
    }
}
