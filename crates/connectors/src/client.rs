//! The one HTTP client that all integrations share: pooled, guarded, without redirects.

pub(crate) mod exchange;
mod failure;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};

use crate::guard::{Guard, GuardedConnector};

/// Connections kept open per destination while nothing is sent: as many as an integration may
/// have in flight.
const IDLE_PER_HOST_MAX: usize = 256;
/// Most servers close a connection that is silent for a minute; we do so first.
const IDLE_MAX: Duration = Duration::from_secs(50);

/// The longest head of an answer, in bytes; servers commonly allow themselves 8 to 64 KiB.
const ANSWER_HEAD_BYTES_MAX: usize = 64 * 1024;

/// Sends requests. Cheap to clone; the clones share their connections.
///
/// It follows no redirect: the answer may lead anywhere, and a POST would become a GET.
#[derive(Clone)]
pub struct Client {
    inner: legacy::Client<HttpsConnector<GuardedConnector>, Full<Bytes>>,
}

impl Client {
    /// Certificates are checked against the authorities that Mozilla trusts.
    #[must_use]
    pub fn new(guard: Guard) -> Client {
        let tls = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .expect("ring supports the default versions of TLS")
            .https_or_http()
            .enable_http1()
            .wrap_connector(GuardedConnector::new(guard));
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .http1_max_buf_size(ANSWER_HEAD_BYTES_MAX)
            .pool_timer(TokioTimer::new())
            .build(tls);
        Client { inner }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client(…)")
    }
}
