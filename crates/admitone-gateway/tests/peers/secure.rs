//! TLS to the host that the recipes are for.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The host.
pub(crate) const HOST: &str = "app.example.com";

struct Pair {
    certificate: String,
    key: String,
    client: Arc<ClientConfig>,
}

static PAIR: LazyLock<Pair> = LazyLock::new(|| {
    let pair = rcgen::generate_simple_self_signed([HOST.to_owned()]).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Pair { certificate: pair.cert.pem(), key: pair.signing_key.serialize_pem(), client: Arc::new(client) }
});

/// Writes the files that the recipes name: certificate, key, and for HAProxy both in one.
pub(crate) fn write_pair(folder: &Path) {
    let Pair { certificate, key, .. } = &*PAIR;
    for (name, text) in [("pem", certificate), ("key", key), ("both.pem", &format!("{certificate}{key}"))] {
        std::fs::write(folder.join(format!("{HOST}.{name}")), text).expect("a file");
    }
}

/// A connection from an address of this machine.
pub(crate) async fn reach(from: Ipv4Addr, address: SocketAddr) -> TlsStream<TcpStream> {
    try_reach(from, address).await.expect("TLS")
}

pub(crate) async fn try_reach(from: Ipv4Addr, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let stream = socket.connect(address).await?;
    let name = ServerName::try_from(HOST).expect("a name");
    TlsConnector::from(PAIR.client.clone()).connect(name, stream).await
}
