//! The hub itself: health, metrics, the declarative configuration, the doctor, backups.

use std::{path::Path, sync::Arc};

use api::{ApplyInput, ApplyResult, Examination, Exported, Health};
use app::{App, AppError, backup as backups, declared, doctor};
use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use tokio::{fs::File, io::AsyncReadExt};

use super::{
    extract::{Given, Who},
    problem::Failure,
};

/// How much of a backup is read at a time, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

pub(super) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok".to_owned() })
}

/// Load balancers read the status alone; the body is for people.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, Json<Health>) {
    match app.ready().await {
        Ok(()) => (StatusCode::OK, Json(Health { status: "ok".to_owned() })),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, Json(Health { status: error.to_string() })),
    }
}

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], app.live().metrics_text()).into_response()
}

pub(super) async fn export(
    State(app): State<Arc<App>>,
    Who(actor): Who,
) -> Result<Json<Exported>, Failure> {
    Ok(Json(declared::export(&app, &actor).await?))
}

pub(super) async fn apply(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Given(input): Given<ApplyInput>,
) -> Result<Json<ApplyResult>, Failure> {
    Ok(Json(declared::apply(&app, &actor, input).await?))
}

pub(super) async fn examine(
    State(app): State<Arc<App>>,
    Who(actor): Who,
) -> Result<Json<Examination>, Failure> {
    Ok(Json(doctor::examine(&app, &actor, doctor::Links::AsTheyAre).await?))
}

pub(super) async fn backup(
    State(app): State<Arc<App>>,
    Who(actor): Who,
) -> Result<Response, Failure> {
    let path = backups::to_scratch(&app, &actor).await?;
    let opened = open_and_unlink(&path).await;
    let (file, bytes) = opened.map_err(|it| AppError::Internal(format!("the backup: {it}")))?;
    let chunks = stream::try_unfold(file, |mut file| async move {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let read = (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk).await?;
        std::io::Result::Ok((read > 0).then_some((chunk, file)))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_LENGTH, HeaderValue::from(bytes)),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// The open file is all that is needed: whatever becomes of the client, nothing is left behind.
async fn open_and_unlink(path: &Path) -> std::io::Result<(File, u64)> {
    let file = File::open(path).await?;
    let bytes = file.metadata().await?.len();
    tokio::fs::remove_file(path).await?;
    Ok((file, bytes))
}
