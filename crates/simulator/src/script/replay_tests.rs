//! The scripts through the very code that follows live links: what comes out must be exactly the
//! calls that were meant, also when many are woven into one stream.

use std::{collections::BTreeMap, fmt::Write as _};

use call::{Call, EventKind};
use serde_json::{Value, json};

use super::*;
use crate::{
    company::Company,
    profile::{Demo, Load, LoadSettings, Next, Profile},
};

const START_US: i64 = 1_795_171_753_000_000;

/// Calls until `seconds` have passed, each with its numbering.
fn calls_of(profile: &mut dyn Profile, seconds: i64) -> Vec<(Plan, Script)> {
    let (mut now, mut calls) = (START_US, Vec::<(Plan, Script)>::new());
    let mut numbering = Numbering { unique: 1, channel: 0, local: 0 };
    while now < START_US + seconds * 1_000_000 {
        match profile.next(now) {
            Next::Call(mut plan) => {
                plan.numbering = numbering;
                let script = write(&plan);
                numbering = script.numbering;
                // The demonstration waits for free phones; here everybody is free at once.
                profile.ended(&plan);
                calls.push((*plan, script));
            }
            Next::Wait(until) => now = until,
            Next::Over => break,
        }
    }
    calls
}

/// One stream of all of them, as it would come over one link, with the times of its portions.
fn woven(calls: &[(Plan, Script)]) -> (Vec<u8>, String) {
    let mut steps: Vec<(i64, &[u8])> = Vec::new();
    for (plan, script) in calls {
        let mut start = 0;
        for step in &script.steps {
            let at_ms = (plan.start_us - START_US) / 1000 + i64::from(step.at_ms);
            steps.push((at_ms, &script.bytes[start..step.end]));
            start = step.end;
        }
    }
    steps.sort_by_key(|it| it.0);
    let (mut bytes, mut times) = (Vec::new(), String::new());
    for (at_ms, event) in steps {
        writeln!(times, "{}", json!({ "offset": bytes.len(), "ms": at_ms })).unwrap();
        bytes.extend_from_slice(event);
    }
    (bytes, times)
}

fn replayed(calls: &[(Plan, Script)], sent: Option<&str>) -> pbx::replay::Replayed {
    let (bytes, times) = woven(calls);
    let times = Some(times.as_str());
    let recording = pbx::replay::Recording { pbx: "simulated", bytes: &bytes, times, sent };
    let kind = pbx::find("asterisk").unwrap();
    (kind.replay)(&recording, &Value::Null).unwrap()
}

/// What the listener found out, in the form of what was meant.
fn found(call: &Call) -> Value {
    json!({
        "direction": name(call.direction),
        "from": call.from.raw,
        "name": call.from.name,
        "to": call.to.raw,
        "outcome": call.outcome.map(name),
        "rang": call.rang,
        "answered_by": call.answered_by,
        "parties": call.parties,
        "queue": call.queue,
        "transfers": call.transfers.iter().map(|it| json!([name(it.kind), it.from, it.to]))
            .collect::<Vec<_>>(),
        "seconds": seconds(call.ring_seconds, call.talk_seconds, call.hold_seconds),
    })
}

fn meant(expected: &Expected) -> Value {
    let s = |ms: u32| f64::from(ms) / 1000.0;
    json!({
        "direction": expected.direction,
        "from": expected.from,
        "name": expected.from_name,
        "to": expected.to,
        "outcome": expected.outcome.name(),
        "rang": expected.rang,
        "answered_by": expected.answered_by,
        "parties": expected.parties,
        "queue": expected.queue,
        "transfers": expected.transfer.iter().collect::<Vec<_>>(),
        "seconds": seconds(s(expected.ring_ms), s(expected.talk_ms), s(expected.hold_ms)),
    })
}

fn seconds(ring: f64, talk: f64, hold: f64) -> String {
    format!("ring {ring:.3}, talk {talk:.3}, hold {hold:.3}")
}

/// The public name of a value, by way of its JSON.
fn name(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

#[track_caller]
fn exactly_as_meant(calls: &[(Plan, Script)]) {
    let replayed = replayed(calls, None);
    let counters = replayed.counters;
    assert_eq!((counters.malformed, counters.suspicious, counters.dropped), (0, 0, 0));
    assert_eq!(replayed.notices, Vec::<String>::new());
    let ended = replayed.events.iter().filter(|it| it.1 == EventKind::CallEnded).count();
    assert_eq!(ended, calls.len());
    // Calls of one millisecond come in any order: each is found by what it began as.
    let mut by_id: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for call in &replayed.calls {
        let key = format!("{} {:?} {:?}", call.started_at, call.from.raw, call.from.name);
        by_id.entry(key).or_default().push(found(call));
    }
    for (plan, script) in calls {
        let expected = &script.expected;
        let started = call::UnixMs((plan.start_us - START_US) / 1000);
        let from = (Some(&expected.from), &expected.from_name);
        let key = format!("{started} {:?} {:?}", from.0, from.1);
        let calls =
            by_id.get_mut(&key).unwrap_or_else(|| panic!("no call of {key}: {:?}", plan.kind));
        assert_eq!(calls.remove(0), meant(expected), "{:?}", plan.kind);
    }
    assert_eq!(replayed.calls.len(), calls.len());
}

#[test]
fn every_kind_gives_exactly_its_call() {
    for &kind in Kind::PLACED {
        let mut demo = Demo::new(Company::small(), 11, START_US);
        let calls = calls_of(&mut demo, 120);
        let of_kind: Vec<_> = calls.into_iter().filter(|it| it.0.kind == kind).take(2).collect();
        assert!(!of_kind.is_empty(), "{kind:?}");
        exactly_as_meant(&of_kind);
    }
}

#[test]
fn a_quarter_of_an_hour_of_the_demonstration_gives_exactly_its_calls() {
    let mut demo = Demo::new(Company::small(), 5, START_US);
    let calls = calls_of(&mut demo, 900);
    assert!(calls.len() > 250, "{}", calls.len());
    exactly_as_meant(&calls);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(8))]

    #[test]
    fn load_of_any_seed_gives_exactly_its_calls(seed: u64, rate in 1.0..200.0f64) {
        let settings = LoadSettings {
            calls: Some(120),
            calls_per_second: rate,
            seed,
            ..LoadSettings::default()
        };
        let mut load = Load::new(settings, Company::of_size(3_000), START_US);
        exactly_as_meant(&calls_of(&mut load, 1_000));
    }
}

#[test]
fn click_to_dial_gives_exactly_its_call() {
    let local = Local { context: "from-internal".to_owned(), other_id: Some("hs-7-b".to_owned()) };
    for (course, local) in [
        (Course::Answered, None),
        (Course::Answered, Some(local)),
        (Course::NotLifted, None),
        (Course::FarBusy, None),
    ] {
        let text = "Action: Originate\r\nActionID: hs-7\r\nChannel: PJSIP/201\r\n\
                    Context: from-internal\r\nExten: 0612341596\r\nPriority: 1\r\n\
                    CallerID: \"0612341596\" <201>\r\nAsync: true\r\nChannelId: hs-7-a\r\n\
                    OtherChannelId: hs-7-b\r\n\r\n";
        let sent = json!({ "at_offset": 0, "ms": 0, "text": text }).to_string();
        let request = Request {
            action_id: Some("hs-7".to_owned()),
            channel_id: Some("hs-7-a".to_owned()),
            local,
            caller: ("201".to_owned(), "0612341596".to_owned()),
            course,
        };
        let mut demo = Demo::new(Company::small(), 1, START_US);
        let (plan, _) = calls_of(&mut demo, 2).remove(0);
        let people = vec![Company::small().people[0].clone()];
        let plan = Plan {
            kind: Kind::ClickToDial,
            people,
            dialled: "0612341596".to_owned(),
            start_us: START_US,
            request: Some(request),
            ..plan
        };
        let script = write(&plan);
        let meant = meant(&script.expected);
        let replayed = replayed(&[(plan, script)], Some(&sent));
        assert_eq!(replayed.calls.len(), 1, "{course:?}");
        let call = &replayed.calls[0];
        assert_eq!(call.dial_request.as_deref(), Some("hs-7"));
        let found = found(call);
        for key in ["direction", "to", "outcome", "answered_by", "parties", "seconds"] {
            assert_eq!(found[key], meant[key], "{course:?}: {key}");
        }
        assert_eq!(found["from"], "201");
    }
}
