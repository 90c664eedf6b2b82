//! Users, keys, groups, settings, the audit log.

use std::sync::Arc;

use api::{
    ApiKey, ApiKeyInput, AuditEntry, Group, GroupInput, Me, MeChange, NewApiKey, Page, PageQuery,
    Settings, SettingsChange, User, UserChange, UserInput,
};
use app::{App, audit as audits, groups, keys, settings as organisation, users};
use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::{Map, Value};

use super::{
    extract::{Asked, Given, Id, Who},
    problem::Failure,
};

pub(super) async fn me(Who(actor): Who) -> Json<Me> {
    Json(actor.me())
}

pub(super) async fn change_me(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Given(change): Given<MeChange>,
) -> Result<Json<User>, Failure> {
    Ok(Json(users::change_me(&app, &actor, change).await?))
}

pub(super) async fn list_users(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<User>>, Failure> {
    Ok(Json(users::list(&app, &actor, query).await?))
}

pub(super) async fn create_user(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Given(input): Given<UserInput>,
) -> Result<(StatusCode, Json<User>), Failure> {
    Ok((StatusCode::CREATED, Json(users::create(&app, &actor, input).await?)))
}

pub(super) async fn get_user(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<Json<User>, Failure> {
    Ok(Json(users::get(&app, &actor, &id).await?))
}

pub(super) async fn change_user(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
    Given(change): Given<UserChange>,
) -> Result<Json<User>, Failure> {
    Ok(Json(users::change(&app, &actor, &id, change).await?))
}

pub(super) async fn remove_user(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<StatusCode, Failure> {
    users::remove(&app, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn list_keys(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<ApiKey>>, Failure> {
    Ok(Json(keys::list(&app, &actor, query).await?))
}

pub(super) async fn create_key(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Given(input): Given<ApiKeyInput>,
) -> Result<(StatusCode, Json<NewApiKey>), Failure> {
    Ok((StatusCode::CREATED, Json(keys::create(&app, &actor, input).await?)))
}

pub(super) async fn remove_key(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<StatusCode, Failure> {
    keys::remove(&app, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn list_groups(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<Group>>, Failure> {
    Ok(Json(groups::list(&app, &actor, query).await?))
}

pub(super) async fn create_group(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Given(input): Given<GroupInput>,
) -> Result<(StatusCode, Json<Group>), Failure> {
    Ok((StatusCode::CREATED, Json(groups::create(&app, &actor, input).await?)))
}

pub(super) async fn get_group(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<Json<Group>, Failure> {
    Ok(Json(groups::get(&app, &actor, &id).await?))
}

pub(super) async fn change_group(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
    Given(changes): Given<Map<String, Value>>,
) -> Result<Json<Group>, Failure> {
    Ok(Json(groups::change(&app, &actor, &id, changes).await?))
}

pub(super) async fn remove_group(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Path(id): Id,
) -> Result<StatusCode, Failure> {
    groups::remove(&app, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn settings(
    State(app): State<Arc<App>>,
    Who(actor): Who,
) -> Result<Json<Settings>, Failure> {
    Ok(Json(organisation::get(&app, &actor).await?))
}

pub(super) async fn change_settings(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Given(change): Given<SettingsChange>,
) -> Result<Json<Settings>, Failure> {
    Ok(Json(organisation::change(&app, &actor, change).await?))
}

pub(super) async fn audit(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<AuditEntry>>, Failure> {
    Ok(Json(audits::list(&app, &actor, query).await?))
}
