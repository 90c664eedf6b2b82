//! What the phone system says that there is now, compared with what is known.

use super::{
    Tracker,
    legs::{LegId, LegState, Side},
    observe::NewLeg,
};
use crate::UnixMs;

/// How many legs that ended during a snapshot are remembered, so that a list which is a moment old
/// does not bring them back.
const GONE_MAX: usize = 1_024;

impl Tracker {
    /// A snapshot has been asked for: what is not in it, and is known now, has ended.
    pub fn snapshot_begins(&mut self) {
        self.snapshot = self.snapshot.wrapping_add(1);
        self.in_snapshot = true;
        self.gone_keys.clear();
    }

    /// The snapshot lists a leg that is known.
    pub fn listed(&mut self, leg: LegId) {
        if let Some(it) = self.legs.get_mut(leg.0) {
            it.confirmed = self.snapshot;
        }
    }

    /// The snapshot lists a leg that was not known: its call is met in the middle.
    ///
    /// `began`: when the leg came to be. `calling`: whether its person has dialled in.
    pub fn adopt(&mut self, began: UnixMs, new: NewLeg<'_>, calling: bool) -> Option<LegId> {
        if self.gone_keys.iter().any(|it| &**it == new.key) {
            return None;
        }
        let rang = new.state == LegState::Ringing;
        let state = new.state;
        let leg = self.leg_born(began, NewLeg { state: LegState::New, ..new })?;
        let it = self.legs.get_mut(leg.0)?;
        it.confirmed = self.snapshot;
        it.person.calling = calling;
        it.person.rang = rang && matches!(it.person.side, Side::Extension(_));
        it.person.state = state;
        if !calling {
            // Dialled by somebody; who, its call will tell.
            it.dialled_by = Some(u32::MAX);
        }
        let group = it.group;
        if let Some(group) = self.groups.get_mut(group) {
            group.estimated = true;
        }
        self.adopted.push(leg.0);
        Some(leg)
    }

    /// Everything has been listed: the calls of adopted legs begin.
    pub fn snapshot_listed(&mut self, at: UnixMs) {
        for leg in std::mem::take(&mut self.adopted) {
            let Some(group) = self.legs.get(leg).map(|it| it.group) else { continue };
            let worth = |id: &u32| {
                self.legs.get(*id).is_some_and(|it| it.person.is_human() && it.dialled_by.is_none())
            };
            let begun = self.groups.get(group).is_some_and(|it| it.members.iter().any(worth));
            self.consider_start(at, group, begun);
            self.review(at, group);
        }
    }

    /// The snapshot is complete. Known legs that it does not list ended at `ended` at the latest.
    pub fn snapshot_ends(&mut self, at: UnixMs, ended: UnixMs) {
        self.snapshot_listed(at);
        self.in_snapshot = false;
        self.gone_keys.clear();
        let absent: Vec<u32> = self
            .legs
            .ids()
            .filter(|&it| self.legs.get(it).is_some_and(|it| it.confirmed != self.snapshot))
            .collect();
        for leg in absent {
            self.estimate(leg);
            self.gone(ended, LegId(leg), None);
        }
        self.end_without_legs(ended);
    }

    /// The snapshot will not be completed: nothing is concluded from it.
    pub fn snapshot_fails(&mut self) {
        self.in_snapshot = false;
        self.gone_keys.clear();
        self.adopted.clear();
    }

    pub(super) fn gone_keys_wanted(&self) -> bool {
        self.in_snapshot
    }

    pub(super) fn remember_gone(&mut self, key: &str) {
        if self.gone_keys.len() < GONE_MAX {
            self.gone_keys.push(key.into());
        }
    }

    fn estimate(&mut self, leg: u32) {
        let Some(group) = self.legs.get(leg).map(|it| it.group) else { return };
        if let Some(open) = self.groups.open_mut(group) {
            open.call.estimated = true;
        }
    }

    /// Restored calls of which no leg was known, and that no request of ours waits for.
    fn end_without_legs(&mut self, ended: UnixMs) {
        let waits = |id: u32| self.requests.iter().any(|it| it.group == Some(id));
        let empty: Vec<u32> = self
            .groups
            .ids()
            .filter(|&it| self.groups.get(it).is_some_and(|it| it.members.is_empty()) && !waits(it))
            .collect();
        for group in empty {
            if let Some(open) = self.groups.open_mut(group) {
                open.call.estimated = true;
            }
            self.finish(ended, group);
        }
    }
}
