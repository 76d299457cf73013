//! Questions to another HTTP server: one connection for each, a time for the whole of it, and answers of bounded size.
//!
//! For what is asked rarely: nothing is kept between questions, nothing is asked twice, no redirection is followed.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::uri::Scheme;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// The greatest answer, in bytes.
const LARGEST: usize = 1 << 20;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// How a server of `https` is known.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trust<'a> {
    /// By certificates of these authorities, in PEM.
    Authorities(&'a [u8]),
    /// Not at all: whoever answers is taken for it.
    Anybody,
}

/// A server that is asked.
pub(super) struct Peer {
    host: String,
    port: u16,
    /// What stands before every path.
    prefix: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    patience: Duration,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// What it answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Peer {
    /// The server at this URL; one of `https` is known as `trust` says. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL or the certificates.
    pub(super) fn at(url: &str, trust: Trust<'_>, patience: Duration) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("`{url}` is no URL: {error}"))?;
        let scheme = uri.scheme().filter(|scheme| **scheme == Scheme::HTTP || **scheme == Scheme::HTTPS);
        let secure =
            *scheme.ok_or_else(|| format!("`{url}` begins with neither http:// nor https://"))? == Scheme::HTTPS;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let prefix = uri.path().trim_end_matches('/').to_owned();
        let tls = if secure { Some((connector(trust)?, name(&host)?)) } else { None };
        Ok(Peer { host, port, prefix, tls, patience })
    }

    /// Asks, and waits for the whole answer.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Vec<u8>,
    ) -> Result<Answer, Failed> {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(header::HOST, format!("{host}:{}", self.port))
            .header(header::ACCEPT, "application/json")
            .body(Full::new(Bytes::from(body)))?;
        request.headers_mut().extend(headers.iter().cloned());
        let answered = tokio::time::timeout(self.patience, self.send(request)).await;
        answered.map_err(|_| format!("no answer within {:?}", self.patience))?
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Failed> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        match &self.tls {
            None => exchange(stream, request).await,
            Some((connector, name)) => exchange(connector.connect(name.clone(), stream).await?, request).await,
        }
    }
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, Failed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let asked = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, LARGEST).collect().await?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    };
    let mut connection = std::pin::pin!(connection);
    let mut asked = std::pin::pin!(asked);
    // The connection moves what is sent and received; it may end a moment before the answer is taken from it.
    tokio::select! {
        biased;
        answer = &mut asked => answer,
        _ = &mut connection => asked.await,
    }
}

fn connector(trust: Trust<'_>) -> Result<TlsConnector, String> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let config = match trust {
        Trust::Authorities(authorities) => config.with_root_certificates(roots(authorities)?),
        Trust::Anybody => config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))),
    };
    Ok(TlsConnector::from(Arc::new(config.with_no_client_auth())))
}

fn roots(authorities: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities) {
        let certificate = certificate.map_err(|error| format!("the authorities' certificates are no PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("a certificate of an authority cannot be used: {error}"))?;
    }
    if roots.is_empty() {
        return Err("https needs certificates of authorities to know the server by".to_owned());
    }
    Ok(roots)
}

/// Takes every certificate. Only that whoever shows it has its key is still looked at.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned()).map_err(|_| format!("`{host}` is no name of a server"))
}
