//! SQLite: one file beside the program.

use std::{path::Path, time::Duration};

use rusqlite::{
    Connection, ErrorCode, OpenFlags,
    types::{ToSql, ToSqlOutput, ValueRef},
};

use super::{Bulk, Row, Value};
use crate::{Result, StoreError};

/// How long a statement waits for another one's lock. Readers never wait in WAL mode; the writer
/// may meet a checkpoint or a backup.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection: more than there are in the crate.
const STATEMENTS_MAX: usize = 200;
/// Pages of WAL after which SQLite moves them into the database file: rare enough to cost
/// nothing, and a file of 16 MiB at most that each start has to read.
const CHECKPOINT_PAGES: i64 = 4_000;

pub(crate) struct Sqlite {
    connection: Connection,
}

impl Sqlite {
    /// The connection that writes; makes the file.
    pub(crate) fn writer(path: &Path) -> Result<Sqlite> {
        let connection = Connection::open(path).map_err(error)?;
        // Takes effect on a new file only, and must come before the first table.
        connection.pragma_update(None, "page_size", 4096).map_err(error)?;
        let mode: String = connection
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
            .map_err(error)?;
        if mode != "wal" {
            return Err(StoreError::Broken(format!(
                "{} cannot be used in WAL mode (it is in {mode} mode): put it on a local disk",
                path.display()
            )));
        }
        connection.pragma_update(None, "synchronous", "full").map_err(error)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(error)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20).map_err(error)?;
        Sqlite::configured(connection, 16 << 10)
    }

    /// A connection that reads.
    pub(crate) fn reader(path: &Path) -> Result<Sqlite> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(error)?;
        connection.pragma_update(None, "query_only", true).map_err(error)?;
        Sqlite::configured(connection, 4 << 10)
    }

    fn configured(connection: Connection, cache_kib: i64) -> Result<Sqlite> {
        connection.busy_timeout(BUSY_WAIT).map_err(error)?;
        // A negative number is in KiB.
        connection.pragma_update(None, "cache_size", -cache_kib).map_err(error)?;
        connection.pragma_update(None, "temp_store", "memory").map_err(error)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Ok(Sqlite { connection })
    }

    pub(super) fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(&numbered(sql)).map_err(error)?;
        let touched = statement.execute(rusqlite::params_from_iter(values)).map_err(error)?;
        Ok(touched as u64)
    }

    pub(super) fn script(&mut self, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).map_err(error)
    }

    pub(super) fn each(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.connection.prepare_cached(&numbered(sql)).map_err(error)?;
        let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(error)?;
        while let Some(row) = rows.next().map_err(error)? {
            each(&Row::Sqlite(row))?;
        }
        Ok(())
    }

    pub(super) fn bulk<'v>(
        &mut self,
        bulk: &Bulk,
        rows: usize,
        cell: &dyn Fn(usize, usize) -> Value<'v>,
    ) -> Result<()> {
        let mut statement =
            self.connection.prepare_cached(&numbered(bulk.sqlite)).map_err(error)?;
        for row in 0..rows {
            let values = (0..bulk.columns.len()).map(|column| cell(row, column));
            statement.execute(rusqlite::params_from_iter(values)).map_err(error)?;
        }
        Ok(())
    }
}

/// SQLite takes `$1` for a name and numbers it by its first use; `?1` is the first value.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Int(it) => ValueRef::Integer(it),
            Value::Text(it) => ValueRef::Text(it.as_bytes()),
            Value::Blob(it) => ValueRef::Blob(it),
        }))
    }
}

/// What SQLite says, by what can be done about it.
pub(super) fn error(error: rusqlite::Error) -> StoreError {
    let code = error.sqlite_error_code();
    match code {
        Some(ErrorCode::DiskFull) => StoreError::Unavailable(
            "the disk is full: free some space, and writing goes on by itself".to_owned(),
        ),
        Some(ErrorCode::ReadOnly) => StoreError::Unavailable(
            "the database file is read-only: give the user that runs hookswitch the right to \
             write to it"
                .to_owned(),
        ),
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied,
        ) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Broken(error.to_string()),
    }
}
