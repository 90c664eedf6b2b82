//! The writer's thread.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::OwnedSemaphorePermit;

use super::{
    Commit, Parts, Shared, WriterCounters, WriterState,
    batch::Batch,
    ledger::Ledger,
    queue::{Taken, Waiting, Work},
};
use crate::{Result, db::Db};

/// First wait after a failed commit; doubled up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(50);
/// Longest wait: a disk that has been freed or a server that is back is noticed this soon.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How long closing goes on trying: the hub has ten seconds to end in all.
const CLOSING_MAX: Duration = Duration::from_secs(5);

pub(super) fn run(shared: &Shared, parts: Parts) {
    let ledger = Ledger::new(parts.clock);
    let mut thread = Thread { shared, parts, ledger };
    loop {
        let Taken { turns, records, works, over } = shared.queue.take();
        if over {
            return;
        }
        // First, so that they are not held up by a commit that has to be tried again.
        thread.run_works(works);
        if turns.is_empty() && records.is_empty() {
            continue;
        }
        let (records, record_room): (Vec<_>, Vec<_>) = records.into_iter().unzip();
        if !thread.commit(turns, records) {
            // Closing, and the database is away: nothing more can be done.
            return;
        }
        drop(record_room);
    }
}

struct Thread<'a> {
    shared: &'a Shared,
    parts: Parts,
    ledger: Ledger,
}

impl Thread<'_> {
    /// Writes until it is written, and tells the subscribers. `false` when closing gave up.
    fn commit(&mut self, turns: Vec<Waiting>, records: Vec<super::AttemptRecord>) -> bool {
        let begun = Instant::now();
        let attempts = records.len() as u64;
        let Some(written) = self.until_written(turns, records) else { return false };
        let (batch, room) = written;
        self.count(|it| {
            it.commits += 1;
            it.events += batch.committed.len() as u64;
            it.attempts += attempts;
            it.busy += begun.elapsed();
        });
        self.parts.open.apply(batch.calls());
        if !batch.committed.is_empty() {
            self.publish(Commit { events: batch.committed, _room: room });
        }
        if let Err(error) = self.ledger.seal(&mut self.parts.db) {
            // Searching copes with calls that are not in the index; the next commit tries again.
            tracing::warn!(%error, "the index of the history was not written");
        }
        true
    }

    fn until_written(
        &mut self,
        turns: Vec<Waiting>,
        records: Vec<super::AttemptRecord>,
    ) -> Option<(Batch, Option<OwnedSemaphorePermit>)> {
        let mut waiting = Some((turns, records));
        let mut batch = Batch::default();
        let mut room = None;
        let mut pause = RETRY_MIN;
        let mut closing_since = None;
        loop {
            match self.attempt(&mut waiting, &mut batch, &mut room) {
                Ok(()) => {
                    self.working();
                    return Some((batch, room));
                }
                Err(error) => {
                    self.count(|it| it.failures += 1);
                    self.failing(&error);
                }
            }
            if self.shared.queue.is_closing() {
                let since = *closing_since.get_or_insert_with(Instant::now);
                if CLOSING_MAX < since.elapsed() {
                    tracing::error!(
                        "closing without the last events and outcomes: the database is away"
                    );
                    return None;
                }
            }
            self.shared.queue.pause(pause);
            pause = (pause * 2).min(RETRY_MAX);
            // Changes are refused at once rather than made to wait.
            let works = self.shared.queue.take_works();
            self.run_works(works);
        }
    }

    /// One try. The rows are made in the first that gets so far, and stay the same: so one that
    /// was written although the answer was lost is recognised.
    fn attempt(
        &mut self,
        waiting: &mut Option<(Vec<Waiting>, Vec<super::AttemptRecord>)>,
        batch: &mut Batch,
        room: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<()> {
        self.shared.faults.strike()?;
        let Parts { db, open, seed, .. } = &mut self.parts;
        db.revive()?;
        if let Some((turns, _)) = waiting {
            for waiting in turns.iter() {
                self.ledger.load(db, &waiting.turn.organisation)?;
            }
        } else if batch.is_written(db)? {
            return Ok(());
        }
        if let Some((turns, records)) = waiting.take() {
            for Waiting { turn, room: more } in turns {
                batch.add(turn, &mut self.ledger, open, *seed);
                match room {
                    Some(room) => room.merge(more),
                    None => *room = Some(more),
                }
            }
            records.into_iter().for_each(|it| batch.record(it));
        }
        if batch.is_empty() {
            return Ok(());
        }
        let batch = &*batch;
        db.transaction(|db| batch.write(db))
    }

    fn run_works(&mut self, works: Vec<Work>) {
        for work in works {
            let db: &mut Db = &mut self.parts.db;
            work(match self.shared.faults.strike().and_then(|()| db.revive()) {
                Ok(()) => Ok(db),
                Err(error) => Err(error),
            });
        }
    }

    fn publish(&self, commit: Commit) {
        let commit = Arc::new(commit);
        let mut subscribers =
            self.shared.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|it| it.send(Arc::clone(&commit)).is_ok());
    }

    fn count(&self, add: impl FnOnce(&mut WriterCounters)) {
        add(&mut self.shared.counters.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn working(&self) {
        self.shared.state.send_if_modified(|state| {
            if *state == WriterState::Working {
                return false;
            }
            tracing::info!("the database can be written again");
            *state = WriterState::Working;
            true
        });
    }

    fn failing(&self, error: &crate::StoreError) {
        self.shared.state.send_if_modified(|state| {
            let since = match state {
                WriterState::Working => {
                    tracing::error!(%error, "events cannot be stored; they wait");
                    (self.parts.clock)()
                }
                WriterState::Failing { since, .. } => *since,
            };
            let next = WriterState::Failing { since, reason: error.to_string() };
            let changed = *state != next;
            *state = next;
            changed
        });
    }
}
