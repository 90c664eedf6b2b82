//! A business system to look at: it receives deliveries over HTTP, checks their signatures and
//! shows them. It can be told to misbehave, so that retries can be watched.
//!
//! It shares no code with what sends the deliveries: if both agree, they agree with the standard.

mod page;
mod signature;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Form, Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::clock::Clock;
pub use signature::Signature;

/// A larger delivery is refused: nothing that describes a call is as long.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// What is kept of a body; the page shows it.
const BODY_BYTES_KEPT: usize = 16 * 1024;
/// The longest time that an answer can be held back.
const DELAY_MAX: Duration = Duration::from_secs(600);

/// How the business system is started.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; only loopback addresses are taken. Port 0: any that is free.
    pub listen: SocketAddr,
    /// The secret of the signatures, as `whsec_…`; `None`: signatures are not checked.
    pub secret: Option<String>,
    /// How many deliveries are remembered, the last ones.
    pub keep: usize,
    /// The time.
    pub clock: Clock,
}

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// The HTTP status of every answer.
    pub status: u16,
    /// How long an answer is held back, in milliseconds; at most ten minutes.
    #[serde(default)]
    pub delay_ms: u64,
}

impl Behaviour {
    fn status(self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK)
    }
}

impl Default for Behaviour {
    fn default() -> Behaviour {
        Behaviour { status: 200, delay_ms: 0 }
    }
}

/// One delivery, as it was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// Counts what was received, from 1.
    pub number: u64,
    /// When, in microseconds since the epoch.
    pub at_us: i64,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The header `webhook-id`: the same for every attempt of one delivery.
    pub webhook_id: Option<String>,
    /// What came of checking the signature.
    pub signature: Signature,
    /// The body, or its beginning.
    pub body: String,
    /// The status that it was answered with.
    pub status: u16,
}

struct Inner {
    settings: Settings,
    state: Mutex<Inbox>,
}

#[derive(Default)]
struct Inbox {
    count: u64,
    last: VecDeque<Received>,
    behaviour: Behaviour,
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a delivery; gives how it is to be answered.
    fn record(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Behaviour {
        let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
        let at_us = self.settings.clock.now_us();
        let signature = signature::check(self.settings.secret.as_deref(), &text, body, at_us);
        let kept = &body[..body.len().min(BODY_BYTES_KEPT)];
        let mut inbox = self.lock();
        inbox.count += 1;
        let received = Received {
            number: inbox.count,
            at_us,
            method: method.to_string(),
            path: uri.to_string(),
            webhook_id: text("webhook-id").map(str::to_owned),
            signature,
            body: String::from_utf8_lossy(kept).into_owned(),
            status: inbox.behaviour.status().as_u16(),
        };
        inbox.last.push_back(received);
        while inbox.last.len() > self.settings.keep {
            inbox.last.pop_front();
        }
        inbox.behaviour
    }
}

/// A business system that is running. Dropping it ends it.
pub struct Business {
    inner: Arc<Inner>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Business {
    /// Listens. Every path but `/list`, `/received` and `/behaviour` takes deliveries.
    ///
    /// # Errors
    ///
    /// When the address is none of this machine's own loopback addresses, or cannot be listened at.
    pub async fn start(settings: Settings) -> io::Result<Business> {
        if !settings.listen.ip().is_loopback() {
            let problem = format!("{} is not a loopback address", settings.listen);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner { settings, state: Mutex::default() });
        let routes = Router::new()
            .route("/", get(show).post(receive).put(receive))
            .route("/list", get(show_list))
            .route("/received", get(list))
            .route("/behaviour", post(behave))
            .fallback(receive)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(inner.clone());
        let server = tokio::spawn(async move {
            // It ends only with the task.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Business { inner, address, server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How much has been received so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.inner.lock().count
    }

    /// The last deliveries, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.inner.lock().last.iter().cloned().collect()
    }

    /// From now on answers so.
    pub fn behave(&self, behaviour: Behaviour) {
        self.inner.lock().behaviour = behaviour;
    }
}

impl Drop for Business {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let behaviour = inner.record(&method, &uri, &headers, &body);
    let delay = Duration::from_millis(behaviour.delay_ms).min(DELAY_MAX);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    behaviour.status().into_response()
}

async fn show(State(inner): State<Arc<Inner>>) -> Response {
    page(page::frame(inner.lock().behaviour))
}

async fn show_list(State(inner): State<Arc<Inner>>) -> Response {
    let inbox = inner.lock();
    page(page::list(inbox.count, inbox.last.iter().rev()))
}

fn page(html: String) -> Response {
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-src 'self'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

#[derive(Serialize)]
struct List {
    count: u64,
    items: Vec<Received>,
}

async fn list(State(inner): State<Arc<Inner>>) -> Json<List> {
    let inbox = inner.lock();
    Json(List { count: inbox.count, items: inbox.last.iter().rev().cloned().collect() })
}

/// Takes the form of the page. Other sites may not send it: a browser says where it comes from.
async fn behave(
    State(inner): State<Arc<Inner>>,
    headers: HeaderMap,
    Form(behaviour): Form<Behaviour>,
) -> Response {
    let site = headers.get("sec-fetch-site").and_then(|it| it.to_str().ok());
    if !matches!(site, None | Some("same-origin" | "none")) {
        return (StatusCode::FORBIDDEN, "not from another site").into_response();
    }
    if StatusCode::from_u16(behaviour.status).is_err() || behaviour.status < 200 {
        let problem = format!("{} is no status of an answer: give 200 to 599", behaviour.status);
        return (StatusCode::UNPROCESSABLE_ENTITY, problem).into_response();
    }
    inner.lock().behaviour = behaviour;
    Redirect::to("/").into_response()
}
