//! The form of a phone system, made from the schema of its kind.

use std::sync::Arc;

use api::{Pbx, PbxInput};
use app::{App, AppError, pbxes};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::title_of;
use crate::{
    answer::{Answer, Failure, html_with, is_mendable, lines_of, query, see_other},
    forms::{self, Field, Input, sent},
    page::{Page, Section},
    session::{Posted, Viewer},
    texts::fill,
};

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
        let lines = lines_of(&AppError::Invalid(rest));
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
