//! What can go wrong, by what the caller can do about it.

use std::path::PathBuf;

/// Why the store could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Disk full, database server gone, too busy: the same call may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A damaged file, an impossible row: trying again does not help, a person must look.
    #[error("the database is broken: {0}")]
    Broken(String),
    /// The hub is shutting down.
    #[error("the store is closed")]
    Closed,
}

/// Why a change was not saved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SaveError {
    /// The name (or e-mail address) belongs to another entry already.
    #[error("there is already one called `{0}`: choose another name")]
    NameTaken(String),
    /// There is no such entry, or it has been deleted meanwhile.
    #[error("there is no `{0}` (any more)")]
    NotFound(String),
    /// Somebody else saved it since it was read.
    #[error(
        "it was changed by somebody else meanwhile: read it again, it is now revision {current}"
    )]
    Changed {
        /// The revision that is stored.
        current: i64,
    },
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a database cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// `storage.url` is of neither form.
    #[error(
        "`{0}` is no storage address: use sqlite:/path/to/hookswitch.db \
         or postgres://user:password@host:5432/database"
    )]
    Url(String),
    /// Another process has the SQLite file open.
    #[error(
        "another hookswitch is using {0}: stop it first, or give this one a data directory of \
         its own"
    )]
    InUse(PathBuf),
    /// Another process writes to the PostgreSQL database.
    #[error(
        "another hookswitch is writing to this PostgreSQL database: stop it first, or give this \
         one a database of its own"
    )]
    InUseServer,
    /// A newer program made the database.
    #[error(
        "the database has schema version {found}, and this program knows versions up to {known}: \
         start the newer hookswitch that was used last, or restore a backup from before the upgrade"
    )]
    Newer {
        /// What the database says.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The data directory cannot be used.
    #[error("cannot use {path}: {reason}")]
    File {
        /// What was to be opened.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Connecting or migrating failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What most methods give.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
