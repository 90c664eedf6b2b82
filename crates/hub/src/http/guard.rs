//! The one place where it is decided who may ask for what: in front of every handler, by the
//! table of operations.

use std::{sync::Arc, time::Duration};

use api::{Access, Answer, Code, Method, Operation};
use app::{Actor, App, AppError, keys, sessions};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};

use super::{idempotency, problem::Failure};

/// How long a request may take: far longer than any of ours needs.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one may take that waits for another system, which has its own limit below this one.
pub(super) const OUTSIDE_TIMEOUT: Duration = Duration::from_secs(150);
/// Carries the token of the session in requests that change something.
const CSRF_HEADER: &str = "x-csrf-token";

type Guarded = (Arc<App>, &'static Operation);

/// Lets a request through to its handler, or says why not.
pub(super) async fn guard(
    State((app, operation)): State<Guarded>,
    request: Request,
    next: Next,
) -> Response {
    let response = match pass(&app, operation, request, next).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    };
    app.live().meters.answered(response.status().as_u16());
    response
}

async fn pass(
    app: &Arc<App>,
    operation: &'static Operation,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let Some(actor) = admit(app, operation, request.headers()).await? else {
        return Ok(next.run(request).await);
    };
    request.extensions_mut().insert(actor.clone());
    let timeout = match (operation.answer, operation.id) {
        // These last as long as the client reads.
        (Answer::EventStream | Answer::Other("application/octet-stream"), _) => {
            return Ok(next.run(request).await);
        }
        (_, "testIntegration" | "testDraft" | "examine" | "applyConfiguration") => OUTSIDE_TIMEOUT,
        _ => REQUEST_TIMEOUT,
    };
    let key = request.headers().get(idempotency::HEADER).filter(|_| operation.idempotent_by_key);
    let key = key.cloned();
    let carried_out = async {
        match key {
            Some(key) => idempotency::once(app, &actor, &key, request, next).await,
            None => Ok(next.run(request).await),
        }
    };
    tokio::time::timeout(timeout, carried_out).await.unwrap_or_else(|_| {
        let seconds = timeout.as_secs();
        Err(Failure::new(Code::RequestTimeout, format!("there was no answer in {seconds} seconds")))
    })
}

/// Who asks, when that is asked for at all.
async fn admit(
    app: &App,
    operation: &Operation,
    headers: &HeaderMap,
) -> Result<Option<Actor>, Failure> {
    if operation.access == Access::Open {
        return Ok(None);
    }
    let actor = authenticate(app, operation.method, headers).await?;
    if let Access::Scope(scope) = operation.access {
        actor.need(scope)?;
    }
    Ok(Some(actor))
}

async fn authenticate(app: &App, method: Method, headers: &HeaderMap) -> Result<Actor, AppError> {
    if let Some(given) = headers.get(header::AUTHORIZATION) {
        let parts = given.to_str().ok().and_then(|it| it.split_once(' '));
        let key = parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, key) = key.ok_or_else(|| {
            AppError::Unauthenticated("write `Authorization: Bearer hsk_…`".to_owned())
        })?;
        return match keys::remembered(app, key) {
            Some(actor) => Ok(actor),
            None => keys::authenticate(app, key.trim()).await,
        };
    }
    let nobody = || {
        let message = "give an API key as `Authorization: Bearer hsk_…`, or log in";
        AppError::Unauthenticated(message.to_owned())
    };
    let token = cookie(headers, sessions::SESSION_COOKIE).ok_or_else(nobody)?;
    let logged_in = sessions::authenticate(app, token).await?.ok_or_else(nobody)?;
    if method != Method::Get {
        let csrf = headers.get(CSRF_HEADER).and_then(|it| it.to_str().ok()).unwrap_or_default();
        sessions::check_csrf(&logged_in, csrf)?;
    }
    Ok(logged_in.actor)
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
    let mut pairs = all.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}
