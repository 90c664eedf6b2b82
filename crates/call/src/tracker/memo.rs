//! What is stored beside an open call, so that it can be gone on with after a restart.

use serde::{Deserialize, Serialize};

use super::{
    Tracker,
    evidence::Evidence,
    group::{Group, Open},
    legs::{DialEnd, Leg, Person},
};
use crate::{Call, State, UnixMs};

/// What the tracker knows of an open call beyond the [`Call`] itself. Opaque; store it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memo {
    open: Open,
    evidence: Evidence,
    estimated: bool,
    legs: Vec<MemoLeg>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct MemoLeg {
    key: Box<str>,
    name: Box<str>,
    born_ms: i64,
    person: Person,
    dialled_ms: Option<i64>,
    dial_end: Option<DialEnd>,
    /// Place in the list of the other half of an inner line.
    pair: Option<usize>,
    link_id: Box<str>,
}

impl Memo {
    /// Stands for a memo that cannot be read any more, such as one of an older version: the call
    /// has no legs, so the next snapshot ends it. `sequence` is that of its last event.
    #[must_use]
    pub fn forgotten(sequence: u32) -> Memo {
        let open = Open { sequence, ..Open::new(Call::placeholder()) };
        Memo { open, evidence: Evidence::default(), estimated: true, legs: Vec::new() }
    }

    pub(super) fn set_sequence(&mut self, sequence: u32) {
        self.open.sequence = sequence;
    }
}

impl Tracker {
    pub(super) fn memo(&self, group: u32, open: &Open) -> Option<Memo> {
        let group = self.groups.get(group)?;
        let place = |id: u32| group.members.iter().position(|&it| it == id);
        let legs = group.members.iter().filter_map(|&it| self.legs.get(it)).map(|leg| MemoLeg {
            key: leg.key.clone(),
            name: leg.name.clone(),
            born_ms: leg.born.0,
            person: leg.person.clone(),
            dialled_ms: leg.dialled_by.map(|_| leg.dialled_at.unwrap_or(leg.born).0),
            dial_end: leg.dial_end,
            pair: leg.pair.and_then(place),
            link_id: leg.link_id.clone(),
        });
        Some(Memo {
            open: open.without_call(),
            evidence: group.evidence.clone(),
            estimated: group.estimated,
            legs: legs.collect(),
        })
    }

    /// Takes up calls that were open when the hub stopped, before the link is connected.
    ///
    /// They stay open until the session's first snapshot says which of them are still there.
    pub fn restore(&mut self, calls: Vec<(Call, Memo)>) {
        for (call, memo) in calls {
            if call.state != State::Ended {
                self.restore_one(call, memo);
            }
        }
    }

    fn restore_one(&mut self, call: Call, memo: Memo) {
        let group = self.groups.insert(Group {
            evidence: memo.evidence,
            estimated: memo.estimated,
            open: Some(Box::new(Open { call, ..memo.open })),
            ..Group::default()
        });
        self.open_calls += 1;
        let mut ids = Vec::with_capacity(memo.legs.len());
        for leg in &memo.legs {
            self.last_person = self.last_person.max(leg.person.id);
            let id = self.legs.insert(Leg {
                key: leg.key.clone(),
                name: leg.name.clone(),
                group,
                born: UnixMs(leg.born_ms),
                person: leg.person.clone(),
                pair: None,
                bridge: None,
                links: Vec::new(),
                dialled_by: leg.dialled_ms.map(|_| u32::MAX),
                dialled_at: leg.dialled_ms.map(UnixMs),
                dial_end: leg.dial_end,
                link_id: Box::default(),
                confirmed: self.snapshot,
            });
            ids.push(id);
            let (Some(id), Some(it)) = (id, self.groups.get_mut(group)) else { continue };
            it.members.push(id);
            if !leg.link_id.is_empty() {
                self.link_id(UnixMs(leg.born_ms), super::LegId(id), &leg.link_id);
            }
        }
        for (leg, &id) in memo.legs.iter().zip(&ids) {
            let pair = leg.pair.and_then(|it| ids.get(it).copied().flatten());
            if let Some(it) = id.and_then(|it| self.legs.get_mut(it)) {
                it.pair = pair;
            }
        }
    }
}

impl Open {
    fn without_call(&self) -> Open {
        Open {
            call: Call::placeholder(),
            sequence: self.sequence,
            caller: self.caller,
            rings: self.rings.clone(),
            met: self.met.clone(),
            talkers: self.talkers.clone(),
            connected: self.connected,
            idle_since: self.idle_since,
            held_since: self.held_since,
            held_ms: self.held_ms,
            hung_up_by: self.hung_up_by,
            pending: self.pending.clone(),
            parked_at: self.parked_at,
            last_left: self.last_left.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventKind, Ids, TrackerSettings};

    #[test]
    fn a_call_whose_memo_is_lost_ends_with_the_next_snapshot() {
        let mut tracker = Tracker::new(TrackerSettings::default(), Ids::new(1));
        let call = Call { state: State::Talking, ..Call::placeholder() };
        tracker.restore(vec![(call, Memo::forgotten(4))]);
        tracker.snapshot_begins();
        tracker.snapshot_ends(UnixMs(90_000), UnixMs(80_000));
        let update = tracker.poll().expect("the call has ended");
        assert_eq!((update.kind, update.sequence), (EventKind::CallEnded, 5));
        assert_eq!(update.call.ended_at, Some(UnixMs(80_000)));
        assert!(update.call.estimated && update.memo.is_none());
        assert!(tracker.poll().is_none());
    }
}
