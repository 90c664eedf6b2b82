//! Users: the people who may log in.

use api::{MeChange, Page, PageQuery, Scope, User, UserChange, UserInput, UserRole};
use store::{UserDraft, UserId};

use crate::{
    Actor, ActorKind, App, AppError, Result, Rights, audit, keys::refused, names, pages, password,
};

/// Names of roles as they are stored.
const ADMINISTRATOR: &str = "administrator";
const AGENT: &str = "agent";

/// The users of the organisation.
///
/// # Errors
///
/// Without `admin`.
pub async fn list(app: &App, actor: &Actor, query: PageQuery) -> Result<Page<User>> {
    actor.need(Scope::Admin)?;
    let all = app.store.users(actor.organisation()).await?;
    pages::cut(all.iter().map(shape).collect(), query, |it| &it.id)
}

/// One user.
///
/// # Errors
///
/// Without `admin`; for an unknown id.
pub async fn get(app: &App, actor: &Actor, id: &str) -> Result<User> {
    actor.need(Scope::Admin)?;
    Ok(shape(&stored(app, actor, id).await?))
}

/// Adds a user.
///
/// # Errors
///
/// Without `admin`; for a name that is taken or a password that is none.
pub async fn create(app: &App, actor: &Actor, input: UserInput) -> Result<User> {
    actor.need(Scope::Admin)?;
    let draft = draft(app, &input).await?;
    let made = app.store.create_user(actor.organisation(), draft).await;
    let made = made.map_err(|it| refused(it, "user"))?;
    audit::note(app, actor, "user.created", &made.email, &[]).await;
    Ok(shape(&made))
}

/// Changes what is given.
///
/// # Errors
///
/// Without `admin`; for an unknown id; when nobody would be left to administrate.
pub async fn change(app: &App, actor: &Actor, id: &str, change: UserChange) -> Result<User> {
    actor.need(Scope::Admin)?;
    change_any(app, actor, id, change).await
}

/// Changes one's own name or password.
///
/// # Errors
///
/// For an API key; without the password until now, when there is to be a new one.
pub async fn change_me(app: &App, actor: &Actor, change: MeChange) -> Result<User> {
    let ActorKind::User(id) = actor.kind() else {
        return Err(AppError::Forbidden("an API key has no name or password to change".to_owned()));
    };
    if change.password.is_some() {
        let old = stored(app, actor, id).await?;
        // Somebody at an unlocked screen must not be able to try passwords either.
        app.passwords.throttle(id, app.now())?;
        let current = change.current_password.unwrap_or_default();
        if !app.passwords.verify(&current, old.password_hash.as_deref()).await? {
            app.passwords.failed(id, app.now());
            return Err(AppError::field("current_password", "is wrong"));
        }
        app.passwords.succeeded(id);
    }
    let (full_name, password) = (change.full_name, change.password);
    let change = UserChange { full_name, password, ..UserChange::default() };
    change_any(app, actor, id, change).await
}

async fn change_any(app: &App, actor: &Actor, id: &str, change: UserChange) -> Result<User> {
    let old = stored(app, actor, id).await?;
    let mut fields = Vec::new();
    let mut draft = UserDraft {
        email: old.email.clone(),
        name: old.name.clone(),
        role: old.role.clone(),
        password_hash: None,
        enabled: old.enabled,
    };
    if let Some(full_name) = change.full_name.filter(|it| *it != old.name) {
        fields.push("full_name".to_owned());
        draft.name = full_name;
    }
    if let Some(role) = change.role.map(role_name).filter(|it| *it != old.role) {
        fields.push("role".to_owned());
        draft.role = role.to_owned();
    }
    if let Some(enabled) = change.enabled.filter(|it| *it != old.enabled) {
        fields.push("enabled".to_owned());
        draft.enabled = enabled;
    }
    if let Some(new) = change.password {
        fields.push("password".to_owned());
        password::check(&new, &old.email)?;
        draft.password_hash = Some(app.passwords.hash(&new).await?);
    }
    if is_active_administrator(&old) && !(draft.enabled && draft.role == ADMINISTRATOR) {
        keep_an_administrator(app, actor, &old).await?;
    }
    let changed = app.store.update_user(actor.organisation(), &old.id, draft).await;
    let changed = changed.map_err(|it| refused(it, "user"))?;
    app.sessions.forget_user(id);
    audit::note(app, actor, "user.changed", &changed.email, &fields).await;
    Ok(shape(&changed))
}

/// Removes a user and ends every session.
///
/// # Errors
///
/// Without `admin`; for an unknown id; when nobody would be left to administrate.
pub async fn remove(app: &App, actor: &Actor, id: &str) -> Result<()> {
    actor.need(Scope::Admin)?;
    let old = stored(app, actor, id).await?;
    if is_active_administrator(&old) {
        keep_an_administrator(app, actor, &old).await?;
    }
    app.store.delete_user(actor.organisation(), &old.id).await?;
    app.sessions.forget_user(id);
    audit::note(app, actor, "user.removed", &old.email, &[]).await;
    Ok(())
}

async fn stored(app: &App, actor: &Actor, id: &str) -> Result<store::User> {
    let found = app.store.user(actor.organisation(), &UserId::from(id)).await?;
    found.ok_or(AppError::NotFound("user"))
}

/// Refuses to take away the last one who may change anything.
async fn keep_an_administrator(app: &App, actor: &Actor, but: &store::User) -> Result<()> {
    let all = app.store.users(actor.organisation()).await?;
    if all.iter().any(|it| it.id != but.id && is_active_administrator(it)) {
        return Ok(());
    }
    let message = format!("{} is the last administrator: make another one first", but.email);
    Err(AppError::Conflict(message))
}

fn is_active_administrator(user: &store::User) -> bool {
    user.enabled && user.role == ADMINISTRATOR
}

/// Checks a new user and makes what is stored of it.
pub(crate) async fn draft(app: &App, input: &UserInput) -> Result<UserDraft> {
    names::check(&input.name)?;
    let password_hash = match &input.password {
        Some(new) => {
            password::check(new, &input.name)?;
            Some(app.passwords.hash(new).await?)
        }
        None => None,
    };
    Ok(UserDraft {
        email: input.name.clone(),
        name: input.full_name.clone().unwrap_or_default(),
        role: role_name(input.role.unwrap_or(UserRole::Agent)).to_owned(),
        password_hash,
        enabled: input.enabled.unwrap_or(true),
    })
}

pub(crate) fn shape(it: &store::User) -> User {
    User {
        id: it.id.to_string(),
        name: it.email.clone(),
        full_name: Some(it.name.clone()).filter(|it| !it.is_empty()),
        role: if it.role == ADMINISTRATOR { UserRole::Administrator } else { UserRole::Agent },
        enabled: it.enabled,
        has_password: it.password_hash.is_some(),
        created_at: it.created_at,
    }
}

/// What a user may do. An unknown role, of a newer version, may do the least.
pub(crate) fn rights(user: &store::User) -> Rights {
    if user.role == ADMINISTRATOR { Rights::ADMIN } else { Rights::AGENT }
}

fn role_name(role: UserRole) -> &'static str {
    match role {
        UserRole::Administrator => ADMINISTRATOR,
        UserRole::Agent => AGENT,
    }
}
