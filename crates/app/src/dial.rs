//! Click-to-dial: who rings first, what is dialled, and what came of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use api::{Dial, DialInput, DialStatus, GroupInput, Scope};
use call::{Event, Ids, Subject};
use pbx::{Command, DialOutcome};
use store::{Entry, OrgId, PbxId, Shelf};

use crate::{
    Actor, App, AppError, Result,
    groups::{self, PREFIX_ASK, PREFIX_NONE},
    vault::random,
};

/// Digits of a number at most: ITU-T E.164 has 15, a prefix and a feature code come on top.
const NUMBER_CHARS_MAX: usize = 40;
/// Requests whose outcome is awaited at most; beyond, the oldest is asked from the store.
const AWAITED_MAX: usize = 10_000;

/// The requests whose outcome is awaited, by their id.
#[derive(Default)]
pub struct Dials {
    awaited: Mutex<HashMap<String, (OrgId, Dial)>>,
    /// Held while one is stored, so that the newest state is what is stored last.
    storing: tokio::sync::Mutex<()>,
}

/// Rings an extension, and dials a number from it.
///
/// # Errors
///
/// Without `dial`; [`AppError::Invalid`] for a number that is none, and when it is not clear whose
/// phone is to ring; [`AppError::Unavailable`] while the link is down. An agent dials only from
/// extensions of his or her own.
pub async fn dial(app: &Arc<App>, actor: &Actor, input: DialInput) -> Result<Dial> {
    actor.need(Scope::Dial)?;
    let organisation = actor.organisation();
    let number = clean(&input.number)?;
    let config = Config {
        pbxes: app.store.entries(organisation, Shelf::Pbx).await?,
        groups: app.store.entries(organisation, Shelf::Group).await?,
    };
    let from = config.whose_phone(actor, &input)?;
    let dialled = format!("{}{number}", from.prefix_digits);
    let dial = Dial {
        // The seed is random: whoever has one id cannot guess another.
        id: Ids::new(u64::from_be_bytes(random())).next(app.now()),
        status: DialStatus::Requested,
        pbx: from.pbx.name.clone(),
        extension: from.extension.clone(),
        number: dialled.clone(),
        reason: None,
        call: None,
        requested_at: app.now(),
    };
    keep(app, organisation, &dial).await?;
    app.dials.await_outcome(organisation, &dial);
    let command = Command::Dial {
        id: dial.id.clone(),
        extension: from.extension,
        number: dialled,
        label: None,
    };
    let pbx = PbxId::from(from.pbx.id.as_str());
    if let Err(reason) = app.links.command(organisation, &pbx, command).await {
        outcome(app, &dial.id, DialOutcome::Failed(reason.clone()));
        return Err(AppError::Unavailable(format!("{}: {reason}", dial.pbx)));
    }
    Ok(dial)
}

/// How far a request has come.
///
/// # Errors
///
/// Without `dial`; for an unknown id.
pub async fn get(app: &App, actor: &Actor, id: &str) -> Result<Dial> {
    actor.need(Scope::Dial)?;
    if let Some(found) = app.dials.awaited(actor.organisation(), id) {
        return Ok(found);
    }
    let found = app.store.dial(actor.organisation(), id).await?;
    let found = found.ok_or(AppError::NotFound("dial request"))?;
    let mut dial: Dial =
        serde_json::from_value(found).map_err(|it| AppError::Internal(it.to_string()))?;
    if dial.status == DialStatus::Requested {
        // Nobody waits for the answer any more: the process that asked is gone.
        dial.status = DialStatus::Failed;
        dial.reason = Some("the hub was restarted before the phone system answered".to_owned());
    }
    Ok(dial)
}

/// What a link says of a request.
pub fn outcome(app: &Arc<App>, id: &str, outcome: DialOutcome) {
    change(app, id, |dial| match outcome {
        DialOutcome::Accepted => dial.status = DialStatus::Accepted,
        DialOutcome::Failed(reason) => {
            dial.status = DialStatus::Failed;
            dial.reason = Some(reason);
        }
    });
}

/// Notes the call that came of a request.
pub(crate) fn seen(app: &Arc<App>, event: &Event) {
    if let Subject::Call(call) = &event.subject
        && let Some(id) = &call.dial_request
        && event.sequence == 1
    {
        change(app, id, |dial| dial.call = Some(call.id.0.clone()));
    }
}

/// Changes what is known of a request, in memory at once and in the store soon.
fn change(app: &Arc<App>, id: &str, change: impl FnOnce(&mut Dial)) {
    {
        let mut awaited = app.dials.lock();
        let Some((_, dial)) = awaited.get_mut(id) else { return };
        change(dial);
    }
    let (app, id) = (Arc::clone(app), id.to_owned());
    tokio::spawn(async move {
        let _storing = app.dials.storing.lock().await;
        let known = app.dials.lock().get(&id).cloned();
        let Some((organisation, dial)) = known else { return };
        if let Err(error) = keep(&app, &organisation, &dial).await {
            tracing::warn!(%error, dial.id, "the outcome of a dial request is not stored");
        }
        // Nothing more comes of one that failed, or whose call is known.
        if dial.status == DialStatus::Failed || dial.call.is_some() {
            app.dials.lock().remove(&id);
        }
    });
}

async fn keep(app: &App, organisation: &OrgId, dial: &Dial) -> Result<()> {
    let state = serde_json::to_value(dial).map_err(|it| AppError::Internal(it.to_string()))?;
    Ok(app.store.put_dial(organisation, &dial.id, state).await?)
}

impl Dials {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, (OrgId, Dial)>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn await_outcome(&self, organisation: &OrgId, dial: &Dial) {
        let mut awaited = self.lock();
        if awaited.len() >= AWAITED_MAX
            && let Some(oldest) = awaited.keys().min().cloned()
        {
            awaited.remove(&oldest);
        }
        awaited.insert(dial.id.clone(), (organisation.clone(), dial.clone()));
    }

    fn awaited(&self, organisation: &OrgId, id: &str) -> Option<Dial> {
        let awaited = self.lock();
        awaited.get(id).filter(|(whose, _)| whose == organisation).map(|(_, dial)| dial.clone())
    }
}

/// Takes the punctuation of people out of a number.
fn clean(number: &str) -> Result<String> {
    let punctuation = |it: char| it.is_whitespace() || matches!(it, '-' | '.' | '/' | '(' | ')');
    let clean: String = number.chars().filter(|&it| !punctuation(it)).collect();
    let dialled = |(at, it): (usize, char)| {
        it.is_ascii_digit() || matches!(it, '*' | '#') || (it == '+' && at == 0)
    };
    if !clean.char_indices().all(dialled) || !clean.contains(|it: char| it.is_ascii_digit()) {
        let message = "is no number: digits, `*`, `#` and a leading `+` are dialled";
        return Err(AppError::field("number", message));
    }
    if clean.len() > NUMBER_CHARS_MAX {
        return Err(AppError::field("number", format!("has more than {NUMBER_CHARS_MAX} digits")));
    }
    Ok(clean)
}

/// What is configured of the organisation.
struct Config {
    pbxes: Vec<Entry>,
    groups: Vec<Entry>,
}

/// Whose phone rings first, and what is put before the number.
struct From<'a> {
    pbx: &'a Entry,
    extension: String,
    prefix_digits: String,
}

impl Config {
    fn whose_phone(&self, actor: &Actor, input: &DialInput) -> Result<From<'_>> {
        let own = actor.only_own();
        let user = whose(own, input)?;
        let named = |it: &GroupInput| input.group.as_ref().is_none_or(|name| it.name == *name);
        let groups = self.groups.iter().map(|it| groups::shape(it).input).filter(named);
        let groups: Vec<GroupInput> = groups.collect();
        if groups.is_empty() && input.group.is_some() {
            return Err(AppError::field("group", "there is no group of this name"));
        }
        let seats = groups.iter().flat_map(|group| group.members.iter().map(move |it| (group, it)));
        let mut seats: Vec<_> = seats
            .filter(|(_, it)| user.is_none_or(|user| it.user == user))
            .filter(|(_, it)| input.extension.as_ref().is_none_or(|wanted| it.extension == *wanted))
            .collect();
        if seats.len() > 1 && seats.iter().any(|(_, it)| it.default) {
            seats.retain(|(_, it)| it.default);
        }
        match (seats.as_slice(), user, &input.extension) {
            ([(group, member)], ..) => Ok(From {
                pbx: self.pbx(&group.pbx)?,
                extension: member.extension.clone(),
                prefix_digits: prefix_digits(group, member, input.prefix.as_deref())?,
            }),
            ([], None, Some(extension)) => {
                let group = groups.first().filter(|_| input.group.is_some());
                self.extension_of_nobody(extension, group)
            }
            ([], ..) if own.is_some() => Err(own_phone_only()),
            ([], ..) => Err(AppError::field("user", "has no extension in a telephony group")),
            (several, ..) => {
                let names: Vec<&str> = several.iter().map(|it| it.0.name.as_str()).collect();
                let message = format!("is needed: there are phones in {}", names.join(", "));
                Err(AppError::field("group", message))
            }
        }
    }

    /// An extension that no group knows: it is dialled from where it can only be.
    fn extension_of_nobody(&self, extension: &str, group: Option<&GroupInput>) -> Result<From<'_>> {
        let harmless = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
        if extension.is_empty() || extension.len() > 32 || !extension.chars().all(harmless) {
            return Err(AppError::field("extension", "is no extension"));
        }
        let pbx = match group {
            Some(group) => self.pbx(&group.pbx)?,
            None => {
                let mut enabled = self.pbxes.iter().filter(|it| it.enabled);
                match (enabled.next(), enabled.next()) {
                    (Some(only), None) => only,
                    (None, _) => {
                        return Err(AppError::Unavailable(
                            "there is no phone system yet".to_owned(),
                        ));
                    }
                    _ => {
                        let message = "is needed: there are several phone systems, and no group \
                                       has this extension";
                        return Err(AppError::field("group", message));
                    }
                }
            }
        };
        Ok(From { pbx, extension: extension.to_owned(), prefix_digits: String::new() })
    }

    fn pbx(&self, name: &str) -> Result<&Entry> {
        let found = self.pbxes.iter().find(|it| it.name == name);
        let found = found
            .ok_or_else(|| AppError::Unavailable(format!("there is no phone system `{name}`")))?;
        if found.enabled {
            return Ok(found);
        }
        Err(AppError::Unavailable(format!("the phone system `{name}` is switched off")))
    }
}

/// The user whose phone is to ring; `None` when only an extension is given.
fn whose<'a>(own: Option<&'a str>, input: &'a DialInput) -> Result<Option<&'a str>> {
    match (input.user.as_deref(), &input.extension, own) {
        (Some(_), Some(_), _) => Err(AppError::field("user", "give either `user` or `extension`")),
        (Some(user), None, Some(own)) if user != own => Err(own_phone_only()),
        (Some(user), None, _) => Ok(Some(user)),
        (None, _, Some(own)) => Ok(Some(own)),
        (None, Some(_), None) => Ok(None),
        (None, None, None) => {
            let message = "give `user` or `extension`: whose phone rings first?";
            Err(AppError::field("user", message))
        }
    }
}

fn own_phone_only() -> AppError {
    AppError::Forbidden("you dial only from your own phone".to_owned())
}

fn prefix_digits(group: &GroupInput, member: &api::Member, asked: Option<&str>) -> Result<String> {
    let prefixes = groups::prefixes(group.prefixes.as_deref().unwrap_or_default());
    let prefixes = prefixes.map_err(|it| AppError::field("prefix", it))?;
    let name = asked.or(member.prefix.as_deref()).unwrap_or(PREFIX_NONE);
    let known = || prefixes.iter().map(|(name, _)| name.as_str()).chain([PREFIX_NONE]);
    match name {
        PREFIX_NONE => Ok(String::new()),
        PREFIX_ASK => {
            let names: Vec<&str> = known().collect();
            Err(AppError::field("prefix", format!("choose one of {}", names.join(", "))))
        }
        name => {
            let found = prefixes.iter().find(|it| it.0 == name).map(|it| it.1.clone());
            found.ok_or_else(|| {
                let known: Vec<&str> = known().collect();
                AppError::field("prefix", crate::near::unknown("prefix", name, known))
            })
        }
    }
}

#[cfg(test)]
mod tests;
