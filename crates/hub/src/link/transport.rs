//! Opens the socket to a phone system: TCP, and TLS over it with its own authority or a pin.

use std::{io, sync::Arc, time::Duration};

use pbx::{Endpoint, Tls};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

/// How long a phone system may take to accept the connection, and then for the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connected socket, plain or TLS.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// Why there is no connection, for people: what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The name does not resolve, nothing listens there, or nothing answers.
    #[error("{host}:{port}: {reason}")]
    Unreachable {
        /// The host as configured.
        host: String,
        /// The port as configured.
        port: u16,
        /// In plain words.
        reason: String,
    },
    /// The connection stands, but TLS on it does not.
    #[error("TLS with {host}:{port} failed: {reason}")]
    Tls {
        /// The host as configured.
        host: String,
        /// The port as configured.
        port: u16,
        /// In plain words.
        reason: String,
    },
}

/// Connects.
///
/// # Errors
///
/// [`ConnectError`], in words for the page of this phone system.
pub(super) async fn connect(endpoint: &Endpoint) -> Result<Box<dyn Socket>, ConnectError> {
    let unreachable = |reason: String| ConnectError::Unreachable {
        host: endpoint.host.clone(),
        port: endpoint.port,
        reason,
    };
    let connecting = TcpStream::connect((endpoint.host.as_str(), endpoint.port));
    let stream = timeout(CONNECT_TIMEOUT, connecting)
        .await
        .map_err(|_| {
            unreachable(format!(
                "no answer within {} s; a firewall may drop the connection",
                CONNECT_TIMEOUT.as_secs()
            ))
        })?
        .map_err(|error| unreachable(in_plain_words(&error)))?;
    // Actions are short and answers are waited for: nothing is gained by collecting bytes.
    stream.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
    match &endpoint.tls {
        None => Ok(Box::new(stream)),
        Some(tls) => secure(endpoint, tls, stream).await,
    }
}

async fn secure(
    endpoint: &Endpoint,
    tls: &Tls,
    stream: TcpStream,
) -> Result<Box<dyn Socket>, ConnectError> {
    let failed = |reason: String| ConnectError::Tls {
        host: endpoint.host.clone(),
        port: endpoint.port,
        reason,
    };
    let config = client_config(tls).map_err(failed)?;
    let name = tls.server_name.as_ref().unwrap_or(&endpoint.host);
    let name = ServerName::try_from(name.clone())
        .map_err(|_| failed(format!("`{name}` is no valid server name")))?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    match timeout(CONNECT_TIMEOUT, connector.connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(failed(tls_in_plain_words(&error))),
        Err(_) => Err(failed(
            "no handshake; the port may not speak TLS (5038 usually does not, 5039 does)"
                .to_owned(),
        )),
    }
}

fn client_config(tls: &Tls) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    if let Some(pin) = &tls.pin {
        let verifier = Pinned { sha256: read_pin(pin)?, provider };
        return Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    match &tls.ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate
                    .map_err(|error| format!("the authority's PEM is broken: {error:?}"))?;
                roots.add(certificate).map_err(|error| error.to_string())?;
            }
            if roots.is_empty() {
                return Err("the authority's PEM holds no certificate".to_owned());
            }
        }
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Reads 64 hexadecimal digits, with or without colons between the bytes.
fn read_pin(text: &str) -> Result<[u8; 32], String> {
    let digits: Vec<u8> =
        text.bytes().filter(|it| *it != b':' && !it.is_ascii_whitespace()).collect();
    let wrong = || "the pin must be 64 hexadecimal digits (SHA-256 of the certificate)".to_owned();
    let mut pin = [0u8; 32];
    if digits.len() != 64 {
        return Err(wrong());
    }
    for (byte, pair) in pin.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(pin)
}

/// Trusts one certificate and no other, whatever it says of itself.
#[derive(Debug)]
struct Pinned {
    sha256: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found: [u8; 32] = Sha256::digest(end_entity).into();
        if found == self.sha256 {
            return Ok(ServerCertVerified::assertion());
        }
        let hex: String = found.iter().map(|it| format!("{it:02x}")).collect();
        Err(rustls::Error::General(format!("the certificate is not the pinned one; it is {hex}")))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What to do about the usual failures of a connection.
fn in_plain_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens there; check host, port and that AMI is enabled (`enabled = yes`)"
                .to_owned()
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "the host cannot be reached; check the network or VPN".to_owned()
        }
        _ if error.to_string().contains("lookup") => {
            "the host name is not known; check its spelling".to_owned()
        }
        _ => error.to_string(),
    }
}

fn tls_in_plain_words(error: &io::Error) -> String {
    let rustls = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>());
    match rustls {
        Some(rustls::Error::InvalidMessage(_)) => {
            "the port does not speak TLS; use the TLS port (often 5039) or switch TLS off"
                .to_owned()
        }
        Some(rustls::Error::InvalidCertificate(reason)) => format!(
            "its certificate is not trusted ({reason:?}); give its authority's PEM or pin it"
        ),
        Some(rustls::Error::AlertReceived(alert)) => {
            format!("the phone system refused ({alert:?}); it may speak old TLS versions only")
        }
        Some(rustls::Error::General(reason)) => reason.clone(),
        Some(other) => other.to_string(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the connection was closed in the handshake; the port may not speak TLS".to_owned()
        }
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
