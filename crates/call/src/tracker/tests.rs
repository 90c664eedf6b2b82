//! What the tracker makes of hints, without any protocol.

use super::*;
use crate::{Direction, EndedBy, Outcome, State, TransferKind};

/// A phone system that a test plays: legs by name, time in seconds.
struct Desk {
    tracker: Tracker,
    updates: Vec<CallUpdate>,
}

const OUTSIDE: &str = "79161234567";

impl Desk {
    fn new() -> Desk {
        let settings = TrackerSettings { pbx: "desk".to_owned(), ..TrackerSettings::default() };
        Desk { tracker: Tracker::new(settings, Ids::new(1)), updates: Vec::new() }
    }

    fn drain(&mut self) {
        while let Some(update) = self.tracker.poll() {
            self.updates.push(update);
        }
    }

    fn leg(&self, key: &str) -> LegId {
        self.tracker.leg(key).unwrap_or_else(|| panic!("no leg {key}"))
    }

    /// A leg whose key begins with its extension (`101a`), `t` for a trunk, `i` for plumbing.
    fn born(&mut self, s: i64, key: &str, state: LegState, dialled: Option<&str>) {
        let side = match key.as_bytes()[0] {
            b't' => Side::Outside(None),
            b'i' => Side::Inner,
            _ => Side::Extension(key[..3].into()),
        };
        let number = (key.as_bytes()[0] == b't').then_some(OUTSIDE);
        let new = NewLeg { key, name: key, side, state, number, display: None, dialled };
        self.tracker.leg_born(UnixMs(s * 1000), new);
        self.drain();
    }

    /// `key` dials in.
    fn calls(&mut self, s: i64, key: &str, number: &str) {
        self.born(s, key, LegState::Calling, Some(number));
    }

    /// `from` dials `to`, which rings.
    fn rings(&mut self, s: i64, from: &str, to: &str) {
        self.born(s, to, LegState::New, None);
        let (from, to) = (self.leg(from), self.leg(to));
        self.tracker.dials(UnixMs(s * 1000), from, to, None);
        self.tracker.state(UnixMs(s * 1000), to, LegState::Ringing);
        self.drain();
    }

    fn talk(&mut self, s: i64, keys: &[&str], bridge: &str) {
        for key in keys {
            let leg = self.leg(key);
            self.tracker.state(UnixMs(s * 1000), leg, LegState::Up);
            self.tracker.entered(UnixMs(s * 1000), leg, bridge, true);
        }
        self.drain();
    }

    fn gone(&mut self, s: i64, keys: &[&str]) {
        for key in keys {
            let leg = self.leg(key);
            self.tracker.gone(UnixMs(s * 1000), leg, Some(16));
        }
        self.drain();
    }

    /// What became of each call, in order of their start.
    fn calls_at_end(&self) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        for update in &self.updates {
            match calls.iter_mut().find(|it| it.id == update.call.id) {
                Some(known) => *known = Call::clone(&update.call),
                None => calls.push(Call::clone(&update.call)),
            }
        }
        calls
    }

    fn kinds(&self) -> Vec<&str> {
        self.updates.iter().map(|it| it.kind.name()).collect()
    }
}

#[test]
fn an_answered_call_has_its_events_in_order() {
    let mut desk = Desk::new();
    desk.calls(0, "t1", "74951230101");
    desk.rings(1, "t1", "101a");
    desk.talk(3, &["t1", "101a"], "b");
    desk.gone(8, &["101a", "t1"]);
    assert_eq!(desk.kinds(), ["call.started", "call.ringing", "call.answered", "call.ended"]);
    assert_eq!(desk.updates.iter().map(|it| it.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let call = desk.calls_at_end().remove(0);
    assert_eq!((call.direction, call.outcome), (Direction::Inbound, Some(Outcome::Answered)));
    assert_eq!((call.ring_seconds, call.talk_seconds), (3.0, 5.0));
    assert_eq!(call.answered_by.as_deref(), Some("101"));
}

#[test]
fn a_consultation_that_ends_in_a_transfer_becomes_part_of_the_call_it_served() {
    let mut desk = Desk::new();
    desk.calls(0, "t1", "74951230101");
    desk.rings(1, "t1", "101a");
    desk.talk(2, &["t1", "101a"], "b1");
    // 101 calls 102 on its second line, and tells them about the caller.
    desk.calls(5, "101b", "102");
    desk.rings(6, "101b", "102a");
    desk.talk(7, &["101b", "102a"], "b2");
    assert_eq!(desk.tracker.open_calls(), 2);
    // Both phones of 101 are put aside: the caller talks with 102.
    let (one, other) = (desk.leg("101a"), desk.leg("101b"));
    desk.tracker.same_call(UnixMs(9_000), one, other);
    desk.gone(9, &["101a", "101b"]);
    desk.talk(9, &["t1", "102a"], "b1");
    desk.gone(15, &["102a", "t1"]);
    let calls = desk.calls_at_end();
    assert_eq!(calls.len(), 2);
    let (served, consultation) = (&calls[0], &calls[1]);
    assert_eq!(consultation.merged_into.as_ref(), Some(&served.id));
    assert_eq!((consultation.state, consultation.ended_at), (State::Ended, Some(UnixMs(9_000))));
    assert_eq!(served.merged_into, None);
    assert_eq!(served.parties, ["101", "102"]);
    assert_eq!(served.extension.as_deref(), Some("102"));
    let transfer = &served.transfers[0];
    assert_eq!(transfer.kind, TransferKind::Attended);
    assert_eq!((transfer.from.as_deref(), transfer.to.as_deref()), (Some("101"), Some("102")));
    assert_eq!((served.talk_seconds, served.ended_at), (13.0, Some(UnixMs(15_000))));
    // Both have an end, and the one of the consultation came first.
    let ends = desk.updates.iter().filter(|it| it.kind == EventKind::CallEnded);
    assert_eq!(ends.map(|it| it.call.id == served.id).collect::<Vec<_>>(), [false, true]);
    assert_eq!(desk.tracker.entries(), 0);
}

#[test]
fn a_consultation_that_ends_without_a_transfer_stays_a_call_of_its_own() {
    let mut desk = Desk::new();
    desk.calls(0, "t1", "74951230101");
    desk.rings(1, "t1", "101a");
    desk.talk(2, &["t1", "101a"], "b1");
    desk.calls(5, "101b", "102");
    desk.rings(6, "101b", "102a");
    desk.talk(7, &["101b", "102a"], "b2");
    desk.gone(9, &["101b", "102a"]);
    desk.gone(12, &["101a", "t1"]);
    let calls = desk.calls_at_end();
    assert!(calls.iter().all(|it| it.merged_into.is_none()));
    assert_eq!(calls[1].direction, Direction::Internal);
    assert!(calls[0].transfers.is_empty());
}

#[test]
fn who_fetches_a_parked_caller_joins_the_call() {
    let mut desk = Desk::new();
    desk.calls(0, "t1", "74951230101");
    desk.rings(1, "t1", "101a");
    desk.talk(2, &["t1", "101a"], "b1");
    let caller = desk.leg("t1");
    desk.tracker.left(UnixMs(4_000), caller);
    desk.tracker.parked(UnixMs(4_000), caller);
    desk.gone(4, &["101a"]);
    desk.calls(9, "104a", "701");
    desk.talk(9, &["t1", "104a"], "b2");
    desk.gone(12, &["t1", "104a"]);
    let calls = desk.calls_at_end();
    assert!(calls[0].parked);
    assert_eq!(calls[0].parties, ["101", "104"]);
    assert!(calls[0].transfers.is_empty(), "{:?}", calls[0].transfers);
    assert_eq!(calls[0].talk_seconds, 10.0);
    assert_eq!(calls[1].merged_into.as_ref(), Some(&calls[0].id));
}

#[test]
fn a_pick_up_by_a_feature_code_makes_no_call_of_its_own() {
    let mut desk = Desk::new();
    desk.calls(0, "t1", "74951230101");
    desk.rings(1, "t1", "101a");
    desk.calls(2, "104a", "*8");
    let (by, target) = (desk.leg("104a"), desk.leg("101a"));
    desk.tracker.picked_up(UnixMs(2_000), by, target);
    desk.gone(2, &["101a"]);
    desk.talk(2, &["t1", "104a"], "b");
    desk.gone(5, &["104a", "t1"]);
    let calls = desk.calls_at_end();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].picked_up_from.as_deref(), Some("101"));
    assert_eq!(
        (calls[0].answered_by.as_deref(), &calls[0].rang),
        (Some("104"), &vec!["101".to_owned()])
    );
}

#[test]
fn a_hold_is_counted_while_it_lasts() {
    let mut desk = Desk::new();
    desk.calls(0, "t1", "74951230101");
    desk.rings(1, "t1", "101a");
    desk.talk(2, &["t1", "101a"], "b");
    let leg = desk.leg("101a");
    desk.tracker.hold(UnixMs(4_000), leg, true);
    desk.tracker.hold(UnixMs(4_100), leg, true);
    desk.tracker.hold(UnixMs(7_000), leg, false);
    desk.gone(9, &["t1", "101a"]);
    let held = ["call.held", "call.resumed", "call.ended"];
    assert_eq!(desk.kinds()[3..], held);
    assert_eq!(desk.calls_at_end()[0].hold_seconds, 3.0);
}

#[test]
fn who_hangs_up_is_told_only_where_it_is_known() {
    for (key, by) in
        [(Some("t1"), Some(EndedBy::Caller)), (Some("101a"), Some(EndedBy::Callee)), (None, None)]
    {
        let mut desk = Desk::new();
        desk.calls(0, "t1", "74951230101");
        desk.rings(1, "t1", "101a");
        desk.talk(2, &["t1", "101a"], "b");
        if let Some(key) = key {
            let leg = desk.leg(key);
            desk.tracker.hung_up(leg);
        }
        desk.gone(9, &["101a", "t1"]);
        assert_eq!(desk.calls_at_end()[0].ended_by, by, "{key:?}");
    }
}

#[test]
fn what_rings_without_a_caller_is_no_call() {
    let mut desk = Desk::new();
    desk.born(0, "101a", LegState::New, None);
    let leg = desk.leg("101a");
    desk.tracker.state(UnixMs(0), leg, LegState::Ringing);
    desk.gone(5, &["101a"]);
    assert!(desk.updates.is_empty());
    assert_eq!(desk.tracker.entries(), 0);
}

#[test]
fn a_blind_transfer_that_never_begins_is_told_after_a_moment() {
    let mut desk = Desk::new();
    desk.calls(0, "t1", "74951230101");
    desk.rings(1, "t1", "101a");
    desk.talk(2, &["t1", "101a"], "b");
    let by = desk.leg("101a");
    desk.tracker.transfer(UnixMs(4_000), TransferKind::Blind, by, Some("102"));
    desk.drain();
    assert_eq!(desk.tracker.next_wake(), Some(UnixMs(5_000)));
    desk.tracker.woken(UnixMs(5_000));
    desk.drain();
    assert_eq!(desk.kinds().last(), Some(&"call.transferred"));
    assert_eq!(desk.calls_at_end()[0].transfers[0].to.as_deref(), Some("102"));
}

#[test]
fn a_restart_keeps_id_sequence_and_times() {
    let mut desk = Desk::new();
    desk.calls(0, "t1", "74951230101");
    desk.rings(1, "t1", "101a");
    desk.talk(2, &["t1", "101a"], "b");
    let last = desk.updates.pop().unwrap();
    let mut next = Desk::new();
    next.tracker.restore(vec![(Call::clone(&last.call), Memo::clone(last.memo.as_ref().unwrap()))]);
    next.tracker.snapshot_begins();
    for key in ["t1", "101a"] {
        let leg = next.leg(key);
        next.tracker.listed(leg);
        next.tracker.entered(UnixMs(5_000), leg, "b", true);
    }
    next.tracker.snapshot_ends(UnixMs(5_000), UnixMs(4_000));
    next.gone(9, &["101a", "t1"]);
    assert_eq!(next.kinds(), ["call.ended"]);
    let end = &next.updates[0];
    assert_eq!((end.sequence, &end.call.id), (4, &last.call.id));
    assert_eq!((end.call.talk_seconds, end.call.estimated), (7.0, false));
}

#[test]
fn a_restored_call_that_is_gone_ends_when_the_contact_was_lost() {
    let mut desk = Desk::new();
    desk.calls(0, "t1", "74951230101");
    desk.rings(1, "t1", "101a");
    let last = desk.updates.pop().unwrap();
    let mut next = Desk::new();
    next.tracker.restore(vec![(Call::clone(&last.call), Memo::clone(last.memo.as_ref().unwrap()))]);
    next.tracker.snapshot_begins();
    next.tracker.snapshot_ends(UnixMs(60_000), UnixMs(4_000));
    next.drain();
    let end = next.calls_at_end().remove(0);
    assert_eq!((end.ended_at, end.outcome), (Some(UnixMs(4_000)), Some(Outcome::Missed)));
    assert!(end.estimated);
    assert_eq!(next.tracker.entries(), 0);
}

#[test]
fn memory_follows_the_open_calls_and_not_the_finished_ones() {
    let mut desk = Desk::new();
    let mut most = 0;
    for call in 0..20_000i64 {
        let (caller, phone) = (format!("t{call}"), format!("101-{call}"));
        desk.calls(call, &caller, "74951230101");
        desk.rings(call, &caller, &phone);
        let leg = desk.leg(&phone);
        desk.tracker.link_id(UnixMs(call * 1000), leg, &caller);
        desk.talk(call, &[&caller, &phone], "b");
        most = most.max(desk.tracker.entries());
        desk.gone(call, &[&phone, &caller]);
        desk.updates.clear();
    }
    assert!(most <= 8, "{most} entries for one call at a time");
    assert_eq!((desk.tracker.entries(), desk.tracker.open_calls()), (0, 0));
}

#[test]
fn a_group_beyond_all_measure_takes_in_no_more() {
    let mut desk = Desk::new();
    desk.calls(0, "t1", "74951230101");
    for phone in 0..600 {
        let key = format!("{:03}x", 100 + phone % 900);
        desk.born(1, &key, LegState::New, None);
        let (from, to) = (desk.leg("t1"), desk.leg(&key));
        desk.tracker.dials(UnixMs(1_000), from, to, None);
    }
    assert!(desk.tracker.refused() > 0);
    assert_eq!(desk.tracker.open_calls(), 1);
}
