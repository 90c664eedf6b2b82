//! The schema and its migrations, run when the store is opened.
//!
//! A migration is a file here and a line in [`MIGRATIONS`]; it is never changed once released.

use call::{Ids, UnixMs};

use crate::{
    OpenError, Result,
    db::{Db, values},
};

/// From version to version: the first makes version 1 out of nothing.
const MIGRATIONS: &[&str] = &[include_str!("0001.sql")];

/// The newest version that this program knows.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Brings the schema up to date; makes the default organisation and the database's seed.
pub(crate) fn migrate(db: &mut Db, seed: u64, now: UnixMs) -> Result<(), OpenError> {
    let meta = "CREATE TABLE IF NOT EXISTS meta (name {text} PRIMARY KEY, value {int} NOT NULL)";
    db.script(&spelt(db, meta))?;
    let found = number(db, "schema_version")?.unwrap_or(0);
    if found > VERSION {
        return Err(OpenError::Newer { found, known: VERSION });
    }
    for version in found..VERSION {
        let script = spelt(db, MIGRATIONS[usize::try_from(version).unwrap_or(0)]);
        db.transaction(|db| {
            db.script(&script)?;
            put_number(db, "schema_version", version + 1)
        })?;
        tracing::info!(schema.version = version + 1, "the database was brought to a new version");
    }
    db.transaction(|db| first_rows(db, seed, now))?;
    Ok(())
}

fn first_rows(db: &mut Db, seed: u64, now: UnixMs) -> Result<()> {
    if number(db, "seed")?.is_none() {
        // As signed as the database wants it: only the bits count.
        put_number(db, "seed", seed.cast_signed())?;
    }
    let sql = "INSERT INTO organisations (number, id, name, created_at) \
               VALUES (1, $1, 'Default', $2) ON CONFLICT (number) DO NOTHING";
    db.execute(sql, values![Ids::new(seed).next(now).as_str(), now])?;
    Ok(())
}

/// A number of the database as a whole.
pub(crate) fn number(db: &mut Db, name: &str) -> Result<Option<i64>> {
    db.one("SELECT value FROM meta WHERE name = $1", values![name], |row| row.int(0))
}

fn put_number(db: &mut Db, name: &str, value: i64) -> Result<()> {
    let sql = "INSERT INTO meta (name, value) VALUES ($1, $2) \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    db.execute(sql, values![name, value]).map(|_| ())
}

/// The schema in the words of the database.
fn spelt(db: &Db, sql: &str) -> String {
    sql.replace("{key}", db.pick("INTEGER", "BIGINT"))
        .replace("{int}", db.pick("INTEGER", "BIGINT"))
        // Sorted by bytes, as SQLite does and as ids and terms need it.
        .replace("{text}", db.pick("TEXT", "TEXT COLLATE \"C\""))
        .replace("{blob}", db.pick("BLOB", "BYTEA"))
        .replace("{clustered}", db.pick("WITHOUT ROWID", ""))
}
