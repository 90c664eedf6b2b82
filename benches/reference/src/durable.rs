//! The least schema of an outbox in SQLite, and a file whose blocks are overwritten and synced.

use std::{
    fs::{File, OpenOptions},
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Result;
use rusqlite::{Connection, Transaction, params};

const SCHEMA: &str = "
    create table event(id integer primary key, time integer not null, kind text not null,
        call text not null, body blob not null);
    create index event_by_call on event(call);
    create table delivery(id integer primary key, event integer not null,
        integration integer not null, state integer not null, next_at integer not null);
    create index delivery_due on delivery(next_at) where state = 0;";

/// An outbox of events and deliveries; the file is removed at the end.
#[derive(Debug)]
pub struct Outbox {
    path: PathBuf,
    connection: Connection,
    events: i64,
}

impl Outbox {
    /// A new one in `folder`. `synchronous` is SQLite's word: `full`, `normal` or `off`.
    ///
    /// # Errors
    ///
    /// When the database cannot be made.
    pub fn create(folder: &Path, name: &str, synchronous: &str) -> Result<Outbox> {
        let path = folder.join(format!("reference-{}-{name}.db", std::process::id()));
        let connection = Connection::open(&path)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Outbox { path, connection, events: 0 })
    }

    /// Commits `count` events of 500 bytes with a delivery each.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn add(&mut self, count: i64) -> Result<()> {
        let transaction = self.connection.transaction()?;
        for index in self.events..self.events + count {
            insert(&transaction, index)?;
        }
        transaction.commit()?;
        self.events += count;
        Ok(())
    }

    /// Commits that the last `count` deliveries are done.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn mark_done(&mut self, count: i64) -> Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut update =
                transaction.prepare_cached("update delivery set state = 1 where id = ?1")?;
            for id in self.events - count + 1..=self.events {
                update.execute([id])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

fn insert(transaction: &Transaction<'_>, index: i64) -> Result<()> {
    const BODY: [u8; 500] = [b'x'; 500];
    let mut event = transaction
        .prepare_cached("insert into event(time, kind, call, body) values(?1, ?2, ?3, ?4)")?;
    let call = format!("pbx1-1767323045.{}", index / 4);
    let id = event.insert(params![index, "call.answered", call, BODY])?;
    let mut delivery = transaction.prepare_cached(
        "insert into delivery(event, integration, state, next_at) values(?1, 1, 0, ?2)",
    )?;
    delivery.execute([id, index])?;
    Ok(())
}

impl Drop for Outbox {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.path.clone().into_os_string();
            name.push(suffix);
            // What cannot be removed is in a temporary folder anyway.
            _ = std::fs::remove_file(name);
        }
    }
}

/// A file of written blocks that are overwritten in turn, each time followed by fdatasync: the
/// least that making something durable can cost on this disk.
#[derive(Debug)]
pub struct Overwritten {
    path: PathBuf,
    file: File,
    offset: u64,
}

impl Overwritten {
    /// Size of the file, in bytes.
    const FILE_BYTES: u64 = 32 << 20;
    /// What is written at a time, in bytes: an event and its delivery.
    const WRITE_BYTES: usize = 700;

    /// A new one in `folder`.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn create(folder: &Path) -> Result<Overwritten> {
        let path = folder.join(format!("reference-{}-overwritten", std::process::id()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        let block = vec![1u8; 1 << 20];
        for _ in 0..Self::FILE_BYTES >> 20 {
            file.write_all(&block)?;
        }
        file.sync_all()?;
        Ok(Overwritten { path, file, offset: 0 })
    }

    /// Writes once and syncs.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn write(&mut self) -> Result<()> {
        if self.offset + Self::WRITE_BYTES as u64 > Self::FILE_BYTES {
            self.offset = 0;
        }
        self.file.seek(SeekFrom::Start(self.offset))?;
        self.file.write_all(&[7u8; Self::WRITE_BYTES])?;
        self.file.sync_data()?;
        self.offset += Self::WRITE_BYTES as u64;
        Ok(())
    }
}

impl Drop for Overwritten {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.path);
    }
}
