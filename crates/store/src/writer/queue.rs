//! What waits for the writer.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::OwnedSemaphorePermit;

use super::{AttemptRecord, prepare::Prepared};
use crate::{Result, StoreError, db::Db};

/// Longest that the outcome of an attempt waits for a turn to ride along with. Until it is
/// written, a crash repeats the delivery.
const RECORDS_WAIT: Duration = Duration::from_millis(200);
/// Bytes that one transaction takes at most: a few thousand events. More would only delay those
/// that wait already.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// A change from outside the hot path, with its own transaction; it answers by itself.
pub(crate) type Work = Box<dyn FnOnce(Result<&mut Db>) + Send>;

/// A turn that waits, with the room that it takes.
pub(super) struct Waiting {
    pub(super) turn: Prepared,
    pub(super) room: OwnedSemaphorePermit,
}

/// The queue of the writer.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    turns: VecDeque<Waiting>,
    records: Vec<(AttemptRecord, OwnedSemaphorePermit)>,
    /// When the first of `records` came.
    records_since: Option<Instant>,
    works: VecDeque<Work>,
    closing: bool,
}

/// What is to be done next.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) turns: Vec<Waiting>,
    pub(super) records: Vec<(AttemptRecord, OwnedSemaphorePermit)>,
    pub(super) works: Vec<Work>,
    /// Nothing is left, and nothing more will come.
    pub(super) over: bool,
}

impl Queue {
    pub(super) fn push_turn(&self, waiting: Waiting) -> Result<()> {
        self.push(|state| state.turns.push_back(waiting))
    }

    pub(super) fn push_work(&self, work: Work) -> Result<()> {
        self.push(|state| state.works.push_back(work))
    }

    pub(super) fn push_record(
        &self,
        record: AttemptRecord,
        room: OwnedSemaphorePermit,
    ) -> Result<()> {
        let mut state = self.lock();
        if state.closing {
            return Err(StoreError::Closed);
        }
        state.records.push((record, room));
        if state.records_since.is_none() {
            state.records_since = Some(Instant::now());
            // Only so that the writer sets its alarm.
            self.changed.notify_one();
        }
        Ok(())
    }

    fn push(&self, add: impl FnOnce(&mut State)) -> Result<()> {
        let mut state = self.lock();
        if state.closing {
            return Err(StoreError::Closed);
        }
        add(&mut state);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes nothing more in; what waits is still given out.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    /// Waits until there is something to do, and takes all of it that fits one transaction.
    pub(super) fn take(&self) -> Taken {
        let mut state = self.lock();
        loop {
            let alarm =
                state.records_since.map(|since| RECORDS_WAIT.saturating_sub(since.elapsed()));
            let due = alarm.is_some_and(|it| it.is_zero());
            if !state.turns.is_empty() || !state.works.is_empty() || due || state.closing {
                return take_from(&mut state);
            }
            state = match alarm {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(alarm) => {
                    let woken = self.changed.wait_timeout(state, alarm);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// The changes that wait, while the writer cannot get its transaction through.
    pub(super) fn take_works(&self) -> Vec<Work> {
        self.lock().works.drain(..).collect()
    }

    /// Waits before the next try, but not beyond the begin of closing.
    pub(super) fn pause(&self, time: Duration) {
        let state = self.lock();
        if !state.closing && state.works.is_empty() {
            drop(self.changed.wait_timeout(state, time));
        } else {
            drop(state);
            // Closing or busy with failing changes: do not spin.
            std::thread::sleep(time.min(Duration::from_millis(50)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock in a half-done state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take_from(state: &mut State) -> Taken {
    let mut taken = Taken { works: state.works.drain(..).collect(), ..Taken::default() };
    let mut bytes = 0;
    while bytes < BATCH_BYTES_MAX
        && let Some(next) = state.turns.pop_front()
    {
        bytes += next.turn.bytes;
        taken.turns.push(next);
    }
    taken.records = std::mem::take(&mut state.records);
    state.records_since = None;
    taken.over = state.closing
        && state.turns.is_empty()
        && taken.turns.is_empty()
        && taken.records.is_empty()
        && taken.works.is_empty();
    taken
}
