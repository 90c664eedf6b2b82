//! The one writer: group commit of everything that waits, one sync for all of it.

mod batch;
mod faults;
mod ledger;
mod prepare;
mod queue;
mod run;
mod statements;
#[cfg(test)]
mod tests;
mod turn;

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use call::UnixMs;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

pub use faults::Faults;
pub(crate) use prepare::Targets;
pub use turn::{
    Attempt, AttemptOutcome, AttemptRecord, Commit, Committed, EXCERPT_BYTES_MAX, LinkUpdate,
    NewDelivery, Turn,
};

use crate::{Result, SaveError, StoreError, db::Db, open::OpenCalls};
use queue::{Queue, Waiting};

/// Bytes of turns that may wait, in all: seconds of the busiest traffic. Behind it, whoever
/// submits waits, and with it the socket of the phone system.
const QUEUE_BYTES_MAX: usize = 24 << 20;
/// Outcomes of attempts that may wait: with a database that is away, deliveries stop here rather
/// than be made again and again without a note of it.
const RECORDS_MAX: usize = 4_096;

/// The way into the writer. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Queue,
    turns_room: Arc<Semaphore>,
    records_room: Arc<Semaphore>,
    targets: Arc<Targets>,
    subscribers: Mutex<Vec<mpsc::UnboundedSender<Arc<Commit>>>>,
    state: watch::Sender<WriterState>,
    counters: Mutex<WriterCounters>,
    faults: Faults,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer's thread is given.
pub(crate) struct Parts {
    pub(crate) db: Db,
    pub(crate) open: Arc<OpenCalls>,
    pub(crate) targets: Arc<Targets>,
    pub(crate) clock: fn() -> UnixMs,
    pub(crate) seed: u64,
    /// Keeps other processes away until the thread has ended. Dropped after `db`.
    pub(crate) _lock: Option<std::fs::File>,
}

/// What the writer has done since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriterCounters {
    /// Transactions with events or outcomes.
    pub commits: u64,
    /// Events in them.
    pub events: u64,
    /// Outcomes of attempts in them.
    pub attempts: u64,
    /// Transactions that failed and were tried again.
    pub failures: u64,
    /// Time spent on them, from taking the turns off the queue to the end of the sync.
    pub busy: Duration,
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
    /// Starts the thread.
    pub(crate) fn start(parts: Parts) -> Result<Writer> {
        let shared = Arc::new(Shared {
            queue: Queue::default(),
            turns_room: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)),
            records_room: Arc::new(Semaphore::new(RECORDS_MAX)),
            targets: Arc::clone(&parts.targets),
            subscribers: Mutex::default(),
            state: watch::Sender::new(WriterState::Working),
            counters: Mutex::default(),
            faults: Faults::default(),
            thread: Mutex::default(),
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("store-write".to_owned())
            .spawn(move || run::run(&of_thread, parts))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        *shared.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(Writer { shared })
    }

    /// Puts a turn into the queue; waits while the queue is full. The turn is durable when its
    /// events come out of [`Writer::subscribe`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] when the store is shutting down.
    pub async fn submit(&self, turn: Turn) -> Result<()> {
        let turn = prepare::prepare(turn, &self.shared.targets)?;
        if turn.events.is_empty() {
            return Ok(());
        }
        let bytes = u32::try_from(turn.bytes.min(QUEUE_BYTES_MAX)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.shared.turns_room).acquire_many_owned(bytes).await;
        let room = room.map_err(|_| StoreError::Closed)?;
        self.shared.queue.push_turn(Waiting { turn, room })
    }

    /// Puts the outcome of an attempt into the queue; waits while too many wait. It is written
    /// along with the next turn, or after 200 ms when none comes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] when the store is shutting down.
    pub async fn record(&self, record: AttemptRecord) -> Result<()> {
        let room = Arc::clone(&self.shared.records_room).acquire_owned().await;
        self.shared.queue.push_record(record, room.map_err(|_| StoreError::Closed)?)
    }

    /// Everything that is committed from now on, in the order of commits.
    ///
    /// Take commits promptly and drop them soon: they hold room in the queue.
    #[must_use]
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<Arc<Commit>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.shared.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// Whether commits succeed.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<WriterState> {
        self.shared.state.subscribe()
    }

    /// What the writer has done since it started.
    #[must_use]
    pub fn counters(&self) -> WriterCounters {
        *self.shared.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Disturbances for tests.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Carries out a change outside the hot path, in a transaction of its own.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, SaveError> + Send + 'static,
    ) -> Result<T, SaveError> {
        let (reply, answer) = oneshot::channel();
        self.shared.queue.push_work(Box::new(move |db| {
            let done = db.map_err(SaveError::from).and_then(|db| db.transaction(work));
            // Nobody waits any more: fine.
            let _ = reply.send(done);
        }))?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Like [`Writer::change`], for changes that cannot be refused.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match self.change(move |db| Ok(work(db)?)).await {
            Ok(done) => Ok(done),
            Err(SaveError::Store(error)) => Err(error),
            // `work` has no way to say these.
            Err(other) => Err(StoreError::Broken(other.to_string())),
        }
    }

    /// Runs `work` on the writer's connection outside a transaction, without waiting for it.
    pub(crate) fn defer(&self, work: impl FnOnce(&mut Db) -> Result<()> + Send + 'static) {
        let pushed = self.shared.queue.push_work(Box::new(move |db| {
            if let Err(error) = db.and_then(work) {
                tracing::warn!(%error, "a note was not stored");
            }
        }));
        if let Err(error) = pushed {
            tracing::debug!(%error, "a note was not stored");
        }
    }

    /// Lets the thread commit what waits, and end.
    pub(crate) fn end(&self) {
        self.shared.queue.close();
        self.shared.faults.resume();
        self.shared.turns_room.close();
        self.shared.records_room.close();
    }

    /// Lets the thread commit what waits, and end. Waits for it.
    pub(crate) fn close(&self) {
        self.end();
        let thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|it| it.join().is_err()) {
            tracing::error!("the thread that writes the database has panicked");
        }
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("state", &*self.shared.state.borrow()).finish()
    }
}
