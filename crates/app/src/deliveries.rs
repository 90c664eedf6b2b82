//! Deliveries: what is on its way, what arrived, what was given up, and sending again by hand.

use std::collections::HashMap;

use api::{
    Attempt, Delivery, DeliveryQuery, DeliveryStatus, Page, ReplayInput, ReplayResult, Scope,
};
use call::CallId;
use store::{DeliveryDetail, DeliveryFilter, DeliveryId, IntegrationId, OrgId, Shelf};

use crate::{Actor, App, AppError, Result, audit, pages};

/// How many dead deliveries one request sends again: they are held in memory on their way.
const REPLAYED_AT_ONCE_MAX: usize = 10_000;

/// Deliveries, newest first.
///
/// # Errors
///
/// Without `integrations:read`; for an unknown integration or a cursor of another list.
pub async fn list(app: &App, actor: &Actor, query: DeliveryQuery) -> Result<Page<Delivery>> {
    actor.need(Scope::IntegrationsRead)?;
    let organisation = actor.organisation();
    let names = Names::read(app, organisation).await?;
    let integration = match &query.integration {
        Some(wanted) => Some(names.find(wanted)?),
        None => None,
    };
    let filter = DeliveryFilter {
        integration,
        status: query.status.map(status_of),
        call: query.call.map(CallId),
    };
    let paging = pages::paging(query.limit, query.after)?;
    let found = app.store.deliveries(organisation, filter, paging).await?;
    Ok(pages::page(found, |it| names.delivery(&it, Vec::new())))
}

/// One delivery with its attempts.
///
/// # Errors
///
/// Without `integrations:read`; for an unknown id.
pub async fn get(app: &App, actor: &Actor, id: &str) -> Result<Delivery> {
    actor.need(Scope::IntegrationsRead)?;
    let organisation = actor.organisation();
    let found = app.store.delivery(organisation, &DeliveryId::from(id)).await?;
    let found = found.ok_or(AppError::NotFound("delivery"))?;
    Ok(Names::read(app, organisation).await?.detail(&found))
}

/// Sends one delivery again.
///
/// # Errors
///
/// Without `integrations:write`; for an unknown id; while it waits anyway, or was cancelled.
pub async fn replay(app: &App, actor: &Actor, id: &str) -> Result<Delivery> {
    actor.need(Scope::IntegrationsWrite)?;
    let organisation = actor.organisation();
    let delivery = DeliveryId::from(id);
    let before = app.store.delivery(organisation, &delivery).await?;
    let before = before.ok_or(AppError::NotFound("delivery"))?.delivery;
    if before.status == store::DeliveryStatus::Cancelled {
        return Err(AppError::Conflict("its integration is no more".to_owned()));
    }
    let Some(pending) = app.store.replay_delivery(organisation, &delivery).await? else {
        return Err(AppError::Conflict("it waits to be sent already".to_owned()));
    };
    app.live.health.queued(before.integration.as_str(), 1);
    app.workers.replayed(vec![pending]);
    audit::note(app, actor, "delivery.replayed", id, &[]).await;
    let after = app.store.delivery(organisation, &delivery).await?;
    let after = after.ok_or(AppError::NotFound("delivery"))?;
    Ok(Names::read(app, organisation).await?.detail(&after))
}

/// Sends many deliveries again: those that are named, or all that were given up of one integration.
///
/// # Errors
///
/// Without `integrations:write`; for an unknown integration; when neither is given.
pub async fn replay_many(app: &App, actor: &Actor, input: ReplayInput) -> Result<ReplayResult> {
    actor.need(Scope::IntegrationsWrite)?;
    let organisation = actor.organisation();
    let mut pending = Vec::new();
    match (&input.integration, input.ids.is_empty()) {
        (Some(wanted), true) => {
            let id = Names::read(app, organisation).await?.find(wanted)?;
            pending =
                app.store.replay_dead_deliveries(organisation, &id, REPLAYED_AT_ONCE_MAX).await?;
        }
        (None, false) => {
            for id in &input.ids {
                pending.extend(app.store.replay_delivery(organisation, &id.as_str().into()).await?);
            }
        }
        _ => return Err(AppError::field("", "give either `ids` or `integration`")),
    }
    for it in &pending {
        app.live.health.queued(it.integration.as_str(), 1);
    }
    let replayed = pending.len() as u64;
    app.workers.replayed(pending);
    audit::note(app, actor, "deliveries.replayed", &replayed.to_string(), &[]).await;
    Ok(ReplayResult { replayed })
}

/// The integrations of an organisation, by id, for lists that name them.
pub(crate) struct Names(HashMap<String, String>);

impl Names {
    pub(crate) async fn read(app: &App, organisation: &OrgId) -> Result<Names> {
        let all = app.store.entries(organisation, Shelf::Integration).await?;
        Ok(Names(all.into_iter().map(|it| (it.id, it.name)).collect()))
    }

    /// Finds an integration by its id or its name.
    fn find(&self, wanted: &str) -> Result<IntegrationId> {
        let found = self.0.iter().find(|(id, name)| *id == wanted || *name == wanted);
        let found = found.map(|(id, _)| IntegrationId::from(id.as_str()));
        found.ok_or_else(|| AppError::field("integration", "there is no integration of this name"))
    }

    pub(crate) fn detail(&self, it: &DeliveryDetail) -> Delivery {
        let attempts = it.attempts.iter().map(|it| Attempt {
            number: it.number,
            at: it.started_at,
            duration_ms: u64::from(it.duration_ms),
            status: it.status,
            error: it.error.clone(),
            request: it.request.clone(),
            response: it.response.clone(),
        });
        self.delivery(&it.delivery, attempts.collect())
    }

    fn delivery(&self, it: &store::Delivery, attempts: Vec<Attempt>) -> Delivery {
        let status = match it.status {
            store::DeliveryStatus::Pending => DeliveryStatus::Pending,
            store::DeliveryStatus::Delivered => DeliveryStatus::Delivered,
            store::DeliveryStatus::Dead => DeliveryStatus::Dead,
            store::DeliveryStatus::Cancelled => DeliveryStatus::Cancelled,
        };
        Delivery {
            id: it.id.to_string(),
            status,
            integration: it.integration.to_string(),
            integration_name: self.0.get(it.integration.as_str()).cloned(),
            event: it.event.clone(),
            event_type: it.event_kind.name().to_owned(),
            call: it.call.as_ref().map(|it| it.0.clone()),
            created_at: it.event_time,
            next_attempt_at: it.due_at.filter(|_| status == DeliveryStatus::Pending),
            attempted_at: it.attempted_at,
            last_error: it.last_error.clone(),
            attempts_made: it.attempts,
            attempts,
        }
    }
}

fn status_of(status: DeliveryStatus) -> store::DeliveryStatus {
    match status {
        DeliveryStatus::Pending => store::DeliveryStatus::Pending,
        DeliveryStatus::Delivered => store::DeliveryStatus::Delivered,
        DeliveryStatus::Dead => store::DeliveryStatus::Dead,
        DeliveryStatus::Cancelled => store::DeliveryStatus::Cancelled,
    }
}

#[cfg(test)]
mod tests;
