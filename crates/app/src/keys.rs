//! API keys: made once, shown once, stored as a hash, found from memory.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{PoisonError, RwLock},
};

use api::{ApiKey, ApiKeyInput, NewApiKey, Page, PageQuery, Scope};
use call::UnixMs;
use sha2::{Digest as _, Sha256};
use store::{KeyId, OrgId, SaveError};

use crate::{Actor, ActorKind, App, AppError, Result, Rights, audit, names, pages, vault::random};

/// Stands before every key, so that a leaked one is recognised by people and scanners.
pub const KEY_PREFIX: &str = "hsk_";
/// Characters after the prefix: 43 of 62 kinds hold 256 bits.
const KEY_CHARS: usize = 43;
/// How long a key that was found is believed without asking the store: a key that another process
/// deletes (`hookswitch key` on the data of a hub that runs) ends within this time.
const BELIEVED_MS: i64 = 30_000;
/// How many keys are remembered; more than an organisation of any size uses at a time.
const REMEMBERED_MAX: usize = 10_000;

/// Who each key is, by the hash of the key.
#[derive(Default)]
pub struct Cache {
    found: RwLock<HashMap<[u8; 32], Found>>,
}

struct Found {
    actor: Actor,
    until: UnixMs,
}

/// Who a key is, when that is in memory: the way of nearly every request.
#[must_use]
pub fn remembered(app: &App, key: &str) -> Option<Actor> {
    let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    let found = app.keys.found.read().unwrap_or_else(PoisonError::into_inner);
    found.get(&hash).filter(|it| app.now() < it.until).map(|it| it.actor.clone())
}

/// Who a key is.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] for a text that is no key of ours.
pub async fn authenticate(app: &App, key: &str) -> Result<Actor> {
    if let Some(actor) = remembered(app, key) {
        return Ok(actor);
    }
    let wrong = || AppError::Unauthenticated("this API key is not known (any more)".to_owned());
    if !key.starts_with(KEY_PREFIX) || key.len() != KEY_PREFIX.len() + KEY_CHARS {
        return Err(wrong());
    }
    let (organisation, stored) =
        app.store.api_key_by_hash(&hash_text(key)).await?.ok_or_else(wrong)?;
    let now = app.now();
    let until = stored.expires_at.unwrap_or(UnixMs(i64::MAX)).min(now.plus_ms(BELIEVED_MS));
    let rights = Rights::of(scopes(&stored.scopes));
    let kind = ActorKind::Key(stored.id.to_string());
    let actor = Actor::new(organisation, rights, kind, stored.name);
    let mut found = app.keys.found.write().unwrap_or_else(PoisonError::into_inner);
    if found.len() >= REMEMBERED_MAX {
        found.retain(|_, it| now < it.until);
        if found.len() >= REMEMBERED_MAX {
            found.clear();
        }
    }
    let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    found.insert(hash, Found { actor: actor.clone(), until });
    Ok(actor)
}

/// The keys of the organisation, without the keys themselves.
///
/// # Errors
///
/// Without `admin`.
pub async fn list(app: &App, actor: &Actor, query: PageQuery) -> Result<Page<ApiKey>> {
    actor.need(Scope::Admin)?;
    let all = app.store.api_keys(actor.organisation()).await?;
    pages::cut(all.iter().map(shape).collect(), query, |it| &it.id)
}

/// Makes a key. The answer is the only place where it is ever shown.
///
/// # Errors
///
/// Without `admin`; for a name that is taken.
pub async fn create(app: &App, actor: &Actor, input: ApiKeyInput) -> Result<NewApiKey> {
    actor.need(Scope::Admin)?;
    let key = new_key();
    let stored = create_as(app, actor, input, &key).await?;
    Ok(NewApiKey { stored, key })
}

/// Makes a key out of a text that somebody chose.
pub(crate) async fn create_as(
    app: &App,
    actor: &Actor,
    input: ApiKeyInput,
    key: &str,
) -> Result<ApiKey> {
    names::check(&input.name)?;
    let scopes: Vec<String> = input.scopes.iter().map(|it| it.name().to_owned()).collect();
    if scopes.is_empty() {
        return Err(AppError::field("scopes", "must name at least one scope"));
    }
    let organisation = actor.organisation();
    let made =
        app.store.create_api_key(organisation, &input.name, &hash_text(key), scopes, None).await;
    let made = made.map_err(|it| refused(it, "key"))?;
    audit::note(app, actor, "api_key.created", &input.name, &[]).await;
    Ok(shape(&made))
}

/// Checks a key that somebody chose.
pub(crate) fn check_chosen(key: &str) -> Result<(), String> {
    let rest = key.strip_prefix(KEY_PREFIX).unwrap_or_default();
    if rest.len() == KEY_CHARS && rest.bytes().all(|it| it.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(format!("a key is `{KEY_PREFIX}` and {KEY_CHARS} letters and digits"))
}

/// Revokes a key at once.
///
/// # Errors
///
/// Without `admin`; for an unknown id.
pub async fn remove(app: &App, actor: &Actor, id: &str) -> Result<()> {
    actor.need(Scope::Admin)?;
    let organisation = actor.organisation();
    let name = name_of(app, organisation, id).await?.ok_or(AppError::NotFound("API key"))?;
    app.store.delete_api_key(organisation, &KeyId::from(id)).await?;
    forget(app, id);
    audit::note(app, actor, "api_key.removed", &name, &[]).await;
    Ok(())
}

async fn name_of(app: &App, organisation: &OrgId, id: &str) -> Result<Option<String>> {
    let all = app.store.api_keys(organisation).await?;
    Ok(all.into_iter().find(|it| it.id.as_str() == id).map(|it| it.name))
}

fn forget(app: &App, id: &str) {
    let mut found = app.keys.found.write().unwrap_or_else(PoisonError::into_inner);
    found.retain(|_, it| !matches!(it.actor.kind(), ActorKind::Key(key) if key == id));
}

pub(crate) fn shape(it: &store::ApiKey) -> ApiKey {
    ApiKey {
        id: it.id.to_string(),
        name: it.name.clone(),
        scopes: scopes(&it.scopes),
        created_at: it.created_at,
        last_used_at: it.last_used_at,
    }
}

/// Scopes of a newer version of the program are left out.
fn scopes(names: &[String]) -> Vec<Scope> {
    names.iter().filter_map(|it| it.parse().ok()).collect()
}

/// A new secret text: random letters and digits.
pub(crate) fn new_token() -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out = String::with_capacity(KEY_CHARS);
    while out.len() < KEY_CHARS {
        // Bytes beyond the last multiple of 62 would make some characters likelier.
        let fair = random::<64>().into_iter().filter(|it| *it < 248);
        let letters = fair.map(|it| char::from(ALPHABET[usize::from(it) % 62]));
        out.extend(letters.take(KEY_CHARS - out.len()));
    }
    out
}

pub(crate) fn new_key() -> String {
    format!("{KEY_PREFIX}{}", new_token())
}

/// What is stored of a secret text.
pub(crate) fn hash_text(secret: &str) -> String {
    let mut out = String::with_capacity(64);
    for byte in Sha256::digest(secret.as_bytes()) {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// What the store says to a change, in our words.
pub(crate) fn refused(error: SaveError, what: &'static str) -> AppError {
    match error {
        SaveError::NameTaken(name) => {
            AppError::Conflict(format!("there is already a {what} called `{name}`"))
        }
        SaveError::NotFound(_) => AppError::NotFound(what),
        it @ SaveError::Changed { .. } => AppError::Conflict(it.to_string()),
        SaveError::Store(it) => it.into(),
    }
}

#[cfg(test)]
mod tests;
