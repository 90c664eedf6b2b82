//! Failures as problem documents (RFC 9457).

use api::{Code, Problem};
use app::AppError;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

/// Why a request failed; becomes a problem document in one place.
#[derive(Debug)]
pub struct Failure(Problem);

impl Failure {
    /// A failure of this code, with what is wrong this time.
    pub fn new(code: Code, detail: impl Into<String>) -> Failure {
        Failure(Problem::new(code, detail))
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Failure {
        if let AppError::Internal(reason) = &error {
            tracing::error!(reason, "a request failed by a fault of the hub");
        }
        Failure(Problem::from(&error))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        answer(&self.0)
    }
}

/// A problem document.
pub(super) fn answer(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let kind = HeaderValue::from_static("application/problem+json");
    let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
    if problem.code == Code::Unauthenticated {
        let challenge = HeaderValue::from_static("Bearer realm=\"hookswitch\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
