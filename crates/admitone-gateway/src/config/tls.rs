//! TLS on the gateway's own addresses.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::fault::wrong;
use super::secret::{MAX_FILE_BYTES, read_private, read_public};
use super::table::{Entry, Table};

/// A certificate chain and its key, checked against each other.
#[derive(Clone)]
pub struct Tls {
    /// Presents the chain and offers HTTP/1.1.
    pub server: Arc<ServerConfig>,
}

/// HTTP/2's name in ALPN (RFC 9113 §3.1).
pub(crate) const HTTP_2: &[u8] = b"h2";

impl Tls {
    /// The same, offering HTTP/2 too, and rather.
    #[must_use]
    pub fn offering_http_2(&self) -> Arc<ServerConfig> {
        let mut server = ServerConfig::clone(&self.server);
        server.alpn_protocols.insert(0, HTTP_2.to_vec());
        Arc::new(server)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// The cryptography of every TLS connection.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// What `[server.tls]` says.
pub(super) enum Reading {
    /// It is absent.
    Absent,
    /// It is there, but wrong, which is noted.
    Faulty,
    /// It is there.
    Sound(Tls),
}

/// Reads `[server.tls]`.
pub(super) fn read(table: &Table<'_>) -> Reading {
    // The keys are asked for in any case, so that variables of their names are known.
    let any_key = table.has("cert_file") | table.has("key_file");
    if !any_key && !table.is_present() {
        return Reading::Absent;
    }
    read_pair(table).map_or(Reading::Faulty, Reading::Sound)
}

fn read_pair(table: &Table<'_>) -> Option<Tls> {
    let certificates = table.required_text("cert_file", "write the path of the PEM file with the certificate chain");
    let key = table.required_text("key_file", "write the path of the PEM file with the certificate's private key");
    let chain = certificates.as_ref().and_then(read_chain);
    let key = key.as_ref().and_then(|entry| Some((entry, read_private_key(entry)?)));
    let (chain, (key_entry, key)) = (chain?, key?);
    let server = key_entry.parse(|_| {
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let built = builder.and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        built.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                wrong("the key does not belong to the certificate in cert_file", "name the two files of one pair")
            }
            error => wrong(format!("certificate and key cannot be used: {error}"), "make or order a new pair"),
        })
    });
    server.map(|mut server| {
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Tls { server: Arc::new(server) }
    })
}

fn read_chain(entry: &Entry<'_>) -> Option<Vec<CertificateDer<'static>>> {
    let pem = read_public(entry, MAX_FILE_BYTES)?;
    entry.parse(|_| {
        let mend = "it needs the PEM blocks that begin with -----BEGIN CERTIFICATE-----, the server's own first";
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain = chain.map_err(|_| wrong("the file is not sound PEM", mend))?;
        if chain.is_empty() { Err(wrong("the file has no certificate", mend)) } else { Ok(chain) }
    })
}

fn read_private_key(entry: &Entry<'_>) -> Option<PrivateKeyDer<'static>> {
    let pem = read_private(entry)?;
    entry.parse(|_| {
        PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
            let mend = "it needs an unencrypted PEM block that begins with -----BEGIN PRIVATE KEY-----";
            wrong("the file has no private key", mend)
        })
    })
}
