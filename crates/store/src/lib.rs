//! All that is remembered, in SQLite or PostgreSQL: call state, events, deliveries, configuration
//! and accounts. The only crate that knows SQL; its methods are named for what they are for.
//!
//! Reads run on threads with a connection of their own, and never wait for the writer. Everything
//! on the hot path goes through the one [`Writer`], which commits what has gathered since the last
//! sync in one transaction. What has not come out of [`Writer::subscribe`] has not happened.

mod accounts;
mod backup;
mod config;
mod db;
mod deliveries;
mod error;
mod events;
mod history;
mod ids;
mod key;
mod open;
mod readers;
mod records;
mod retention;
mod schema;
mod start;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod url;
mod writer;

use std::sync::Arc;

use call::UnixMs;

pub use accounts::{ApiKey, Organisation, Session, User, UserDraft};
pub use backup::BackupError;
pub use config::{ConfigChange, Draft, Entry, Shelf};
pub use deliveries::{
    ATTEMPTS_SHOWN_MAX, Backlog, Delivery, DeliveryDetail, DeliveryFilter, DeliveryStatus,
    PENDING_READ_MAX, PendingDelivery,
};
pub use error::{OpenError, Result, SaveError, StoreError};
pub use history::{CallFilter, ListError, PAGE_ROWS_MAX, Page, Paging, Timeline};
pub use ids::{DeliveryId, IntegrationId, KeyId, OrgId, PbxId, UserId};
pub use records::{AuditEntry, Idempotency};
pub use retention::Pruned;
pub use url::StorageUrl;
pub use writer::{
    Attempt, AttemptOutcome, AttemptRecord, Commit, Committed, EXCERPT_BYTES_MAX, Faults,
    LinkUpdate, NewDelivery, Turn, Writer, WriterCounters, WriterState,
};

/// What the store takes from the outside.
#[derive(Debug, Clone, Copy)]
pub struct StoreSettings {
    /// Tells the time.
    pub clock: fn() -> UnixMs,
    /// Random bits in production, a fixed number in tests: makes ids differ between databases.
    pub seed: u64,
}

/// The stored data. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// What all clones share.
struct Inner {
    url: StorageUrl,
    settings: StoreSettings,
    /// The seed in the ids of this database's events.
    seed: u64,
    default_organisation: OrgId,
    writer: Writer,
    readers: readers::Readers,
    open: Arc<open::OpenCalls>,
    targets: Arc<writer::Targets>,
    /// Makes the ids of everything but events.
    ids: std::sync::Mutex<call::Ids>,
    proofs: accounts::Proofs,
}

/// A store that is dropped without [`Store::close`] still commits what waits, in the background.
impl Drop for Inner {
    fn drop(&mut self) {
        self.writer.end();
    }
}

impl Store {
    /// The way in for what happens on the phone systems.
    #[must_use]
    pub fn writer(&self) -> &Writer {
        &self.inner.writer
    }

    /// Reads one row: whether the database answers.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] with the reason.
    pub async fn ping(&self) -> Result<()> {
        self.inner.readers.read(|db| schema::number(db, "schema_version").map(|_| ())).await
    }

    /// Commits what waits, gives the database back, and ends the threads. Later calls give
    /// [`StoreError::Closed`].
    pub async fn close(&self) {
        let inner = Arc::clone(&self.inner);
        let closing = tokio::task::spawn_blocking(move || {
            inner.writer.close();
            inner.readers.close();
        });
        if closing.await.is_err() {
            tracing::error!("closing the store has panicked");
        }
    }

    fn now(&self) -> UnixMs {
        (self.inner.settings.clock)()
    }

    fn new_id(&self) -> String {
        let mut ids = self.inner.ids.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        ids.next(self.now())
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("url", &self.inner.url).finish_non_exhaustive()
    }
}
