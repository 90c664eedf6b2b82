//! Integrations: their settings, how they fare, and trying them out.

use std::sync::Arc;

use api::{HealthView, Integration, IntegrationInput, KindView, Page, PageQuery, Scope};
use call::EventKind;
use connectors::Connector;
use serde_json::{Map, Value};
use store::{ConfigChange, Draft, Entry, IntegrationId, OrgId, Shelf};

use crate::{
    Actor, App, AppError, Result, audit,
    error::problem,
    fields::{self, Fields, Resolve, Taken},
    keys::refused,
    names, near, pages,
    pbxes::{changed_fields, settings_of},
};

mod trial;

pub use trial::{test, test_draft};

/// The common field that is stored beside the settings of the kind.
const EVENTS: &str = "events";

/// An integration as a worker needs it.
pub struct Opened {
    /// Whose it is.
    pub organisation: OrgId,
    /// Its id.
    pub id: IntegrationId,
    /// Its name.
    pub name: String,
    /// Whether events are to be sent to it.
    pub enabled: bool,
    /// The types of events that it wants.
    pub events: Vec<EventKind>,
    /// Ready to send.
    pub connector: Arc<dyn Connector>,
}

/// The kinds of integrations.
///
/// # Errors
///
/// Without `integrations:read`.
pub fn kinds(actor: &Actor) -> Result<Page<KindView>> {
    actor.need(Scope::IntegrationsRead)?;
    Ok(Page { items: kind_views(), next: None })
}

/// The kinds of integrations and the schemas of their settings.
#[must_use]
pub fn kind_views() -> Vec<KindView> {
    let view = |it: &connectors::Kind| KindView {
        name: it.name.to_owned(),
        settings: (it.schema)().to_value(),
    };
    connectors::ALL.iter().map(view).collect()
}

/// The integrations of the organisation.
///
/// # Errors
///
/// Without `integrations:read`.
pub async fn list(app: &App, actor: &Actor, query: PageQuery) -> Result<Page<Integration>> {
    actor.need(Scope::IntegrationsRead)?;
    let all = app.store.entries(actor.organisation(), Shelf::Integration).await?;
    pages::cut(all.iter().map(|it| shape(app, it)).collect(), query, |it| &it.id)
}

/// One integration.
///
/// # Errors
///
/// Without `integrations:read`; for an unknown id.
pub async fn get(app: &App, actor: &Actor, id: &str) -> Result<Integration> {
    actor.need(Scope::IntegrationsRead)?;
    Ok(shape(app, &stored(app, actor, id).await?))
}

/// Adds an integration; events from now on are sent to it.
///
/// # Errors
///
/// Without `integrations:write`; [`AppError::Invalid`] with every field that is wrong.
pub async fn create(app: &App, actor: &Actor, input: IntegrationInput) -> Result<Integration> {
    actor.need(Scope::IntegrationsWrite)?;
    let draft = Given::of(&input).and_then(|given| {
        let resolve = &fields::resolve_nothing;
        given.check(app, actor.organisation(), None, resolve).map_err(AppError::Invalid)
    })?;
    let change = ConfigChange::Create(Shelf::Integration, draft.draft);
    let made = save(app, actor, change).await?;
    audit::note(app, actor, "integration.created", &made.name, &[]).await;
    Ok(shape(app, &made))
}

/// Changes what is given; `null` puts a setting back to its default.
///
/// # Errors
///
/// As for [`create`]; for an unknown id.
pub async fn change(
    app: &App,
    actor: &Actor,
    id: &str,
    input: IntegrationInput,
) -> Result<Integration> {
    actor.need(Scope::IntegrationsWrite)?;
    let old = stored(app, actor, id).await?;
    let checked = check_change(app, actor, &old, &input)?;
    let changed = changed_fields(&old, &checked.draft);
    let (shelf, revision) = (Shelf::Integration, Some(old.revision));
    let change = ConfigChange::Update { shelf, id: old.id, draft: checked.draft, revision };
    let saved = save(app, actor, change).await?;
    audit::note(app, actor, "integration.changed", &saved.name, &changed).await;
    Ok(shape(app, &saved))
}

/// Removes an integration and what still waits for it.
///
/// # Errors
///
/// Without `integrations:write`; for an unknown id.
pub async fn remove(app: &App, actor: &Actor, id: &str) -> Result<()> {
    actor.need(Scope::IntegrationsWrite)?;
    let old = stored(app, actor, id).await?;
    let change = ConfigChange::Delete { shelf: Shelf::Integration, id: old.id };
    let saved = save(app, actor, change).await?;
    app.live.health.removed(&saved.id);
    audit::note(app, actor, "integration.removed", &saved.name, &[]).await;
    Ok(())
}

/// Every integration of every organisation, for the workers: what the hub starts with. One that
/// cannot be opened is logged and left out; it does not stop the others.
///
/// # Errors
///
/// When the store cannot be read.
pub async fn opened_all(app: &App) -> Result<Vec<Opened>> {
    let entries = app.store.entries_of_all(Shelf::Integration).await?;
    let opened = entries.into_iter().filter_map(|(organisation, entry)| {
        open(app, &organisation, &entry)
            .inspect_err(
                |error| tracing::error!(integration = entry.name, %error, "cannot be sent to"),
            )
            .ok()
    });
    Ok(opened.collect())
}

/// One integration for its worker; `None` when it was removed.
///
/// # Errors
///
/// When the store cannot be read, or the settings cannot be used.
pub async fn opened(app: &App, organisation: &OrgId, id: &IntegrationId) -> Result<Option<Opened>> {
    let found = app.store.entry(organisation, Shelf::Integration, id.as_str()).await?;
    found.map(|it| open(app, organisation, &it)).transpose()
}

pub(crate) fn open(app: &App, organisation: &OrgId, entry: &Entry) -> Result<Opened> {
    let unknown = || AppError::Internal(format!("the kind `{}` is not known", entry.kind));
    let kind = connectors::find(&entry.kind).ok_or_else(unknown)?;
    let schema = (kind.schema)().to_value();
    let (events, stored) = split(&settings_of(entry));
    let settings = fields(app, organisation, &schema).open(&stored)?;
    let connector = (kind.open)(&Value::Object(settings), &app.client);
    let connector = connector.map_err(|it| AppError::field(it.field, it.message))?;
    Ok(Opened {
        organisation: organisation.clone(),
        id: IntegrationId::from(entry.id.as_str()),
        name: entry.name.clone(),
        enabled: entry.enabled,
        events: events.iter().filter_map(|it| it.parse().ok()).collect(),
        connector,
    })
}

fn fields<'a>(app: &'a App, organisation: &'a OrgId, schema: &'a Value) -> Fields<'a> {
    Fields { schema, vault: &app.vault, place: [organisation.as_str(), "integration"] }
}

async fn stored(app: &App, actor: &Actor, id: &str) -> Result<Entry> {
    let found = app.store.entry(actor.organisation(), Shelf::Integration, id).await?;
    found.ok_or(AppError::NotFound("integration"))
}

async fn save(app: &App, actor: &Actor, change: ConfigChange) -> Result<Entry> {
    let saved = app.store.change_config(actor.organisation(), vec![change]).await;
    let saved = saved.map_err(|it| refused(it, "integration"))?;
    let entry = saved.into_iter().next().ok_or(AppError::NotFound("integration"))?;
    let id = IntegrationId::from(entry.id.as_str());
    app.workers.integration_changed(actor.organisation(), &id);
    Ok(entry)
}

/// An integration as somebody gave it.
pub(crate) struct Given {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) enabled: bool,
    pub(crate) events: Vec<String>,
    pub(crate) settings: Map<String, Value>,
}

/// An integration that passed.
pub(crate) struct Checked {
    pub(crate) draft: Draft,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) events: Vec<EventKind>,
}

fn check_change(
    app: &App,
    actor: &Actor,
    old: &Entry,
    input: &IntegrationInput,
) -> Result<Checked> {
    if input.kind.as_ref().is_some_and(|it| *it != old.kind) {
        let message = "cannot be changed: add another integration and remove this one";
        return Err(AppError::field("kind", message));
    }
    let (old_events, old_settings) = split(&settings_of(old));
    let given = Given {
        name: input.name.clone().unwrap_or_else(|| old.name.clone()),
        kind: old.kind.clone(),
        enabled: input.enabled.unwrap_or(old.enabled),
        events: input.events.clone().unwrap_or(old_events),
        settings: fields::merged(&old_settings, &input.settings),
    };
    let resolve = &fields::resolve_nothing;
    let checked = given.check(app, actor.organisation(), Some(&old_settings), resolve);
    checked.map_err(AppError::Invalid)
}

impl Given {
    fn of(input: &IntegrationInput) -> Result<Given> {
        let missing = |field: &str| AppError::field(field, "is missing");
        Ok(Given {
            name: input.name.clone().ok_or_else(|| missing("name"))?,
            kind: input.kind.clone().ok_or_else(|| missing("kind"))?,
            enabled: input.enabled.unwrap_or(true),
            events: input.events.clone().ok_or_else(|| missing(EVENTS))?,
            settings: input.settings.clone(),
        })
    }

    /// What is to be stored, or every field that is wrong.
    pub(crate) fn check(
        self,
        app: &App,
        organisation: &OrgId,
        old: Option<&Map<String, Value>>,
        resolve: Resolve<'_>,
    ) -> Result<Checked, Vec<api::FieldProblem>> {
        let mut problems = Vec::new();
        if let Err(AppError::Invalid(named)) = names::check(&self.name) {
            problems.extend(named);
        }
        let events = check_events(&self.events, &mut problems);
        let Some(kind) = connectors::find(&self.kind) else {
            let known: Vec<&str> = connectors::ALL.iter().map(|it| it.name).collect();
            problems.push(problem("kind", near::unknown("kind", &self.kind, known)));
            return Err(problems);
        };
        let schema = (kind.schema)().to_value();
        let taken = fields(app, organisation, &schema).take(&self.settings, old, resolve);
        let Taken { mut stored, open } = match taken {
            Ok(taken) => taken,
            Err(wrong) => {
                problems.extend(wrong);
                return Err(problems);
            }
        };
        let connector = match (kind.open)(&Value::Object(open), &app.client) {
            Ok(connector) if problems.is_empty() => connector,
            Ok(_) => return Err(problems),
            Err(error) => {
                problems.push(problem(error.field, error.message));
                return Err(problems);
            }
        };
        stored.insert(EVENTS.to_owned(), Value::from(self.events));
        let settings = Value::Object(stored);
        let draft = Draft { name: self.name, kind: self.kind, settings, enabled: self.enabled };
        Ok(Checked { draft, connector, events })
    }
}

fn check_events(names: &[String], problems: &mut Vec<api::FieldProblem>) -> Vec<EventKind> {
    if names.is_empty() {
        problems.push(problem(EVENTS, "must name at least one type of event"));
    }
    let mut events = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match name.parse() {
            Ok(kind) => events.push(kind),
            Err(_) => {
                let known: Vec<&str> = EventKind::ALL.iter().map(|it| it.name()).collect();
                let message = near::unknown("type of event", name, known.iter().copied());
                problems.push(problem(format!("{EVENTS}[{index}]"), message));
            }
        }
    }
    events
}

/// The types of events, and the settings of the kind.
pub(crate) fn split(stored: &Map<String, Value>) -> (Vec<String>, Map<String, Value>) {
    let mut settings = stored.clone();
    let events = settings.remove(EVENTS).unwrap_or_default();
    let names = events.as_array().into_iter().flatten().filter_map(Value::as_str);
    (names.map(str::to_owned).collect(), settings)
}

pub(crate) fn shape(app: &App, entry: &Entry) -> Integration {
    let (events, settings) = split(&settings_of(entry));
    let health: HealthView = app.live.health.view(&entry.id, entry.enabled);
    Integration {
        id: entry.id.clone(),
        name: entry.name.clone(),
        kind: entry.kind.clone(),
        enabled: entry.enabled,
        events,
        health,
        settings: fields::shown(&settings),
    }
}

#[cfg(test)]
mod tests;
