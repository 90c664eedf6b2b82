//! The HTTP server: accepts connections, plain or TLS, and ends them in good order.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::{Layer, util::MapRequestLayer};

use crate::stop::stopped;

/// Connections at a time. Each idle live stream is one: ten thousand agents and some more.
const CONNECTIONS_MAX: usize = 16_384;
/// How long a client may take to send the head of a request, and for its TLS handshake.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before accepting again when the system is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who is at the other end of a connection; every request carries it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Reads certificate chain and key for HTTPS.
///
/// # Errors
///
/// When one of the files cannot be read or the two do not belong together.
pub fn tls(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let read = |it: &Path| format!("cannot read {}", it.display());
    let chain = CertificateDer::pem_file_iter(certificate)
        .with_context(|| read(certificate))?
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| read(certificate))?;
    let key = PrivateKeyDer::from_pem_file(key).with_context(|| read(key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and its key cannot be used")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves until `stop` turns `true`; then takes no new connection, lets running requests end for
/// at most `drain`, and returns. Live streams end by their own watch on `stop`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<TlsAcceptor>,
    mut stop: watch::Receiver<bool>,
    drain: Duration,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let router = router.clone();
        let tls = tls.clone();
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let _place = place;
            match tls {
                None => converse(stream, peer, router, watcher).await,
                Some(tls) => {
                    // A failed handshake is the client's business.
                    if let Ok(Ok(stream)) = timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
                        converse(stream, peer, router, watcher).await;
                    }
                }
            }
        });
    }
    drop(listener);
    if timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
}

async fn pause_after(error: &io::Error) {
    // A client that is gone before it was accepted is no news; no descriptors left is.
    if error.kind() != io::ErrorKind::ConnectionAborted {
        tracing::error!(%error, "cannot accept a connection");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// One connection. Its failures are the client's business: it sees them.
async fn converse<S>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) where
    S: AsyncRead + AsyncWrite + Prompt + Unpin + Send + 'static,
{
    stream.send_at_once();
    let with_peer = MapRequestLayer::new(move |mut request: http::Request<_>| {
        request.extensions_mut().insert(Peer(peer));
        request
    });
    let service = TowerToHyperService::new(with_peer.layer(router));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection.into_owned()).await {
        tracing::trace!(%error, "a connection ended");
    }
}

/// What we set on the socket below a connection.
trait Prompt {
    /// Events are small and waited for: nothing is gained by collecting bytes.
    fn send_at_once(&self);
}

impl Prompt for TcpStream {
    fn send_at_once(&self) {
        // Without it the connection is slower, not wrong.
        let _ = self.set_nodelay(true);
    }
}

impl Prompt for tokio_rustls::server::TlsStream<TcpStream> {
    fn send_at_once(&self) {
        self.get_ref().0.send_at_once();
    }
}

#[cfg(test)]
mod tests {
    use axum::{Extension, routing::get};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn ask(address: SocketAddr) -> io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn requests_know_their_peer_and_a_stop_lets_running_ones_end() {
        let (stop, stopped) = watch::channel(false);
        let (entered, mut is_inside) = tokio::sync::mpsc::channel::<()>(1);
        let (let_go, gate) = watch::channel(false);
        let router = Router::new().route(
            "/",
            get(move |Extension(Peer(peer)): Extension<Peer>| {
                let (entered, mut gate) = (entered.clone(), gate.clone());
                async move {
                    entered.send(()).await.unwrap();
                    gate.wait_for(|it| *it).await.unwrap();
                    format!("you are {}", peer.ip())
                }
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, router, None, stopped, Duration::from_secs(10)));
        let asking = tokio::spawn(ask(address));
        is_inside.recv().await.unwrap();
        stop.send(true).unwrap();
        let_go.send(true).unwrap();
        let answer = asking.await.unwrap().unwrap();
        assert!(answer.ends_with("you are 127.0.0.1"), "{answer}");
        server.await.unwrap();
        assert!(ask(address).await.is_err(), "nothing listens any more");
    }
}
