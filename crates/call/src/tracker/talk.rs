//! Who can hear whom: legs that are joined, and what follows when that changes.

use rustc_hash::FxHashMap;

use super::{
    Tracker,
    group::LIST_MAX,
    legs::{LegId, Side},
};
use crate::{EventKind, State, TransferKind, UnixMs};

/// The most people of one conversation that are paired with each other; a conference beyond it is
/// still one call with all its parties.
const TALKERS_MAX: usize = 32;

/// The most joints of one leg at a time in dialects without bridges.
const LINKS_MAX: usize = 64;

/// Where legs are mixed.
pub(super) struct Bridge {
    key: Box<str>,
    pub(super) members: Vec<u32>,
    /// False for a waiting room, whose guests do not hear each other.
    pub(super) joins: bool,
}

#[derive(Default)]
pub(super) struct Bridges {
    slots: Vec<Option<Bridge>>,
    free: Vec<u32>,
    by_key: FxHashMap<Box<str>, u32>,
}

impl Bridges {
    pub(super) fn get(&self, id: u32) -> Option<&Bridge> {
        self.slots.get(id as usize)?.as_ref()
    }

    fn get_mut(&mut self, id: u32) -> Option<&mut Bridge> {
        self.slots.get_mut(id as usize)?.as_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    fn id_of(&mut self, key: &str, joins: bool) -> u32 {
        if let Some(&id) = self.by_key.get(key) {
            if let Some(bridge) = self.get_mut(id) {
                bridge.joins = joins;
            }
            return id;
        }
        let bridge = Some(Bridge { key: key.into(), members: Vec::new(), joins });
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                self.slots.push(None);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.slots[id as usize] = bridge;
        self.by_key.insert(key.into(), id);
        id
    }

    fn leave(&mut self, id: u32, leg: u32) {
        let Some(bridge) = self.get_mut(id) else { return };
        bridge.members.retain(|&it| it != leg);
        if bridge.members.is_empty()
            && let Some(bridge) = self.slots.get_mut(id as usize).and_then(Option::take)
        {
            self.by_key.remove(&bridge.key);
            self.free.push(id);
        }
    }
}

impl Tracker {
    /// A leg entered a bridge. `joins`: whether those in it hear each other.
    pub fn entered(&mut self, at: UnixMs, leg: LegId, bridge: &str, joins: bool) {
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        let before = it.bridge;
        let id = self.bridges.id_of(bridge, joins);
        it.bridge = Some(id);
        if let Some(before) = before.filter(|&it| it != id) {
            self.bridges.leave(before, leg.0);
        }
        let Some(there) = self.bridges.get_mut(id) else { return };
        let other = there.members.iter().copied().find(|&it| it != leg.0);
        if !there.members.contains(&leg.0) {
            there.members.push(leg.0);
        }
        if let Some(other) = other.filter(|_| joins) {
            self.join(at, other, leg.0);
        }
        let Some(group) = self.legs.get(leg.0).map(|it| it.group) else { return };
        self.review(at, group);
    }

    /// A leg left a bridge.
    pub fn left(&mut self, at: UnixMs, leg: LegId) {
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        let group = it.group;
        if let Some(bridge) = it.bridge.take() {
            self.bridges.leave(bridge, leg.0);
            self.review(at, group);
        }
    }

    /// Two legs were joined directly.
    pub fn linked(&mut self, at: UnixMs, one: LegId, other: LegId) {
        for (from, to) in [(one.0, other.0), (other.0, one.0)] {
            if let Some(it) = self.legs.get_mut(from)
                && !it.links.contains(&to)
                && it.links.len() < LINKS_MAX
            {
                it.links.push(to);
            }
        }
        self.join(at, one.0, other.0);
        let Some(group) = self.legs.get(one.0).map(|it| it.group) else { return };
        self.review(at, group);
    }

    /// Two legs are no longer joined directly.
    pub fn unlinked(&mut self, at: UnixMs, one: LegId, other: LegId) {
        for (from, to) in [(one.0, other.0), (other.0, one.0)] {
            if let Some(it) = self.legs.get_mut(from) {
                it.links.retain(|&it| it != to);
            }
        }
        let Some(group) = self.legs.get(one.0).map(|it| it.group) else { return };
        self.review(at, group);
    }

    pub(super) fn leave_joints(&mut self, id: u32) {
        let Some(it) = self.legs.get_mut(id) else { return };
        let (bridge, pair, links) =
            (it.bridge.take(), it.pair.take(), std::mem::take(&mut it.links));
        if let Some(bridge) = bridge {
            self.bridges.leave(bridge, id);
        }
        if let Some(other) = pair.and_then(|it| self.legs.get_mut(it))
            && other.pair == Some(id)
        {
            other.pair = None;
        }
        for other in links {
            if let Some(other) = self.legs.get_mut(other) {
                other.links.retain(|&it| it != id);
            }
        }
    }

    /// Looks at who can hear whom in a group after something changed there.
    pub(super) fn review(&mut self, at: UnixMs, group: u32) {
        let people = self.talking(group);
        let was = self.groups.open(group).is_some_and(|it| it.connected);
        if people.is_empty() && !was {
            return;
        }
        if !people.is_empty() {
            self.consider_start(at, group, true);
        }
        self.note_meetings(at, group, &people);
        let settled = self.legs_settled(group);
        let Some(open) = self.groups.open_mut(group) else { return };
        open.connected = !people.is_empty();
        if open.connected {
            open.idle_since = None;
        } else if settled {
            open.idle_since.get_or_insert(at);
        }
        self.review_hold(at, group);
    }

    /// Whether no leg of the group is being dialled.
    fn legs_settled(&self, group: u32) -> bool {
        let Some(group) = self.groups.get(group) else { return true };
        !group
            .members
            .iter()
            .filter_map(|&it| self.legs.get(it))
            .any(|it| it.dialled_by.is_some() && it.person.is_human() && !it.person.talked)
    }

    /// The legs of people who hear somebody, each with the number of its conversation.
    fn talking(&self, group: u32) -> Vec<(u32, u32)> {
        let Some(group) = self.groups.get(group) else { return Vec::new() };
        let humans = |id: &u32| self.legs.get(*id).is_some_and(|it| it.person.is_human());
        let mut found: Vec<(u32, u32)> = Vec::new();
        let mut seen: Vec<u32> = Vec::with_capacity(group.members.len());
        for &start in group.members.iter().filter(|it| humans(it)) {
            if seen.contains(&start) {
                continue;
            }
            let first = seen.len();
            seen.push(start);
            let mut next = first;
            while let Some(&id) = seen.get(next) {
                next += 1;
                self.for_each_neighbour(id, |other| {
                    if !seen.contains(&other) {
                        seen.push(other);
                    }
                });
            }
            let people = seen.iter().skip(first).copied().filter(humans);
            let before = found.len();
            found.extend(people.map(|it| (it, start)));
            if found.len() - before < 2 {
                found.truncate(before);
            }
        }
        found
    }

    fn for_each_neighbour(&self, id: u32, mut visit: impl FnMut(u32)) {
        let Some(leg) = self.legs.get(id) else { return };
        leg.links.iter().copied().for_each(&mut visit);
        if let Some(pair) = leg.pair {
            visit(pair);
        }
        if let Some(bridge) = leg.bridge.and_then(|it| self.bridges.get(it)).filter(|it| it.joins) {
            bridge.members.iter().copied().filter(|&it| it != id).for_each(visit);
        }
    }

    /// Takes note of people who talk with each other for the first time.
    fn note_meetings(&mut self, at: UnixMs, group: u32, people: &[(u32, u32)]) {
        for (place, &(one, talk)) in people.iter().enumerate().take(TALKERS_MAX) {
            for &(other, _) in
                people.iter().take(TALKERS_MAX).skip(place + 1).filter(|it| it.1 == talk)
            {
                self.note_meeting(at, group, one, other, people);
            }
        }
    }

    fn note_meeting(&mut self, at: UnixMs, group: u32, one: u32, other: u32, all: &[(u32, u32)]) {
        let (Some(a), Some(b)) = (self.legs.get(one), self.legs.get(other)) else { return };
        let pair = (a.person.id.min(b.person.id), a.person.id.max(b.person.id));
        let Some(open) = self.groups.open(group) else { return };
        if open.met.contains(&pair) {
            return;
        }
        let transfer = self.attended_transfer(group, one, other, all);
        // The caller first, then whoever answered.
        let is_caller = |id: u32| self.is_caller(group, id);
        let (first, second) = if is_caller(other) { (other, one) } else { (one, other) };
        for leg in [first, second] {
            self.note_talker(leg);
        }
        if let Some(open) = self.groups.open_mut(group) {
            if open.met.len() < LIST_MAX {
                open.met.push(pair);
            }
            open.hung_up_by = None;
        }
        let target = self.legs.get(second).and_then(|it| it.person.extension()).map(str::to_owned);
        self.commit_transfer(at, group, target);
        self.answered(at, group, first, second);
        if let Some((from, to)) = transfer {
            self.transferred(at, group, TransferKind::Attended, from, to);
        }
        if let Some(open) = self.groups.open_mut(group) {
            open.transfer_answered();
        }
    }

    /// Whether the person at a leg is the one who called.
    pub(super) fn is_caller(&self, group: u32, leg: u32) -> bool {
        let (Some(open), Some(leg)) = (self.groups.open(group), self.legs.get(leg)) else {
            return false;
        };
        if open.call.dial_request.is_some() && open.caller.is_none() {
            return leg.person.extension() == open.call.from.number.as_deref();
        }
        open.caller == Some(leg.person.id)
    }

    fn note_talker(&mut self, leg: u32) {
        let Some(it) = self.legs.get_mut(leg) else { return };
        it.person.talked = true;
        it.person.held = false;
        it.person.parked = false;
        it.person.queued = false;
        let (id, group) = (it.person.id, it.group);
        let extension = it.person.extension().map(str::to_owned);
        let Some(open) = self.groups.open_mut(group) else { return };
        if open.talkers.iter().all(|it| it.0 != id) && open.talkers.len() < LIST_MAX {
            open.talkers.push((id, extension.as_deref().map(Box::from)));
        }
        let Some(extension) = extension else { return };
        if !open.call.parties.contains(&extension) && open.call.parties.len() < LIST_MAX {
            open.call.parties.push(extension.clone());
        }
        open.call.extension = Some(extension);
    }

    /// Two people are connected; the first time it is the answer.
    fn answered(&mut self, at: UnixMs, group: u32, first: u32, second: u32) {
        let by = self.answerer(group, first, second);
        let estimated = self.groups.get(group).is_some_and(|it| it.estimated);
        let Some(open) = self.groups.open_mut(group) else { return };
        open.idle_since = None;
        open.call.state = State::Talking;
        if open.call.answered_at.is_some() {
            return;
        }
        // Of a call met in the middle, nobody can tell when it was answered.
        open.call.answered_at = Some(if estimated { open.call.started_at } else { at });
        open.call.answered_by = by;
        self.emit(at, group, EventKind::CallAnswered);
    }

    fn answerer(&self, group: u32, first: u32, second: u32) -> Option<String> {
        let leg = if self.is_caller(group, second) { first } else { second };
        let open = self.groups.open(group)?;
        match &self.legs.get(leg)?.person.side {
            Side::Extension(extension) => Some(extension.to_string()),
            Side::Outside(number) if open.call.direction == crate::Direction::Inbound => {
                let number = number.as_deref().or(self.legs.get(leg)?.person.number.as_deref());
                self.settings.party(number, None).number
            }
            Side::Outside(_) => open.call.to.number.clone().or_else(|| open.call.to.raw.clone()),
            Side::Inner => None,
        }
    }
}
