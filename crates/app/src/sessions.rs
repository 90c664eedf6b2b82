//! Web sessions: log-in, log-out, and the token that every change from a page carries.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{PoisonError, RwLock},
};

use call::UnixMs;
use subtle::ConstantTimeEq as _;

use crate::{
    Actor, ActorKind, App, AppError, Result,
    keys::{hash_text, new_token},
    users,
};

/// The cookie that holds the token of a session.
pub const SESSION_COOKIE: &str = "hookswitch_session";
/// How long a session lasts: a week of work without another log-in.
pub const SESSION_MS: i64 = 7 * 24 * 3600 * 1000;
/// How long a session that was found is believed without asking the store.
const BELIEVED_MS: i64 = 30_000;
/// How many sessions are remembered; the rest is asked for anew.
const REMEMBERED_MAX: usize = 10_000;

/// Who is logged in, by the hash of the token.
#[derive(Default)]
pub struct Cache {
    found: RwLock<HashMap<String, (LoggedIn, UnixMs)>>,
}

impl Cache {
    pub(crate) fn forget_user(&self, id: &str) {
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        found.retain(|_, (it, _)| !matches!(it.actor.kind(), ActorKind::User(user) if user == id));
    }
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// Who, and with which rights.
    pub actor: Actor,
    /// What every change from a page must carry.
    pub csrf: String,
}

/// A session that was begun just now.
pub struct NewSession {
    /// For the cookie.
    pub token: String,
    /// Who it is.
    pub logged_in: LoggedIn,
}

/// Logs in.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] for a wrong name or password (not telling which), and
/// [`AppError::TooMany`] for a while after several of them.
pub async fn log_in(
    app: &App,
    name: &str,
    password: &str,
    client: Option<IpAddr>,
) -> Result<NewSession> {
    let now = app.now();
    let name = name.trim().to_lowercase();
    let client = client.map(|it| it.to_string()).unwrap_or_default();
    let who = format!("{name} {client}");
    app.passwords.throttle(&who, now)?;
    let found = app.store.user_by_email(&name).await?.filter(|(_, user)| user.enabled);
    let hash = found.as_ref().and_then(|(_, user)| user.password_hash.as_deref());
    if !app.passwords.verify(password, hash).await? {
        app.passwords.failed(&who, now);
        tracing::info!(client, "a log-in failed");
        return Err(AppError::Unauthenticated("the name or the password is wrong".to_owned()));
    }
    app.passwords.succeeded(&who);
    let Some((organisation, user)) = found else {
        return Err(AppError::Internal("a password verified for nobody".to_owned()));
    };
    begin(app, organisation, user).await
}

/// Begins a session for a user who has proved to be one.
pub(crate) async fn begin(
    app: &App,
    organisation: store::OrgId,
    user: store::User,
) -> Result<NewSession> {
    let token = new_token();
    let csrf = csrf_of(&token);
    let until = app.now().plus_ms(SESSION_MS);
    app.store.create_session(&organisation, &user.id, &hash_text(&token), &csrf, until).await?;
    let logged_in = LoggedIn { actor: actor(organisation, &user), csrf };
    Ok(NewSession { token, logged_in })
}

/// Who the holder of a session's token is; `None` when the session is over.
///
/// # Errors
///
/// When the store cannot be read.
pub async fn authenticate(app: &App, token: &str) -> Result<Option<LoggedIn>> {
    let (hash, now) = (hash_text(token), app.now());
    let remembered = {
        let found = app.sessions.found.read().unwrap_or_else(PoisonError::into_inner);
        found.get(&hash).filter(|(_, until)| now < *until).map(|(it, _)| it.clone())
    };
    if remembered.is_some() {
        return Ok(remembered);
    }
    let Some((organisation, session)) = app.store.session_by_hash(&hash).await? else {
        return Ok(None);
    };
    let actor = actor(organisation, &session.user);
    let logged_in = LoggedIn { actor, csrf: csrf_of(token) };
    let until = session.expires_at.min(now.plus_ms(BELIEVED_MS));
    let mut found = app.sessions.found.write().unwrap_or_else(PoisonError::into_inner);
    if found.len() >= REMEMBERED_MAX {
        found.clear();
    }
    found.insert(hash, (logged_in.clone(), until));
    Ok(Some(logged_in))
}

/// Checks the token that a change from a page carries.
///
/// # Errors
///
/// [`AppError::Forbidden`] when it is not this session's.
pub fn check_csrf(logged_in: &LoggedIn, given: &str) -> Result<()> {
    if logged_in.csrf.as_bytes().ct_eq(given.as_bytes()).into() {
        return Ok(());
    }
    let message = "the page is out of date, or another site sent this: load the page again";
    Err(AppError::Forbidden(message.to_owned()))
}

/// Ends a session.
///
/// # Errors
///
/// When the store cannot be written.
pub async fn log_out(app: &App, token: &str) -> Result<()> {
    let hash = hash_text(token);
    app.store.delete_session(&hash).await?;
    app.sessions.found.write().unwrap_or_else(PoisonError::into_inner).remove(&hash);
    Ok(())
}

fn actor(organisation: store::OrgId, user: &store::User) -> Actor {
    let kind = ActorKind::User(user.id.to_string());
    Actor::new(organisation, users::rights(user), kind, user.email.clone())
}

/// The token follows from that of the session, which only its holder and this process know.
fn csrf_of(token: &str) -> String {
    hash_text(&format!("csrf {token}"))
}

#[cfg(test)]
mod tests;
