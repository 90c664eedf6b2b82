//! Trying an integration out before anybody relies on it: the preview, and the test that is sent.

use std::sync::Arc;

use api::{DraftTestInput, TestInput, TestResult};
use app::{App, integrations};
use askama::Template;
use axum::extract::State;

use super::Editor;
use crate::{
    answer::{Answer, html, is_mendable},
    forms::{Field, sent},
    page::Context,
    session::Posted,
};

/// The most of an answer that the page shows, in characters.
const BODY_SHOWN_CHARS_MAX: usize = 20_000;

#[derive(Template)]
#[template(path = "preview.html")]
struct Preview {
    c: Context,
    field_errors: Vec<(String, String)>,
    errors: Vec<String>,
    request: Option<String>,
    sent: bool,
    response: Option<(u16, u64, String)>,
}

/// `POST /integrations/preview`: the request as it would be sent.
pub(crate) async fn preview(State(hub): State<Arc<App>>, posted: Posted) -> Answer {
    try_out(&hub, posted, false).await
}

/// `POST /integrations/send-test`: sends it, and shows the exact request and response.
pub(crate) async fn send_test(State(hub): State<Arc<App>>, posted: Posted) -> Answer {
    try_out(&hub, posted, true).await
}

async fn try_out(hub: &Arc<App>, posted: Posted, send: bool) -> Answer {
    let Posted { viewer, form } = posted;
    let given = |name| sent(&form, name).filter(|it| !it.is_empty()).map(str::to_owned);
    let id = given("id");
    let stored = match &id {
        Some(id) => Some(integrations::get(hub, &viewer.actor, id).await?),
        None => None,
    };
    let kind = match &stored {
        Some(it) => it.kind.clone(),
        None => given("kind").unwrap_or_default(),
    };
    let mut editor = Editor::new(&viewer, &kind, stored)?;
    let mut integration = editor.read(&form);
    // A preview is useful before there is a name; a save still asks for it.
    integration.name = integration.name.or(Some(viewer.context.t.preview.to_owned()));
    let test = TestInput { call: given("preview_call"), event: given("preview_event"), send };
    let mut result = TestResult { request: None, response: None, error: None };
    if !editor.has_errors() {
        let input = DraftTestInput { integration, id, test };
        match integrations::test_draft(hub, &viewer.actor, input).await {
            Ok(made) => result = made,
            Err(error) if is_mendable(&error) => editor.refuse(&error),
            Err(error) => return Err(error.into()),
        }
    }
    html(&Preview::of(editor, result, send, viewer.context))
}

impl Preview {
    fn of(editor: Editor, result: TestResult, sent: bool, c: Context) -> Preview {
        let beside = |it: &Field| (it.id(), it.error.clone().unwrap_or_default());
        let mut errors = editor.errors;
        errors.extend(editor.common.into_iter().filter_map(|it| it.error));
        errors.extend(editor.events_error);
        errors.extend(result.error);
        Preview {
            // Every field, so that what was mended loses its message.
            field_errors: editor.fields.iter().map(beside).collect(),
            errors,
            request: result.request.as_ref().map(request_text),
            sent,
            response: result
                .response
                .as_ref()
                .map(|it| (it.status, it.duration_ms, exchange_text(&it.headers, &it.body))),
            c,
        }
    }
}

fn request_text(request: &api::ExchangeRequest) -> String {
    let head = format!("{} {}\n", request.method, request.url);
    head + &exchange_text(&request.headers, &request.body)
}

fn exchange_text(headers: &[(String, String)], body: &str) -> String {
    let mut out = String::new();
    for (name, value) in headers {
        out.extend([name, ": ", value, "\n"]);
    }
    out.push('\n');
    out.extend(body.chars().take(BODY_SHOWN_CHARS_MAX));
    if body.chars().nth(BODY_SHOWN_CHARS_MAX).is_some() {
        out.push('…');
    }
    out
}
