//! Phone systems: their links, their settings, what to paste on the other side.

mod form;

use std::sync::Arc;

use api::{LinkStatus, Pbx, PbxInput};
use app::{App, AppError, pbxes, recordings};
use askama::Template;
use axum::{
    body::Body,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::Map;

use crate::{
    answer::{Answer, download, html, html_with, is_mendable, lines_of, query, see_other},
    forms::sent,
    hub_state::{everything, link_words},
    page::{Notice, Page, Section},
    session::{Posted, Viewer},
    show::{Html, badge, bytes},
    texts::{Texts, fill, grouped},
};

pub(crate) use form::{NewQuery, change, common_field, create, edit_page, new_page};

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
    // While the link is broken it stands above, in red.
    if let (LinkStatus::Up, Some(fault)) = (link.status, &link.last_error) {
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
