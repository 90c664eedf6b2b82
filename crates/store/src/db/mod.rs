//! One connection to either database, and the little that the rest of the crate sees of it.
//!
//! Statements are written once, with `$1`, `RETURNING` and `ON CONFLICT`, which both read. All
//! integers are 64 bits wide, times are milliseconds, documents are texts. Connections live on
//! threads of their own, so calls here wait.

mod postgres;
mod sqlite;

pub(crate) use postgres::Postgres;
pub(crate) use sqlite::Sqlite;

use crate::{Result, StoreError};

/// One connection.
pub(crate) enum Db {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

/// What goes into a statement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// The type of a column in a [`Bulk`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Int,
    Text,
    Blob,
}

/// A statement for many rows: row by row on SQLite, where that costs nothing, and as one
/// statement over arrays on PostgreSQL, where each statement costs a round trip.
pub(crate) struct Bulk {
    pub(crate) sqlite: &'static str,
    /// Takes each column as an array: `… FROM unnest($1::bigint[], $2::text[])`.
    pub(crate) postgres: &'static str,
    pub(crate) columns: &'static [Column],
}

/// One row of an answer.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Db {
    /// Runs a statement; gives the number of rows that it touched.
    pub(crate) fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        match self {
            Db::Sqlite(it) => it.execute(sql, values),
            Db::Postgres(it) => it.execute(sql, values),
        }
    }

    /// Runs several statements without values, separated by semicolons.
    pub(crate) fn script(&mut self, sql: &str) -> Result<()> {
        match self {
            Db::Sqlite(it) => it.script(sql),
            Db::Postgres(it) => it.script(sql),
        }
    }

    /// Runs a query, and `each` for every row.
    pub(crate) fn each(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        match self {
            Db::Sqlite(it) => it.each(sql, values, each),
            Db::Postgres(it) => it.each(sql, values, each),
        }
    }

    /// Runs a query, and gives what `read` makes of its rows.
    pub(crate) fn all<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.each(sql, values, &mut |row| {
            rows.push(read(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Like [`Db::all`] for a query that gives one row or none.
    pub(crate) fn one<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.all(sql, values, read)?.into_iter().next())
    }

    /// Looks up many rows by one 64-bit key each. `sql` has `{key}` for the comparison, as in
    /// `WHERE key {key}`. Rows come in any order; keys without a row give none.
    pub(crate) fn each_of(
        &mut self,
        sql: &str,
        keys: &[i64],
        each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        match self {
            Db::Sqlite(it) => {
                let sql = sql.replace("{key}", "= $1");
                keys.iter().try_for_each(|&key| it.each(&sql, &[Value::Int(key)], each))
            }
            Db::Postgres(it) => it.each_of(&sql.replace("{key}", "= ANY($1)"), keys, each),
        }
    }

    /// Runs `bulk` for `rows` rows; `cell` gives the value of a row and a column.
    pub(crate) fn bulk<'v>(
        &mut self,
        bulk: &Bulk,
        rows: usize,
        cell: &dyn Fn(usize, usize) -> Value<'v>,
    ) -> Result<()> {
        match self {
            _ if rows == 0 => Ok(()),
            Db::Sqlite(it) => it.bulk(bulk, rows, cell),
            Db::Postgres(it) => it.bulk(bulk, rows, cell),
        }
    }

    /// Runs `work` in one transaction that is rolled back when it fails.
    pub(crate) fn transaction<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Db) -> Result<T, E>,
    ) -> Result<T, E> {
        let begin = match self {
            Db::Sqlite(_) => "BEGIN IMMEDIATE",
            Db::Postgres(_) => "BEGIN",
        };
        self.within(begin, work)
    }

    /// Runs `work` so that all its queries see the same state of the data.
    pub(crate) fn snapshot<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Db) -> Result<T, E>,
    ) -> Result<T, E> {
        let begin = match self {
            Db::Sqlite(_) => "BEGIN",
            Db::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        self.within(begin, work)
    }

    fn within<T, E: From<StoreError>>(
        &mut self,
        begin: &str,
        work: impl FnOnce(&mut Db) -> Result<T, E>,
    ) -> Result<T, E> {
        self.control(begin)?;
        match work(self) {
            Ok(done) => match self.control("COMMIT") {
                Ok(()) => Ok(done),
                Err(error) => {
                    self.roll_back();
                    Err(error.into())
                }
            },
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    /// After a failure: the connection may be gone, or the transaction rolled back already.
    fn roll_back(&mut self) {
        if let Err(error) = self.control("ROLLBACK") {
            tracing::debug!(%error, "nothing to roll back");
        }
    }

    fn control(&mut self, sql: &str) -> Result<()> {
        match self {
            Db::Sqlite(it) => it.execute(sql, &[]).map(|_| ()),
            Db::Postgres(it) => it.script(sql),
        }
    }

    /// Connects again if the connection was lost. SQLite has none to lose.
    pub(crate) fn revive(&mut self) -> Result<()> {
        match self {
            Db::Sqlite(_) => Ok(()),
            Db::Postgres(it) => it.revive(),
        }
    }

    /// `SQLite` or `PostgreSQL` spelling of a piece of SQL, where the two differ.
    pub(crate) fn pick<'t>(&self, sqlite: &'t str, postgres: &'t str) -> &'t str {
        match self {
            Db::Sqlite(_) => sqlite,
            Db::Postgres(_) => postgres,
        }
    }
}

impl Row<'_> {
    /// An integer that is not null.
    pub(crate) fn int(&self, column: usize) -> Result<i64> {
        self.opt_int(column)?.ok_or_else(|| null(column))
    }

    /// An integer or null.
    pub(crate) fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        match self {
            Row::Sqlite(it) => it.get(column).map_err(sqlite::error),
            Row::Postgres(it) => it.try_get(column).map_err(postgres::error),
        }
    }

    /// A text that is not null.
    pub(crate) fn text(&self, column: usize) -> Result<&str> {
        self.opt_text(column)?.ok_or_else(|| null(column))
    }

    /// A text or null.
    pub(crate) fn opt_text(&self, column: usize) -> Result<Option<&str>> {
        match self {
            Row::Sqlite(it) => it
                .get_ref(column)
                .map_err(sqlite::error)?
                .as_str_or_null()
                .map_err(|error| StoreError::Broken(format!("column {column}: {error}"))),
            Row::Postgres(it) => it.try_get(column).map_err(postgres::error),
        }
    }

    /// Bytes that are not null.
    pub(crate) fn blob(&self, column: usize) -> Result<&[u8]> {
        let bytes = match self {
            Row::Sqlite(it) => it
                .get_ref(column)
                .map_err(sqlite::error)?
                .as_blob_or_null()
                .map_err(|error| StoreError::Broken(format!("column {column}: {error}")))?,
            Row::Postgres(it) => it.try_get(column).map_err(postgres::error)?,
        };
        bytes.ok_or_else(|| null(column))
    }

    /// A JSON document.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: usize) -> Result<T> {
        serde_json::from_str(self.text(column)?)
            .map_err(|error| StoreError::Broken(format!("a stored document: {error}")))
    }
}

fn null(column: usize) -> StoreError {
    StoreError::Broken(format!("column {column} is null and must not be"))
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Value::Blob(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Int(value.into())
    }
}

impl From<call::UnixMs> for Value<'_> {
    fn from(value: call::UnixMs) -> Self {
        Value::Int(value.0)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// The values of a statement: `values![organisation, name]`.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::db::Value::from($value)),*][..]
    };
}
pub(crate) use values;
