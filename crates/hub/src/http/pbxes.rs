//! Phone systems.

use std::sync::Arc;

use api::{KindView, Page, PageQuery, Pbx, PbxInput, PbxSetup};
use app::{App, pbxes, recordings};
use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};

use super::{
    extract::{Asked, Given, Id, Who},
    problem::Failure,
};

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<Pbx>>, Failure> {
    Ok(Json(pbxes::list(&app, &actor, query).await?))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Given(input): Given<PbxInput>,
) -> Result<(StatusCode, Json<Pbx>), Failure> {
    Ok((StatusCode::CREATED, Json(pbxes::create(&app, &actor, input).await?)))
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<Json<Pbx>, Failure> {
    Ok(Json(pbxes::get(&app, &actor, &id).await?))
}

pub(super) async fn change(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
    Given(input): Given<PbxInput>,
) -> Result<Json<Pbx>, Failure> {
    Ok(Json(pbxes::change(&app, &actor, &id, input).await?))
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<StatusCode, Failure> {
    pbxes::remove(&app, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn setup(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<Json<PbxSetup>, Failure> {
    let lines = pbxes::setup_lines(&app, &actor, &id).await?;
    Ok(Json(PbxSetup { lines }))
}

pub(super) async fn recording(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<Response, Failure> {
    let archive = recordings::find(&app, &actor, &id).await?.into_archive();
    let pieces = stream::try_unfold(archive, |mut archive| async move {
        let piece = archive.next().await?;
        std::io::Result::Ok(piece.map(|it| (it, archive)))
    });
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar"))];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

pub(super) async fn kinds(Who(actor): Who) -> Result<Json<Page<KindView>>, Failure> {
    Ok(Json(pbxes::kinds(&actor)?))
}
