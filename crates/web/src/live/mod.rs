//! The live board: calls as they move, in groups, and the stream that moves them.

mod stream;

use std::{collections::HashMap, sync::Arc};

use app::{Actor, App, calls, groups};
use askama::Template;
use axum::extract::{Query, State as Hub};
use call::{Call, State};
use serde::Deserialize;

use crate::{
    answer::{Answer, Failure, html, query},
    calls::pbx_names,
    hub_state::{Attention, attention, everything},
    page::{Context, Page, Section},
    session::Viewer,
    show::Html,
    texts::Texts,
    words,
};

pub(crate) use stream::stream;

/// What calls are put together by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Nothing,
    Group,
    Extension,
    Queue,
    Pbx,
}

impl By {
    const ALL: [By; 5] = [By::Nothing, By::Group, By::Extension, By::Queue, By::Pbx];

    fn named(name: &str) -> By {
        By::ALL.into_iter().find(|it| it.name() == name).unwrap_or(By::Nothing)
    }

    fn name(self) -> &'static str {
        match self {
            By::Nothing => "none",
            By::Group => "group",
            By::Extension => "extension",
            By::Queue => "queue",
            By::Pbx => "pbx",
        }
    }

    fn label(self, t: &'static Texts) -> &'static str {
        match self {
            By::Nothing => t.by_none,
            By::Group => t.by_group,
            By::Extension => t.by_extension,
            By::Queue => t.by_queue,
            By::Pbx => t.by_pbx,
        }
    }
}

/// What the address of a board says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BoardQuery {
    by: String,
    pbx: String,
}

/// How one person looks at the calls.
struct Board {
    by: By,
    /// Name of the only phone system to show; empty for all.
    pbx: String,
    /// Phone system and extension to the name of a telephony group.
    groups: HashMap<(String, String), String>,
    c: Context,
}

/// One group of calls.
struct BoardSection {
    key: String,
    label: String,
    rows: Vec<Html>,
}

#[derive(Template)]
#[template(path = "board.html")]
struct Sections {
    sections: Vec<BoardSection>,
}

#[derive(Template)]
#[template(path = "board_row.html")]
struct BoardRow<'a> {
    call: &'a Call,
    group: String,
    label: String,
    direction: (&'static str, &'static str),
    state: Html,
    since: Html,
    from: Html,
    to: Html,
    phones: String,
    queue: &'a str,
}

impl Board {
    async fn new(hub: &App, viewer: &Viewer, query: &BoardQuery) -> Result<Board, Failure> {
        let by = By::named(&query.by);
        let groups = match by {
            By::Group => seats(hub, &viewer.actor).await?,
            _ => HashMap::new(),
        };
        Ok(Board { by, pbx: query.pbx.clone(), groups, c: viewer.context.clone() })
    }

    fn shows(&self, call: &Call) -> bool {
        self.pbx.is_empty() || self.pbx == call.pbx
    }

    /// The group of a call: a key that sorts, and what people read.
    fn group(&self, call: &Call) -> (String, String) {
        let t = self.c.t;
        let phone = phone_of(call);
        let (name, none) = match self.by {
            By::Nothing => return (String::new(), String::new()),
            By::Pbx => (Some(call.pbx.clone()), ""),
            By::Queue => (call.queue.clone(), t.without_queue),
            By::Extension => (phone.map(str::to_owned), t.without_extension),
            By::Group => {
                let of = |phone: &str| self.groups.get(&(call.pbx.clone(), phone.to_owned()));
                (phone.and_then(of).cloned(), t.without_group)
            }
        };
        match name {
            // What has no group stands first: it is what nobody has taken yet.
            None => ("0".to_owned(), none.to_owned()),
            Some(name) => (format!("1{name}"), name),
        }
    }

    fn row(&self, call: &Call) -> Result<Html, Failure> {
        let t = self.c.t;
        let (group, label) = self.group(call);
        let since = match (call.state, call.answered_at) {
            (State::Ended, _) => Html::rendered(crate::show::clock_seconds(
                call.ended_at.unwrap_or(call.started_at).seconds_since(call.started_at),
            )),
            (State::Talking | State::Held, Some(answered)) => self.c.running(answered),
            _ => self.c.running(call.started_at),
        };
        let row = BoardRow {
            call,
            group,
            label,
            direction: words::direction(call.direction, t),
            state: words::state(call, t),
            since,
            from: words::party(&call.from, t),
            to: words::party(&call.to, t),
            phones: phones(call),
            queue: call.queue.as_deref().unwrap_or_default(),
        };
        let text = row.render().map_err(|it| app::AppError::Internal(it.to_string()))?;
        Ok(Html::rendered(text))
    }

    /// The whole board, oldest call first, so that new ones move nothing.
    fn sections(&self, calls: &[Arc<Call>]) -> Result<Html, Failure> {
        let mut shown: Vec<&Arc<Call>> = calls.iter().filter(|it| self.shows(it)).collect();
        shown.sort_by(|a, b| a.id.cmp(&b.id));
        let mut sections: Vec<BoardSection> = Vec::new();
        for call in shown {
            let (key, label) = self.group(call);
            let row = self.row(call)?;
            match sections.iter_mut().find(|it| it.key == key) {
                Some(section) => section.rows.push(row),
                None => sections.push(BoardSection { key, label, rows: vec![row] }),
            }
        }
        sections.sort_by(|a, b| a.key.cmp(&b.key));
        let text = Sections { sections }.render();
        Ok(Html::rendered(text.map_err(|it| app::AppError::Internal(it.to_string()))?))
    }
}

/// The phone that a call is at, or that it rings at last.
fn phone_of(call: &Call) -> Option<&str> {
    let ringing = call.rang.last().or(call
        .from
        .number
        .as_ref()
        .filter(|_| call.direction != call::Direction::Inbound));
    call.extension.as_ref().or(ringing).map(String::as_str)
}

/// Who talks, or whose phones have rung.
fn phones(call: &Call) -> String {
    match (call.state, &call.extension) {
        (State::Talking | State::Held | State::Ended, Some(extension)) => match &call.user {
            Some(user) => format!("{extension} {user}"),
            None => extension.clone(),
        },
        _ => call.rang.join(", "),
    }
}

/// Which group sits at an extension, for those who may see the groups.
async fn seats(hub: &App, actor: &Actor) -> Result<HashMap<(String, String), String>, Failure> {
    if !actor.rights().allow(api::Scope::Admin) {
        return Ok(HashMap::new());
    }
    let mut seats = HashMap::new();
    for group in groups::list(hub, actor, everything()).await?.items {
        for member in group.input.members {
            seats.insert((group.input.pbx.clone(), member.extension), group.input.name.clone());
        }
    }
    Ok(seats)
}

#[derive(Template)]
#[template(path = "live.html")]
struct LivePage {
    c: Page,
    count: u64,
    by: &'static str,
    choices: Vec<(&'static str, &'static str)>,
    pbx: String,
    pbx_query: String,
    pbxes: Vec<String>,
    has_pbx: bool,
    attention: Html,
    board: Html,
}

/// `GET /live`.
pub(crate) async fn page(
    Hub(hub): Hub<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<BoardQuery>,
) -> Answer {
    let board = Board::new(&hub, &viewer, &asked).await?;
    let calls = calls::in_progress(&hub, &viewer.actor)?;
    let needs: Attention = attention(&hub, &viewer).await?;
    let needs = needs.render().map_err(|it| app::AppError::Internal(it.to_string()))?;
    let pbxes = pbx_names(&hub, &viewer).await?;
    let t = viewer.context.t;
    let page = LivePage {
        c: viewer.page(Section::Live, t.nav_live).await?,
        count: calls.iter().filter(|it| board.shows(it)).count() as u64,
        by: board.by.name(),
        choices: By::ALL.iter().map(|it| (it.name(), it.label(t))).collect(),
        pbx_query: query(&asked.pbx),
        pbx: asked.pbx,
        // Agents cannot add one: they are told to wait for calls.
        has_pbx: !pbxes.is_empty() || !viewer.context.admin,
        pbxes,
        attention: Html::rendered(needs),
        board: board.sections(&calls)?,
    };
    html(&page)
}
