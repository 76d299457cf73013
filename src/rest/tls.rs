//! TLS: what clients are shown, read from PEM, and anew when the process is told to (SIGHUP).
//!
//! A certificate that cannot be used, or a key of another one, is refused when it is read: at start the server does not
//! listen, later it goes on with the one it has. Connections keep the certificate that they began with.

use std::sync::Arc;

use parking_lot::RwLock;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::options::{Certificate, Source};

/// TLS as new connections get it.
#[derive(Clone)]
pub(super) struct Tls {
    source: Source<Certificate>,
    acceptor: Arc<RwLock<TlsAcceptor>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// With the certificate that is there now.
    pub(super) fn of(source: Source<Certificate>) -> std::io::Result<Self> {
        let acceptor = acceptor(&source.read()?)?;
        Ok(Tls { source, acceptor: Arc::new(RwLock::new(acceptor)) })
    }

    /// Takes the certificate that is there now; what cannot be used changes nothing.
    pub(super) fn reload(&self) -> std::io::Result<()> {
        let acceptor = acceptor(&self.source.read()?)?;
        *self.acceptor.write() = acceptor;
        Ok(())
    }

    /// What the next connection is accepted by.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().clone()
    }
}

fn acceptor(certificate: &Certificate) -> std::io::Result<TlsAcceptor> {
    let refused = |what: &str, error: &dyn std::fmt::Display| {
        std::io::Error::new(std::io::ErrorKind::InvalidData, format!("TLS: {what}: {error}"))
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&certificate.chain)
        .collect::<Result<_, _>>()
        .map_err(|error| refused("the certificates are no PEM", &error))?;
    if chain.is_empty() {
        return Err(refused("there is no certificate", &"no section CERTIFICATE is in the PEM"));
    }
    let key = PrivateKeyDer::from_pem_slice(&certificate.key)
        .map_err(|error| refused("there is no private key in the PEM", &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused("no version of it can be spoken", &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| refused("the certificate cannot be used with this key", &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
