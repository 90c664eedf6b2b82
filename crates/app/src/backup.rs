//! Backups: a consistent copy of the data of a running hub.

use std::path::{Path, PathBuf};

use api::Scope;
use store::BackupError;

use crate::{Actor, App, AppError, Result, audit, keys::new_token};

impl From<BackupError> for AppError {
    fn from(error: BackupError) -> AppError {
        match error {
            BackupError::Store(it) => it.into(),
            it @ BackupError::UsePgDump => AppError::Conflict(it.to_string()),
            it @ BackupError::Exists(_) => AppError::Conflict(it.to_string()),
            it => AppError::Internal(it.to_string()),
        }
    }
}

/// Writes a copy to a new file.
///
/// # Errors
///
/// Without `admin`; when the hub holds other organisations, since the copy holds them all; when the
/// data is in PostgreSQL; when the file exists.
pub async fn to_file(app: &App, actor: &Actor, file: &Path) -> Result<()> {
    actor.need(Scope::Admin)?;
    if app.store.organisations().await?.len() > 1 && *actor.kind() != crate::ActorKind::CommandLine
    {
        let message = "a backup holds every organisation of this hub: make it on its machine, with \
                       `hookswitch backup`";
        return Err(AppError::Forbidden(message.to_owned()));
    }
    app.store.back_up(file).await?;
    audit::note(app, actor, "backup.made", "hub", &[]).await;
    Ok(())
}

/// Writes a copy to a file that lives for one request. The caller removes it.
///
/// # Errors
///
/// As for [`to_file`].
pub async fn to_scratch(app: &App, actor: &Actor) -> Result<PathBuf> {
    let file = app.scratch.join(format!("backup-{}.tmp", new_token()));
    to_file(app, actor, &file).await?;
    Ok(file)
}
