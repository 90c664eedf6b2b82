//! Integrations and their deliveries.

use std::sync::Arc;

use api::{
    Delivery, DeliveryQuery, DraftTestInput, Integration, IntegrationInput, KindView, Page,
    PageQuery, ReplayInput, ReplayResult, TestInput, TestResult,
};
use app::{App, deliveries, integrations};
use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;

use super::{
    extract::{Asked, Given, Id, Who},
    problem::Failure,
};

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<Integration>>, Failure> {
    Ok(Json(integrations::list(&app, &actor, query).await?))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Given(input): Given<IntegrationInput>,
) -> Result<(StatusCode, Json<Integration>), Failure> {
    Ok((StatusCode::CREATED, Json(integrations::create(&app, &actor, input).await?)))
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<Json<Integration>, Failure> {
    Ok(Json(integrations::get(&app, &actor, &id).await?))
}

pub(super) async fn change(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
    Given(input): Given<IntegrationInput>,
) -> Result<Json<Integration>, Failure> {
    Ok(Json(integrations::change(&app, &actor, &id, input).await?))
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<StatusCode, Failure> {
    integrations::remove(&app, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// That the other side says no is an answer, not a fault: it comes back with status 200.
pub(super) async fn test(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
    Given(input): Given<TestInput>,
) -> Result<Json<TestResult>, Failure> {
    Ok(Json(integrations::test(&app, &actor, &id, input).await?))
}

pub(super) async fn test_draft(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Given(input): Given<DraftTestInput>,
) -> Result<Json<TestResult>, Failure> {
    Ok(Json(integrations::test_draft(&app, &actor, input).await?))
}

pub(super) async fn kinds(Who(actor): Who) -> Result<Json<Page<KindView>>, Failure> {
    Ok(Json(integrations::kinds(&actor)?))
}

pub(super) async fn list_deliveries(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Asked(query): Asked<DeliveryQuery>,
) -> Result<Json<Page<Delivery>>, Failure> {
    Ok(Json(deliveries::list(&app, &actor, query).await?))
}

pub(super) async fn get_delivery(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<Json<Delivery>, Failure> {
    Ok(Json(deliveries::get(&app, &actor, &id).await?))
}

pub(super) async fn replay(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<(StatusCode, Json<Delivery>), Failure> {
    Ok((StatusCode::ACCEPTED, Json(deliveries::replay(&app, &actor, &id).await?)))
}

pub(super) async fn replay_many(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Given(input): Given<ReplayInput>,
) -> Result<(StatusCode, Json<ReplayResult>), Failure> {
    Ok((StatusCode::ACCEPTED, Json(deliveries::replay_many(&app, &actor, input).await?)))
}
