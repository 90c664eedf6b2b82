//! Opening the store.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use call::Ids;

use crate::{
    Inner, OpenError, OrgId, Result, StorageUrl, Store, StoreError, StoreSettings, accounts,
    db::{Db, Postgres, Sqlite},
    open::OpenCalls,
    readers::Readers,
    schema,
    writer::{Parts, Targets, Writer},
};

impl Store {
    /// Opens or makes the database, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]: each says what to do.
    pub async fn open(url: &StorageUrl, settings: StoreSettings) -> Result<Store, OpenError> {
        let url = url.clone();
        let opening = tokio::task::spawn_blocking(move || open(url, settings));
        opening.await.unwrap_or(Err(OpenError::Store(StoreError::Closed)))
    }
}

fn open(url: StorageUrl, settings: StoreSettings) -> Result<Store, OpenError> {
    let (mut db, lock) = match &url {
        StorageUrl::Sqlite(path) => {
            let lock = lock(path)?;
            (Db::Sqlite(Sqlite::writer(path)?), Some(lock))
        }
        StorageUrl::Postgres(address) => {
            (Db::Postgres(Box::new(Postgres::connect(address, true).map_err(refused)?)), None)
        }
    };
    schema::migrate(&mut db, settings.seed, (settings.clock)())?;
    let seed = schema::number(&mut db, "seed")?.unwrap_or_default().cast_unsigned();
    let default_organisation = default_organisation(&mut db)?;
    let open = Arc::new(OpenCalls::load(&mut db)?);
    let targets = Arc::new(load_targets(&mut db)?);
    let readers = readers(&url)?;
    let parts = Parts {
        db,
        open: Arc::clone(&open),
        targets: Arc::clone(&targets),
        clock: settings.clock,
        seed,
        _lock: lock,
    };
    let inner = Inner {
        seed,
        default_organisation,
        writer: Writer::start(parts)?,
        readers,
        open,
        targets,
        ids: Mutex::new(Ids::new(settings.seed)),
        proofs: accounts::Proofs::default(),
        url,
        settings,
    };
    Ok(Store { inner: Arc::new(inner) })
}

fn refused(error: StoreError) -> OpenError {
    match error {
        StoreError::Unavailable(text) if text == Postgres::IN_USE => OpenError::InUseServer,
        other => OpenError::Store(other),
    }
}

fn readers(url: &StorageUrl) -> Result<Readers> {
    let url = url.clone();
    Readers::start(move || {
        Ok(match &url {
            StorageUrl::Sqlite(path) => Db::Sqlite(Sqlite::reader(path)?),
            StorageUrl::Postgres(address) => {
                Db::Postgres(Box::new(Postgres::connect(address, false)?))
            }
        })
    })
}

/// The file whose lock says that a SQLite database is in use.
pub(crate) fn lock_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Takes the lock; held until the file is closed, also when the process is killed.
pub(crate) fn lock(path: &Path) -> Result<File, OpenError> {
    let name = lock_file(path);
    let failed =
        |error: std::io::Error| OpenError::File { path: name.clone(), reason: error.to_string() };
    let file =
        File::options().create(true).truncate(false).write(true).open(&name).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn default_organisation(db: &mut Db) -> Result<OrgId> {
    let sql = "SELECT number, id FROM organisations WHERE number = 1";
    db.one(sql, &[], |row| accounts::org_of(row, 0))?
        .ok_or_else(|| StoreError::Broken("the default organisation is missing".to_owned()))
}

fn load_targets(db: &mut Db) -> Result<Targets> {
    let targets = Targets::default();
    let sql = "SELECT target.number, target.id FROM delivery_targets AS target \
               JOIN config_entries AS entry ON entry.organisation = target.organisation \
               AND entry.shelf = 'integration' AND entry.id = target.id";
    db.each(sql, &[], &mut |row| {
        targets.put(row.text(1)?.into(), row.int(0)?);
        Ok(())
    })?;
    Ok(targets)
}
