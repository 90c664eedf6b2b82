//! Click-to-dial: a call that begins with a request of ours instead of a leg.

use super::{
    Tracker,
    evidence::Miss,
    group::{Group, Open},
    legs::{DialEnd, LegId},
};
use crate::{Call, CallId, Direction, Party, UnixMs};

/// The most requests that wait for their phone to be answered.
const REQUESTS_MAX: usize = 10_000;

/// How long after a request its first leg, or the report of its failure, may come.
const REQUEST_MS: i64 = 120_000;

pub(super) struct Request {
    id: String,
    extension: String,
    number: String,
    at: UnixMs,
    pub(super) group: Option<u32>,
    pub(super) has_leg: bool,
}

impl Tracker {
    /// A request was sent to the phone system. No call yet: it may refuse.
    pub fn dial_requested(&mut self, at: UnixMs, id: &str, extension: &str, number: &str) {
        let known = self.requests.iter().any(|it| it.id == id);
        if known || self.requests.len() >= REQUESTS_MAX {
            return;
        }
        self.requests.push(Request {
            id: id.to_owned(),
            extension: extension.to_owned(),
            number: number.to_owned(),
            at,
            group: None,
            has_leg: false,
        });
        self.wake_at(at.plus_ms(REQUEST_MS));
    }

    /// The phone system carries the request out: the call has begun when it was sent.
    pub fn dial_accepted(&mut self, at: UnixMs, id: &str) {
        let Some(request) = self.requests.iter_mut().find(|it| it.id == id) else { return };
        if request.group.is_some() {
            return;
        }
        let mut call = Call::placeholder();
        call.id = CallId(self.ids.next(request.at));
        call.pbx.clone_from(&self.settings.pbx);
        call.direction = Direction::Outbound;
        let extension = request.extension.clone();
        call.from = Party { number: Some(extension.clone()), raw: Some(extension), name: None };
        call.to = self.settings.party(Some(&request.number), None);
        call.dial_request = Some(request.id.clone());
        call.started_at = request.at;
        let group = self.groups.insert(Group { awaits_legs: true, ..Group::default() });
        request.group = Some(group);
        self.open(at, group, Open::new(call));
    }

    /// The phone system refused the request: nothing has happened.
    pub fn dial_refused(&mut self, at: UnixMs, id: &str) {
        let Some(place) = self.requests.iter().position(|it| it.id == id) else { return };
        match self.requests[place].group {
            Some(_) => self.dial_failed(at, id, DialEnd::Unavailable),
            None => drop(self.requests.remove(place)),
        }
    }

    /// The leg that a request has made; a request that nobody has accepted yet is accepted by it.
    pub fn dial_leg(&mut self, at: UnixMs, id: &str, leg: LegId) {
        self.dial_accepted(at, id);
        let Some(request) = self.requests.iter_mut().find(|it| it.id == id) else { return };
        let Some(group) = request.group else { return };
        request.has_leg = true;
        let extension = request.extension.clone();
        let Some(it) = self.legs.get(leg.0) else { return };
        let person = (it.person.extension() == Some(&extension)).then_some(it.person.id);
        let from_group = it.group;
        self.join_groups(at, group, from_group);
        let Some(it) = self.legs.get(leg.0).map(|it| it.group) else { return };
        let Some(group) = self.groups.get_mut(it) else { return };
        group.awaits_legs = false;
        if let Some(open) = group.open.as_deref_mut().filter(|it| it.caller.is_none()) {
            open.caller = person;
        }
        self.report_ringing(at, it);
        self.review(at, it);
    }

    /// The phone of the person did not take the call. Its leg, if there was one, tells more.
    pub fn dial_failed(&mut self, at: UnixMs, id: &str, end: DialEnd) {
        let Some(place) = self.requests.iter().position(|it| it.id == id) else { return };
        let Some(group) = self.requests[place].group else {
            self.requests.remove(place);
            return;
        };
        let Some(it) = self.groups.get_mut(group) else { return };
        it.awaits_legs = false;
        if it.members.is_empty() {
            let miss = match end {
                DialEnd::NoAnswer | DialEnd::Cancelled | DialEnd::Answered => Miss::Missed,
                DialEnd::Busy => Miss::Busy,
                DialEnd::Congestion => Miss::Failed,
                DialEnd::Unavailable => Miss::Unavailable,
            };
            it.evidence.note(miss, None);
            self.finish(at, group);
        }
    }

    /// The leg of an open request, to hang it up.
    #[must_use]
    pub fn leg_of_request(&self, id: &str) -> Option<LegId> {
        let ids = self.groups.ids().find(|&it| {
            self.groups.open(it).is_some_and(|it| it.call.dial_request.as_deref() == Some(id))
        })?;
        let legs = self.groups.get(ids)?.members.iter().copied();
        legs.min_by_key(|&it| self.legs.get(it).map(|it| it.born)).map(LegId)
    }

    /// A phone that nobody dials: it may be the one of a request, in dialects that do not say so.
    pub(super) fn claim(&mut self, at: UnixMs, id: u32) {
        let Some(leg) = self.legs.get(id) else { return };
        let Some(extension) = leg.person.extension() else { return };
        let alone = self.groups.get(leg.group).is_some_and(|it| it.open.is_none());
        if leg.dialled_by.is_some() || leg.person.calling || !alone {
            return;
        }
        let waiting = self.requests.iter().find(|it| {
            it.group.is_some() && !it.has_leg && it.extension == extension && it.at <= leg.born
        });
        if let Some(request) = waiting.map(|it| it.id.clone()) {
            self.dial_leg(at, &request, LegId(id));
        }
    }

    /// Ends requests that have come to nothing.
    pub(super) fn expire_requests(&mut self, now: UnixMs) {
        let late = |it: &Request| it.at.plus_ms(REQUEST_MS) <= now && !it.has_leg;
        while let Some(request) = self.requests.iter().find(|it| late(it)) {
            let id = request.id.clone();
            self.dial_failed(now, &id, DialEnd::Unavailable);
            self.requests.retain(|it| it.id != id);
        }
        let next = self.requests.iter().filter(|it| !it.has_leg).map(|it| it.at).min();
        if let Some(at) = next {
            self.wake_at(at.plus_ms(REQUEST_MS));
        }
    }
}
