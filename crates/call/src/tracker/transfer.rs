//! Calls that are given to somebody else: announced, or concluded from who talks with whom.

use super::{
    Tracker,
    group::LIST_MAX,
    legs::{LegId, Side},
};
use crate::{EventKind, Outcome, Transfer, TransferKind, UnixMs};

/// How long after the last conversation a new attempt to dial is taken for a blind transfer.
const TRANSFER_MS: i64 = 2_000;

impl Tracker {
    /// One meets somebody whom a third, who has left them, had talked with: that one has transferred
    /// the call after a consultation. Gives the extensions of that one and of the newcomer.
    pub(super) fn attended_transfer(
        &self,
        group: u32,
        one: u32,
        other: u32,
        all: &[(u32, u32)],
    ) -> Option<(String, String)> {
        let open = self.groups.open(group)?;
        let (a, b) = (self.legs.get(one)?.person.id, self.legs.get(other)?.person.id);
        let met = |x: u32, y: u32| open.met.contains(&(x.min(y), x.max(y)));
        let talk = all.iter().find(|it| it.0 == one)?.1;
        let there = |id: u32| {
            let mut legs =
                all.iter().filter(|it| it.1 == talk).filter_map(|it| self.legs.get(it.0));
            legs.any(|it| it.person.id == id)
        };
        let left = |it: &&(u32, Option<Box<str>>)| it.1.is_some() && !there(it.0);
        // The phone of the third may have two legs: one in the call, one in the consultation.
        let third = |x: u32| open.talkers.iter().filter(left).filter(move |it| met(it.0, x));
        let (from, with_a, with_b) = third(a).find_map(|with_a| {
            let with_b = third(b).find(|it| it.1 == with_a.1)?;
            Some((with_a.1.as_deref()?, with_a.0, with_b.0))
        })?;
        // The newcomer is the one who met the third later.
        let order = |x: u32, y: u32| open.met.iter().position(|&it| it == (x.min(y), x.max(y)));
        let newcomer = if order(a, with_a) > order(b, with_b) { one } else { other };
        let to = match &self.legs.get(newcomer)?.person.side {
            Side::Extension(extension) => extension.to_string(),
            Side::Outside(number) => number.as_deref()?.to_owned(),
            Side::Inner => return None,
        };
        Some((from.to_owned(), to))
    }

    /// Somebody is dialled: what that says about transfers and the direction.
    pub(super) fn called(&mut self, at: UnixMs, leg: u32) {
        let Some(it) = self.legs.get(leg) else { return };
        let (group, human) = (it.group, it.person.is_human());
        let target = it.person.extension().map(str::to_owned);
        let outside = human && target.is_none();
        let requester = self.is_caller(group, leg);
        if let Some(group) = self.groups.get_mut(group).filter(|_| human && !requester) {
            group.evidence.called = true;
            group.evidence.called_outside |= outside;
        }
        self.settle_direction(group);
        let blind = self.unannounced_transfer(at, group, leg);
        let Some(open) = self.groups.open_mut(group) else { return };
        open.idle_since = None;
        open.hung_up_by = None;
        if let Some(from) = blind {
            let to = target.clone();
            let kind = TransferKind::Blind;
            open.pending = Some(Transfer { kind, from: Some(from), to, outcome: None, at });
        }
        self.commit_transfer(at, group, target);
        self.report_ringing(at, group);
    }

    /// Old dialects say nothing of a blind transfer: the partner leaves, and the other one dials.
    pub(super) fn unannounced_transfer(&self, at: UnixMs, group: u32, leg: u32) -> Option<String> {
        let open = self.groups.open(group)?;
        let dialler = self.legs.get(self.legs.get(leg)?.dialled_by?)?;
        let (left, left_at) = open.last_left.as_ref()?;
        let recent = at.0 - left_at.0 <= TRANSFER_MS;
        let told = open.call.transfers.last().is_some_and(|it| it.at.0 >= left_at.0 - TRANSFER_MS);
        let idle = !open.connected && open.pending.is_none() && !open.call.parked;
        (recent && idle && !told && dialler.person.talked).then(|| left.to_string())
    }

    /// A person gives the call away. A blind one counts once it has begun; see `parked`.
    pub fn transfer(&mut self, at: UnixMs, kind: TransferKind, by: LegId, to: Option<&str>) {
        let Some(it) = self.legs.get(by.0) else { return };
        let (group, from) = (it.group, it.person.extension().map(str::to_owned));
        let Some(open) = self.groups.open_mut(group) else { return };
        // An attended one has mostly been seen already, by who talks with whom.
        let told =
            |it: &Transfer| it.kind == kind && it.from == from && at.0 - it.at.0 <= TRANSFER_MS;
        if open.call.transfers.last().is_some_and(told) || open.parking(at) {
            return;
        }
        open.hung_up_by = None;
        open.pending = Some(Transfer { kind, from, to: to.map(str::to_owned), outcome: None, at });
        self.wake_later(at);
    }

    /// A blind transfer that was only asked for has begun.
    pub(super) fn commit_transfer(&mut self, at: UnixMs, group: u32, target: Option<String>) {
        let Some(open) = self.groups.open_mut(group) else { return };
        let Some(mut transfer) = open.pending.take() else { return };
        transfer.to = transfer.to.or(target);
        if open.call.transfers.len() < LIST_MAX {
            open.call.transfers.push(transfer);
        }
        self.emit(at, group, EventKind::CallTransferred);
    }

    pub(super) fn transferred(
        &mut self,
        at: UnixMs,
        group: u32,
        kind: TransferKind,
        from: String,
        to: String,
    ) {
        let Some(open) = self.groups.open_mut(group) else { return };
        let outcome = Some(Outcome::Answered);
        let transfer = Transfer { kind, from: Some(from), to: Some(to), outcome, at };
        let told = |it: &Transfer| {
            (&it.from, &it.to, it.kind) == (&transfer.from, &transfer.to, transfer.kind)
        };
        if open.call.transfers.last().is_some_and(told) || open.call.transfers.len() >= LIST_MAX {
            return;
        }
        open.call.transfers.push(transfer);
        self.emit(at, group, EventKind::CallTransferred);
    }

    /// The person at a leg waits in a parking place.
    pub fn parked(&mut self, at: UnixMs, leg: LegId) {
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        it.person.parked = true;
        let group = it.group;
        let Some(open) = self.groups.open_mut(group) else { return };
        open.call.parked = true;
        open.parked_at = Some(at);
        open.hung_up_by = None;
        open.idle_since = None;
        // What looked like a transfer was the way to the parking place.
        open.pending = None;
        let to_parking = |it: &Transfer| it.kind == TransferKind::Blind && it.at.0 >= at.0;
        if open.call.transfers.last().is_some_and(to_parking) {
            open.call.transfers.pop();
        }
        self.review_hold(at, group);
    }
}
