//! A consistent copy of a running SQLite database, and the way back.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, backup::Backup};

use crate::{OpenError, Result, StorageUrl, Store, StoreError, schema, start::lock};

/// Pages that are copied between two rests: a quarter of a second's writing at most waits for a
/// checkpoint meanwhile.
const PAGES_PER_STEP: i32 = 4_000;
/// A rest, so that the disk serves live events too.
const REST: Duration = Duration::from_millis(2);

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
    Exists(PathBuf),
    /// The file is no whole backup.
    #[error("{path} is no usable backup: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A hub is running on the data that is to be replaced, or its directory cannot be used.
    #[error(transparent)]
    Target(#[from] OpenError),
    /// Reading or writing a file failed.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Writes a consistent copy of the running SQLite database to a new file.
    ///
    /// # Errors
    ///
    /// [`BackupError::UsePgDump`] on PostgreSQL.
    pub async fn back_up(&self, file: &Path) -> Result<(), BackupError> {
        let StorageUrl::Sqlite(path) = self.inner.url.clone() else {
            return Err(BackupError::UsePgDump);
        };
        let file = file.to_owned();
        let copying = tokio::task::spawn_blocking(move || {
            if file.exists() {
                return Err(BackupError::Exists(file));
            }
            // Appears under its name only when it is whole.
            let part = with_ending(&file, ".part");
            let done = copy(&path, &part).and_then(|()| rename(&part, &file));
            if done.is_err() {
                let _ = fs::remove_file(&part);
            }
            done
        });
        copying.await.unwrap_or(Err(BackupError::Store(StoreError::Closed)))
    }

    /// Puts a backup in the place of the SQLite database at `target`, which no process may have
    /// open. Checks the backup first, and leaves everything as it was if it is not sound.
    ///
    /// # Errors
    ///
    /// [`BackupError::Damaged`] if it is no database of ours.
    pub fn restore(file: &Path, target: &StorageUrl) -> Result<(), BackupError> {
        let StorageUrl::Sqlite(path) = target else { return Err(BackupError::UsePgDump) };
        check(file)?;
        let _lock = lock(path)?;
        let part = with_ending(path, ".restored");
        copy(file, &part)?;
        // What is left of the old database's log must not be read into the new one.
        for ending in ["-wal", "-shm"] {
            let old = with_ending(path, ending);
            if old.exists() {
                fs::remove_file(&old).map_err(|error| failed(&old, &error))?;
            }
        }
        rename(&part, path)
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|error| broken(from, &error))?;
    let _ = fs::remove_file(to);
    let mut target = Connection::open(to).map_err(|error| broken(to, &error))?;
    let copied = Backup::new(&source, &mut target)
        .and_then(|it| it.run_to_completion(PAGES_PER_STEP, REST, None));
    copied.map_err(|error| broken(to, &error))?;
    // One file, without a log beside it.
    target.pragma_update(None, "journal_mode", "delete").map_err(|error| broken(to, &error))?;
    drop(target);
    let file = fs::File::open(to).map_err(|error| failed(to, &error))?;
    file.sync_all().map_err(|error| failed(to, &error))
}

/// Whether a file is a whole database of ours that this program can read.
fn check(file: &Path) -> Result<(), BackupError> {
    let damaged = |reason: String| BackupError::Damaged { path: file.to_owned(), reason };
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| damaged(error.to_string()))?;
    let verdict: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| damaged(error.to_string()))?;
    if verdict != "ok" {
        return Err(damaged(verdict));
    }
    let version: i64 = connection
        .query_row("SELECT value FROM meta WHERE name = 'schema_version'", [], |row| row.get(0))
        .map_err(|_| damaged("it is a SQLite file, but not one of hookswitch".to_owned()))?;
    if schema::VERSION < version {
        return Err(OpenError::Newer { found: version, known: schema::VERSION }.into());
    }
    Ok(())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn rename(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::rename(from, to).map_err(|error| failed(to, &error))?;
    // The new name is durable when its directory is.
    if let Some(directory) = to.parent().filter(|it| !it.as_os_str().is_empty()) {
        let synced = fs::File::open(directory).and_then(|it| it.sync_all());
        synced.map_err(|error| failed(directory, &error))?;
    }
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> BackupError {
    BackupError::File { path: path.to_owned(), reason: error.to_string() }
}

fn broken(path: &Path, error: &rusqlite::Error) -> BackupError {
    BackupError::File { path: path.to_owned(), reason: error.to_string() }
}
