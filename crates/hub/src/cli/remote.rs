//! A running hub, spoken to through its API: what `--server URL` asks for.

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::AsyncWriteExt;

use super::Failure;

/// The longest answer that is read into memory; a backup goes to its file piece by piece.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A running hub.
pub(super) struct Remote {
    base: Uri,
    authorization: header::HeaderValue,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Remote {
    /// The hub at `server`, asked with `key`.
    pub(super) fn new(server: &str, key: Option<String>) -> Result<Remote, Failure> {
        let wrong = |why: &str| Failure::Usage(format!("--server {server}: {why}"));
        let base: Uri = server.trim_end_matches('/').parse().map_err(|_| wrong("not a URL"))?;
        if !matches!(base.scheme_str(), Some("http" | "https")) {
            return Err(wrong("it must begin with http:// or https://"));
        }
        let key = key.ok_or_else(|| {
            Failure::Usage("--server needs an API key of scope admin in HOOKSWITCH_KEY".to_owned())
        })?;
        let mut authorization = header::HeaderValue::try_from(format!("Bearer {}", key.trim()))
            .map_err(|_| Failure::Usage("HOOKSWITCH_KEY holds no key".to_owned()))?;
        authorization.set_sensitive(true);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .context("TLS cannot be set up")?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Remote { base, authorization, client })
    }

    /// Asks for something.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.read(self.ask(Method::GET, path, Bytes::new()).await?).await
    }

    /// Has something done.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).context("the request cannot be written")?;
        self.read(self.ask(Method::POST, path, body.into()).await?).await
    }

    /// Puts an answer into a file, piece by piece.
    pub(super) async fn download(&self, path: &str, file: &std::path::Path) -> Result<(), Failure> {
        let mut body = self.ask(Method::GET, path, Bytes::new()).await?;
        let to = || format!("cannot write {}", file.display());
        let mut out = tokio::fs::File::create(file).await.with_context(to)?;
        while let Some(frame) = body.frame().await {
            let frame = frame.context("the hub broke off the answer")?;
            if let Ok(data) = frame.into_data() {
                out.write_all(&data).await.with_context(to)?;
            }
        }
        out.sync_all().await.with_context(to)?;
        Ok(())
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<hyper::body::Incoming, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base.to_string().trim_end_matches('/')))
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .context("the request cannot be made")?;
        let answer =
            self.client.request(request).await.map_err(|error| {
                anyhow!("no hub answers at {}: {}", self.base, root_cause(&error))
            })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer.into_body());
        }
        let body = limited(answer.into_body()).await?;
        let problem: Option<api::Problem> = serde_json::from_slice(&body).ok();
        Err(match problem {
            Some(problem) if problem.status == 422 || problem.status == 400 => {
                Failure::Usage(in_lines(&problem))
            }
            Some(problem) => anyhow!("{}", in_lines(&problem)).into(),
            None => anyhow!("{} answers with HTTP {status}; is it a hub?", self.base).into(),
        })
    }

    async fn read<T: DeserializeOwned>(&self, body: hyper::body::Incoming) -> Result<T, Failure> {
        let body = limited(body).await?;
        let answer = serde_json::from_slice(&body)
            .context("the hub's answer cannot be read; are both of the same version?")?;
        Ok(answer)
    }
}

async fn limited(body: hyper::body::Incoming) -> anyhow::Result<Bytes> {
    let limited = http_body_util::Limited::new(body, ANSWER_BYTES_MAX);
    match limited.collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) => bail!("the hub's answer broke off: {error}"),
    }
}

/// A problem as lines for a terminal: what is wrong, then each field.
fn in_lines(problem: &api::Problem) -> String {
    let mut lines = vec![problem.detail.clone()];
    lines.extend(problem.errors.iter().map(|it| format!("  {}: {}", it.field, it.message)));
    lines.join("\n")
}

/// The innermost reason: the outer ones only say that connecting failed.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
