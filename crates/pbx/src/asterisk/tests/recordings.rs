//! All recordings give the calls that took place, however the bytes were split on the way.

use std::{fs, path::PathBuf};

use call::{Call, Direction, EndedBy, UnixMs};
use proptest::{prelude::*, sample::Index};
use serde_json::Value;

use crate::replay::{Recording, Replayed, Sent, Times};

/// Where the recordings lie.
pub(super) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/asterisk/fixtures")
}

/// One recording with all that lies beside it.
pub(super) struct Fixture {
    /// `22/inbound_answered`.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) times: String,
    pub(super) sent: Option<String>,
    expected: Option<Value>,
}

impl Fixture {
    pub(super) fn read(name: &str) -> Fixture {
        let file = |ending: &str| folder().join(format!("{name}.{ending}"));
        let text = |ending: &str| fs::read_to_string(file(ending)).ok();
        Fixture {
            name: name.to_owned(),
            bytes: fs::read(file("ami")).unwrap(),
            times: text("times.jsonl").unwrap(),
            sent: text("sent.jsonl"),
            expected: text("expected.json").map(|it| serde_json::from_str(&it).unwrap()),
        }
    }

    pub(super) fn replay(&self, bytes: &[u8], times: &str) -> Replayed {
        let recording =
            Recording { pbx: "pbx", bytes, times: Some(times), sent: self.sent.as_deref() };
        super::super::replay::replay(&recording, &Value::Null).unwrap()
    }

    /// The bytes with the times at which they came.
    pub(super) fn portions(&self) -> Vec<(UnixMs, &[u8])> {
        Times::read(Some(&self.times)).unwrap().portions(&self.bytes)
    }

    /// What was sent, with the times.
    pub(super) fn actions(&self) -> Vec<(UnixMs, String)> {
        let sent = Sent::read(self.sent.as_deref()).unwrap();
        sent.into_iter().map(|it| (it.at, it.text)).collect()
    }

    /// Where the version comes late in what it tells about holds and hang-ups.
    fn version(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

/// The names of all recordings of calls.
pub(super) fn all() -> Vec<String> {
    let mut names = Vec::new();
    for version in fs::read_dir(folder()).unwrap().map(|it| it.unwrap().path()) {
        for place in [version.clone(), version.join("variants")] {
            let Ok(entries) = fs::read_dir(&place) else { continue };
            for path in entries.map(|it| it.unwrap().path()) {
                let relative = path.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned();
                names.extend(relative.strip_suffix(".expected.json").map(str::to_owned));
            }
        }
    }
    names.sort();
    assert!(names.len() > 350, "only {} recordings found", names.len());
    names
}

/// What differs between a call and what took place.
fn differences(call: &Call, expected: &Value, version: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |key: &str, got: Value| {
        let wanted = &expected[key];
        // What is not given is not known.
        if expected.get(key).is_some() && *wanted != got {
            found.push(format!("{key}: {got} instead of {wanted}"));
        }
    };
    compare("direction", serde_json::to_value(call.direction).unwrap());
    compare("from", call.from.number.clone().into());
    compare("to", call.to.number.clone().into());
    compare("answered_by", call.answered_by.clone().into());
    compare("outcome", serde_json::to_value(call.outcome).unwrap());
    compare("rang", call.rang.clone().into());
    compare("parties", call.parties.clone().into());
    compare("queue", call.queue.clone().into());
    compare("parked", call.parked.into());
    compare("picked_up_from", call.picked_up_from.clone().into());
    compare("forwarded_by", call.forwarded_by.clone().into());
    compare("click_to_dial", call.dial_request.clone().into());
    compare("recorded", (!call.recordings.is_empty()).into());
    compare("agent", call.extension.clone().into());
    compare("retrieved_by", call.extension.clone().into());
    let transfer = call.transfers.last();
    compare("transferred_to", transfer.and_then(|it| it.to.clone()).into());
    compare("transfer", serde_json::to_value(transfer.map(|it| it.kind)).unwrap());
    compare("transfer_outcome", serde_json::to_value(transfer.and_then(|it| it.outcome)).unwrap());
    // Versions before 10 do not tell who hung up a conversation.
    let silent = ["1.4", "1.6.2", "1.8"].contains(&version);
    if !(silent && call.ended_by.is_none() && call.answered_at.is_some()) {
        let by = call.ended_by.map(|it| match it {
            EndedBy::Caller => "caller",
            EndedBy::Callee if call.direction == Direction::Inbound => "agent",
            EndedBy::Callee => "callee",
            EndedBy::Pbx => "pbx",
        });
        compare("hangup_by", by.into());
    }
    let mut near = |key: &str, got: f64| {
        let Some(wanted) = expected[key].as_f64() else { return };
        if (got - wanted).abs() > 0.9 {
            found.push(format!("{key}: {got} instead of {wanted}"));
        }
    };
    near("ring_s", call.ring_seconds);
    near("talk_s", call.talk_seconds);
    // 1.4 has no event for a hold.
    if version != "1.4" {
        near("held_s", call.hold_seconds);
    }
    found
}

/// Compares all calls of a replay.
fn check(fixture: &Fixture, replayed: &Replayed) -> Vec<String> {
    let expected = fixture.expected.as_ref().unwrap();
    let wanted = expected["calls"].as_array().unwrap();
    if wanted.len() != replayed.calls.len() {
        let got: Vec<_> = replayed.calls.iter().map(|it| (&it.from.raw, &it.to.raw)).collect();
        return vec![format!("{} calls instead of {}: {got:?}", got.len(), wanted.len())];
    }
    let pairs = replayed.calls.iter().zip(wanted);
    pairs.flat_map(|(call, wanted)| differences(call, wanted, fixture.version())).collect()
}

#[test]
fn every_recording_gives_the_calls_that_took_place() {
    let mut wrong = Vec::new();
    for name in all() {
        let fixture = Fixture::read(&name);
        let replayed = fixture.replay(&fixture.bytes, &fixture.times);
        for difference in check(&fixture, &replayed) {
            wrong.push(format!("{name}: {difference}"));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// Cuts a recording into other portions; each byte keeps its time.
fn split(times: &str, length: usize, cuts: &[usize]) -> String {
    let marks: Vec<(usize, i64)> = times
        .lines()
        .map(|it| {
            let mark: Value = serde_json::from_str(it).unwrap();
            (mark["offset"].as_u64().unwrap() as usize, mark["ms"].as_i64().unwrap())
        })
        .collect();
    let time_of = |offset: usize| marks.iter().rev().find(|it| it.0 <= offset).map_or(0, |it| it.1);
    let mut places: Vec<usize> = marks.iter().map(|it| it.0).chain(cuts.iter().copied()).collect();
    places.retain(|&it| it < length);
    places.sort_unstable();
    places.dedup();
    let line = |&offset: &usize| format!("{{\"offset\":{offset},\"ms\":{}}}\n", time_of(offset));
    places.iter().map(line).collect()
}

#[test]
fn byte_by_byte_gives_the_same_calls() {
    for name in all().iter().step_by(7) {
        let fixture = Fixture::read(name);
        let cuts: Vec<usize> = (0..fixture.bytes.len()).collect();
        let times = split(&fixture.times, fixture.bytes.len(), &cuts);
        let replayed = fixture.replay(&fixture.bytes, &times);
        assert_eq!(check(&fixture, &replayed), Vec::<String>::new(), "{name}");
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same_calls(which: Index, cuts in prop::collection::vec(any::<Index>(), 0..40)) {
        let names = all();
        let fixture = Fixture::read(which.get::<String>(&names[..]));
        let cuts: Vec<usize> = cuts.iter().map(|it| it.index(fixture.bytes.len())).collect();
        let times = split(&fixture.times, fixture.bytes.len(), &cuts);
        let replayed = fixture.replay(&fixture.bytes, &times);
        prop_assert_eq!(check(&fixture, &replayed), Vec::<String>::new(), "{}", fixture.name);
    }
}
