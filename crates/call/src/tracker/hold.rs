//! Holds and queues.

use super::{Tracker, legs::LegId};
use crate::{EventKind, State, UnixMs};

impl Tracker {
    /// A leg is put on hold, or taken back.
    pub fn hold(&mut self, at: UnixMs, leg: LegId, on: bool) {
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        if it.person.held == on {
            return;
        }
        it.person.held = on;
        let group = it.group;
        self.review_hold(at, group);
    }

    /// Holds count while people have been connected: music in a queue or a parking place is none.
    pub(super) fn review_hold(&mut self, at: UnixMs, group: u32) {
        let Some(it) = self.groups.get(group) else { return };
        let held = it.members.iter().filter_map(|&it| self.legs.get(it)).any(|it| {
            let person = &it.person;
            person.held && person.talked && !person.parked && !person.queued
        });
        let queued =
            it.members.iter().filter_map(|&it| self.legs.get(it)).any(|it| it.person.queued);
        let Some(open) = self.groups.open_mut(group) else { return };
        let held = held && open.call.answered_at.is_some();
        let before = open.held_since.is_some();
        if held && !before {
            open.held_since = Some(at);
        } else if !held && let Some(since) = open.held_since.take() {
            open.held_ms += (at.0 - since.0).max(0);
        }
        open.call.state = match (held, open.call.answered_at) {
            (true, _) => State::Held,
            (false, _) if queued && !open.connected => State::Queued,
            (false, Some(_)) => State::Talking,
            (false, None) => State::Ringing,
        };
        let connected = open.connected;
        if held != before && (held || connected) {
            let kind = if held { EventKind::CallHeld } else { EventKind::CallResumed };
            self.emit(at, group, kind);
        }
    }

    /// A caller begins to wait in a queue.
    pub fn queued(&mut self, at: UnixMs, leg: LegId, queue: &str) {
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        it.person.queued = true;
        let group = it.group;
        self.consider_start(at, group, true);
        self.commit_transfer(at, group, None);
        let Some(open) = self.groups.open_mut(group) else { return };
        open.idle_since = None;
        open.call.queue = Some(queue.to_owned());
        self.review_hold(at, group);
        self.emit(at, group, EventKind::CallQueued);
    }

    /// A caller no longer waits in a queue.
    pub fn dequeued(&mut self, at: UnixMs, leg: LegId) {
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        if std::mem::take(&mut it.person.queued) {
            let group = it.group;
            self.review_hold(at, group);
        }
    }
}
