//! Phone systems: their settings, and the state of their links.

use std::collections::BTreeSet;

use api::{KindView, Page, PageQuery, Pbx, PbxInput, Scope};
use call::Ids;
use serde_json::{Map, Value};
use store::{ConfigChange, Draft, Entry, OrgId, PbxId, Shelf};

use crate::{
    Actor, App, AppError, Result, audit,
    error::problem,
    fields::{self, Fields, Resolve, Taken},
    groups,
    keys::refused,
    names, near, pages,
    vault::random,
};

/// The common field that is stored beside the settings of the kind, when it is not 0.
pub(crate) const RECORDER: &str = "flight_recorder_hours";
/// A week of raw bytes is as much as anybody looks through.
pub(crate) const RECORDER_HOURS_MAX: u32 = 168;

/// A phone system as a link needs it: every secret open.
pub struct Opened {
    /// Whose it is.
    pub organisation: OrgId,
    /// Its id.
    pub id: PbxId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static pbx::Kind,
    /// Whether a link is to be kept.
    pub enabled: bool,
    /// How many hours of raw bytes are to be kept; `None` for no recording.
    pub flight_recorder_hours: Option<u32>,
    /// The settings, secrets in clear: for [`pbx::Kind::open`], never for a log.
    pub settings: Value,
}

impl Opened {
    /// Makes the link, ready to be driven.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings.
    pub fn link(&self) -> Result<pbx::Link, pbx::SettingsError> {
        (self.kind.open)(&self.settings, opening(&self.name))
    }
}

fn opening(name: &str) -> pbx::Opening {
    pbx::Opening { name: name.to_owned(), ids: Ids::new(u64::from_be_bytes(random())) }
}

/// The kinds of phone systems.
///
/// # Errors
///
/// Without `admin`.
pub fn kinds(actor: &Actor) -> Result<Page<KindView>> {
    actor.need(Scope::Admin)?;
    Ok(Page { items: kind_views(), next: None })
}

/// The kinds of phone systems and the schemas of their settings.
#[must_use]
pub fn kind_views() -> Vec<KindView> {
    let view =
        |it: &pbx::Kind| KindView { name: it.name.to_owned(), settings: (it.schema)().to_value() };
    pbx::ALL.iter().map(view).collect()
}

/// The phone systems of the organisation.
///
/// # Errors
///
/// Without `admin`.
pub async fn list(app: &App, actor: &Actor, query: PageQuery) -> Result<Page<Pbx>> {
    actor.need(Scope::Admin)?;
    let all = app.store.entries(actor.organisation(), Shelf::Pbx).await?;
    pages::cut(all.iter().map(|it| shape(app, it)).collect(), query, |it| &it.id)
}

/// One phone system.
///
/// # Errors
///
/// Without `admin`; for an unknown id.
pub async fn get(app: &App, actor: &Actor, id: &str) -> Result<Pbx> {
    actor.need(Scope::Admin)?;
    Ok(shape(app, &stored(app, actor, id).await?))
}

/// What to put into the phone system's own configuration, ready to paste.
///
/// # Errors
///
/// Without `admin`; for an unknown id.
pub async fn setup_lines(app: &App, actor: &Actor, id: &str) -> Result<String> {
    actor.need(Scope::Admin)?;
    let opened = open(app, actor.organisation(), stored(app, actor, id).await?)?;
    (opened.kind.setup_lines)(&opened.settings).map_err(|it| AppError::field("", it.0))
}

/// Adds a phone system; the link is made at once.
///
/// # Errors
///
/// Without `admin`; [`AppError::Invalid`] with every field that is wrong.
pub async fn create(app: &App, actor: &Actor, input: PbxInput) -> Result<Pbx> {
    actor.need(Scope::Admin)?;
    let name = input.name.ok_or_else(|| AppError::field("name", "is missing"))?;
    let kind = input.kind.ok_or_else(|| AppError::field("kind", "is missing"))?;
    let enabled = input.enabled.unwrap_or(true);
    let resolve = &fields::resolve_nothing;
    let organisation = actor.organisation();
    let recorder = input.flight_recorder_hours.unwrap_or_default();
    let given = Given { name, kind, enabled, recorder, settings: &input.settings };
    let draft = given.check(app, organisation, None, resolve).map_err(AppError::Invalid)?.0;
    let made = save(app, actor, vec![ConfigChange::Create(Shelf::Pbx, draft)]).await?;
    audit::note(app, actor, "pbx.created", &made.name, &[]).await;
    Ok(shape(app, &made))
}

/// Changes what is given; `null` puts a setting back to its default.
///
/// # Errors
///
/// As for [`create`]; for an unknown id.
pub async fn change(app: &App, actor: &Actor, id: &str, input: PbxInput) -> Result<Pbx> {
    actor.need(Scope::Admin)?;
    let old = stored(app, actor, id).await?;
    if input.kind.as_ref().is_some_and(|it| *it != old.kind) {
        let message = "cannot be changed: add another phone system and remove this one";
        return Err(AppError::field("kind", message));
    }
    let (recorder, old_settings) = split(&settings_of(&old));
    let settings = fields::merged(&old_settings, &input.settings);
    let given = Given {
        name: input.name.unwrap_or_else(|| old.name.clone()),
        kind: old.kind.clone(),
        enabled: input.enabled.unwrap_or(old.enabled),
        recorder: input.flight_recorder_hours.unwrap_or(recorder),
        settings: &settings,
    };
    let resolve = &fields::resolve_nothing;
    let checked = given.check(app, actor.organisation(), Some(&old_settings), resolve);
    let draft = checked.map_err(AppError::Invalid)?.0;
    let changed = changed_fields(&old, &draft);
    let (shelf, revision) = (Shelf::Pbx, Some(old.revision));
    let renamed = (draft.name != old.name).then(|| draft.name.clone());
    let mut changes = vec![ConfigChange::Update { shelf, id: old.id, draft, revision }];
    if let Some(new_name) = &renamed {
        changes.extend(groups::follow_rename(app, actor, &old.name, new_name).await?);
    }
    let saved = save(app, actor, changes).await?;
    if renamed.is_some() {
        groups::refresh(app, actor.organisation()).await?;
    }
    audit::note(app, actor, "pbx.changed", &saved.name, &changed).await;
    Ok(shape(app, &saved))
}

/// Removes a phone system; its calls stay in the history.
///
/// # Errors
///
/// Without `admin`; for an unknown id; while a telephony group is on it.
pub async fn remove(app: &App, actor: &Actor, id: &str) -> Result<()> {
    actor.need(Scope::Admin)?;
    let old = stored(app, actor, id).await?;
    let groups = app.store.entries(actor.organisation(), Shelf::Group).await?;
    let on_it = groups.iter().find(|it| it.settings.get("pbx") == Some(&Value::from(&*old.name)));
    if let Some(group) = on_it {
        let message =
            format!("the group `{}` is on this phone system: remove it first", group.name);
        return Err(AppError::Conflict(message));
    }
    let change = ConfigChange::Delete { shelf: Shelf::Pbx, id: old.id };
    let saved = save(app, actor, vec![change]).await?;
    app.live.links.removed(&saved.id);
    audit::note(app, actor, "pbx.removed", &old.name, &[]).await;
    Ok(())
}

/// One phone system for its link; `None` when it was removed.
///
/// # Errors
///
/// When the store cannot be read, or a secret cannot be opened.
pub async fn opened(app: &App, organisation: &OrgId, id: &PbxId) -> Result<Option<Opened>> {
    let found = app.store.entry(organisation, Shelf::Pbx, id.as_str()).await?;
    found.map(|it| open(app, organisation, it)).transpose()
}

pub(crate) fn open(app: &App, organisation: &OrgId, entry: Entry) -> Result<Opened> {
    let unknown = || AppError::Internal(format!("the kind `{}` is not known", entry.kind));
    let kind = pbx::find(&entry.kind).ok_or_else(unknown)?;
    let schema = (kind.schema)().to_value();
    let (recorder, stored) = split(&settings_of(&entry));
    let settings = fields(app, organisation, &schema).open(&stored)?;
    Ok(Opened {
        organisation: organisation.clone(),
        id: PbxId::from(entry.id),
        name: entry.name,
        kind,
        enabled: entry.enabled,
        flight_recorder_hours: Some(recorder).filter(|it| *it > 0),
        settings: Value::Object(settings),
    })
}

fn fields<'a>(app: &'a App, organisation: &'a OrgId, schema: &'a Value) -> Fields<'a> {
    Fields { schema, vault: &app.vault, place: [organisation.as_str(), "pbx"] }
}

async fn stored(app: &App, actor: &Actor, id: &str) -> Result<Entry> {
    let found = app.store.entry(actor.organisation(), Shelf::Pbx, id).await?;
    found.ok_or(AppError::NotFound("phone system"))
}

/// Carries out changes, the phone system's own first, and gives it as it is stored now.
async fn save(app: &App, actor: &Actor, changes: Vec<ConfigChange>) -> Result<Entry> {
    let saved = app.store.change_config(actor.organisation(), changes).await;
    let saved = saved.map_err(|it| refused(it, "phone system"))?;
    let entry = saved.into_iter().next().ok_or(AppError::NotFound("phone system"))?;
    app.links.pbx_changed(actor.organisation(), &PbxId::from(entry.id.as_str()));
    Ok(entry)
}

/// A phone system as somebody gave it.
pub(crate) struct Given<'a> {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) enabled: bool,
    /// Hours of raw bytes to be kept.
    pub(crate) recorder: u32,
    pub(crate) settings: &'a Map<String, Value>,
}

impl Given<'_> {
    /// What is to be stored, or every field that is wrong; and the settings as the kind reads them.
    pub(crate) fn check(
        self,
        app: &App,
        organisation: &OrgId,
        old: Option<&Map<String, Value>>,
        resolve: Resolve<'_>,
    ) -> Result<(Draft, Map<String, Value>), Vec<api::FieldProblem>> {
        let mut problems = Vec::new();
        if let Err(AppError::Invalid(named)) = names::check(&self.name) {
            problems.extend(named);
        }
        if self.recorder > RECORDER_HOURS_MAX {
            problems.push(problem(RECORDER, format!("must be from 0 to {RECORDER_HOURS_MAX}")));
        }
        let Some(kind) = pbx::find(&self.kind) else {
            let known = pbx::ALL.iter().map(|it| it.name);
            problems.push(problem("kind", near::unknown("kind", &self.kind, known)));
            return Err(problems);
        };
        let schema = (kind.schema)().to_value();
        let taken = fields(app, organisation, &schema).take(self.settings, old, resolve);
        let Taken { mut stored, open } = match taken {
            Ok(taken) => taken,
            Err(wrong) => {
                problems.extend(wrong);
                return Err(problems);
            }
        };
        let settings = Value::Object(open);
        if let Err(error) = (kind.open)(&settings, opening(&self.name)) {
            problems.push(problem("", error.0));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let Value::Object(open) = settings else { unreachable!("it was made an object above") };
        if self.recorder > 0 {
            stored.insert(RECORDER.to_owned(), Value::from(self.recorder));
        }
        let settings = Value::Object(stored);
        Ok((Draft { name: self.name, kind: self.kind, settings, enabled: self.enabled }, open))
    }
}

pub(crate) fn settings_of(entry: &Entry) -> Map<String, Value> {
    entry.settings.as_object().cloned().unwrap_or_default()
}

/// The hours of the flight recorder, and the settings of the kind.
pub(crate) fn split(stored: &Map<String, Value>) -> (u32, Map<String, Value>) {
    let mut settings = stored.clone();
    let hours = settings.remove(RECORDER).and_then(|it| it.as_u64());
    (hours.and_then(|it| u32::try_from(it).ok()).unwrap_or_default(), settings)
}

/// The names of the fields in which a draft differs from what is stored.
pub(crate) fn changed_fields(old: &Entry, new: &Draft) -> Vec<String> {
    let mut changed = Vec::new();
    if old.name != new.name {
        changed.push("name".to_owned());
    }
    if old.enabled != new.enabled {
        changed.push("enabled".to_owned());
    }
    let (empty, empty_too) = (Map::new(), Map::new());
    let before = old.settings.as_object().unwrap_or(&empty);
    let after = new.settings.as_object().unwrap_or(&empty_too);
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    changed.extend(names.into_iter().filter(|it| before.get(*it) != after.get(*it)).cloned());
    changed
}

fn shape(app: &App, entry: &Entry) -> Pbx {
    let (flight_recorder_hours, settings) = split(&settings_of(entry));
    Pbx {
        id: entry.id.clone(),
        name: entry.name.clone(),
        kind: entry.kind.clone(),
        enabled: entry.enabled,
        flight_recorder_hours,
        link: app.live.links.view(&entry.id, entry.enabled),
        settings: fields::shown(&settings),
    }
}

#[cfg(test)]
mod tests;
