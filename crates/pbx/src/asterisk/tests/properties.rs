//! What holds whatever the wire does: lost, doubled, torn and swapped events, two systems' worth of
//! calls at once, a restart at any moment.

use std::collections::BTreeMap;

use call::{
    Call, CallId, CallUpdate, EventKind, Ids, LegState, Memo, NewLeg, Outcome, State, Tracker,
    UnixMs,
};
use pbx_proto::ami::Decoder;
use proptest::{prelude::*, sample::Index};
use serde_json::json;

use super::{
    super::{Settings, session::AmiSession, tracker_settings},
    recordings::{Fixture, all},
};
use crate::{Opening, Session};

/// A session, its tracker, and everything that came out of it.
pub(super) struct Bench {
    pub(super) session: AmiSession,
    pub(super) tracker: Tracker,
    seen: Seen,
    seed: u64,
}

/// The events so far, checked one by one.
#[derive(Default)]
struct Seen {
    calls: BTreeMap<String, (CallUpdate, u32)>,
}

impl Seen {
    /// Checks what must hold for each event, and takes it in.
    fn take(&mut self, update: CallUpdate) {
        let call = &update.call;
        let before = self.calls.get(&call.id.0).map(|it| (it.0.sequence, it.0.kind));
        match before {
            None => assert_eq!(update.kind, EventKind::CallStarted, "the first event of {call:#?}"),
            Some((_, kind)) => {
                assert_ne!(kind, EventKind::CallEnded, "something after the end of {call:#?}");
                assert_ne!(update.kind, EventKind::CallStarted, "started twice: {call:#?}");
            }
        }
        assert_eq!(update.sequence, before.map_or(0, |it| it.0) + 1, "a gap in {call:#?}");
        check_call(call, &update);
        if let Some(survivor) = &call.merged_into {
            assert!(self.calls.contains_key(&survivor.0), "merged into nothing: {call:#?}");
        }
        self.calls.insert(call.id.0.clone(), (update, 0));
    }

    /// The calls that history shows, without their ids.
    fn shown(&self) -> Vec<Call> {
        let mut calls: Vec<Call> = self.calls.values().map(|it| Call::clone(&it.0.call)).collect();
        calls.retain(|it| it.merged_into.is_none());
        for call in &mut calls {
            call.id = CallId(String::new());
        }
        calls.sort_by_key(|it| format!("{it:?}"));
        calls
    }

    fn open(&self) -> Vec<(Call, Memo)> {
        let open = self.calls.values().filter(|it| it.0.kind != EventKind::CallEnded);
        open.map(|it| (Call::clone(&it.0.call), Memo::clone(it.0.memo.as_ref().unwrap()))).collect()
    }
}

/// What holds for every state of every call.
fn check_call(call: &Call, update: &CallUpdate) {
    let ended = update.kind == EventKind::CallEnded;
    assert_eq!(ended, call.state == State::Ended, "{call:#?}");
    assert_eq!(ended, call.ended_at.is_some(), "{call:#?}");
    assert_eq!(ended, call.outcome.is_some(), "{call:#?}");
    assert_eq!(ended, update.memo.is_none(), "{call:#?}");
    let answered = call.answered_at.is_some();
    if ended {
        assert_eq!(answered, call.outcome == Some(Outcome::Answered), "{call:#?}");
    }
    assert!(answered || (call.parties.is_empty() && call.talk_seconds == 0.0), "{call:#?}");
    assert!(call.answered_at.is_none_or(|it| it >= call.started_at), "{call:#?}");
    assert!(call.ended_at.is_none_or(|it| it >= call.started_at), "{call:#?}");
    assert!(call.ring_seconds >= 0.0 && call.talk_seconds >= 0.0, "{call:#?}");
    assert!(call.hold_seconds >= 0.0 && call.hold_seconds <= call.talk_seconds, "{call:#?}");
    for list in [&call.rang, &call.parties] {
        assert!(list.iter().all(|it| list.iter().filter(|other| *other == it).count() == 1));
    }
    let text = serde_json::to_string(call).unwrap();
    assert_eq!(&serde_json::from_str::<Call>(&text).unwrap(), call, "does not survive JSON");
    if let Some(memo) = &update.memo {
        let text = serde_json::to_string(memo).unwrap();
        assert_eq!(&serde_json::from_str::<Memo>(&text).unwrap(), &**memo, "does not survive JSON");
    }
}

impl Bench {
    pub(super) fn new(seed: u64) -> Bench {
        let settings = json!({"host": "h", "username": "u"});
        let settings = Settings::read(&settings).unwrap();
        let opening = Opening { name: "pbx".to_owned(), ids: Ids::new(1) };
        let tracker = Tracker::new(tracker_settings(&settings, "pbx".to_owned()), Ids::new(seed));
        let session = AmiSession::for_recording(settings, opening);
        Bench { session, tracker, seen: Seen::default(), seed }
    }

    pub(super) fn play(&mut self, steps: &[Step]) {
        for step in steps {
            match &step.what {
                What::Frame(bytes) => self.session.received(bytes, step.at, &mut self.tracker),
                What::Sent(text) => {
                    let mut decoder = Decoder::default();
                    decoder.feed(text.as_bytes());
                    let frame = decoder.next_frame().unwrap();
                    self.session.sent(frame, step.at, &mut self.tracker);
                }
            }
            self.drain();
        }
    }

    pub(super) fn shown(&self) -> Vec<Call> {
        self.seen.shown()
    }

    fn drain(&mut self) {
        while let Some(update) = self.tracker.poll() {
            self.seen.take(update);
        }
        while self.session.poll().is_some() {}
    }

    /// Nothing is left after the phone system has said that there is nothing.
    pub(super) fn end(&mut self, at: UnixMs) {
        self.tracker.snapshot_begins();
        self.tracker.snapshot_ends(at, at);
        // Requests that nobody has answered come to an end by themselves.
        self.tracker.woken(at.plus_ms(3_600_000));
        self.drain();
        assert_eq!(self.tracker.open_calls(), 0);
        assert_eq!(self.tracker.entries(), 0);
        assert!(self.seen.open().is_empty());
    }

    /// A new process takes up what was stored, and the snapshot tells it what is still there.
    fn restart(self, at: UnixMs) -> Bench {
        let mut next = Bench { seen: self.seen, ..Bench::new(self.seed + 1) };
        next.tracker.restore(next.seen.open());
        next.tracker.snapshot_begins();
        for leg in self.tracker.legs() {
            let key = self.tracker.key_of(leg);
            match next.tracker.leg(key) {
                Some(known) => next.tracker.listed(known),
                None => {
                    let side = self.tracker.side_of(leg).unwrap().clone();
                    let name = self.tracker.name_of(leg);
                    let new = NewLeg {
                        key,
                        name,
                        side,
                        state: LegState::Up,
                        number: None,
                        display: None,
                        dialled: None,
                    };
                    next.tracker.adopt(at, new, false);
                }
            }
        }
        next.tracker.snapshot_ends(at, at);
        next.drain();
        next
    }
}

/// One frame that came, or one action that was sent.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) at: UnixMs,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Frame(Vec<u8>),
    Sent(String),
}

pub(super) fn steps(fixture: &Fixture) -> Vec<Step> {
    let mut out: Vec<Step> = Vec::new();
    let mut decoder = Decoder::default();
    for (at, bytes) in fixture.portions() {
        decoder.feed(bytes);
        while let Some(frame) = decoder.next_frame() {
            out.push(Step { at, what: What::Frame(frame.bytes().to_vec()) });
        }
    }
    // A frame of the decoder ends with its blank line.
    for (at, text) in fixture.actions() {
        let place = out.iter().position(|it| it.at >= at).unwrap_or(out.len());
        out.insert(place, Step { at, what: What::Sent(text) });
    }
    out
}

/// Something that may happen to a step.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Lose,
    Double,
    Cut(u8),
    Later(u8),
}

fn harms() -> impl Strategy<Value = Vec<(Index, Harm)>> {
    let harm = prop_oneof![
        Just(Harm::Lose),
        Just(Harm::Double),
        any::<u8>().prop_map(Harm::Cut),
        any::<u8>().prop_map(Harm::Later),
    ];
    prop::collection::vec((any::<Index>(), harm), 1..8)
}

fn harmed(mut steps: Vec<Step>, harms: &[(Index, Harm)]) -> Vec<Step> {
    for (place, harm) in harms {
        if steps.is_empty() {
            break;
        }
        let place = place.index(steps.len());
        match harm {
            Harm::Lose => drop(steps.remove(place)),
            Harm::Double => steps.insert(place, steps[place].clone()),
            Harm::Cut(part) => {
                if let What::Frame(bytes) = &mut steps[place].what {
                    bytes.truncate(bytes.len() * usize::from(*part) / 255);
                }
            }
            Harm::Later(by) => {
                let other = (place + 1 + usize::from(by % 16)).min(steps.len() - 1);
                let at = (steps[place].at, steps[other].at);
                steps.swap(place, other);
                (steps[place].at, steps[other].at) = at;
            }
        }
    }
    steps
}

/// The same system's calls at another time: other ids, other channel names.
fn renamed(steps: Vec<Step>) -> Vec<Step> {
    let rename = |text: &[u8]| {
        let text: String = text.iter().map(|&it| char::from(it)).collect();
        let text =
            text.replace("179517", "279517").replace("-0000", "-ff00").replace("c2d-", "d2c-");
        let text = text.replace("BridgeUniqueid: ", "BridgeUniqueid: f");
        // The suffixes of local channels of 1.4 and 1.6 are random.
        let text = text
            .replace("@ext-local-", "@ext-local-0")
            .replace("@from-internal-", "@from-internal-0");
        text.chars().map(|it| it as u8).collect::<Vec<u8>>()
    };
    let each = steps.into_iter().map(|step| Step {
        what: match step.what {
            What::Frame(bytes) => What::Frame(rename(&bytes)),
            What::Sent(text) => What::Sent(String::from_utf8(rename(text.as_bytes())).unwrap()),
        },
        ..step
    });
    each.collect()
}

pub(super) fn last(steps: &[Step]) -> UnixMs {
    steps.iter().map(|it| it.at).max().unwrap_or_default()
}

pub(super) fn alone(steps: &[Step]) -> Vec<Call> {
    let mut bench = Bench::new(7);
    bench.play(steps);
    bench.end(last(steps));
    bench.seen.shown()
}

fn fixture(which: Index) -> Fixture {
    Fixture::read(which.get::<String>(&all()[..]))
}

#[test]
fn every_recording_leaves_nothing_behind() {
    for name in all() {
        let steps = steps(&Fixture::read(&name));
        let mut bench = Bench::new(7);
        bench.play(&steps);
        bench.end(last(&steps));
    }
}

/// What the fuzzer and the field have found once.
#[test]
fn the_corpus_gives_valid_calls() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/ami_calls");
    let mut count = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let at = UnixMs(1_000);
        let mut bench = Bench::new(7);
        bench.play(&[Step { at, what: What::Frame(bytes) }]);
        bench.end(at);
        count += 1;
    }
    assert!(count >= 4, "only {count} files in {corpus}");
}

proptest! {
    #[test]
    fn harm_on_the_wire_makes_no_invalid_call(which: Index, harms in harms()) {
        let steps = harmed(steps(&fixture(which)), &harms);
        let mut bench = Bench::new(7);
        bench.play(&steps);
        bench.end(last(&steps));
    }

    #[test]
    fn rubbish_between_events_makes_no_invalid_call(
        which: Index,
        rubbish in prop::collection::vec((any::<Index>(), prop::collection::vec(any::<u8>(), 0..40)), 1..6),
    ) {
        let mut steps = steps(&fixture(which));
        for (place, bytes) in rubbish {
            let place = place.index(steps.len());
            let at = steps[place].at;
            steps.insert(place, Step { at, what: What::Frame(bytes) });
        }
        let mut bench = Bench::new(7);
        bench.play(&steps);
        bench.end(last(&steps));
    }

    #[test]
    fn a_restart_at_any_moment_goes_on_with_valid_calls(which: Index, moment: Index) {
        let steps = steps(&fixture(which));
        let moment = moment.index(steps.len());
        let mut bench = Bench::new(7);
        bench.play(&steps[..moment]);
        let mut bench = bench.restart(steps[moment].at);
        bench.play(&steps[moment..]);
        bench.end(last(&steps));
    }

    #[test]
    fn two_calls_at_a_time_never_mix(one: Index, other: Index, delay_ms in 0i64..4_000) {
        let (one, other) = (fixture(one), fixture(other));
        // A snapshot of one alone would end the other; and one system has one clock.
        let apart = |it: &Fixture| {
            it.name.ends_with("connect_mid_call") || it.name.contains("/variants/")
        };
        prop_assume!(!apart(&one) && !apart(&other));
        // Up to 11 a session sends no second request while a phone has one.
        prop_assume!(one.sent.is_none() || other.sent.is_none());
        let one = steps(&one);
        let mut other = renamed(steps(&other));
        for step in &mut other {
            step.at = step.at.plus_ms(delay_ms);
        }
        let mut both = one.clone();
        both.extend(other.iter().cloned());
        both.sort_by_key(|it| it.at);
        let mut expected = alone(&one);
        expected.extend(alone(&other));
        expected.sort_by_key(|it| format!("{it:?}"));
        prop_assert_eq!(alone(&both), expected);
    }
}
