//! The one writer: group commit of everything that waits, one sync for all of it.

mod turn;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
pub use turn::{
    Attempt, AttemptOutcome, AttemptRecord, Commit, Committed, EXCERPT_BYTES_MAX, LinkUpdate,
    NewDelivery, Turn,
};

use crate::{Result, unbuilt};
use call::UnixMs;

/// The way into the writer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Writer {
    state: watch::Receiver<WriterState>,
}

/// Whether what is submitted gets onto the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriterState {
    /// It does.
    Working,
    /// It does not: nothing is lost, nothing is acknowledged, and the writer tries again.
    Failing {
        /// Since when.
        since: UnixMs,
        /// Why, in plain words.
        reason: String,
    },
}

impl Writer {
    /// Puts a turn into the queue; waits while the queue is full. The turn is durable when its
    /// events come out of [`Writer::subscribe`].
    ///
    /// # Errors
    ///
    /// [`crate::StoreError::Closed`] when the store is shutting down.
    pub async fn submit(&self, turn: Turn) -> Result<()> {
        Err(unbuilt(&turn))
    }

    /// Puts the outcome of an attempt into the queue; waits while too many wait. It is written
    /// along with the next turn, or after 200 ms when none comes.
    ///
    /// # Errors
    ///
    /// [`crate::StoreError::Closed`] when the store is shutting down.
    pub async fn record(&self, record: AttemptRecord) -> Result<()> {
        Err(unbuilt(&record))
    }

    /// Everything that is committed from now on, in the order of commits.
    ///
    /// Take commits promptly and drop them soon: they hold room in the queue.
    #[must_use]
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<Arc<Commit>> {
        mpsc::unbounded_channel().1
    }

    /// Whether commits succeed.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<WriterState> {
        self.state.clone()
    }
}
