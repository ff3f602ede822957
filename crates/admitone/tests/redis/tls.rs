//! Over TLS, with a certificate of the deployment's own authority.

use std::sync::Arc;

use admitone::store::redis::{ConnectError, Redis, RedisOptions};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::nodes::{self, Node, mint};
use crate::ports;
use crate::servers::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_travel_over_tls_to_a_server_of_the_right_authority_only() {
    let folder = std::env::temp_dir().join(format!("admitone-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let (ours, theirs) = (Authority::new(), Authority::new());
    let [certificate, key] = ["server.crt", "server.key"].map(|name| folder.join(name).display().to_string());
    ours.sign(&certificate, &key);

    let tls_port = ports::claim();
    let server = Server::start(&[
        "--tls-port",
        &tls_port.to_string(),
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &certificate,
        "--tls-auth-clients",
        "no",
    ]);
    std::fs::remove_dir_all(&folder).expect("read by now");
    let mut options = nodes::standalone(&server);
    options.deployment =
        admitone::store::redis::Deployment::Standalone(format!("localhost:{tls_port}").parse().expect("an address"));

    let node = Node::start(with_tls(&options, ours.trusting())).await;
    let minted = mint("ada").await;
    node.put(&minted).await.expect("room");
    assert!(node.takes(&minted).await);

    let error = Redis::connect(with_tls(&options, theirs.trusting())).await.map(drop).expect_err("another authority");
    assert!(matches!(&error, ConnectError::Unreachable(Some(fault)) if fault.contains("certificate")), "{error}");
}

fn with_tls(options: &RedisOptions, tls: rustls::ClientConfig) -> RedisOptions {
    let mut options = options.clone();
    options.tls = Some(Arc::new(tls));
    options
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::new([]).expect("no names");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(parameters, key).expect("a certificate"))
    }

    fn sign(&self, certificate: &str, key: &str) {
        let pair = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let signed = parameters.signed_by(&pair, &self.0).expect("a certificate");
        std::fs::write(certificate, signed.pem()).expect("a file");
        std::fs::write(key, pair.serialize_pem()).expect("a file");
    }

    fn trusting(&self) -> rustls::ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        builder.expect("TLS versions").with_root_certificates(roots).with_no_client_auth()
    }
}
