//! Trying an integration out: rendered against a stored or a sample call, and sent when asked to.

use std::sync::Arc;

use api::{DraftTestInput, ExchangeRequest, ExchangeResponse, Scope, TestInput, TestResult};
use call::{CallId, Event, EventKind, Subject};
use connectors::{Answer, Attempt, Connector, Delivery, Keep, Request};

use super::{Given, check_change, open, stored};
use crate::{Actor, App, AppError, Result, fields, near, sample};

/// Tries a saved integration out.
///
/// # Errors
///
/// Without `integrations:write`; for an unknown integration, call or type of event. That the other
/// side says no, or a template does not render, is an answer and no error.
pub async fn test(app: &App, actor: &Actor, id: &str, input: TestInput) -> Result<TestResult> {
    actor.need(Scope::IntegrationsWrite)?;
    let entry = stored(app, actor, id).await?;
    let opened = open(app, actor.organisation(), &entry)?;
    let wanted = opened.events.first().copied();
    run(app, actor, &opened.name, &*opened.connector, wanted, input).await
}

/// Tries an integration out that is not saved, or a change of one that is.
///
/// # Errors
///
/// As for [`test`]; [`AppError::Invalid`] with every field that is wrong.
pub async fn test_draft(app: &App, actor: &Actor, input: DraftTestInput) -> Result<TestResult> {
    actor.need(Scope::IntegrationsWrite)?;
    let DraftTestInput { integration, id, test } = input;
    let checked = match id {
        Some(id) => check_change(app, actor, &stored(app, actor, &id).await?, &integration)?,
        None => {
            let resolve = &fields::resolve_nothing;
            let given = Given::of(&integration)?;
            given.check(app, actor.organisation(), None, resolve).map_err(AppError::Invalid)?
        }
    };
    let wanted = checked.events.first().copied();
    run(app, actor, &checked.draft.name, &*checked.connector, wanted, test).await
}

async fn run(
    app: &App,
    actor: &Actor,
    name: &str,
    connector: &dyn Connector,
    wanted: Option<EventKind>,
    input: TestInput,
) -> Result<TestResult> {
    let event = Arc::new(event(app, actor, wanted, &input).await?);
    let delivery = Delivery {
        id: event.id.clone(),
        event,
        integration: name.into(),
        attempt: 1,
        now: app.now(),
    };
    if !input.send {
        let preview = connector.preview(&delivery);
        let error = preview.as_ref().err().map(ToString::to_string);
        return Ok(TestResult { request: preview.ok().map(request), response: None, error });
    }
    let Attempt { outcome, duration, request: sent, answer, .. } =
        connector.send(&delivery, Keep::Everything).await;
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Ok(TestResult {
        request: sent.map(request),
        response: answer.map(|it| response(it, duration_ms)),
        error: outcome.err().map(|it| it.to_string()),
    })
}

/// The event to render: of a stored call, as it stands now, or of a sample.
async fn event(
    app: &App,
    actor: &Actor,
    wanted: Option<EventKind>,
    input: &TestInput,
) -> Result<Event> {
    let kind = match &input.event {
        Some(name) => name.parse().map_err(|_| {
            let known: Vec<&str> = EventKind::ALL.iter().map(|it| it.name()).collect();
            AppError::field("event", near::unknown("type of event", name, known))
        })?,
        None => wanted.unwrap_or(EventKind::CallEnded),
    };
    let organisation = actor.organisation();
    let mut event = sample::event(kind, organisation.shared(), app.now());
    if let Some(id) = &input.call {
        let found = app.store.call(organisation, &CallId(id.clone())).await?;
        let call = found.ok_or_else(|| AppError::field("call", "there is no call with this id"))?;
        event.subject = Subject::Call(call);
    }
    Ok(event)
}

fn request(it: Request) -> ExchangeRequest {
    ExchangeRequest {
        method: it.method,
        url: it.url,
        headers: it.headers,
        body: String::from_utf8_lossy(&it.body).into_owned(),
    }
}

fn response(it: Answer, duration_ms: u64) -> ExchangeResponse {
    let mut body = String::from_utf8_lossy(&it.body).into_owned();
    if it.cut {
        body.push('…');
    }
    ExchangeResponse { status: it.status, headers: it.headers, body, duration_ms }
}
