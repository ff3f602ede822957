use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::super::{DialError, Sockets, UpstreamIo};
use super::*;

#[tokio::test]
async fn a_dial_sends_nothing() {
    let (listener, address) = listen().await;
    let dialed = plain(address, AMPLE).dial(&authentic()).await.expect("it listens");
    let (mut stream, _) = listener.accept().await.expect("a connection");
    assert!(matches!(&dialed.io, UpstreamIo::Plain(tcp) if tcp.nodelay().expect("a TCP option")));
    drop(dialed);
    assert_eq!(stream.read(&mut [0]).await.expect("hung up"), 0);
}

#[tokio::test]
async fn nobody_listening_is_an_error() {
    let refused = plain(closed_port().await, AMPLE).dial(&authentic()).await.expect_err("nobody listens");
    assert!(matches!(refused, DialError::Connect(_)), "{refused:?}");
}

#[tokio::test]
async fn a_name_that_is_none_is_an_error() {
    let address = Address::new(false, "upstream.invalid", 80, "/").expect("an address");
    let upstream = Upstream::new(address, tls_config(None).expect("built in"), AMPLE, AMPLE);
    let unknown = upstream.dial(&authentic()).await.expect_err("RFC 6761 says so");
    assert!(matches!(unknown, DialError::Resolve(_)), "{unknown:?}");
}

#[tokio::test]
async fn the_addresses_of_a_name_are_tried_in_turn() {
    let (_listener, address) = listen().await;
    let addresses = [closed_port().await, closed_port().await, address];
    let sockets = Sockets::default();
    let stream = sockets.connect_any(&addresses, Instant::now() + AMPLE).await.expect("the last one listens");
    assert_eq!(stream.peer_addr().expect("connected"), address);
    let none = sockets.connect_any(&addresses[..2], Instant::now() + AMPLE).await.expect_err("nobody listens");
    assert!(none.is_some());
}

/// A certificate of an authority for `name`: the authority in PEM, and a server's configuration.
fn certified(name: &str) -> (String, Arc<ServerConfig>) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new([name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate)],
            PrivateKeyDer::try_from(key.serialize_der()).expect("PKCS #8"),
        )
        .expect("its own key");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    (authority.pem(), Arc::new(config))
}

fn secure(port: u16, ca_pem: Option<&str>, connect_timeout: Duration) -> Upstream {
    let address = Address::new(true, "127.0.0.1", port, "/chat").expect("an address");
    let tls = tls_config(ca_pem.map(str::as_bytes)).expect("an authority");
    Upstream::new(address, tls, connect_timeout, AMPLE)
}

#[tokio::test]
async fn wss_upgrades_with_a_certificate_of_its_authority() {
    let (authority, config) = certified("127.0.0.1");
    let (listener, address) = listen().await;
    let answering = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut stream = TlsAcceptor::from(config).accept(stream).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a whole head"));
        }
        stream.write_all(format!("{SWITCHING}\r\nframes").as_bytes()).await.expect("open");
        stream.shutdown().await.expect("open");
    });
    let mut upgraded = upgrade(&secure(address.port(), Some(&authority), AMPLE)).await.expect("a good answer");
    let mut frames = upgraded.ahead.to_vec();
    upgraded.io.read_to_end(&mut frames).await.expect("a clean end");
    assert_eq!(frames, b"frames");
    answering.await.expect("no panic");
}

#[tokio::test]
async fn wss_refuses_another_hosts_certificate_and_unknown_authorities() {
    let (authority, for_another) = certified("other.example");
    let (_, unknown) = certified("127.0.0.1");
    for (config, ca_pem) in
        [(for_another, Some(authority.as_str())), (unknown.clone(), Some(&authority)), (unknown, None)]
    {
        let (listener, address) = listen().await;
        let accepting = async {
            let (stream, _) = listener.accept().await.expect("a connection");
            assert!(TlsAcceptor::from(config).accept(stream).await.is_err());
        };
        let upstream = secure(address.port(), ca_pem, AMPLE);
        let authentic = authentic();
        let (dialed, ()) = tokio::join!(upstream.dial(&authentic), accepting);
        assert!(matches!(dialed, Err(DialError::Tls(_))), "{dialed:?}");
    }
}

#[tokio::test]
async fn a_handshake_that_is_not_answered_is_given_up_on() {
    let (_listener, address) = listen().await;
    let late = secure(address.port(), None, SHORT).dial(&authentic()).await.expect_err("no handshake");
    assert!(matches!(late, DialError::Timeout(SHORT)), "{late:?}");
}
