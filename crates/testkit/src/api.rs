//! A small client of the public API, for tests.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::time::timeout;

/// The longest that a test waits for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// Speaks to one hub with one API key.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    key: Option<String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// The body read as JSON; `null` when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Api {
    /// A client of the hub at `address`; without a key it is a stranger.
    #[must_use]
    pub fn new(address: SocketAddr, key: Option<String>) -> Api {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Api { client, address, key }
    }

    /// Sends one request, `path` from the root (`/api/v1/calls`), and takes the whole answer.
    ///
    /// # Errors
    ///
    /// When no answer comes within 20 s; an answer of any status is no error.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let response = self.open(method, path, body).await?;
        let status = response.status();
        let body = timeout(ANSWER_LIMIT, response.into_body().collect())
            .await
            .with_context(|| format!("{path}: the body does not end"))??;
        Ok(Answer { status, text: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
    }

    /// Sends one request and gives the answer as soon as its head is there: for streams.
    ///
    /// # Errors
    ///
    /// When no head comes within 20 s.
    pub async fn open(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<http::Response<Incoming>> {
        let mut request =
            Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(ToString::to_string).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body)))?;
        timeout(ANSWER_LIMIT, self.client.request(request))
            .await
            .with_context(|| format!("{path}: no answer"))?
            .with_context(|| path.to_owned())
    }

    /// `GET`, expecting 200 and JSON.
    ///
    /// # Errors
    ///
    /// With the answer in the message when it is another status.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.request(Method::GET, path, None).await?;
        if answer.status != StatusCode::OK {
            bail!("GET {path}: {} {}", answer.status, answer.text);
        }
        serde_json::from_str(&answer.text).with_context(|| format!("GET {path}: {}", answer.text))
    }

    /// `POST` of JSON; any status is given back.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.request(Method::POST, path, Some(body)).await
    }

    /// All items of a list, page after page; `path` may have a query already.
    ///
    /// # Errors
    ///
    /// When a page is not 200, or not a list of the contract's shape.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>> {
        let glue = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.get(&format!("{path}{glue}limit=500{after}")).await?;
            let rows = page["items"].as_array().with_context(|| format!("{path}: no items"))?;
            items.extend(rows.iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(items),
            }
        }
    }
}
