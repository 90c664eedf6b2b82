//! The hub itself: what the doctor finds, the organisation's settings, the audit log.

use std::sync::Arc;

use api::{AuditEntry, Finding, PageQuery, SettingsChange, Severity};
use app::{App, AppError, audit, declared, doctor, settings};
use askama::Template;
use axum::extract::State;

use crate::{
    accounts::status_of,
    answer::{Answer, download, html_with, is_mendable, lines_of},
    forms::sent,
    page::{Notice, Page, Section},
    session::{Posted, Viewer},
    show::{Html, Tone, badge},
};

/// How many changes the page shows.
const AUDIT_ROWS: u32 = 30;

struct FindingRow {
    state: Html,
    finding: Finding,
}

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    c: Page,
    verdict: Html,
    rows: Vec<FindingRow>,
    organisation: String,
    errors: Vec<String>,
    audit: Vec<AuditEntry>,
}

/// `GET /health`.
pub(crate) async fn page(State(hub): State<Arc<App>>, viewer: Viewer) -> Answer {
    show(&hub, &viewer, None, None).await
}

async fn show(
    hub: &Arc<App>,
    viewer: &Viewer,
    notice: Option<Notice>,
    refused: Option<(String, AppError)>,
) -> Answer {
    let t = viewer.context.t;
    // The state of the links as the hub knows it: looking at a page must not log in to a PBX.
    let findings = doctor::examine(hub, &viewer.actor, doctor::Links::AsTheyAre).await?.findings;
    let bad = findings.iter().filter(|it| it.severity != Severity::Ok).count();
    let verdict = match bad {
        0 => badge(Tone::Good, t.all_well),
        n => badge(Tone::Warn, &t.problems_found.of(n as u64)),
    };
    let row = |finding: Finding| FindingRow {
        state: match finding.severity {
            Severity::Ok => badge(Tone::Good, t.severity_ok),
            Severity::Warning => badge(Tone::Warn, t.severity_warning),
            Severity::Error => badge(Tone::Bad, t.severity_error),
        },
        finding,
    };
    let query = PageQuery { limit: Some(AUDIT_ROWS), after: None };
    let audit = audit::list(hub, &viewer.actor, query).await?.items;
    let mut c = viewer.page(Section::Health, t.nav_health).await?;
    c.notice = notice;
    let status = status_of(refused.as_ref().map(|(_, error)| error));
    let (organisation, errors) = match refused {
        Some((typed, error)) => (typed, lines_of(&error)),
        None => (settings::get(hub, &viewer.actor).await?.name, Vec::new()),
    };
    let rows = findings.into_iter().map(row).collect();
    html_with(status, &HealthPage { c, verdict, rows, organisation, errors, audit })
}

/// `POST /settings`.
pub(crate) async fn change_settings(State(hub): State<Arc<App>>, posted: Posted) -> Answer {
    let Posted { viewer, form } = posted;
    let name = sent(&form, "name").unwrap_or_default().trim().to_owned();
    let change = SettingsChange { name: Some(name.clone()) };
    match settings::change(&hub, &viewer.actor, change).await {
        Ok(_) => {
            let notice = Notice::good(viewer.context.t.settings_saved);
            show(&hub, &viewer, Some(notice), None).await
        }
        Err(error) if is_mendable(&error) => show(&hub, &viewer, None, Some((name, error))).await,
        Err(error) => Err(error.into()),
    }
}

/// `GET /settings/export`.
pub(crate) async fn export(State(hub): State<Arc<App>>, viewer: Viewer) -> Answer {
    let exported = declared::export(&hub, &viewer.actor).await?;
    Ok(download("application/toml", "hookswitch-configuration.toml", exported.toml))
}
