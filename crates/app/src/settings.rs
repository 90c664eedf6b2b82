//! The settings of the organisation.

use api::{Scope, Settings, SettingsChange};
use serde_json::Value;

use crate::{Actor, App, Result, audit, names};

/// The name under which the organisation's own name is stored.
const NAME: &str = "name";

/// The settings of the actor's organisation.
///
/// # Errors
///
/// Without `admin`.
pub async fn get(app: &App, actor: &Actor) -> Result<Settings> {
    actor.need(Scope::Admin)?;
    let organisation = actor.organisation();
    let changed = app.store.setting(organisation, NAME).await?;
    let name = match changed.as_ref().and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => {
            let all = app.store.organisations().await?;
            all.into_iter().find(|it| it.id == *organisation).map(|it| it.name).unwrap_or_default()
        }
    };
    Ok(Settings { organisation: organisation.to_string(), name })
}

/// Changes what is given.
///
/// # Errors
///
/// Without `admin`; for a name that cannot be one.
pub async fn change(app: &App, actor: &Actor, change: SettingsChange) -> Result<Settings> {
    actor.need(Scope::Admin)?;
    if let Some(name) = change.name {
        names::check(&name)?;
        let organisation = actor.organisation();
        app.store.put_setting(organisation, NAME, Some(Value::from(name))).await?;
        audit::note(app, actor, "settings.changed", NAME, &[NAME.to_owned()]).await;
    }
    get(app, actor).await
}
