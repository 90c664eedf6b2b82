//! Makes the stored configuration equal to a declarative file.

use std::collections::BTreeMap;

use api::{ApplyInput, ApplyResult, Change, ChangeAction, FieldProblem, Scope};
use serde_json::Value;
use store::{ConfigChange, Draft, Entry as Stored, IntegrationId, PbxId, Shelf};

use super::{access, read};
use crate::{
    Actor, App, AppError, Result, audit,
    error::problem,
    fields::Reference,
    groups, integrations,
    keys::refused,
    pbxes::{self, changed_fields, settings_of},
    schema,
};

/// The shelves, with the names of their tables, in the order of the file that `export` prints.
pub(super) const SHELVES: &[(&str, Shelf)] =
    &[("pbx", Shelf::Pbx), ("group", Shelf::Group), ("integration", Shelf::Integration)];

/// Applies a file, or tells what it would change.
///
/// Phone systems, groups and integrations change all together or not at all, and take effect at
/// once.
///
/// # Errors
///
/// Without `admin`; [`AppError::Invalid`] with everything that is wrong with the file, each with
/// its line.
pub async fn apply(app: &App, actor: &Actor, input: ApplyInput) -> Result<ApplyResult> {
    actor.need(Scope::Admin)?;
    let file = read::read(&input.toml)?;
    let (plan, mut problems) = plan(app, actor, &file, &input.secrets).await?;
    let access = match access::plan(app, actor, &file, &input.secrets).await? {
        Ok(access) => access,
        Err(wrong) => {
            problems.extend(wrong);
            return Err(AppError::Invalid(problems));
        }
    };
    if !problems.is_empty() {
        return Err(AppError::Invalid(problems));
    }
    let mut result = ApplyResult { dry_run: input.dry_run, ..ApplyResult::default() };
    result.changes.extend(plan.told);
    result.changes.extend(access.told());
    if !input.dry_run {
        carry_out(app, actor, plan.changes).await?;
        result.new_keys = access.carry_out(app, actor).await?;
        for it in &result.changes {
            let action = format!("{}.applied", it.table);
            audit::note(app, actor, &action, &it.to_string(), &[]).await;
        }
    }
    Ok(result)
}

/// What is to be done, for people and for the store.
#[derive(Default)]
struct Plan {
    told: Vec<Change>,
    changes: Vec<ConfigChange>,
}

impl Plan {
    /// Compares one entry of the file with what is stored under its name.
    fn compare(&mut self, table: &str, shelf: Shelf, old: Option<&Stored>, draft: Draft) {
        let name = draft.name.clone();
        let Some(old) = old else {
            self.tell(ChangeAction::Create, table, name, Vec::new());
            self.changes.push(ConfigChange::Create(shelf, draft));
            return;
        };
        let id = old.id.clone();
        if old.kind != draft.kind {
            self.tell(ChangeAction::Change, table, name, vec!["kind".to_owned()]);
            self.changes.push(ConfigChange::Delete { shelf, id });
            self.changes.push(ConfigChange::Create(shelf, draft));
            return;
        }
        let fields = changed_fields(old, &draft);
        if !fields.is_empty() {
            self.tell(ChangeAction::Change, table, name, fields);
            let revision = Some(old.revision);
            self.changes.push(ConfigChange::Update { shelf, id, draft, revision });
        }
    }

    fn tell(&mut self, action: ChangeAction, table: &str, name: String, fields: Vec<String>) {
        self.told.push(Change { action, table: table.to_owned(), name, fields });
    }
}

async fn plan(
    app: &App,
    actor: &Actor,
    file: &read::File,
    secrets: &BTreeMap<String, String>,
) -> Result<(Plan, Vec<FieldProblem>)> {
    let resolve = |it: &Reference| secrets.get(&it.key()).cloned();
    let (mut plan, mut problems) = (Plan::default(), Vec::new());
    let pbx_names: Vec<&str> = file.of("pbx").map(|it| it.name.as_str()).collect();
    for &(table, shelf) in SHELVES {
        let stored = app.store.entries(actor.organisation(), shelf).await?;
        for entry in file.of(table) {
            let old = stored.iter().find(|it| it.name == entry.name);
            let draft = match shelf {
                Shelf::Pbx => pbx_draft(app, actor, entry, old, &resolve),
                Shelf::Integration => integration_draft(app, actor, entry, old, &resolve),
                Shelf::Group => group_draft(entry, &pbx_names),
            };
            match draft {
                Ok(draft) => plan.compare(table, shelf, old, draft),
                Err(wrong) => problems.extend(entry.located_all(wrong)),
            }
        }
        for old in stored.into_iter().filter(|it| file.of(table).all(|new| new.name != it.name)) {
            plan.tell(ChangeAction::Remove, table, old.name, Vec::new());
            plan.changes.push(ConfigChange::Delete { shelf, id: old.id });
        }
    }
    Ok((plan, problems))
}

type Drafted = Result<Draft, Vec<FieldProblem>>;
type Resolve<'a> = crate::fields::Resolve<'a>;

fn pbx_draft(
    app: &App,
    actor: &Actor,
    entry: &read::Entry,
    old: Option<&Stored>,
    resolve: Resolve<'_>,
) -> Drafted {
    let mut settings = entry.map.clone();
    let (kind, enabled) = common(&mut settings)?;
    let recorder = match settings.remove(pbxes::RECORDER) {
        None => 0,
        Some(hours) => match hours.as_u64().and_then(|it| u32::try_from(it).ok()) {
            Some(hours) => hours,
            None => {
                let message = format!("must be from 0 to {}", pbxes::RECORDER_HOURS_MAX);
                return Err(vec![problem(pbxes::RECORDER, message)]);
            }
        },
    };
    // Settings of another kind have nothing to do with these.
    let old = old.filter(|it| it.kind == kind).map(|it| pbxes::split(&settings_of(it)).1);
    let name = entry.name.clone();
    let given = pbxes::Given { name, kind, enabled, recorder, settings: &settings };
    Ok(given.check(app, actor.organisation(), old.as_ref(), resolve)?.0)
}

fn integration_draft(
    app: &App,
    actor: &Actor,
    entry: &read::Entry,
    old: Option<&Stored>,
    resolve: Resolve<'_>,
) -> Drafted {
    let mut settings = entry.map.clone();
    let (kind, enabled) = common(&mut settings)?;
    let events = match settings.remove("events") {
        None => return Err(vec![problem("events", "is missing")]),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => items,
        Some(_) => return Err(vec![problem("events", "must be a list of texts")]),
    };
    let events = events.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let old = old.filter(|it| it.kind == kind).map(|it| integrations::split(&settings_of(it)).1);
    let given = integrations::Given { name: entry.name.clone(), kind, enabled, events, settings };
    Ok(given.check(app, actor.organisation(), old.as_ref(), resolve)?.draft)
}

fn group_draft(entry: &read::Entry, pbxes: &[&str]) -> Drafted {
    let mut whole = entry.map.clone();
    whole.insert("name".to_owned(), Value::from(entry.name.clone()));
    let input: api::GroupInput = match schema::read(Value::Object(whole)) {
        Ok(input) => input,
        Err(AppError::Invalid(wrong)) => return Err(wrong),
        Err(other) => return Err(vec![problem("", other.to_string())]),
    };
    let wrong = groups::problems(&input, pbxes.iter().copied());
    if wrong.is_empty() { Ok(groups::draft(&input)) } else { Err(wrong) }
}

/// Takes `kind` and `enabled` out of the settings.
fn common(
    settings: &mut serde_json::Map<String, Value>,
) -> Result<(String, bool), Vec<FieldProblem>> {
    let kind = match settings.remove("kind") {
        Some(Value::String(kind)) => kind,
        Some(_) => return Err(vec![problem("kind", "must be a text")]),
        None => return Err(vec![problem("kind", "is missing")]),
    };
    match settings.remove("enabled") {
        None => Ok((kind, true)),
        Some(Value::Bool(enabled)) => Ok((kind, enabled)),
        Some(_) => Err(vec![problem("enabled", "must be true or false")]),
    }
}

/// Stores the changes, and tells whoever runs beside.
async fn carry_out(app: &App, actor: &Actor, changes: Vec<ConfigChange>) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let organisation = actor.organisation();
    let shelf_of = |it: &ConfigChange| match it {
        ConfigChange::Create(shelf, _) => (*shelf, false),
        ConfigChange::Update { shelf, .. } => (*shelf, false),
        ConfigChange::Delete { shelf, .. } => (*shelf, true),
    };
    let shelves: Vec<(Shelf, bool)> = changes.iter().map(shelf_of).collect();
    let saved = app.store.change_config(organisation, changes).await;
    let saved = saved.map_err(|it| refused(it, "entry"))?;
    for (entry, &(shelf, removed)) in saved.iter().zip(&shelves) {
        match shelf {
            Shelf::Pbx => {
                app.links.pbx_changed(organisation, &PbxId::from(entry.id.as_str()));
                if removed {
                    app.live.links.removed(&entry.id);
                }
            }
            Shelf::Integration => {
                let id = IntegrationId::from(entry.id.as_str());
                app.workers.integration_changed(organisation, &id);
                if removed {
                    app.live.health.removed(&entry.id);
                }
            }
            Shelf::Group => {}
        }
    }
    groups::refresh(app, organisation).await
}
