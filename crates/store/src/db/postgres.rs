//! PostgreSQL: a connection with a small run time of its own, so that the rest of the crate can
//! wait for it as it waits for SQLite.

use std::{
    borrow::Cow,
    collections::HashMap,
    error::Error as _,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;
use tokio_postgres::{
    Client, Config, Error, NoTls, Statement,
    error::SqlState,
    types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use super::{Bulk, Column, Row, Value};
use crate::{Result, StoreError};

/// How long connecting may take before the server counts as gone.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// Longest wait for the answer to one statement: behind it, the connection counts as dead, since
/// none of ours takes seconds.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// How long the lock of a process that was killed a moment ago is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(3);
const LOCK_PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Postgres {
    runtime: Runtime,
    config: Config,
    /// Holds the lock of the database; taken again after each reconnect.
    writes: bool,
    client: Option<Client>,
    statements: HashMap<String, Statement>,
}

impl Postgres {
    /// What is said when another process holds the lock; opening the store looks for it.
    pub(crate) const IN_USE: &str = "another hookswitch is writing to this PostgreSQL database";

    /// Connects. `writes` makes it the connection that writes: it holds the database's lock.
    pub(crate) fn connect(url: &str, writes: bool) -> Result<Postgres> {
        let mut config: Config =
            url.parse().map_err(|it: Error| StoreError::Broken(format!("storage.url: {it}")))?;
        config.connect_timeout(CONNECT_WAIT).application_name("hookswitch");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|it| StoreError::Unavailable(it.to_string()))?;
        let mut this =
            Postgres { runtime, config, writes, client: None, statements: HashMap::new() };
        this.revive()?;
        Ok(this)
    }

    /// Connects again if the connection was lost.
    pub(super) fn revive(&mut self) -> Result<()> {
        if self.client.as_ref().is_some_and(|it| !it.is_closed()) {
            return Ok(());
        }
        self.client = None;
        self.statements.clear();
        let config = &self.config;
        let (client, connection) = self
            .runtime
            // The timer belongs to this run time: it is made inside.
            .block_on(async { tokio::time::timeout(CONNECT_WAIT, config.connect(NoTls)).await })
            .map_err(|_| StoreError::Unavailable("PostgreSQL does not answer".to_owned()))?
            .map_err(error)?;
        self.runtime.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to PostgreSQL ended");
            }
        });
        self.client = Some(client);
        if self.writes {
            // Durable means on the disk, whatever the server's default is.
            self.script("SET synchronous_commit = on")?;
            self.lock()?;
        }
        Ok(())
    }

    /// Makes sure that no other process writes: two hubs would deliver everything twice. Waits a
    /// little, since the server takes a moment to notice that a process was killed.
    fn lock(&mut self) -> Result<()> {
        let sql = "SELECT CASE WHEN pg_try_advisory_lock(\
                   hashtext('hookswitch'), hashtext(current_schema())) \
                   THEN 1::bigint ELSE 0::bigint END";
        let since = Instant::now();
        loop {
            let mut locked = false;
            self.each(sql, &[], &mut |row| {
                locked = row.int(0)? == 1;
                Ok(())
            })?;
            if locked {
                return Ok(());
            }
            if LOCK_WAIT < since.elapsed() {
                self.client = None;
                return Err(StoreError::Unavailable(Postgres::IN_USE.to_owned()));
            }
            std::thread::sleep(LOCK_PAUSE);
        }
    }

    fn run<T>(&mut self, work: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<T> {
        let client = self.client.as_ref().ok_or_else(gone)?;
        let outcome =
            self.runtime.block_on(async { tokio::time::timeout(ANSWER_WAIT, work(client)).await });
        match outcome {
            Ok(answer) => answer.map_err(error),
            Err(_) => {
                self.client = None;
                Err(StoreError::Unavailable("PostgreSQL does not answer".to_owned()))
            }
        }
    }

    fn prepared(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.run(async |client| client.prepare(sql).await)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        let statement = self.prepared(sql)?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|it| it as _).collect();
        self.run(async |client| client.execute(&statement, &values).await)
    }

    pub(super) fn script(&mut self, sql: &str) -> Result<()> {
        self.run(async |client| client.batch_execute(sql).await)
    }

    pub(super) fn each(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let statement = self.prepared(sql)?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|it| it as _).collect();
        let rows = self.run(async |client| client.query(&statement, &values).await)?;
        rows.iter().try_for_each(|row| each(&Row::Postgres(row)))
    }

    pub(super) fn each_of(
        &mut self,
        sql: &str,
        keys: &[i64],
        each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let statement = self.prepared(sql)?;
        let rows = self.run(async |client| client.query(&statement, &[&keys]).await)?;
        rows.iter().try_for_each(|row| each(&Row::Postgres(row)))
    }

    pub(super) fn bulk<'v>(
        &mut self,
        bulk: &Bulk,
        rows: usize,
        cell: &dyn Fn(usize, usize) -> Value<'v>,
    ) -> Result<()> {
        let statement = self.prepared(bulk.postgres)?;
        let arrays: Vec<Array<'v>> = bulk
            .columns
            .iter()
            .enumerate()
            .map(|(column, kind)| Array::gather(*kind, (0..rows).map(|row| cell(row, column))))
            .collect();
        let values: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(Array::value).collect();
        self.run(async |client| client.execute(&statement, &values).await).map(|_| ())
    }
}

/// One column of many rows.
enum Array<'v> {
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<Cow<'v, str>>>),
    Blobs(Vec<Option<&'v [u8]>>),
}

impl<'v> Array<'v> {
    fn gather(kind: Column, values: impl Iterator<Item = Value<'v>>) -> Array<'v> {
        match kind {
            Column::Int => Array::Ints(
                values.map(|it| if let Value::Int(it) = it { Some(it) } else { None }).collect(),
            ),
            Column::Text => Array::Texts(
                values
                    .map(|it| if let Value::Text(it) = it { Some(storable(it)) } else { None })
                    .collect(),
            ),
            Column::Blob => Array::Blobs(
                values.map(|it| if let Value::Blob(it) = it { Some(it) } else { None }).collect(),
            ),
        }
    }

    fn value(&self) -> &(dyn ToSql + Sync) {
        match self {
            Array::Ints(it) => it,
            Array::Texts(it) => it,
            Array::Blobs(it) => it,
        }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(it) => it.to_sql(ty, out),
            Value::Text(it) => storable(it).to_sql(ty, out),
            Value::Blob(it) => it.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// PostgreSQL stores every character but U+0000, which a hostile caller's name may contain.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the connection to PostgreSQL is lost".to_owned())
}

/// What PostgreSQL says, by what can be done about it.
pub(super) fn error(error: Error) -> StoreError {
    let mut text = error.to_string();
    if let Some(cause) = error.source() {
        text = format!("{text}: {cause}");
    }
    let lasting = error.code().is_some_and(|code| {
        // Classes 22, 23 and 42: bad data, broken constraint, wrong statement; 28, 3D: refused.
        let class = code.code().get(..2).unwrap_or_default();
        matches!(class, "22" | "23" | "42" | "28" | "3D")
            && *code != SqlState::INSUFFICIENT_PRIVILEGE
    });
    if error.code().is_some_and(|it| *it == SqlState::DISK_FULL) {
        StoreError::Unavailable("the disk of the PostgreSQL server is full".to_owned())
    } else if lasting {
        StoreError::Broken(text)
    } else {
        StoreError::Unavailable(text)
    }
}
