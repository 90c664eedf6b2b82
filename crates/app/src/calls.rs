//! Calls: the history, the ones in progress, and the timeline of one.

use std::sync::Arc;

use api::{CallQuery, Page, Scope};
use call::{Call, CallId, Direction, Event, Outcome};
use serde::Serialize;
use store::{CallFilter, OrgId};

use crate::{Actor, App, AppError, Result, deliveries, pages};

/// Every event and every delivery of one call, in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timeline {
    /// In the order of time.
    pub items: Vec<TimelineItem>,
    /// Always `None`: a timeline comes whole.
    pub next: Option<String>,
}

/// One thing in the timeline of a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TimelineItem {
    /// Something happened to the call.
    Event {
        /// What happened.
        event: Event,
    },
    /// An event of the call was sent to an integration.
    Delivery {
        /// Where it went and how it fared.
        delivery: api::Delivery,
    },
}

/// The history, newest first, calls in progress included. An agent gets the calls that are his or
/// hers in the end; one that only rang at an own extension is found by its id.
///
/// # Errors
///
/// Without `calls:read`; for a cursor of another list; when an agent asks for somebody else's.
pub async fn list(app: &App, actor: &Actor, mut query: CallQuery) -> Result<Page<Arc<Call>>> {
    actor.need(Scope::CallsRead)?;
    if let Some(own) = actor.only_own() {
        if query.user.as_ref().is_some_and(|it| it != own) {
            return Err(AppError::Forbidden("you see only your own calls".to_owned()));
        }
        query.user = Some(own.to_owned());
    }
    let paging = pages::paging(query.limit, query.after.clone())?;
    let found = app.store.calls(actor.organisation(), filter(query), paging).await?;
    Ok(pages::page(found, |it| it))
}

/// The calls in progress, newest first; from memory.
///
/// # Errors
///
/// Without `calls:read`.
pub fn in_progress(app: &App, actor: &Actor) -> Result<Vec<Arc<Call>>> {
    actor.need(Scope::CallsRead)?;
    let mut calls = app.store.open_calls(actor.organisation());
    calls.retain(|it| may_see(app, actor, it));
    Ok(calls)
}

/// One call.
///
/// # Errors
///
/// Without `calls:read`; for an unknown id.
pub async fn get(app: &App, actor: &Actor, id: &str) -> Result<Arc<Call>> {
    actor.need(Scope::CallsRead)?;
    let found = app.store.call(actor.organisation(), &CallId(id.to_owned())).await?;
    found.filter(|it| may_see(app, actor, it)).ok_or(AppError::NotFound("call"))
}

/// Agents see the calls that rang at, were made from or were talked at their own extensions.
fn may_see(app: &App, actor: &Actor, call: &Call) -> bool {
    actor.only_own().is_none_or(|own| {
        let concerned = app.live.people.concerned_by(actor.organisation().as_str(), call);
        concerned.iter().any(|it| **it == *own)
    })
}

/// Every event and every delivery of one call, in order.
///
/// # Errors
///
/// Without `calls:read`; for an unknown id.
pub async fn timeline(app: &App, actor: &Actor, id: &str) -> Result<Timeline> {
    actor.need(Scope::CallsRead)?;
    let organisation: &OrgId = actor.organisation();
    let found = app.store.call_timeline(organisation, &CallId(id.to_owned())).await?;
    let found = found.filter(|it| may_see(app, actor, &it.call));
    let store::Timeline { events, deliveries, .. } = found.ok_or(AppError::NotFound("call"))?;
    let names = deliveries::Names::read(app, organisation).await?;
    let mut sent: Vec<api::Delivery> = deliveries.iter().map(|it| names.detail(it)).collect();
    let mut items = Vec::with_capacity(events.len() + sent.len());
    for event in events {
        // Ids rise in the order of commits, and a delivery follows its event.
        let of_it = sent.extract_if(.., |it| it.event == event.id).collect::<Vec<_>>();
        items.push(TimelineItem::Event { event });
        items.extend(of_it.into_iter().map(|delivery| TimelineItem::Delivery { delivery }));
    }
    // Deliveries whose event is no longer kept.
    items.extend(sent.into_iter().map(|delivery| TimelineItem::Delivery { delivery }));
    Ok(Timeline { items, next: None })
}

fn filter(query: CallQuery) -> CallFilter {
    CallFilter {
        from: query.from,
        to: query.to,
        number: query.number,
        pbx: query.pbx,
        user: query.user,
        extension: query.extension,
        direction: query.direction.map(direction),
        outcome: query.outcome.map(outcome),
        started_after: query.started_after,
        started_before: query.started_before,
        q: query.q,
        state: None,
    }
}

fn direction(name: api::DirectionName) -> Direction {
    match name {
        api::DirectionName::Inbound => Direction::Inbound,
        api::DirectionName::Outbound => Direction::Outbound,
        api::DirectionName::Internal => Direction::Internal,
    }
}

fn outcome(name: api::OutcomeName) -> Outcome {
    match name {
        api::OutcomeName::Answered => Outcome::Answered,
        api::OutcomeName::Missed => Outcome::Missed,
        api::OutcomeName::Busy => Outcome::Busy,
        api::OutcomeName::Failed => Outcome::Failed,
        api::OutcomeName::Voicemail => Outcome::Voicemail,
    }
}

#[cfg(test)]
mod tests;
