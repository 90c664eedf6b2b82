//! The simulator's own time: a start that is given, and a monotonic clock that runs from there.

use std::time::Instant;

/// Tells the time in microseconds since the Unix epoch, without asking the machine's clock for it:
/// whoever starts the simulator says what time it is then.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started_us: i64,
    started: Instant,
}

impl Clock {
    /// A clock that shows `unix_us` now.
    #[must_use]
    pub fn starting_at(unix_us: i64) -> Clock {
        Clock { started_us: unix_us, started: Instant::now() }
    }

    /// The time now, in microseconds since the epoch. Never goes back.
    #[must_use]
    pub fn now_us(&self) -> i64 {
        let passed = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.started_us.saturating_add(passed)
    }

    /// The time when it was started.
    #[must_use]
    pub fn started_us(&self) -> i64 {
        self.started_us
    }
}
