//! Integrations: how they fare, their settings, and trying them out before anybody relies on them.

mod trial;

use std::sync::Arc;

use api::{CallQuery, Integration, IntegrationInput, ReplayInput};
use app::{App, AppError, calls, deliveries, integrations};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
};
use call::EventKind;
use serde_json::{Map, Value};

use crate::{
    answer::{Answer, Failure, html, html_with, is_mendable, lines_of, query, see_other},
    forms::{self, Field, Input, Sent, all_sent, sent},
    hub_state::everything,
    page::{Notice, Page, Section},
    pbxes::{Done, NewQuery, common_field},
    session::{Posted, Viewer},
    show::Html,
    texts::{fill, grouped},
    words,
};

/// How many recent calls the preview offers.
const PREVIEW_CALLS: u32 = 20;

pub(crate) use trial::{preview, send_test};

struct Row {
    state: Html,
    backlog: String,
    delivered: String,
    failed: String,
    events: String,
    integration: Integration,
}

impl Row {
    fn new(integration: Integration, viewer: &Viewer) -> Row {
        let health = &integration.health;
        Row {
            state: words::health(health.status, viewer.context.t),
            backlog: grouped(health.backlog),
            delivered: grouped(health.delivered),
            failed: grouped(health.failed),
            events: integration.events.join(", "),
            integration,
        }
    }
}

#[derive(Template)]
#[template(path = "integrations.html")]
struct ListPage {
    c: Page,
    rows: Vec<Row>,
}

/// `GET /integrations`.
pub(crate) async fn list_page(
    State(hub): State<Arc<App>>,
    viewer: Viewer,
    Query(done): Query<Done>,
) -> Answer {
    let found = integrations::list(&hub, &viewer.actor, everything()).await?;
    let rows = found.items.into_iter().map(|it| Row::new(it, &viewer)).collect();
    let mut c = viewer.page(Section::Integrations, viewer.context.t.nav_integrations).await?;
    c.notice = done.notice(c.t.integration_saved, c.t.integration_removed);
    html(&ListPage { c, rows })
}

#[derive(Template)]
#[template(path = "integration.html")]
struct EditorPage {
    c: Page,
    view: Option<Row>,
    kind: String,
    kinds: Vec<String>,
    action: String,
    common: Vec<Field>,
    events: Vec<(&'static str, bool)>,
    events_error: Option<String>,
    fields: Vec<Field>,
    errors: Vec<String>,
    calls: Vec<(String, String)>,
    remove_text: String,
    type_name: String,
    remove_error: Option<String>,
}

/// The editor of an integration, new or stored.
struct Editor {
    stored: Option<Integration>,
    kind: String,
    kinds: Vec<String>,
    common: Vec<Field>,
    fields: Vec<Field>,
    events: Vec<String>,
    errors: Vec<String>,
    events_error: Option<String>,
    remove_error: Option<String>,
    notice: Option<Notice>,
}

impl Editor {
    fn new(viewer: &Viewer, kind: &str, stored: Option<Integration>) -> Result<Editor, Failure> {
        let kinds = integrations::kinds(&viewer.actor)?.items;
        let schema = kinds.iter().find(|it| it.name == kind).map(|it| it.settings.clone());
        let schema =
            schema.ok_or_else(|| AppError::field("kind", format!("`{kind}` is not known")))?;
        let none = Map::new();
        let t = viewer.context.t;
        let name = stored.as_ref().map_or("", |it| it.name.as_str());
        let enabled = if stored.as_ref().is_none_or(|it| it.enabled) { "true" } else { "false" };
        Ok(Editor {
            kind: kind.to_owned(),
            kinds: kinds.iter().map(|it| it.name.clone()).collect(),
            common: vec![
                common_field("name", t.name, "", Input::Text, name),
                common_field(
                    "enabled",
                    t.enabled,
                    t.enabled_integration_help,
                    Input::Switch,
                    enabled,
                ),
            ],
            fields: forms::fields(&schema, stored.as_ref().map_or(&none, |it| &it.settings)),
            events: stored.as_ref().map_or_else(
                || vec![EventKind::CallEnded.name().to_owned()],
                |it| it.events.clone(),
            ),
            errors: Vec::new(),
            events_error: None,
            remove_error: None,
            notice: None,
            stored,
        })
    }

    fn read(&mut self, form: &Sent) -> IntegrationInput {
        let mut common = forms::read(&mut self.common, form, false);
        let settings = forms::read(&mut self.fields, form, self.stored.is_some());
        self.events = all_sent(form, "events");
        let name = common.remove("name").and_then(|it| it.as_str().map(str::to_owned));
        IntegrationInput {
            name,
            kind: Some(self.kind.clone()),
            enabled: common.get("enabled").and_then(Value::as_bool),
            events: Some(self.events.clone()),
            settings,
        }
    }

    fn has_errors(&self) -> bool {
        self.common.iter().chain(&self.fields).any(|it| it.error.is_some())
    }

    /// Puts what is wrong where it belongs.
    fn refuse(&mut self, error: &AppError) {
        let AppError::Invalid(problems) = error else {
            self.errors.push(error.to_string());
            return;
        };
        let (events, others): (Vec<_>, Vec<_>) =
            problems.iter().cloned().partition(|it| it.field.starts_with("events"));
        if !events.is_empty() {
            let lines: Vec<_> = events.into_iter().map(|it| it.message).collect();
            self.events_error = Some(lines.join(" "));
        }
        let rest = forms::place(&mut self.common, &others);
        let rest = forms::place(&mut self.fields, &rest);
        self.errors.extend(lines_of(&AppError::Invalid(rest)));
    }

    async fn show(self, hub: &App, viewer: &Viewer) -> Answer {
        let t = viewer.context.t;
        let calls = preview_calls(hub, viewer).await?;
        let refused = self.has_errors()
            || !self.errors.is_empty()
            || self.events_error.is_some()
            || self.remove_error.is_some();
        let title = self.stored.as_ref().map_or(t.add_integration, |it| it.name.as_str());
        let mut c = viewer.page(Section::Integrations, title).await?;
        c.notice = self.notice;
        let backlog = self.stored.as_ref().map_or(0, |it| it.health.backlog);
        let action = match &self.stored {
            Some(it) => format!("/integrations/{}", it.id),
            None => "/integrations".to_owned(),
        };
        let page = EditorPage {
            kind: self.kind,
            kinds: self.kinds,
            action,
            common: self.common,
            events: offered(&self.events),
            events_error: self.events_error,
            fields: self.fields,
            errors: self.errors,
            calls,
            remove_text: match backlog {
                0 => t.remove_integration_text.to_owned(),
                n => format!("{} {}", t.remove_integration_text, t.lost_backlog.of(n)),
            },
            type_name: self
                .stored
                .as_ref()
                .map(|it| fill(t.type_name, &[("name", &it.name)]))
                .unwrap_or_default(),
            remove_error: self.remove_error,
            view: self.stored.map(|it| Row::new(it, viewer)),
            c,
        };
        let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        html_with(status, &page)
    }
}

/// Recent calls to render against.
async fn preview_calls(hub: &App, viewer: &Viewer) -> Result<Vec<(String, String)>, Failure> {
    let query = CallQuery { limit: Some(PREVIEW_CALLS), ..CallQuery::default() };
    let found = calls::list(hub, &viewer.actor, query).await?;
    let c = &viewer.context;
    let label = |it: &call::Call| {
        let (from, to) = (words::number(&it.from, c.t), words::number(&it.to, c.t));
        format!("{}  {from} → {to}", c.exact(it.started_at))
    };
    Ok(found.items.iter().map(|it| (it.id.0.clone(), label(it))).collect())
}

/// `GET /integrations/new`.
pub(crate) async fn new_page(
    State(hub): State<Arc<App>>,
    viewer: Viewer,
    Query(query): Query<NewQuery>,
) -> Answer {
    let kinds = integrations::kinds(&viewer.actor)?.items;
    let first = kinds.first().map(|it| it.name.clone()).unwrap_or_default();
    let kind = query.kind.filter(|it| kinds.iter().any(|known| known.name == *it)).unwrap_or(first);
    Editor::new(&viewer, &kind, None)?.show(&hub, &viewer).await
}

/// `GET /integrations/{id}`.
pub(crate) async fn edit_page(
    State(hub): State<Arc<App>>,
    viewer: Viewer,
    Path(id): Path<String>,
    Query(done): Query<Done>,
) -> Answer {
    let stored = integrations::get(&hub, &viewer.actor, &id).await?;
    let mut editor = Editor::new(&viewer, &stored.kind.clone(), Some(stored))?;
    let t = viewer.context.t;
    editor.notice = done.notice(t.integration_saved, t.integration_removed);
    editor.show(&hub, &viewer).await
}

/// `POST /integrations`.
pub(crate) async fn create(State(hub): State<Arc<App>>, posted: Posted) -> Answer {
    let kind = sent(&posted.form, "kind").unwrap_or_default().to_owned();
    let mut editor = Editor::new(&posted.viewer, &kind, None)?;
    let input = editor.read(&posted.form);
    if editor.has_errors() {
        return editor.show(&hub, &posted.viewer).await;
    }
    match integrations::create(&hub, &posted.viewer.actor, input).await {
        Ok(made) => Ok(see_other(&format!("/integrations/{}?saved=1", made.id))),
        Err(error) if is_mendable(&error) => {
            editor.refuse(&error);
            editor.show(&hub, &posted.viewer).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /integrations/{id}`.
pub(crate) async fn change(
    State(hub): State<Arc<App>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let stored = integrations::get(&hub, &posted.viewer.actor, &id).await?;
    let mut editor = Editor::new(&posted.viewer, &stored.kind.clone(), Some(stored))?;
    let input = editor.read(&posted.form);
    if editor.has_errors() {
        return editor.show(&hub, &posted.viewer).await;
    }
    match integrations::change(&hub, &posted.viewer.actor, &id, input).await {
        Ok(_) => Ok(see_other(&format!("/integrations/{}?saved=1", query(&id)))),
        Err(error) if is_mendable(&error) => {
            editor.refuse(&error);
            editor.show(&hub, &posted.viewer).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /integrations/{id}/remove`.
pub(crate) async fn remove(
    State(hub): State<Arc<App>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let Posted { viewer, form } = posted;
    let stored = integrations::get(&hub, &viewer.actor, &id).await?;
    if sent(&form, "typed").map(str::trim) != Some(stored.name.as_str()) {
        let mut editor = Editor::new(&viewer, &stored.kind.clone(), Some(stored))?;
        editor.remove_error = Some(viewer.context.t.typed_differs.to_owned());
        return editor.show(&hub, &viewer).await;
    }
    integrations::remove(&hub, &viewer.actor, &id).await?;
    Ok(see_other(&format!("/integrations?removed={}", query(&stored.name))))
}

/// `POST /integrations/{id}/replay`: every delivery of it that was given up.
pub(crate) async fn replay_dead(
    State(hub): State<Arc<App>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let viewer = posted.viewer;
    let stored = integrations::get(&hub, &viewer.actor, &id).await?;
    let input = ReplayInput { ids: Vec::new(), integration: Some(id) };
    let done = deliveries::replay_many(&hub, &viewer.actor, input).await?;
    let mut editor = Editor::new(&viewer, &stored.kind.clone(), Some(stored))?;
    editor.notice = Some(Notice::good(viewer.context.t.replayed.of(done.replayed)));
    editor.show(&hub, &viewer).await
}

/// The types of events that the form offers, each with whether it is chosen: those that are ever
/// raised, and what was chosen elsewhere, so that saving the form does not drop it.
fn offered(chosen: &[String]) -> Vec<(&'static str, bool)> {
    let all = EventKind::ALL.iter();
    let each = all.map(|it| (it, chosen.iter().any(|name| name == it.name())));
    each.filter(|(kind, is_chosen)| *is_chosen || EventKind::RAISED.contains(kind))
        .map(|(kind, is_chosen)| (kind.name(), is_chosen))
        .collect()
}
