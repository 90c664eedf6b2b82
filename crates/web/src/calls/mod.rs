//! The history of calls, and the page of one call.

mod filters;
mod one;

use std::sync::Arc;

use app::{App, calls, pbxes};
use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
};
use call::Call;

use crate::{
    answer::{Answer, Failure, html_with, is_mendable, lines_of},
    hub_state::everything,
    page::{Context, Page, Section},
    session::Viewer,
    show::{Html, clock_seconds},
    words,
};
use filters::{Filters, read_time};

pub(crate) use one::one_page;

/// How many calls a page of the history shows.
const PAGE_ROWS: u32 = 50;

struct CallRow {
    direction: (&'static str, &'static str),
    outcome: Html,
    from: Html,
    to: Html,
    person: String,
    rang: String,
    talked: String,
    queue: String,
    call: Arc<Call>,
}

impl CallRow {
    fn new(call: Arc<Call>, c: &Context) -> CallRow {
        let seconds = |it: f64| if it > 0.0 { clock_seconds(it) } else { String::new() };
        CallRow {
            direction: words::direction(call.direction, c.t),
            outcome: words::state(&call, c.t),
            from: words::party(&call.from, c.t),
            to: words::party(&call.to, c.t),
            person: call.user.clone().or_else(|| call.extension.clone()).unwrap_or_default(),
            rang: seconds(call.ring_seconds),
            talked: seconds(call.talk_seconds),
            queue: call.queue.clone().unwrap_or_default(),
            call,
        }
    }
}

#[derive(Template)]
#[template(path = "calls.html")]
struct ListPage {
    c: Page,
    f: Filters,
    /// As the inputs take them.
    after_field: String,
    before_field: String,
    rows: Vec<CallRow>,
    next: Option<String>,
    directions: Vec<(&'static str, &'static str)>,
    outcomes: Vec<(&'static str, &'static str)>,
    pbxes: Vec<String>,
    errors: Vec<String>,
}

/// `GET /calls`.
pub(crate) async fn list_page(
    State(hub): State<Arc<App>>,
    viewer: Viewer,
    Query(f): Query<Filters>,
) -> Answer {
    let c = &viewer.context;
    let (question, mut errors) = f.query(&c.times);
    let (mut rows, mut next) = (Vec::new(), None);
    if errors.is_empty() {
        match calls::list(&hub, &viewer.actor, question).await {
            Ok(found) => {
                rows = found.items.into_iter().map(|it| CallRow::new(it, c)).collect();
                next = found.next;
            }
            Err(error) if is_mendable(&error) => errors = lines_of(&error),
            Err(error) => return Err(error.into()),
        }
    }
    let mut page = viewer.page(Section::Calls, c.t.nav_calls).await?;
    page.q.clone_from(&f.q);
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (directions, outcomes) = (words::directions(c.t), words::outcomes(c.t));
    let pbxes = pbx_names(&hub, &viewer).await?;
    let field = |text: &str| read_time(text, &c.times).map(|it| c.field(it)).unwrap_or_default();
    let (after_field, before_field) = (field(&f.started_after), field(&f.started_before));
    html_with(
        status,
        &ListPage {
            c: page,
            f,
            after_field,
            before_field,
            rows,
            next,
            directions,
            outcomes,
            pbxes,
            errors,
        },
    )
}

/// Names of the phone systems, for those who may see them.
pub(crate) async fn pbx_names(hub: &App, viewer: &Viewer) -> Result<Vec<String>, Failure> {
    if !viewer.context.admin {
        return Ok(Vec::new());
    }
    let found = pbxes::list(hub, &viewer.actor, everything()).await?;
    Ok(found.items.into_iter().map(|it| it.name).collect())
}
