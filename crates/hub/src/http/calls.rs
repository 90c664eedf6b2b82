//! Calls and click-to-dial.

use std::sync::Arc;

use api::{CallQuery, Dial, DialInput, Page};
use app::{App, calls, calls::Timeline, dial as dials};
use axum::{
    Json,
    extract::{Path, State},
};
use call::Call;
use http::StatusCode;

use super::{
    extract::{Asked, Given, Id, Who},
    problem::Failure,
};

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Asked(query): Asked<CallQuery>,
) -> Result<Json<Page<Arc<Call>>>, Failure> {
    Ok(Json(calls::list(&app, &actor, query).await?))
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<Json<Arc<Call>>, Failure> {
    Ok(Json(calls::get(&app, &actor, &id).await?))
}

pub(super) async fn timeline(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<Json<Timeline>, Failure> {
    Ok(Json(calls::timeline(&app, &actor, &id).await?))
}

pub(super) async fn dial(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Given(input): Given<DialInput>,
) -> Result<(StatusCode, Json<Dial>), Failure> {
    Ok((StatusCode::ACCEPTED, Json(dials::dial(&app, &actor, input).await?)))
}

pub(super) async fn get_dial(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<Json<Dial>, Failure> {
    Ok(Json(dials::get(&app, &actor, &id).await?))
}
