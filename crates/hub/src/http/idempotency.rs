//! `Idempotency-Key`: carries a request out once, and repeats its answer.

use std::sync::Arc;

use api::Code;
use app::{
    Actor, App, AppError,
    idempotency::{Begun, begin, finish},
};
use axum::{
    body::{Body, to_bytes},
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::{extract::BODY_BYTES_MAX, problem::Failure};

/// The header that names a request.
pub(super) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Tells that an answer is that of an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Answers of operations that create something are far smaller than this.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Carries the request out, unless its key was seen before.
pub(super) async fn once(
    app: &Arc<App>,
    actor: &Actor,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let key = key.to_str().map_err(|_| AppError::field("Idempotency-Key", "must be ASCII"))?;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX)
        .await
        .map_err(|_| Failure::new(Code::BodyTooLarge, "the body is too large"))?;
    let named = [parts.method.as_str().as_bytes(), parts.uri.path().as_bytes(), &body];
    let claim = match begin(app, actor, key, &named).await? {
        Begun::New(claim) => claim,
        Begun::Done { status, body } => return Ok(replayed(status, body)),
    };
    // A task of its own: a client that hangs up must not leave the key claimed for nothing.
    let (app, actor) = (Arc::clone(app), actor.clone());
    let carried_out = tokio::spawn(async move {
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, ANSWER_BYTES_MAX).await.unwrap_or_default();
        let kept = parts.status.is_success().then(|| (parts.status.as_u16(), &body[..]));
        finish(&app, &actor, claim, kept).await;
        Response::from_parts(parts, Body::from(body))
    });
    carried_out.await.map_err(|it| Failure::from(AppError::Internal(it.to_string())))
}

fn replayed(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (REPLAYED, HeaderValue::from_static("true")),
    ];
    (status, headers, body).into_response()
}
