//! Disturbances for tests: a disk that fails or hangs, at will.

use std::sync::{
    Condvar, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use crate::{Result, StoreError};

/// Makes the writer fail or stall, as a full or a hanging disk would. Nothing outside tests uses
/// it; it costs one comparison per commit.
#[derive(Debug, Default)]
pub struct Faults {
    failures: AtomicU32,
    stalled: Mutex<bool>,
    resumed: Condvar,
}

impl Faults {
    /// Makes the next `count` commits fail.
    pub fn fail(&self, count: u32) {
        self.failures.store(count, Ordering::SeqCst);
    }

    /// Makes commits hang until [`Faults::resume`].
    pub fn stall(&self) {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Ends a stall.
    pub fn resume(&self) {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.resumed.notify_all();
    }

    /// Called by the writer before it writes.
    pub(super) fn strike(&self) -> Result<()> {
        let mut stalled = self.stalled.lock().unwrap_or_else(PoisonError::into_inner);
        while *stalled {
            stalled = self.resumed.wait(stalled).unwrap_or_else(PoisonError::into_inner);
        }
        drop(stalled);
        let left = self.failures.load(Ordering::SeqCst);
        if left == 0 {
            return Ok(());
        }
        self.failures.store(left - 1, Ordering::SeqCst);
        Err(StoreError::Unavailable("a test makes the disk fail".to_owned()))
    }
}
