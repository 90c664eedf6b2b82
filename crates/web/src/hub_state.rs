//! Whether it works: the state of the hub in the header of every page, and what needs attention.

use std::sync::Arc;

use api::{HealthStatus, Integration, LinkStatus, PageQuery, Pbx};
use app::{Actor, App, integrations, pbxes};
use askama::Template;
use axum::extract::State;
use call::UnixMs;

use crate::{
    answer::{Answer, Failure, html},
    page::{Context, HubState, Page, Section},
    session::Viewer,
    show::Tone,
    texts::{Texts, fill},
};

/// How many phone systems and integrations are looked at for the header.
const LOOKED_AT_MAX: u32 = 500;

pub(crate) fn everything() -> PageQuery {
    PageQuery { limit: Some(LOOKED_AT_MAX), after: None }
}

/// The state of the hub, for those who may see it.
pub(crate) async fn of(hub: &App, actor: &Actor) -> Result<Option<HubState>, Failure> {
    if !actor.rights().allow(api::Scope::Admin) {
        return Ok(None);
    }
    let pbxes = pbxes::list(hub, actor, everything()).await?.items;
    let integrations = integrations::list(hub, actor, everything()).await?.items;
    Ok(Some(summary(&pbxes, &integrations)))
}

fn summary(pbxes: &[Pbx], integrations: &[Integration]) -> HubState {
    let kept = || pbxes.iter().filter(|it| it.link.status != LinkStatus::Disabled);
    let down = kept().filter(|it| it.link.status != LinkStatus::Up).count();
    HubState {
        links: kept().count() as u64,
        links_down: down as u64,
        failing: integrations.iter().filter(|it| is_failing(it)).count() as u64,
        backlog: integrations.iter().map(|it| it.health.backlog).sum(),
    }
}

fn is_failing(integration: &Integration) -> bool {
    integration.health.status == HealthStatus::Failing
}

/// The state of a link: its tone and its word.
pub(crate) fn link_words(status: LinkStatus, t: &'static Texts) -> (Tone, &'static str) {
    match status {
        LinkStatus::Disabled => (Tone::Plain, t.link_disabled),
        LinkStatus::Connecting => (Tone::Info, t.link_connecting),
        LinkStatus::Up => (Tone::Good, t.link_up),
        LinkStatus::Down => (Tone::Bad, t.link_down),
        LinkStatus::Stopped => (Tone::Bad, t.link_stopped),
    }
}

#[derive(Template)]
#[template(path = "state.html")]
struct StateFragment {
    c: Page,
}

/// `GET /parts/state`: the header's badges, fetched anew every few seconds.
pub(crate) async fn state_fragment(viewer: Viewer) -> Answer {
    let c = viewer.page(Section::Other, "").await?;
    html(&StateFragment { c })
}

/// One link on the live board.
struct LinkTile {
    id: String,
    name: String,
    tone: Tone,
    text: &'static str,
    detail: String,
}

/// Something that somebody should look at.
struct Trouble {
    href: String,
    subject: String,
    text: String,
    since: Option<UnixMs>,
}

/// The links and what needs attention.
#[derive(Template)]
#[template(path = "attention.html")]
pub(crate) struct Attention {
    c: Context,
    links: Vec<LinkTile>,
    problems: Vec<Trouble>,
}

/// Gathers what needs attention; nothing for people who may not see it.
pub(crate) async fn attention(hub: &App, viewer: &Viewer) -> Result<Attention, Failure> {
    let c = viewer.context.clone();
    if !c.admin {
        return Ok(Attention { c, links: Vec::new(), problems: Vec::new() });
    }
    let pbxes = pbxes::list(hub, &viewer.actor, everything()).await?.items;
    let integrations = integrations::list(hub, &viewer.actor, everything()).await?.items;
    Ok(Attention { links: tiles(&pbxes, c.t), problems: troubles(&pbxes, &integrations, c.t), c })
}

fn tiles(pbxes: &[Pbx], t: &'static Texts) -> Vec<LinkTile> {
    let tile = |it: &Pbx| {
        let (tone, text) = link_words(it.link.status, t);
        LinkTile {
            id: it.id.clone(),
            name: it.name.clone(),
            tone,
            text,
            detail: it.link.version.clone().unwrap_or_default(),
        }
    };
    pbxes.iter().map(tile).collect()
}

fn troubles(pbxes: &[Pbx], integrations: &[Integration], t: &'static Texts) -> Vec<Trouble> {
    let broken = pbxes
        .iter()
        .filter(|it| matches!(it.link.status, LinkStatus::Down | LinkStatus::Stopped))
        .map(|it| Trouble {
            href: format!("/pbxes/{}", it.id),
            subject: fill(t.link_needs, &[("name", &it.name)]),
            text: it.link.last_error.as_ref().map_or_else(
                || link_words(it.link.status, t).1.to_owned(),
                |fault| fault.reason.clone(),
            ),
            since: it.link.since,
        });
    let failing = integrations.iter().filter(|it| is_failing(it)).map(|it| Trouble {
        href: format!("/integrations/{}", it.id),
        subject: fill(t.integration_needs, &[("name", &it.name)]),
        text: it.health.last_error.clone().unwrap_or_else(|| t.health_failing.to_owned()),
        since: it.health.last_error_at,
    });
    broken.chain(failing).collect()
}

/// `GET /parts/attention`.
pub(crate) async fn attention_fragment(State(hub): State<Arc<App>>, viewer: Viewer) -> Answer {
    html(&attention(&hub, &viewer).await?)
}
