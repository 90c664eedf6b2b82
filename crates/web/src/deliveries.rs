//! Deliveries: every event on its way, why it failed, and sending it again.

use std::sync::Arc;

use api::{Attempt, Delivery, DeliveryQuery, DeliveryStatus};
use app::{App, deliveries, integrations};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::Deserialize;

use crate::{
    answer::{Answer, html, html_with, is_mendable, lines_of, query},
    hub_state::everything,
    page::{Notice, Page, Section},
    session::{Posted, Viewer},
    show::{Html, Times, escape},
    texts::Texts,
    words,
};

/// How many deliveries a page shows.
const PAGE_ROWS: u32 = 50;

/// A delivery as tables show it.
pub(crate) struct DeliveryRow {
    pub(crate) state: Html,
    pub(crate) integration: String,
    pub(crate) answer: Html,
    pub(crate) d: Delivery,
}

impl DeliveryRow {
    pub(crate) fn new(d: Delivery, t: &'static Texts) -> DeliveryRow {
        DeliveryRow {
            state: words::delivery(d.status, t),
            integration: d.integration_name.clone().unwrap_or_else(|| d.integration.clone()),
            answer: answer(&d),
            d,
        }
    }
}

/// What went wrong last, or the status of the last answer where the attempts are known.
fn answer(d: &Delivery) -> Html {
    match (&d.last_error, d.attempts.last()) {
        (Some(error), _) if d.status != DeliveryStatus::Delivered => {
            Html::rendered(format!("<span class=\"hs-error\">{}</span>", escape(error)))
        }
        (_, Some(Attempt { status: Some(status), .. })) => Html::rendered(status.to_string()),
        _ => Html::default(),
    }
}

/// The filters of the list, as they stand in the address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filters {
    status: String,
    integration: String,
    call: String,
    after: String,
}

impl Filters {
    fn any(&self) -> bool {
        [&self.status, &self.integration, &self.call].into_iter().any(|it| !it.is_empty())
    }

    /// The address of another page of the same list.
    fn address(&self, after: &str) -> String {
        let pairs = [
            ("status", self.status.as_str()),
            ("integration", &self.integration),
            ("call", &self.call),
            ("after", after),
        ];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<_> = pairs.map(|(name, value)| format!("{name}={}", query(value))).collect();
        format!("/deliveries?{}", pairs.join("&"))
    }

    fn query(&self) -> DeliveryQuery {
        let given = |it: &str| Some(it.trim().to_owned()).filter(|it| !it.is_empty());
        DeliveryQuery {
            integration: given(&self.integration),
            status: match self.status.as_str() {
                "pending" => Some(DeliveryStatus::Pending),
                "delivered" => Some(DeliveryStatus::Delivered),
                "dead" => Some(DeliveryStatus::Dead),
                "cancelled" => Some(DeliveryStatus::Cancelled),
                _ => None,
            },
            call: given(&self.call),
            limit: Some(PAGE_ROWS),
            after: given(&self.after),
        }
    }
}

#[derive(Template)]
#[template(path = "deliveries.html")]
struct ListPage {
    c: Page,
    f: Filters,
    rows: Vec<DeliveryRow>,
    next: Option<String>,
    statuses: Vec<(&'static str, &'static str)>,
    integrations: Vec<(String, String)>,
    replay_all: Option<String>,
    errors: Vec<String>,
}

/// `GET /deliveries`.
pub(crate) async fn list_page(
    State(hub): State<Arc<App>>,
    viewer: Viewer,
    Query(f): Query<Filters>,
) -> Answer {
    let t = viewer.context.t;
    let known = integrations::list(&hub, &viewer.actor, everything()).await?.items;
    let (rows, next, errors) = match deliveries::list(&hub, &viewer.actor, f.query()).await {
        Ok(found) => (found.items, found.next, Vec::new()),
        Err(error) if is_mendable(&error) => (Vec::new(), None, lines_of(&error)),
        Err(error) => return Err(error.into()),
    };
    // Sending all again makes sense where the list shows what that means.
    let chosen = known.iter().find(|it| it.id == f.integration || it.name == f.integration);
    let replay_all = chosen.filter(|_| f.status == "dead").map(|it| it.id.clone());
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = ListPage {
        c: viewer.page(Section::Deliveries, t.nav_deliveries).await?,
        f,
        rows: rows.into_iter().map(|it| DeliveryRow::new(it, t)).collect(),
        next,
        statuses: vec![
            ("pending", t.status_waiting),
            ("delivered", t.status_delivered),
            ("dead", t.status_dead),
            ("cancelled", t.status_cancelled),
        ],
        integrations: known.into_iter().map(|it| (it.id, it.name)).collect(),
        replay_all,
        errors,
    };
    html_with(status, &page)
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct OnePage {
    c: Page,
    row: DeliveryRow,
    facts: Vec<(&'static str, Html)>,
}

/// `GET /deliveries/{id}`.
pub(crate) async fn one_page(
    State(hub): State<Arc<App>>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Answer {
    let delivery = deliveries::get(&hub, &viewer.actor, &id).await?;
    show(&viewer, delivery, None).await
}

async fn show(viewer: &Viewer, delivery: Delivery, notice: Option<Notice>) -> Answer {
    let mut c = viewer.page(Section::Deliveries, &delivery.event_type).await?;
    c.notice = notice;
    let facts = facts(&delivery, &c.times, c.t);
    html(&OnePage { row: DeliveryRow::new(delivery, c.t), facts, c })
}

fn facts(delivery: &Delivery, times: &Times, t: &'static Texts) -> Vec<(&'static str, Html)> {
    let plain = |text: &str| Html::rendered(escape(text));
    let mut facts = vec![
        (t.fact_id, plain(&delivery.id)),
        (t.fact_event, plain(&delivery.event)),
        (t.fact_created, times.fine(delivery.created_at)),
        (t.fact_attempts, plain(&delivery.attempts_made.to_string())),
    ];
    if let Some(at) = delivery.next_attempt_at {
        facts.push((t.fact_next_attempt, times.ago(at)));
    }
    if let Some(at) = delivery.attempted_at {
        facts.push((t.fact_attempted, times.fine(at)));
    }
    facts
}

/// `POST /deliveries/{id}/replay`.
pub(crate) async fn replay(
    State(hub): State<Arc<App>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let viewer = posted.viewer;
    match deliveries::replay(&hub, &viewer.actor, &id).await {
        Ok(delivery) => {
            let notice = Notice::good(viewer.context.t.replay_done);
            show(&viewer, delivery, Some(notice)).await
        }
        Err(error) if is_mendable(&error) => {
            let delivery = deliveries::get(&hub, &viewer.actor, &id).await?;
            show(&viewer, delivery, Some(Notice::bad(error.to_string()))).await
        }
        Err(error) => Err(error.into()),
    }
}
