//! Phone systems: their links, their settings, what to paste on the other side.

use std::sync::Arc;

use api::{Pbx, PbxInput};
use app::{App, AppError, pbxes, recordings};
use askama::Template;
use axum::{
    body::Body,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    answer::{Answer, Failure, download, html, html_with, is_mendable, lines_of, query, see_other},
    forms::{self, Field, Input, sent},
    hub_state::{everything, link_words},
    page::{Notice, Page, Section},
    session::{Posted, Viewer},
    show::{Html, badge, bytes},
    texts::{Texts, fill, grouped},
};

struct PbxRow {
    kind: String,
    state: Html,
    version: String,
    rate: String,
    understood: String,
    odd: String,
    pbx: Pbx,
}

#[derive(Template)]
#[template(path = "pbxes.html")]
struct PbxesPage {
    c: Page,
    rows: Vec<PbxRow>,
}

/// What the query of a list may say after a change.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Done {
    /// Name of what was removed.
    #[serde(default)]
    removed: Option<String>,
    /// Set after a save.
    #[serde(default)]
    saved: Option<String>,
}

impl Done {
    /// What to tell, with the texts of the list.
    pub(crate) fn notice(&self, saved: &str, removed: &str) -> Option<Notice> {
        if let Some(name) = &self.removed {
            return Some(Notice::good(fill(removed, &[("name", name)])));
        }
        self.saved.as_ref().map(|_| Notice::good(saved))
    }
}

/// What people call a kind: its stored name, such as `zoom_phone`, as words.
fn title_of(kind: &str) -> String {
    let mut letters = kind.chars();
    let first = letters.next().map(|it| it.to_uppercase().to_string()).unwrap_or_default();
    first + &letters.as_str().replace('_', " ")
}

fn state(pbx: &Pbx, t: &'static Texts) -> Html {
    let (tone, text) = link_words(pbx.link.status, t);
    badge(tone, text)
}

/// `GET /pbxes`.
pub(crate) async fn list_page(
    State(hub): State<Arc<App>>,
    viewer: Viewer,
    Query(done): Query<Done>,
) -> Answer {
    let t = viewer.context.t;
    let pbxes = pbxes::list(&hub, &viewer.actor, everything()).await?;
    let row = |pbx: Pbx| PbxRow {
        kind: title_of(&pbx.kind),
        state: state(&pbx, t),
        version: pbx.link.version.clone().unwrap_or_default(),
        rate: format!("{:.1}", pbx.link.events_per_second),
        understood: grouped(pbx.link.counters.understood),
        odd: grouped(pbx.link.counters.malformed + pbx.link.counters.suspicious),
        pbx,
    };
    let mut c = viewer.page(Section::Pbxes, t.nav_pbxes).await?;
    c.notice = done.notice(t.pbx_saved, t.pbx_removed);
    html(&PbxesPage { c, rows: pbxes.items.into_iter().map(row).collect() })
}

#[derive(Template)]
#[template(path = "pbx.html")]
struct PbxPage {
    c: Page,
    state: Html,
    name_query: String,
    facts: Vec<(&'static str, Html)>,
    /// What is recorded, in words.
    recorded: Option<String>,
    hours_error: Option<String>,
    setup: Option<String>,
    type_name: String,
    remove_error: Option<String>,
    pbx: Pbx,
}

/// `GET /pbxes/{id}`.
pub(crate) async fn one_page(
    State(hub): State<Arc<App>>,
    viewer: Viewer,
    Path(id): Path<String>,
    Query(done): Query<Done>,
) -> Answer {
    let t = viewer.context.t;
    let notice = done.notice(t.pbx_saved, t.pbx_removed);
    show_one(&hub, &viewer, &id, notice, Wrong::default()).await
}

/// What is wrong with a form of the page.
#[derive(Default)]
struct Wrong {
    name: Option<String>,
    hours: Option<String>,
}

async fn show_one(
    hub: &Arc<App>,
    viewer: &Viewer,
    id: &str,
    notice: Option<Notice>,
    wrong: Wrong,
) -> Answer {
    let pbx = pbxes::get(hub, &viewer.actor, id).await?;
    let setup = match pbxes::setup_lines(hub, &viewer.actor, id).await {
        Ok(lines) => Some(lines).filter(|it| !it.trim().is_empty()),
        Err(AppError::Invalid(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let mut c = viewer.page(Section::Pbxes, &pbx.name).await?;
    c.notice = notice;
    let refused = wrong.name.is_some() || wrong.hours.is_some();
    let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let kept = recordings::find(hub, &viewer.actor, id).await?.bytes();
    let page = PbxPage {
        state: state(&pbx, c.t),
        name_query: query(&pbx.name),
        facts: facts(&pbx, &c),
        recorded: (kept > 0).then(|| bytes(kept)),
        hours_error: wrong.hours,
        setup,
        type_name: fill(c.t.type_name, &[("name", &pbx.name)]),
        remove_error: wrong.name,
        pbx,
        c,
    };
    html_with(status, &page)
}

fn facts(pbx: &Pbx, c: &Page) -> Vec<(&'static str, Html)> {
    let t = c.t;
    let link = &pbx.link;
    let plain = |text: String| Html::rendered(crate::show::escape(&text));
    let mut facts = vec![(t.kind, plain(title_of(&pbx.kind)))];
    if let Some(version) = &link.version {
        facts.push((t.version, plain(version.clone())));
    }
    if let Some(since) = link.since {
        facts.push((t.since, c.ago(since)));
    }
    if let Some(at) = link.retry_at {
        facts.push((t.retry_at, c.ago(at)));
    }
    if let Some(fault) = &link.last_error {
        let ago = c.ago(fault.at);
        let reason = crate::show::escape(&fault.reason);
        facts.push((t.last_error, Html::rendered(format!("{reason} ({ago})"))));
    }
    let n = &link.counters;
    facts.extend([
        (t.rate, plain(format!("{:.1}", link.events_per_second))),
        (t.count_bytes, plain(bytes(n.bytes))),
        (t.count_frames, plain(grouped(n.frames))),
        (t.understood, plain(grouped(n.understood))),
        (t.count_ignored, plain(grouped(n.ignored))),
        (t.count_malformed, plain(grouped(n.malformed))),
        (t.count_suspicious, plain(grouped(n.suspicious))),
        (t.count_dropped, plain(grouped(n.dropped))),
        (t.count_reconnects, plain(grouped(n.reconnects))),
    ]);
    facts
}

#[derive(Template)]
#[template(path = "pbx_form.html")]
struct FormPage {
    c: Page,
    id: Option<String>,
    kind: String,
    kinds: Vec<(String, String)>,
    action: String,
    common: Vec<Field>,
    fields: Vec<Field>,
    errors: Vec<String>,
}

/// The query of the form for a new one.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct NewQuery {
    /// Which kind.
    #[serde(default)]
    pub(crate) kind: Option<String>,
}

/// `GET /pbxes/new`.
pub(crate) async fn new_page(viewer: Viewer, Query(query): Query<NewQuery>) -> Answer {
    let kinds = pbxes::kinds(&viewer.actor)?.items;
    let first = kinds.first().map(|it| it.name.clone()).unwrap_or_default();
    let kind = query.kind.filter(|it| kinds.iter().any(|known| known.name == *it)).unwrap_or(first);
    let form = Form::new(&viewer, None, &kind, None)?;
    form.show(&viewer, None).await
}

/// `GET /pbxes/{id}/edit`.
pub(crate) async fn edit_page(
    State(hub): State<Arc<App>>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Answer {
    let pbx = pbxes::get(&hub, &viewer.actor, &id).await?;
    let form = Form::new(&viewer, Some(id), &pbx.kind, Some(&pbx))?;
    form.show(&viewer, None).await
}

/// `POST /pbxes`.
pub(crate) async fn create(State(hub): State<Arc<App>>, posted: Posted) -> Answer {
    let kind = sent(&posted.form, "kind").unwrap_or_default().to_owned();
    let mut form = Form::new(&posted.viewer, None, &kind, None)?;
    let input = form.read(&posted.form, false);
    if form.has_errors() {
        return form.show(&posted.viewer, None).await;
    }
    match pbxes::create(&hub, &posted.viewer.actor, input).await {
        Ok(pbx) => Ok(see_other(&format!("/pbxes/{}?saved=1", pbx.id))),
        Err(error) => form.refused(&posted.viewer, error).await,
    }
}

/// `POST /pbxes/{id}`.
pub(crate) async fn change(
    State(hub): State<Arc<App>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let pbx = pbxes::get(&hub, &posted.viewer.actor, &id).await?;
    let mut form = Form::new(&posted.viewer, Some(id.clone()), &pbx.kind, Some(&pbx))?;
    let input = form.read(&posted.form, true);
    if form.has_errors() {
        return form.show(&posted.viewer, None).await;
    }
    match pbxes::change(&hub, &posted.viewer.actor, &id, input).await {
        Ok(_) => Ok(see_other(&format!("/pbxes/{}?saved=1", query(&id)))),
        Err(error) => form.refused(&posted.viewer, error).await,
    }
}

/// `POST /pbxes/{id}/remove`.
pub(crate) async fn remove(
    State(hub): State<Arc<App>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let Posted { viewer, form } = posted;
    let pbx = pbxes::get(&hub, &viewer.actor, &id).await?;
    if sent(&form, "typed").map(str::trim) != Some(pbx.name.as_str()) {
        let name = Some(viewer.context.t.typed_differs.to_owned());
        let wrong = Wrong { name, ..Wrong::default() };
        return show_one(&hub, &viewer, &id, None, wrong).await;
    }
    match pbxes::remove(&hub, &viewer.actor, &id).await {
        Ok(()) => Ok(see_other(&format!("/pbxes?removed={}", query(&pbx.name)))),
        Err(error) if is_mendable(&error) => {
            let wrong = Wrong { name: Some(error.to_string()), ..Wrong::default() };
            show_one(&hub, &viewer, &id, None, wrong).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /pbxes/{id}/recorder`: how many hours the flight recorder keeps; 0 is off.
pub(crate) async fn set_recorder(
    State(hub): State<Arc<App>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let Posted { viewer, form } = posted;
    let t = viewer.context.t;
    let typed = sent(&form, "hours").unwrap_or_default().trim();
    let Ok(hours) = typed.parse() else {
        let wrong = Wrong { hours: Some(t.recorder_hours_wrong.to_owned()), ..Wrong::default() };
        return show_one(&hub, &viewer, &id, None, wrong).await;
    };
    let input = PbxInput {
        name: None,
        kind: None,
        enabled: None,
        flight_recorder_hours: Some(hours),
        settings: Map::new(),
    };
    match pbxes::change(&hub, &viewer.actor, &id, input).await {
        Ok(_) => {
            let notice = Some(Notice::good(t.pbx_saved));
            show_one(&hub, &viewer, &id, notice, Wrong::default()).await
        }
        Err(error) if is_mendable(&error) => {
            let wrong = Wrong { hours: Some(lines_of(&error).join(" ")), ..Wrong::default() };
            show_one(&hub, &viewer, &id, None, wrong).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /pbxes/{id}/recording`: everything that is kept, as an archive.
pub(crate) async fn recording(
    State(hub): State<Arc<App>>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Answer {
    let recording = recordings::find(&hub, &viewer.actor, &id).await?;
    let name = format!("{}-recording.tar", recording.pbx);
    let pieces = futures_util::stream::try_unfold(recording.into_archive(), |mut it| async move {
        let piece = it.next().await?;
        std::io::Result::Ok(piece.map(|piece| (piece, it)))
    });
    Ok(download("application/x-tar", &name, Body::from_stream(pieces)))
}

/// The form of a phone system, new or stored.
struct Form {
    id: Option<String>,
    kind: String,
    kinds: Vec<(String, String)>,
    common: Vec<Field>,
    fields: Vec<Field>,
}

/// A field that every phone system and integration has.
pub(crate) fn common_field(
    name: &str,
    label: &str,
    help: &str,
    input: Input,
    value: &str,
) -> Field {
    Field {
        name: name.to_owned(),
        label: label.to_owned(),
        help: help.to_owned(),
        required: input == Input::Text,
        input,
        value: value.to_owned(),
        default: String::new(),
        kept: None,
        error: None,
        advanced: false,
    }
}

impl Form {
    fn new(
        viewer: &Viewer,
        id: Option<String>,
        kind: &str,
        stored: Option<&Pbx>,
    ) -> Result<Form, Failure> {
        let kinds = pbxes::kinds(&viewer.actor)?.items;
        let schema = kinds.iter().find(|it| it.name == kind).map(|it| it.settings.clone());
        let schema =
            schema.ok_or_else(|| AppError::field("kind", format!("`{kind}` is not known")))?;
        let none = Map::new();
        let t = viewer.context.t;
        let name = stored.map_or("", |it| it.name.as_str());
        let enabled = if stored.is_none_or(|it| it.enabled) { "true" } else { "false" };
        let common = vec![
            common_field("name", t.name, t.name_pbx_help, Input::Text, name),
            common_field("enabled", t.enabled, t.enabled_pbx_help, Input::Switch, enabled),
        ];
        let fields = forms::fields(&schema, stored.map_or(&none, |it| &it.settings));
        let kinds = kinds.into_iter().map(|it| (title_of(&it.name), it.name)).map(|(t, n)| (n, t));
        Ok(Form { id, kind: kind.to_owned(), kinds: kinds.collect(), common, fields })
    }

    fn read(&mut self, form: &forms::Sent, clear: bool) -> PbxInput {
        let mut common = forms::read(&mut self.common, form, false);
        let settings = forms::read(&mut self.fields, form, clear);
        let text = |value: Option<Value>| value.and_then(|it| it.as_str().map(str::to_owned));
        PbxInput {
            name: text(common.remove("name")),
            kind: Some(self.kind.clone()),
            enabled: common.get("enabled").and_then(Value::as_bool),
            flight_recorder_hours: None,
            settings,
        }
    }

    fn has_errors(&self) -> bool {
        self.common.iter().chain(&self.fields).any(|it| it.error.is_some())
    }

    async fn refused(mut self, viewer: &Viewer, error: AppError) -> Answer {
        if !is_mendable(&error) {
            return Err(error.into());
        }
        let AppError::Invalid(problems) = &error else {
            return self.show(viewer, Some(vec![error.to_string()])).await;
        };
        let rest = forms::place(&mut self.common, problems);
        let rest = forms::place(&mut self.fields, &rest);
        let lines = crate::answer::lines_of(&AppError::Invalid(rest));
        self.show(viewer, Some(lines)).await
    }

    async fn show(self, viewer: &Viewer, errors: Option<Vec<String>>) -> Answer {
        let t = viewer.context.t;
        let title = match &self.id {
            Some(_) => fill(t.change_named, &[("name", &self.common[0].value)]),
            None => t.add_pbx.to_owned(),
        };
        let refused = errors.is_some() || self.has_errors();
        let action = match &self.id {
            Some(id) => format!("/pbxes/{id}"),
            None => "/pbxes".to_owned(),
        };
        let page = FormPage {
            c: viewer.page(Section::Pbxes, &title).await?,
            id: self.id,
            kind: self.kind,
            kinds: self.kinds,
            action,
            common: self.common,
            fields: self.fields,
            errors: errors.unwrap_or_default(),
        };
        let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        html_with(status, &page)
    }
}
