//! Groups the legs that a phone system speaks of into calls, and makes the events of their lives.
//!
//! A phone system knows channels, connections, bridges; nobody on its wire says "call". Adapters
//! translate their protocol into hints (these legs belong together: [`Tracker::dials`],
//! [`Tracker::paired`], [`Tracker::link_id`], …) and observations (this leg rings:
//! [`Tracker::state`], [`Tracker::linked`], [`Tracker::gone`], …); the tracker never learns which
//! protocol it was. Hints may come in any order, twice, or not at all.
//!
//! # When two calls turn out to be one
//!
//! A consultation, a pick-up and the fetching of a parked caller begin as calls of their own, whose
//! start has been published before anybody can know better. When they join, the **older** call
//! survives. The other one ends at that moment with a last `call.ended` whose
//! [`Call::merged_into`] names the survivor, so that nothing stays open anywhere; who rang and who
//! talked in it is taken over. History shows the survivor only.

mod ends;
mod evidence;
mod group;
mod hold;
mod legs;
mod life;
mod memo;
mod observe;
mod request;
mod snapshot;
mod talk;
mod transfer;

use std::{collections::VecDeque, sync::Arc};

use rustc_hash::FxHashMap;

use self::{group::Groups, legs::Legs, request::Request, talk::Bridges};
pub use self::{
    legs::{DialEnd, LegId, LegState, Side},
    memo::Memo,
    observe::NewLeg,
};
use crate::{
    Call, EventKind, Ids, Party, UnixMs,
    number::{self, Extensions},
};

/// How long a blind transfer that was asked for may take to begin, before it is reported anyway.
const TRANSFER_WAIT_MS: i64 = 1_000;

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

impl TrackerSettings {
    /// A party as the phone system names it.
    fn party(&self, raw: Option<&str>, name: Option<&str>) -> Party {
        let country = self.country.as_deref();
        Party {
            number: raw.and_then(|it| number::read(it, country, &self.extensions)),
            raw: raw.map(str::to_owned),
            name: name.map(str::to_owned),
        }
    }
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

/// Makes calls out of legs. One tracker serves one phone system.
///
/// Work and memory follow the legs that are alive; a finished call leaves nothing behind.
pub struct Tracker {
    settings: TrackerSettings,
    ids: Ids,
    legs: Legs,
    groups: Groups,
    bridges: Bridges,
    link_ids: FxHashMap<Box<str>, u32>,
    requests: Vec<Request>,
    updates: VecDeque<CallUpdate>,
    last_person: u32,
    open_calls: usize,
    /// Number of the last snapshot.
    snapshot: u32,
    in_snapshot: bool,
    gone_keys: Vec<Box<str>>,
    adopted: Vec<u32>,
    wake: Option<UnixMs>,
    refused: u64,
}

impl Tracker {
    /// A tracker that knows of no call. `ids` makes the ids of its calls.
    #[must_use]
    pub fn new(settings: TrackerSettings, ids: Ids) -> Tracker {
        Tracker {
            settings,
            ids,
            legs: Legs::default(),
            groups: Groups::default(),
            bridges: Bridges::default(),
            link_ids: FxHashMap::default(),
            requests: Vec::new(),
            updates: VecDeque::new(),
            last_person: 0,
            open_calls: 0,
            snapshot: 0,
            in_snapshot: false,
            gone_keys: Vec::new(),
            adopted: Vec::new(),
            wake: None,
            refused: 0,
        }
    }

    /// The next event, until `None`. Drain it after every call into the session.
    pub fn poll(&mut self) -> Option<CallUpdate> {
        self.updates.pop_front()
    }

    /// When [`Tracker::woken`] wants to be called, if at all.
    #[must_use]
    pub fn next_wake(&self) -> Option<UnixMs> {
        self.wake
    }

    /// Tells the tracker what time it is. Too early is harmless.
    pub fn woken(&mut self, now: UnixMs) {
        if self.wake.is_none_or(|it| it > now) {
            return;
        }
        self.wake = None;
        self.expire_requests(now);
        let groups: Vec<u32> = self.groups.ids().collect();
        for group in groups {
            let Some(asked) = self.groups.open(group).and_then(|it| Some(it.pending.as_ref()?.at))
            else {
                continue;
            };
            if asked.plus_ms(TRANSFER_WAIT_MS) <= now {
                self.commit_transfer(now, group, None);
            } else {
                self.wake_later(asked);
            }
        }
    }

    /// How many calls are open.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.open_calls
    }

    /// How many legs are alive.
    #[must_use]
    pub fn live_legs(&self) -> usize {
        self.legs.len()
    }

    /// How many legs and joinings were refused because there were too many.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Entries of all tables together, to see that nothing is left behind.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.legs.len()
            + self.groups.len()
            + self.bridges.len()
            + self.link_ids.len()
            + self.requests.len()
            + self.gone_keys.len()
    }

    fn next_person(&mut self) -> u32 {
        self.last_person = self.last_person.wrapping_add(1);
        self.last_person
    }

    fn wake_at(&mut self, at: UnixMs) {
        self.wake = Some(self.wake.map_or(at, |it| it.min(at)));
    }

    fn wake_later(&mut self, asked: UnixMs) {
        self.wake_at(asked.plus_ms(TRANSFER_WAIT_MS));
    }
}

#[cfg(test)]
mod tests;
