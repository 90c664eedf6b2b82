//! All that is remembered, in SQLite or PostgreSQL: call state, events, deliveries, configuration
//! and accounts. The only crate that knows SQL; its methods are named for what they are for.
//!
//! Reads run on threads with a connection of their own, and never wait for the writer. Everything
//! on the hot path goes through the one [`Writer`], which commits what has gathered since the last
//! sync in one transaction. What has not come out of [`Writer::subscribe`] has not happened.

mod accounts;
mod config;
mod deliveries;
mod error;
mod events;
mod history;
mod ids;
mod records;
mod upkeep;
mod url;
mod writer;

use call::UnixMs;

pub use accounts::{ApiKey, Organisation, Session, User, UserDraft};
pub use config::{ConfigChange, Draft, Entry, Shelf};
pub use deliveries::{
    ATTEMPTS_SHOWN_MAX, Backlog, Delivery, DeliveryDetail, DeliveryFilter, DeliveryStatus,
    PendingDelivery,
};
pub use error::{OpenError, Result, SaveError, StoreError};
pub use history::{CallFilter, ListError, PAGE_ROWS_MAX, Page, Paging, Timeline};
pub use ids::{DeliveryId, IntegrationId, KeyId, OrgId, PbxId, UserId};
pub use records::{AuditEntry, Idempotency};
pub use upkeep::{BackupError, Pruned};
pub use url::StorageUrl;
pub use writer::{
    Attempt, AttemptOutcome, AttemptRecord, Commit, Committed, EXCERPT_BYTES_MAX, LinkUpdate,
    NewDelivery, Turn, Writer, WriterState,
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
#[derive(Debug, Clone)]
pub struct Store {
    writer: Writer,
}

impl Store {
    /// Opens or makes the database, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]: each says what to do.
    pub async fn open(url: &StorageUrl, settings: StoreSettings) -> Result<Store, OpenError> {
        Err(unbuilt(&(url, settings)).into())
    }

    /// The way in for what happens on the phone systems.
    #[must_use]
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Reads one row: whether the database answers.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] with the reason.
    pub async fn ping(&self) -> Result<()> {
        Err(unbuilt(&()))
    }

    /// Commits what waits, gives the database back, and ends the threads. Later calls give
    /// [`StoreError::Closed`].
    pub async fn close(&self) {}
}

/// Until the bodies are in.
fn unbuilt<T: std::fmt::Debug + ?Sized>(input: &T) -> StoreError {
    StoreError::Broken(format!("not built yet: {input:?}"))
}
