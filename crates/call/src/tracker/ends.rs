//! Legs that end, and legs whose person goes on in another body.

use super::{
    Tracker,
    evidence::Miss,
    legs::{LegId, LegState, Side},
};
use crate::UnixMs;

/// How much earlier than its end a leg may have been forwarded.
const FORWARD_MS: i64 = 1_000;

impl Tracker {
    /// A leg is no more. `cause`: ITU-T Q.850.
    pub fn gone(&mut self, at: UnixMs, leg: LegId, cause: Option<u16>) {
        self.claim(at, leg.0);
        self.start_late(at, leg.0);
        self.note_forward(at, leg.0);
        self.note_end(leg.0, cause);
        self.take_away(at, leg.0);
    }

    /// The leg leaves its joints and its group; the last one ends the call.
    pub(super) fn take_away(&mut self, at: UnixMs, id: u32) {
        self.leave_joints(id);
        let Some(leg) = self.legs.remove(id) else { return };
        if self.gone_keys_wanted() {
            self.remember_gone(&leg.key);
        }
        let Some(group) = self.groups.get_mut(leg.group) else { return };
        group.members.retain(|&it| it != id);
        let members = group.members.len();
        for place in 0..members {
            let Some(&member) = self.groups.get(leg.group).and_then(|it| it.members.get(place))
            else {
                break;
            };
            if let Some(other) = self.legs.get_mut(member)
                && other.dialled_by == Some(id)
            {
                // Still a dialled leg, though nobody can be named any more.
                other.dialled_by = Some(u32::MAX);
            }
        }
        if leg.person.talked
            && let Some(open) = self.groups.open_mut(leg.group)
        {
            let extension = leg.person.extension().map(Box::from);
            open.last_left = extension.map(|it| (it, at)).or(open.last_left.take());
        }
        if members > 0 {
            if leg.person.talked {
                self.review(at, leg.group);
            }
        } else if !self.groups.get(leg.group).is_some_and(|it| it.awaits_legs) {
            self.finish(at, leg.group);
        }
    }

    /// What the end of a leg says about the outcome of its call.
    pub(super) fn note_end(&mut self, id: u32, cause: Option<u16>) {
        let Some(leg) = self.legs.get(id) else { return };
        let Some(group) = self.groups.get_mut(leg.group) else { return };
        let requested = group.open.as_ref().is_some_and(|it| it.call.dial_request.is_some());
        let person = &leg.person;
        let is_caller = match &group.open {
            Some(open) => open.caller == Some(person.id),
            None => person.calling,
        };
        if is_caller && person.is_human() {
            group.evidence.caller_cause = cause;
        }
        let was_called = leg.dialled_by.is_some() || (requested && is_caller);
        let answered = person.talked || person.state == LegState::Up;
        if !person.is_human() || !was_called || answered {
            return;
        }
        let Some(miss) = Miss::read(cause, leg.dial_end) else { return };
        group.evidence.note(miss, cause);
        if let Some(open) = group.open.as_deref_mut() {
            open.transfer_missed(miss);
        }
    }

    /// Old dialects say nothing of a forwarding: another line is dialled within the same attempt,
    /// and the leg ends right after.
    pub(super) fn note_forward(&mut self, at: UnixMs, id: u32) {
        let Some(leg) = self.legs.get(id) else { return };
        let (Some(source), Some(dialled_at)) = (leg.dialled_by, leg.dialled_at) else { return };
        let unanswered = !leg.person.talked && leg.person.state != LegState::Up;
        if leg.person.extension().is_none() || !unanswered || leg.dial_end.is_some() {
            return;
        }
        let Some(group) = self.groups.get(leg.group) else { return };
        let forwarded = group.members.iter().filter_map(|&it| self.legs.get(it)).any(|other| {
            other.dialled_by == Some(source)
                && !other.person.is_human()
                && other.dialled_at.is_some_and(|it| {
                    it.0 > dialled_at.0 + FORWARD_MS / 20 && at.0 - it.0 <= FORWARD_MS
                })
        });
        if forwarded {
            self.forwarded(LegId(id));
        }
    }

    /// The phone system takes another body for a leg: the person behind `from` goes on as `to`.
    ///
    /// Give `to` its new name afterwards with [`Tracker::renamed`].
    pub fn taken_over(&mut self, at: UnixMs, from: LegId, to: LegId) {
        self.note_pickup(from.0, to.0);
        self.join(at, from.0, to.0);
        self.legs.swap_persons(from.0, to.0);
        let Some(it) = self.legs.get(to.0) else { return };
        let group = it.group;
        self.review(at, group);
    }

    /// Somebody who dials in takes the place of a leg that rings: the call is picked up.
    pub(super) fn note_pickup(&mut self, from: u32, to: u32) {
        let (Some(picker), Some(target)) = (self.legs.get(from), self.legs.get(to)) else { return };
        let picks = picker.person.calling && !picker.person.talked && picker.group != target.group;
        let rings = target.dialled_by.is_some() && target.person.state < LegState::Up;
        let (Some(_), Some(extension)) = (picker.person.extension(), target.person.extension())
        else {
            return;
        };
        let extension = extension.to_owned();
        if picks
            && rings
            && let Some(open) = self.groups.open_mut(target.group)
        {
            open.call.picked_up_from.get_or_insert(extension);
        }
    }

    /// A leg has another name now.
    pub fn renamed(&mut self, leg: LegId, name: &str) {
        self.legs.rename(leg.0, name);
    }

    /// The body that a leg left behind is only waiting to be cleared away.
    pub fn left_behind(&mut self, leg: LegId) {
        if let Some(it) = self.legs.get_mut(leg.0) {
            it.person.side = Side::Inner;
            it.person.calling = false;
        }
    }
}
