//! Telephony groups: one phone system, its users, its dialling prefixes.

use std::collections::HashMap;

use api::{FieldProblem, Group, GroupInput, Page, PageQuery, Scope};
use serde_json::{Map, Value};
use store::{ConfigChange, Draft, Entry, OrgId, Shelf};

use crate::{
    Actor, App, AppError, Result, audit, error::problem, keys::refused, live::Seat, names, pages,
    schema,
};

/// What a member's `prefix` says when nothing is put before the number.
pub const PREFIX_NONE: &str = "none";
/// What a member's `prefix` says when the user chooses each time.
pub const PREFIX_ASK: &str = "ask";

/// The groups of the organisation.
///
/// # Errors
///
/// Without `admin`.
pub async fn list(app: &App, actor: &Actor, query: PageQuery) -> Result<Page<Group>> {
    actor.need(Scope::Admin)?;
    let all = app.store.entries(actor.organisation(), Shelf::Group).await?;
    pages::cut(all.iter().map(shape).collect(), query, |it| &it.id)
}

/// One group.
///
/// # Errors
///
/// Without `admin`; for an unknown id.
pub async fn get(app: &App, actor: &Actor, id: &str) -> Result<Group> {
    actor.need(Scope::Admin)?;
    Ok(shape(&stored(app, actor, id).await?))
}

/// Adds a group.
///
/// # Errors
///
/// Without `admin`; for a name that is taken, an unknown phone system, prefixes that make no sense.
pub async fn create(app: &App, actor: &Actor, input: GroupInput) -> Result<Group> {
    actor.need(Scope::Admin)?;
    check(app, actor, &input).await?;
    let change = ConfigChange::Create(Shelf::Group, draft(&input));
    let made = save(app, actor, change).await?;
    audit::note(app, actor, "group.created", &made.name, &[]).await;
    Ok(shape(&made))
}

/// Changes what is given.
///
/// # Errors
///
/// As for [`create`]; for an unknown id.
pub async fn change(
    app: &App,
    actor: &Actor,
    id: &str,
    changes: Map<String, Value>,
) -> Result<Group> {
    actor.need(Scope::Admin)?;
    let old = stored(app, actor, id).await?;
    let mut whole = serde_json::to_value(shape(&old).input).unwrap_or_default();
    let fields: Vec<String> = changes.keys().cloned().collect();
    if let Some(whole) = whole.as_object_mut() {
        for (name, value) in changes {
            if value.is_null() {
                whole.remove(&name)
            } else {
                whole.insert(name, value)
            };
        }
    }
    let input: GroupInput = schema::read(whole)?;
    check(app, actor, &input).await?;
    let (shelf, revision) = (Shelf::Group, Some(old.revision));
    let change = ConfigChange::Update { shelf, id: old.id, draft: draft(&input), revision };
    let changed = save(app, actor, change).await?;
    audit::note(app, actor, "group.changed", &changed.name, &fields).await;
    Ok(shape(&changed))
}

/// Removes a group.
///
/// # Errors
///
/// Without `admin`; for an unknown id.
pub async fn remove(app: &App, actor: &Actor, id: &str) -> Result<()> {
    actor.need(Scope::Admin)?;
    let old = stored(app, actor, id).await?;
    save(app, actor, ConfigChange::Delete { shelf: Shelf::Group, id: old.id }).await?;
    audit::note(app, actor, "group.removed", &old.name, &[]).await;
    Ok(())
}

/// What has to be stored so that the groups stay on a phone system that gets another name.
pub(crate) async fn follow_rename(
    app: &App,
    actor: &Actor,
    old_name: &str,
    new_name: &str,
) -> Result<Vec<ConfigChange>> {
    let groups = app.store.entries(actor.organisation(), Shelf::Group).await?;
    let on_it = groups.into_iter().map(|it| (shape(&it).input, it));
    let on_it = on_it.filter(|(group, _)| group.pbx == old_name);
    let changes = on_it.map(|(mut group, entry)| {
        new_name.clone_into(&mut group.pbx);
        let (shelf, revision) = (Shelf::Group, Some(entry.revision));
        ConfigChange::Update { shelf, id: entry.id, draft: draft(&group), revision }
    });
    Ok(changes.collect())
}

async fn stored(app: &App, actor: &Actor, id: &str) -> Result<Entry> {
    let found = app.store.entry(actor.organisation(), Shelf::Group, id).await?;
    found.ok_or(AppError::NotFound("group"))
}

async fn save(app: &App, actor: &Actor, change: ConfigChange) -> Result<Entry> {
    let saved = app.store.change_config(actor.organisation(), vec![change]).await;
    let saved = saved.map_err(|it| refused(it, "group"))?;
    refresh(app, actor.organisation()).await?;
    saved.into_iter().next().ok_or(AppError::NotFound("group"))
}

async fn check(app: &App, actor: &Actor, input: &GroupInput) -> Result<()> {
    let pbxes = app.store.entries(actor.organisation(), Shelf::Pbx).await?;
    let problems = problems(input, pbxes.iter().map(|it| it.name.as_str()));
    if problems.is_empty() { Ok(()) } else { Err(AppError::Invalid(problems)) }
}

/// What is wrong with a group, given the names of the phone systems.
pub(crate) fn problems<'a>(
    input: &GroupInput,
    pbxes: impl IntoIterator<Item = &'a str>,
) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if let Err(AppError::Invalid(named)) = names::check(&input.name) {
        problems.extend(named);
    }
    let pbxes: Vec<&str> = pbxes.into_iter().collect();
    if !pbxes.contains(&input.pbx.as_str()) {
        let message = match crate::near::nearest(&input.pbx, pbxes.iter().copied()) {
            Some(near) => {
                format!("there is no phone system `{}`: did you mean `{near}`?", input.pbx)
            }
            None => format!("there is no phone system `{}`", input.pbx),
        };
        problems.push(problem("pbx", message));
    }
    let prefixes = match prefixes(input.prefixes.as_deref().unwrap_or_default()) {
        Ok(prefixes) => prefixes,
        Err(message) => {
            problems.push(problem("prefixes", message));
            return problems;
        }
    };
    let mut extensions: HashMap<&str, usize> = HashMap::new();
    for (index, member) in input.members.iter().enumerate() {
        let known = [PREFIX_NONE, PREFIX_ASK].into_iter();
        let known: Vec<&str> =
            known.chain(prefixes.iter().map(|(name, _)| name.as_str())).collect();
        if let Some(prefix) = member.prefix.as_deref().filter(|it| !known.contains(it)) {
            let message = crate::near::unknown("prefix", prefix, known.iter().copied());
            problems.push(problem(format!("members[{index}].prefix"), message));
        }
        if let Some(before) = extensions.insert(&member.extension, index) {
            let message = format!("is that of members[{before}] too");
            problems.push(problem(format!("members[{index}].extension"), message));
        }
    }
    problems
}

/// Reads `LONGDIS:1000;LOCAL:9` into names and digits.
///
/// # Errors
///
/// What is wrong with it, in plain words.
pub fn prefixes(text: &str) -> Result<Vec<(String, String)>, String> {
    let parts = text.split(';').map(str::trim).filter(|it| !it.is_empty());
    parts
        .map(|part| {
            let (name, digits) = part
                .split_once(':')
                .ok_or_else(|| format!("`{part}` is no prefix: write NAME:DIGITS"))?;
            let (name, digits) = (name.trim(), digits.trim());
            let dialled = |it: char| it.is_ascii_digit() || matches!(it, '*' | '#' | '+');
            if name.is_empty() || digits.is_empty() || !digits.chars().all(dialled) {
                return Err(format!("`{part}` is no prefix: write NAME:DIGITS"));
            }
            Ok((name.to_owned(), digits.to_owned()))
        })
        .collect()
}

pub(crate) fn draft(input: &GroupInput) -> Draft {
    let mut settings = serde_json::to_value(input).unwrap_or_default();
    if let Some(settings) = settings.as_object_mut() {
        settings.remove("name");
    }
    Draft { name: input.name.clone(), kind: String::new(), settings, enabled: true }
}

pub(crate) fn shape(entry: &Entry) -> Group {
    let mut settings = entry.settings.clone();
    if let Some(map) = settings.as_object_mut() {
        map.insert("name".to_owned(), Value::from(entry.name.clone()));
    }
    // Only what `draft` made is stored; a newer version may know more, and then a group without
    // members is less wrong than none.
    let input = serde_json::from_value(settings).unwrap_or_else(|_| GroupInput {
        name: entry.name.clone(),
        pbx: String::new(),
        representative: None,
        prefixes: None,
        members: Vec::new(),
    });
    Group { id: entry.id.clone(), input }
}

/// Reads anew who sits at which extension, for one organisation.
pub(crate) async fn refresh(app: &App, organisation: &OrgId) -> Result<()> {
    let entries = app.store.entries(organisation, Shelf::Group).await?;
    app.live.people.set(organisation.as_str(), entries.iter().flat_map(seats));
    app.links.people_changed(organisation);
    Ok(())
}

/// Who sits at which extension in one organisation, for whoever routes its events.
///
/// # Errors
///
/// When the store cannot be read.
pub async fn seats_of(app: &App, organisation: &OrgId) -> Result<Vec<Seat>> {
    let entries = app.store.entries(organisation, Shelf::Group).await?;
    Ok(entries.iter().flat_map(seats).collect())
}

/// The same for all of them.
pub(crate) async fn refresh_all(app: &App) -> Result<()> {
    let mut by_organisation: HashMap<OrgId, Vec<Seat>> = HashMap::new();
    for (organisation, entry) in app.store.entries_of_all(Shelf::Group).await? {
        by_organisation.entry(organisation).or_default().extend(seats(&entry));
    }
    for (organisation, seats) in by_organisation {
        app.live.people.set(organisation.as_str(), seats);
    }
    Ok(())
}

fn seats(entry: &Entry) -> Vec<Seat> {
    let group = shape(entry).input;
    let seat = |it: api::Member| Seat {
        pbx: group.pbx.clone(),
        extension: it.extension,
        user: it.user.into(),
    };
    group.members.into_iter().map(seat).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_read_as_people_write_them() {
        let read = prefixes("LONGDIS:1000; LOCAL:9;").unwrap();
        assert_eq!(read, [("LONGDIS".into(), "1000".into()), ("LOCAL".into(), "9".into())]);
        assert_eq!(prefixes("").unwrap(), []);
        for wrong in ["LOCAL", "LOCAL:", ":9", "LOCAL:nine"] {
            assert!(prefixes(wrong).unwrap_err().contains("write NAME:DIGITS"), "{wrong}");
        }
    }
}
