//! How upstreams' certificates are judged.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why a file of authorities was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// It is not PEM.
    #[error("not a PEM file: {0}")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// It has no certificate: a private key or a DER file, for instance.
    #[error("no certificate in the file: it must hold at least one `BEGIN CERTIFICATE` block")]
    NoCertificate,
    /// One of its certificates cannot be an authority.
    #[error("certificate {number} of the file cannot be used as an authority: {source}")]
    Certificate {
        /// Its place in the file, from 1.
        number: usize,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The cryptography provider offers no protocol version.
    #[error(transparent)]
    Provider(rustls::Error),
}

/// The TLS side of upstream connections: TLS 1.2 and 1.3, ALPN `http/1.1`, certificates checked with the host's name against
/// the authorities in `ca_pem`, or without it against Mozilla's.
///
/// # Errors
/// [`TlsConfigError`] when `ca_pem` is no list of authorities.
pub fn tls_config(ca_pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, TlsConfigError> {
    let roots = match ca_pem {
        Some(pem) => authorities(pem)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsConfigError::Provider)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, TlsConfigError> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let certificate = certificate.map_err(TlsConfigError::Pem)?;
        roots.add(certificate).map_err(|source| TlsConfigError::Certificate { number: index + 1, source })?;
    }
    if roots.is_empty() { Err(TlsConfigError::NoCertificate) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mozillas_authorities_are_the_default() {
        assert_eq!(tls_config(None).expect("built in").alpn_protocols, [b"http/1.1"]);
    }

    #[test]
    fn a_file_without_authorities_is_refused() {
        assert!(matches!(tls_config(Some(b"")), Err(TlsConfigError::NoCertificate)));
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(matches!(tls_config(Some(key)), Err(TlsConfigError::NoCertificate)));
        let torn = b"-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert!(matches!(tls_config(Some(torn)), Err(TlsConfigError::Pem(_))));
        let other = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(tls_config(Some(other)), Err(TlsConfigError::Certificate { number: 1, .. })));
    }
}
