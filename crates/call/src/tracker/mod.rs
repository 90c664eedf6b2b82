//! Groups the legs that a phone system speaks of into calls, and makes the events of their lives.
//!
//! Adapters translate their protocol into hints (these legs belong together) and observations
//! (this leg rings); the tracker never learns which protocol it was.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Call, EventKind, Ids, UnixMs, number::Extensions};

/// What a tracker must know of the phone system that it listens to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrackerSettings {
    /// Name of the configured phone system, as it stands in each [`Call`].
    pub pbx: String,
    /// How national numbers are read, as ISO 3166 alpha-2 (`IT`); `None` leaves numbers as digits.
    pub country: Option<String>,
    /// Which numbers are extensions.
    pub extensions: Extensions,
}

/// One event of a call, with what must be remembered to go on after a restart.
#[derive(Debug, Clone)]
pub struct CallUpdate {
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub time: UnixMs,
    /// Counts the events of this call from 1 without gaps.
    pub sequence: u32,
    /// The call as it stood then.
    ///
    /// A call with [`Call::merged_into`] has turned out to be a part of another one: history,
    /// boards and statistics show the other one only.
    pub call: Arc<Call>,
    /// What [`Tracker::restore`] needs to go on with the call; `None` once it has ended.
    pub memo: Option<Arc<Memo>>,
}

/// What the tracker knows of an open call beyond the [`Call`] itself. Opaque; store it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memo {
    /// Sequence number of the last event.
    sequence: u32,
}

/// Makes calls out of legs. One tracker serves one phone system.
pub struct Tracker {
    settings: TrackerSettings,
    ids: Ids,
}

impl Tracker {
    /// A tracker that knows of no call. `ids` makes the ids of its calls.
    #[must_use]
    pub fn new(settings: TrackerSettings, ids: Ids) -> Tracker {
        Tracker { settings, ids }
    }

    /// Takes up calls that were open when the hub stopped, before the link is connected.
    ///
    /// They stay open until the session's first snapshot says which of them are still there.
    pub fn restore(&mut self, calls: Vec<(Call, Memo)>) {
        drop(calls);
    }

    /// The next event, until `None`. Drain it after every call into the session.
    pub fn poll(&mut self) -> Option<CallUpdate> {
        let _ = (&self.settings, &self.ids);
        None
    }

    /// When [`Tracker::woken`] wants to be called, if at all.
    #[must_use]
    pub fn next_wake(&self) -> Option<UnixMs> {
        None
    }

    /// Tells the tracker what time it is.
    pub fn woken(&mut self, now: UnixMs) {
        let _ = now;
    }

    /// How many calls are open.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        0
    }
}
