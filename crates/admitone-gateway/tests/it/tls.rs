//! TLS on either side.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::client::{Connection, Request, soon};
use crate::tokens::{FOLDER, token};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

/// A self-signed certificate for `localhost`, in files of this name.
pub(crate) struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    pub(crate) fn in_files(name: &str) -> Self {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
        fs::write(FOLDER.join(format!("{name}.pem")), &certificate).expect("a file");
        fs::write(FOLDER.join(format!("{name}.key")), &key).expect("a file");
        Self { certificate, key }
    }

    fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("PEM")
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("PEM");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate()], key)
            .expect("a pair");
        TlsAcceptor::from(Arc::new(config))
    }

    async fn connect(&self, world: &World) -> Connection {
        self.reach(world.address).await.expect("TLS")
    }

    /// A connection to a server that has this certificate; `None` to one that has another.
    pub(crate) async fn reach(&self, address: SocketAddr) -> Option<Connection> {
        self.speak(address, &[]).await.map(Connection::over)
    }

    /// TLS to it, offering these protocols.
    pub(crate) async fn speak(&self, address: SocketAddr, protocols: &[&[u8]]) -> Option<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()).expect("an authority");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TcpStream::connect(address).await.expect("a connection");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()
    }
}

const TLS: &str = "[server.tls]\ncert_file = \"listener.pem\"\nkey_file = \"listener.key\"";

#[tokio::test]
async fn s1_a_listener_with_tls_mints_upgrades_refuses_and_insists_on_tls() {
    let pair = Pair::in_files("listener");
    let upstream = Upstream::echo().await;
    let server = format!("public_url = \"https://localhost:8443\"\nheader_timeout_seconds = 4\n{TLS}");
    let world = World::with(Lines { server: &server, ..Lines::default() }, &upstream.url()).await;

    let mut connection = pair.connect(&world).await;
    connection.send(Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("ada")).text()).await;
    let answer = connection.answer().await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000; includeSubDomains"));
    let minted = answer.json();
    assert_eq!(minted["websocket_url"], "wss://localhost:8443/chat");

    let upgrade = Request::upgrade(ROUTE).origin(ORIGIN);
    let ticket = minted["ticket"].as_str().expect("a ticket");
    connection.send(upgrade.clone().readable_ticket(ticket).text()).await;
    assert_eq!(connection.answer().await.header("sec-websocket-protocol"), Some("admitone.v1"));
    connection.echo("over TLS").await;
    assert!(upstream.only_request().await.contains("\r\nx-forwarded-proto: https\r\n"));

    let mut refused = pair.connect(&world).await;
    refused.send(upgrade.readable_ticket(ticket).text()).await;
    assert_eq!(refused.answer().await.header("sec-websocket-protocol"), Some("admitone.refused"));
    assert_eq!(refused.close().await.0, 4801);
    assert_eq!(refused.end().await, b"");

    let mut clear = world.connect().await;
    clear.send(Request::new("GET /healthz").text()).await;
    assert!(!String::from_utf8_lossy(&clear.end().await).contains("HTTP/1.1"), "nothing in clear");
    let mut silent = world.connect().await;
    soon("a handshake that never begins is cut off", silent.end()).await;
}

#[tokio::test]
async fn an_upstream_is_reached_by_tls_only_with_a_certificate_that_is_trusted_and_its_own() {
    let (pair, _other) = (Pair::in_files("upstream"), Pair::in_files("other"));
    let upstream = Upstream::with_tls(pair.acceptor()).await;
    let port = upstream.address.port();
    let by_name = format!("wss://localhost:{port}/behind");
    let world = World::routing("upstream_ca_file = \"upstream.pem\"", &by_name).await;
    world.opens(&world.ticket().await).await;
    let request = upstream.received("a request", |all| !all.concat().is_empty()).await.concat();
    assert!(request.contains(&format!("\r\nHost: localhost:{port}\r\n")), "{request}");

    let untrusted = [
        ("upstream_ca_file = \"other.pem\"", by_name.clone()),
        ("", by_name),
        ("upstream_ca_file = \"upstream.pem\"", format!("wss://127.0.0.1:{port}/behind")),
    ];
    for (route, url) in untrusted {
        let world = World::routing(route, &url).await;
        let ticket = world.ticket().await;
        let answer = world.ask(Request::upgrade(ROUTE).origin(ORIGIN).ticket(&ticket)).await;
        assert_eq!((answer.status, answer.header("admitone-ticket")), (502, Some("unspent")));
    }
}

#[tokio::test]
async fn f12_an_upgrade_whose_upstream_was_still_being_dialled_at_the_shutdown_spends_no_ticket() {
    let pair = Pair::in_files("slow");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("wss://localhost:{}/behind", listener.local_addr().expect("its address").port());
    let lines = Lines { server: "drain_seconds = 0", route: "upstream_ca_file = \"slow.pem\"", ..Lines::default() };
    let world = World::with(lines, &url).await;
    let ticket = world.ticket().await;
    let mut idle = world.connect().await;
    idle.send(Request::new("GET /healthz").text()).await;
    assert_eq!(idle.answer().await.status, 200);
    let mut connection = world.connect().await;
    connection.send(Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket(&ticket).text()).await;
    let (dialled, _) = soon("the dial", listener.accept()).await.expect("a connection");

    let ended = world.shut_down();
    idle.end().await;
    let mut dialled = pair.acceptor().accept(dialled).await.expect("TLS");
    assert_eq!(connection.answer().await.header("sec-websocket-protocol"), Some("admitone.refused"));
    assert_eq!(connection.close().await, (1012, "admitone:draining".to_owned()));
    let mut received = Vec::new();
    // However it ended.
    let _ = soon("the end", dialled.read_to_end(&mut received)).await;
    assert_eq!(received, b"", "no byte of a request");
    drop(connection);
    soon("the gateway ends", ended).await.expect("no panic");
}
