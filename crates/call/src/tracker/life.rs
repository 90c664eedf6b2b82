//! The life of a call: its start, the joining of two, its end, and the events of it.

use std::sync::Arc;

use super::{
    CallUpdate, Tracker,
    evidence::Miss,
    group::{Group, Hanger, LIST_MAX, MEMBERS_MAX, Open},
    legs::{DialEnd, LegState, Side},
};
use crate::{
    Call, CallId, Direction, EndedBy, EventKind, Outcome, Party, Recording, State, Transfer, UnixMs,
};

impl Tracker {
    pub(super) fn join(&mut self, at: UnixMs, one: u32, other: u32) {
        let group = |id: u32| self.legs.get(id).map(|it| it.group);
        if let (Some(one), Some(other)) = (group(one), group(other)) {
            self.join_groups(at, one, other);
        }
    }

    /// Two groups are one call. The older call survives: a consultation becomes part of the call
    /// that it served, the call of somebody who picks up a part of the one that rang.
    pub(super) fn join_groups(&mut self, at: UnixMs, one: u32, other: u32) {
        if one == other {
            return;
        }
        let (Some(a), Some(b)) = (self.groups.get(one), self.groups.get(other)) else { return };
        if a.members.len() + b.members.len() > MEMBERS_MAX {
            self.refused += 1;
            return;
        }
        let age = |it: &Group| it.open.as_ref().map(|it| (it.call.started_at, it.call.id.clone()));
        let first_wins = match (age(a), age(b)) {
            (Some(a), Some(b)) => a <= b,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => a.members.len() >= b.members.len(),
        };
        let (winner, loser) = if first_wins { (one, other) } else { (other, one) };
        let Some(gone) = self.groups.remove(loser) else { return };
        for &member in &gone.members {
            if let Some(leg) = self.legs.get_mut(member) {
                leg.group = winner;
            }
        }
        for id in &gone.link_ids {
            self.link_ids.insert(id.clone(), winner);
        }
        for request in self.requests.iter_mut().filter(|it| it.group == Some(loser)) {
            request.group = Some(winner);
        }
        let Some(kept) = self.groups.get_mut(winner) else { return };
        kept.estimated |= gone.estimated && kept.open.is_none();
        kept.awaits_legs |= gone.awaits_legs;
        kept.members.extend(gone.members);
        kept.link_ids.extend(gone.link_ids);
        kept.evidence.merge(gone.evidence);
        if let Some(absorbed) = gone.open {
            self.absorb(at, winner, *absorbed);
        }
        self.report_ringing(at, winner);
    }

    /// Ends a call that has turned out to be a part of another one, and takes over what it knew.
    fn absorb(&mut self, at: UnixMs, winner: u32, mut absorbed: Open) {
        let Some(open) = self.groups.open_mut(winner) else { return };
        absorbed.call.merged_into = Some(open.call.id.clone());
        let (from, to) = (&absorbed.call, &mut open.call);
        append(&mut to.rang, &from.rang);
        append(&mut to.parties, &from.parties);
        to.recordings.extend(from.recordings.iter().cloned());
        to.recordings.truncate(LIST_MAX);
        to.transfers.extend(from.transfers.iter().cloned());
        to.transfers.truncate(LIST_MAX);
        to.parked |= from.parked;
        to.queue = to.queue.take().or_else(|| from.queue.clone());
        to.picked_up_from = to.picked_up_from.take().or_else(|| from.picked_up_from.clone());
        to.forwarded_by = to.forwarded_by.take().or_else(|| from.forwarded_by.clone());
        open.met.extend(absorbed.met.iter().copied());
        open.met.truncate(LIST_MAX);
        open.talkers.extend(absorbed.talkers.iter().cloned());
        open.talkers.truncate(LIST_MAX);
        open.last_left = open.last_left.take().or_else(|| absorbed.last_left.clone());
        open.idle_since = None;
        // People who were connected in the one are connected in the other.
        let answered = to.answered_at.is_none() && from.answered_at.is_some();
        if answered {
            to.answered_at = from.answered_at;
            to.answered_by.clone_from(&from.answered_by);
            to.extension.clone_from(&from.extension);
            to.state = State::Talking;
        }
        absorbed.close(at, None);
        self.publish(at, EventKind::CallEnded, &mut absorbed, None);
        if answered {
            self.emit(at, winner, EventKind::CallAnswered);
        }
    }

    /// Starts the call of a group once it is clear who calls.
    ///
    /// A leg that was dialled, or one whose person has dialled a feature code, makes no call of its
    /// own; `force`: something has happened that only a call can have.
    pub(super) fn consider_start(&mut self, at: UnixMs, group: u32, force: bool) {
        let Some(it) = self.groups.get(group).filter(|it| it.open.is_none()) else { return };
        let legs = || it.members.iter().filter_map(|&id| Some((id, self.legs.get(id)?)));
        let undialled = |leg: &super::legs::Leg| leg.person.is_human() && leg.dialled_by.is_none();
        let caller = legs()
            .filter(|(_, leg)| undialled(leg) && leg.person.calling)
            .min_by_key(|(id, leg)| (leg.born, *id));
        let ready = caller.is_some_and(|(_, leg)| {
            leg.person.dialled.as_deref().is_some_and(|it| !it.starts_with(['*', '#']))
        });
        if !ready && !force {
            return;
        }
        let earliest = |(id, leg): &(u32, &super::legs::Leg)| (leg.born, *id);
        let root = caller
            .or_else(|| legs().filter(|(_, leg)| undialled(leg)).min_by_key(earliest))
            .or_else(|| legs().filter(|(_, leg)| leg.person.is_human()).min_by_key(earliest));
        let Some((root, _)) = root else { return };
        self.start(at, group, root);
    }

    fn start(&mut self, at: UnixMs, group: u32, root: u32) {
        let Some(leg) = self.legs.get(root) else { return };
        let person = &leg.person;
        let (number, name) = (person.number.as_deref(), person.name.as_deref());
        let from = match &person.side {
            Side::Extension(extension) => Party {
                number: Some(extension.to_string()),
                raw: Some(extension.to_string()),
                name: name.map(str::to_owned),
            },
            Side::Outside(_) | Side::Inner => self.settings.party(number, name),
        };
        let inbound = person.extension().is_none();
        let began = leg.born;
        let mut call = Call::placeholder();
        call.id = CallId(self.ids.next(began));
        call.pbx.clone_from(&self.settings.pbx);
        call.direction = if inbound { Direction::Inbound } else { Direction::Internal };
        call.from = from;
        call.to = self.settings.party(person.dialled.as_deref(), None);
        call.started_at = began;
        let mut open = Open::new(call);
        open.caller = Some(person.id);
        self.open(at, group, open);
    }

    /// Opens the call of a group, and says so.
    pub(super) fn open(&mut self, at: UnixMs, group: u32, mut open: Open) {
        let Some(it) = self.groups.get_mut(group) else { return };
        open.call.estimated = it.estimated;
        it.open = Some(Box::new(open));
        self.open_calls += 1;
        self.settle_direction(group);
        self.emit(at, group, EventKind::CallStarted);
        self.report_ringing(at, group);
    }

    /// Whether a call of one of us goes outside: an extension was dialled, or the first one called.
    pub(super) fn settle_direction(&mut self, group: u32) {
        let Some(it) = self.groups.get_mut(group) else { return };
        let (called, outside) = (it.evidence.called, it.evidence.called_outside);
        let Some(open) = it.open.as_deref_mut() else { return };
        if open.call.direction == Direction::Inbound {
            return;
        }
        let to = open.call.to.raw.as_deref().unwrap_or_default();
        let requested = open.call.dial_request.is_some();
        let ours = self.settings.extensions.matches(to) || to.starts_with(['*', '#']);
        let internal = match (called, outside) {
            // What a request dials is outside until an extension is called: short numbers exist there.
            (false, _) if requested => false,
            _ if ours => true,
            (true, outside) => !outside,
            (false, _) => to.is_empty(),
        };
        open.call.direction = if internal { Direction::Internal } else { Direction::Outbound };
    }

    /// One event for each extension of the group that has begun to ring.
    pub(super) fn report_ringing(&mut self, at: UnixMs, group: u32) {
        let mut place = 0;
        while let Some(it) = self.groups.get_mut(group) {
            let Some(open) = it.open.as_deref_mut() else { return };
            let Some(&member) = it.members.get(place) else { return };
            place += 1;
            let Some(leg) = self.legs.get(member).filter(|it| it.person.rang) else { continue };
            let Some(extension) = leg.person.extension() else { continue };
            let known = open.call.rang.iter().any(|it| it == extension);
            if known || open.call.rang.len() >= LIST_MAX {
                continue;
            }
            let extension = extension.to_owned();
            let order = self.branch(member);
            if let Some(open) = self.groups.open_mut(group) {
                open.note_ring(at, order, extension);
            }
            self.emit(at, group, EventKind::CallRinging);
        }
    }

    /// Which attempt of the caller a leg belongs to, however many inner lines lie between: the number
    /// of the person at its first leg, which rises with each leg.
    fn branch(&self, id: u32) -> u32 {
        let mut leg = self.legs.get(id);
        let mut branch = 0;
        for _ in 0..BRANCH_DEPTH_MAX {
            let Some(it) = leg else { break };
            branch = it.person.id;
            let dialler = it.dialled_by.and_then(|it| self.legs.get(it));
            let Some(inner) = dialler.filter(|it| !it.person.is_human()) else { break };
            leg = inner.pair.and_then(|it| self.legs.get(it));
        }
        branch
    }

    /// An event of the open call of a group.
    pub(super) fn emit(&mut self, at: UnixMs, group: u32, kind: EventKind) {
        let Some(mut open) = self.groups.get_mut(group).and_then(|it| it.open.take()) else {
            return;
        };
        open.clock(at);
        let memo = self.memo(group, &open);
        self.publish(at, kind, &mut open, memo);
        if let Some(it) = self.groups.get_mut(group) {
            it.open = Some(open);
        }
    }

    fn publish(&mut self, at: UnixMs, kind: EventKind, open: &mut Open, memo: Option<super::Memo>) {
        open.sequence += 1;
        if kind == EventKind::CallEnded {
            self.open_calls -= 1;
        }
        self.updates.push_back(CallUpdate {
            kind,
            time: at,
            sequence: open.sequence,
            call: Arc::new(open.call.clone()),
            memo: memo.map(|mut it| {
                it.set_sequence(open.sequence);
                Arc::new(it)
            }),
        });
    }

    /// The last leg is gone: the call is over.
    pub(super) fn finish(&mut self, at: UnixMs, group: u32) {
        self.commit_transfer(at, group, None);
        self.settle_direction(group);
        let Some(gone) = self.groups.remove(group) else { return };
        for id in &gone.link_ids {
            self.link_ids.remove(id);
        }
        self.requests.retain(|it| it.group != Some(group));
        let Some(mut open) = gone.open else { return };
        open.close(at, Some(&gone.evidence));
        self.publish(at, EventKind::CallEnded, &mut open, None);
    }
}

/// The most inner lines between a caller and a phone that are followed.
const BRANCH_DEPTH_MAX: usize = 8;

/// Phones that begin to ring within this time were dialled together: they are listed in the order of
/// dialling, which does not depend on whose news came first.
const TOGETHER_MS: i64 = 250;

/// Adds what is not there yet.
fn append(list: &mut Vec<String>, more: &[String]) {
    for it in more {
        if !list.contains(it) && list.len() < LIST_MAX {
            list.push(it.clone());
        }
    }
}

impl Open {
    pub(super) fn new(call: Call) -> Open {
        Open {
            call,
            sequence: 0,
            caller: None,
            rings: Vec::new(),
            met: Vec::new(),
            talkers: Vec::new(),
            connected: false,
            idle_since: None,
            held_since: None,
            held_ms: 0,
            hung_up_by: None,
            pending: None,
            parked_at: None,
            last_left: None,
        }
    }

    /// Sets the durations as they stand at `at`.
    fn clock(&mut self, at: UnixMs) {
        let call = &mut self.call;
        call.ring_seconds = call.answered_at.unwrap_or(at).seconds_since(call.started_at);
        let talked_until = self.idle_since.unwrap_or(at);
        call.talk_seconds = call.answered_at.map_or(0.0, |it| talked_until.seconds_since(it));
        let held = self.held_ms + self.held_since.map_or(0, |it| (at.0 - it.0).max(0));
        call.hold_seconds = UnixMs(held).seconds_since(UnixMs(0)).min(call.talk_seconds);
    }

    /// Ends the call. Without evidence it was a part of another one.
    fn close(&mut self, at: UnixMs, evidence: Option<&super::evidence::Evidence>) {
        self.clock(at);
        let requested = self.call.dial_request.is_some();
        let (missed, cause) = match evidence {
            Some(it) => it.outcome(self.call.direction, requested),
            None => (Outcome::Missed, None),
        };
        let ended_by = self.who_ended(missed, evidence);
        let call = &mut self.call;
        let answered = call.answered_at.is_some();
        call.state = State::Ended;
        call.ended_at = Some(at.max(call.started_at));
        call.outcome = Some(if answered { Outcome::Answered } else { missed });
        let caller_cause = evidence.and_then(|it| it.caller_cause);
        call.hangup_cause = if answered { caller_cause.or(cause) } else { cause };
        call.ended_by = ended_by;
        if call.extension.is_none() && call.direction != Direction::Inbound {
            call.extension.clone_from(&call.from.number);
        }
        if let Some(last) = call.transfers.last_mut() {
            last.outcome.get_or_insert(Outcome::Missed);
        }
    }

    /// Who hung up, as far as the phone system tells.
    fn who_ended(
        &self,
        missed: Outcome,
        evidence: Option<&super::evidence::Evidence>,
    ) -> Option<EndedBy> {
        match self.hung_up_by {
            Some(Hanger::Person(person)) if Some(person) == self.caller => {
                return Some(EndedBy::Caller);
            }
            Some(Hanger::Person(person)) => return self.ended_by_person(person),
            Some(Hanger::Caller) => return Some(EndedBy::Caller),
            Some(Hanger::Callee) => return Some(EndedBy::Callee),
            None => {}
        }
        let evidence = evidence?;
        if self.call.answered_at.is_some() || missed != Outcome::Missed {
            return None;
        }
        match evidence.caller_dial_end {
            Some(DialEnd::Cancelled) => Some(EndedBy::Caller),
            Some(DialEnd::NoAnswer) => Some(EndedBy::Pbx),
            _ if evidence.caller_cause == Some(0) => Some(EndedBy::Caller),
            _ => None,
        }
    }

    fn ended_by_person(&self, person: u32) -> Option<EndedBy> {
        // The phone that a click-to-dial request rings through an inner line is the caller's.
        let extension =
            self.talkers.iter().find(|it| it.0 == person).and_then(|it| it.1.as_deref());
        let caller = self.caller.is_none() && extension == self.call.from.number.as_deref();
        Some(if caller { EndedBy::Caller } else { EndedBy::Callee })
    }

    fn note_ring(&mut self, at: UnixMs, order: u32, extension: String) {
        let together = |it: &(UnixMs, u32)| at.0 - it.0.0 <= TOGETHER_MS && it.1 > order;
        let later = self.rings.iter().rev().take_while(|it| together(it)).count();
        let place = self.rings.len().saturating_sub(later);
        self.rings.insert(place, (at, order));
        // Calls that were joined have brought names of their own in between.
        let place = self.call.rang.len().saturating_sub(later);
        self.call.rang.insert(place, extension);
    }

    /// Somebody new talks: the last transfer has come to something.
    pub(super) fn transfer_answered(&mut self) {
        if let Some(last) = self.call.transfers.last_mut() {
            last.outcome.get_or_insert(Outcome::Answered);
        }
    }

    /// A leg was not answered: perhaps the one that the call was transferred to.
    pub(super) fn transfer_missed(&mut self, miss: Miss) {
        let Some(Transfer { outcome: outcome @ None, .. }) = self.call.transfers.last_mut() else {
            return;
        };
        *outcome = Some(match miss {
            Miss::Missed => Outcome::Missed,
            Miss::Busy | Miss::Declined => Outcome::Busy,
            Miss::Failed | Miss::Unavailable => Outcome::Failed,
        });
    }

    /// One recording is often reported twice: by the dial plan and by the recorder.
    pub(super) fn note_recording(&mut self, at: UnixMs) {
        let list = &mut self.call.recordings;
        let again = |it: UnixMs| at.0 - it.0 <= RECORDING_MS;
        if list.last().and_then(|it| it.started_at).is_some_and(again) || list.len() >= LIST_MAX {
            return;
        }
        list.push(Recording { id: format!("r{}", list.len() + 1), started_at: Some(at) });
    }
}

/// Two reports of a recording within this time are about the same one.
const RECORDING_MS: i64 = 1_000;

impl Tracker {
    /// A caller who leaves before anything was known of the call has still called.
    pub(super) fn start_late(&mut self, at: UnixMs, id: u32) {
        let Some(leg) = self.legs.get(id) else { return };
        let person = &leg.person;
        if person.calling && person.state >= LegState::Calling && leg.dialled_by.is_none() {
            let group = leg.group;
            self.consider_start(at, group, person.is_human());
        }
    }
}
