//! What adapters tell the tracker: hints that legs belong together, and what was seen of a leg.

use super::{
    Tracker,
    group::{Group, Hanger},
    legs::{DialEnd, Leg, LegId, LegState, Person, Side},
};
use crate::UnixMs;

/// A leg that was not known before.
#[derive(Debug, Clone)]
pub struct NewLeg<'a> {
    /// Identifies the leg for as long as it lives.
    pub key: &'a str,
    /// What the phone system calls it now; the name may move to another leg.
    pub name: &'a str,
    /// Who is at its far end.
    pub side: Side,
    /// How far it has come.
    pub state: LegState,
    /// Number of the person, as the phone system writes it.
    pub number: Option<&'a str>,
    /// Name of the person.
    pub display: Option<&'a str>,
    /// What the person dialled.
    pub dialled: Option<&'a str>,
}

impl Tracker {
    /// The live leg of this key.
    #[must_use]
    pub fn leg(&self, key: &str) -> Option<LegId> {
        self.legs.by_key(key).map(LegId)
    }

    /// The live leg that has this name now.
    #[must_use]
    pub fn leg_named(&self, name: &str) -> Option<LegId> {
        self.legs.by_name(name).map(LegId)
    }

    /// All live legs.
    pub fn legs(&self) -> impl Iterator<Item = LegId> {
        self.legs.ids().map(LegId)
    }

    /// The key of a live leg.
    #[must_use]
    pub fn key_of(&self, leg: LegId) -> &str {
        self.legs.get(leg.0).map_or("", |it| &it.key)
    }

    /// The name of a live leg.
    #[must_use]
    pub fn name_of(&self, leg: LegId) -> &str {
        self.legs.get(leg.0).map_or("", |it| &it.name)
    }

    /// Who is at the far end of a live leg.
    #[must_use]
    pub fn side_of(&self, leg: LegId) -> Option<&Side> {
        self.legs.get(leg.0).map(|it| &it.person.side)
    }

    /// A leg came to be. `None` when there are too many of them; a known key keeps its leg.
    pub fn leg_born(&mut self, at: UnixMs, new: NewLeg<'_>) -> Option<LegId> {
        if let Some(known) = self.legs.by_key(new.key) {
            return Some(LegId(known));
        }
        let group = self.groups.insert(Group::default());
        let leg = Leg {
            key: new.key.into(),
            name: new.name.into(),
            group,
            born: at,
            person: Person {
                id: self.next_person(),
                side: new.side,
                state: LegState::New,
                number: new.number.map(str::to_owned),
                name: new.display.map(str::to_owned),
                dialled: new.dialled.map(str::to_owned),
                calling: false,
                rang: false,
                talked: false,
                held: false,
                queued: false,
                parked: false,
            },
            pair: None,
            bridge: None,
            links: Vec::new(),
            dialled_by: None,
            dialled_at: None,
            dial_end: None,
            link_id: Box::default(),
            confirmed: self.snapshot,
        };
        let Some(id) = self.legs.insert(leg) else {
            self.groups.remove(group);
            self.refused += 1;
            return None;
        };
        if let Some(it) = self.groups.get_mut(group) {
            it.members.push(id);
        }
        if new.state != LegState::New {
            self.state(at, LegId(id), new.state);
        }
        Some(LegId(id))
    }

    /// A leg has come further.
    pub fn state(&mut self, at: UnixMs, leg: LegId, state: LegState) {
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        if it.person.state == state {
            return;
        }
        it.person.state = state;
        let group = it.group;
        match state {
            LegState::New => {}
            LegState::Calling => {
                it.person.calling = true;
                self.consider_start(at, group, false);
            }
            LegState::Ringing => self.rings(at, leg),
            LegState::Up => self.consider_start(at, group, false),
        }
    }

    /// The phone at a leg rings. Repeating it is harmless.
    pub fn rings(&mut self, at: UnixMs, leg: LegId) {
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        if it.person.rang || it.person.extension().is_none() || it.person.talked {
            return;
        }
        it.person.rang = true;
        let group = it.group;
        self.report_ringing(at, group);
    }

    /// What the person at a leg dialled; the first one that says something counts.
    pub fn dialled(&mut self, at: UnixMs, leg: LegId, number: &str) {
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        if it.person.dialled.is_some() {
            return;
        }
        it.person.dialled = Some(number.to_owned());
        let (group, person) = (it.group, it.person.id);
        if let Some(open) = self.groups.open_mut(group)
            && open.caller == Some(person)
            && open.call.to.raw.is_none()
        {
            open.call.to = self.settings.party(Some(number), None);
        }
        self.consider_start(at, group, false);
    }

    /// Number and name of the person at a leg, where they were not known yet.
    pub fn person(&mut self, leg: LegId, number: Option<&str>, name: Option<&str>) {
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        let person = &mut it.person;
        if person.number.is_none() {
            person.number = number.map(str::to_owned);
        }
        if person.name.is_none() {
            person.name = name.map(str::to_owned);
        }
        let (id, group) = (person.id, it.group);
        let Some(open) = self.groups.open_mut(group) else { return };
        if open.caller != Some(id) || open.call.dial_request.is_some() {
            return;
        }
        if open.call.from.raw.is_none() && it.person.extension().is_none() {
            let name = it.person.name.as_deref();
            open.call.from = self.settings.party(it.person.number.as_deref(), name);
        } else if open.call.from.name.is_none() {
            open.call.from.name = it.person.name.clone();
        }
    }

    /// Two legs belong to one call.
    pub fn same_call(&mut self, at: UnixMs, one: LegId, other: LegId) {
        self.join(at, one.0, other.0);
    }

    /// The phone system marks all legs of a call with an id, which may change during life.
    pub fn link_id(&mut self, at: UnixMs, leg: LegId, id: &str) {
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        if &*it.link_id == id {
            return;
        }
        it.link_id = id.into();
        let group = it.group;
        if let Some(&known) = self.link_ids.get(id) {
            self.join_groups(at, group, known);
        } else if let Some(group_of) = self.groups.get_mut(group)
            && group_of.link_ids.len() < super::group::LIST_MAX
        {
            group_of.link_ids.push(id.into());
            self.link_ids.insert(id.into(), group);
        }
        // The id is the key of the leg that the call began with.
        if let Some(root) = self.legs.by_key(id) {
            self.join(at, leg.0, root);
        }
    }

    /// Two legs are the ends of one inner line: what goes into one comes out of the other.
    pub fn paired(&mut self, at: UnixMs, one: LegId, other: LegId) {
        self.join(at, one.0, other.0);
        if let Some(it) = self.legs.get_mut(one.0) {
            it.pair = Some(other.0);
        }
        if let Some(it) = self.legs.get_mut(other.0) {
            it.pair = Some(one.0);
        }
    }

    /// One leg dials another. `number`: what it dials to reach somebody outside.
    pub fn dials(&mut self, at: UnixMs, from: LegId, to: LegId, number: Option<&str>) {
        let caller_side = self.legs.get(from.0).map(|it| it.person.clone());
        if let Some(it) = self.legs.get_mut(to.0) {
            it.dialled_by = Some(from.0);
            it.dialled_at = Some(at);
            if let (Side::Outside(known @ None), Some(number)) = (&mut it.person.side, number) {
                *known = Some(number.into());
            }
        }
        self.join(at, from.0, to.0);
        if caller_side.is_some_and(|it| it.is_human())
            && let Some(it) = self.legs.get(from.0)
            && it.dialled_by.is_none()
        {
            let group = it.group;
            self.consider_start(at, group, true);
        }
        self.called(at, to.0);
    }

    /// A queue offers its caller to a member, whose leg may ring already.
    pub fn offered(&mut self, at: UnixMs, caller: LegId, member: LegId) {
        let Some(it) = self.legs.get_mut(member.0) else { return };
        if it.dialled_by.is_none() {
            (it.dialled_by, it.dialled_at) = (Some(caller.0), Some(at));
        }
        self.join(at, caller.0, member.0);
        self.called(at, member.0);
    }

    /// How dialling one leg ended.
    pub fn dial_ended(&mut self, leg: LegId, end: DialEnd) {
        if let Some(it) = self.legs.get_mut(leg.0) {
            it.dial_end = Some(end);
        }
    }

    /// How an attempt of one leg to dial others ended, when nothing is said of these.
    pub fn attempt_ended(&mut self, leg: LegId, end: DialEnd) {
        let Some(it) = self.legs.get(leg.0) else { return };
        let (group, person) = (it.group, it.person.id);
        let Some(group) = self.groups.get_mut(group) else { return };
        if group.open.as_ref().is_none_or(|it| it.caller == Some(person)) {
            group.evidence.caller_dial_end = Some(end);
        }
    }

    /// The phone at `leg` sent the call on instead of ringing (SIP 302).
    pub fn forwarded(&mut self, leg: LegId) {
        let Some(it) = self.legs.get(leg.0) else { return };
        let Some(extension) = it.person.extension().map(str::to_owned) else { return };
        if let Some(open) = self.groups.open_mut(it.group) {
            open.call.forwarded_by = Some(extension);
        }
    }

    /// Somebody asked for the end of a leg: the person at it hung up.
    pub fn hung_up(&mut self, leg: LegId) {
        let Some(it) = self.legs.get(leg.0) else { return };
        if !it.person.is_human() {
            return;
        }
        let person = it.person.id;
        if let Some(open) = self.groups.open_mut(it.group) {
            open.hung_up_by.get_or_insert(Hanger::Person(person));
        }
    }

    /// Who ended the conversation of a leg, where only the role is told.
    pub fn hung_up_by(&mut self, leg: LegId, caller: bool) {
        let Some(it) = self.legs.get(leg.0) else { return };
        if let Some(open) = self.groups.open_mut(it.group) {
            let by = if caller { Hanger::Caller } else { Hanger::Callee };
            open.hung_up_by.get_or_insert(by);
        }
    }

    /// `by` takes the call that rings at `target`.
    pub fn picked_up(&mut self, at: UnixMs, by: LegId, target: LegId) {
        let extension =
            self.legs.get(target.0).and_then(|it| it.person.extension()).map(str::to_owned);
        self.join(at, by.0, target.0);
        let Some(group) = self.legs.get(by.0).map(|it| it.group) else { return };
        if let (Some(open), Some(extension)) = (self.groups.open_mut(group), extension) {
            open.call.picked_up_from.get_or_insert(extension);
        }
    }

    /// A mailbox takes the call of this leg.
    pub fn voicemail(&mut self, leg: LegId) {
        let Some(it) = self.legs.get(leg.0) else { return };
        if let Some(group) = self.groups.get_mut(it.group) {
            group.evidence.voicemail = true;
        }
    }

    /// A recording of the call of this leg runs.
    pub fn recorded(&mut self, at: UnixMs, leg: LegId) {
        let Some(it) = self.legs.get(leg.0) else { return };
        let group = it.group;
        self.consider_start(at, group, true);
        if let Some(open) = self.groups.open_mut(group) {
            open.note_recording(at);
        }
    }

    /// How long a call rang that was met in the middle, from the phone system's own records.
    pub fn rang_for(&mut self, leg: LegId, ring_ms: i64) {
        let Some(it) = self.legs.get(leg.0) else { return };
        let Some(group) = self.groups.get_mut(it.group) else { return };
        let Some(open) = group.open.as_deref_mut().filter(|_| group.estimated) else { return };
        let began = open.call.started_at;
        // Only a time that was assumed is replaced.
        if open.call.answered_at == Some(began) {
            open.call.answered_at = Some(began.plus_ms(ring_ms.max(0)));
        }
    }
}
