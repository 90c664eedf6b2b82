//! The scripts beside recordings of a real Asterisk 22: leg for leg the same events, in the same
//! order, with the same fields and the same values.

use std::{collections::BTreeMap, fs, path::PathBuf};

use super::*;

/// Where the recordings lie: with the adapter that they were made for.
fn recording(scenario: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../pbx/src/asterisk/fixtures/22")
        .join(format!("{scenario}.ami"));
    let bytes = fs::read(&path).unwrap_or_else(|it| panic!("{}: {it}", path.display()));
    String::from_utf8(bytes).unwrap()
}

type Fields = Vec<(String, String)>;

fn events(text: &str) -> Vec<Fields> {
    let pairs = |event: &str| {
        event
            .split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .map(|(key, value)| (key.to_owned(), value.trim_start().to_owned()))
            .collect::<Fields>()
    };
    text.split("\r\n\r\n")
        .map(pairs)
        .filter(|it| it.first().is_some_and(|it| it.0 == "Event"))
        .collect()
}

fn value<'a>(event: &'a Fields, key: &str) -> Option<&'a str> {
    event.iter().find(|it| it.0 == key).map(|it| it.1.as_str())
}

/// Events of classes that the recommended account does not get, and device states that depend on
/// more than one call.
fn left_out(event: &Fields) -> bool {
    const CLASSES: &[&str] = &["dialplan", "reporting", "dtmf", "security", "system"];
    let class = value(event, "Privilege").unwrap_or_default().split(',').next().unwrap_or_default();
    let device = value(event, "Device").unwrap_or_default();
    let shared = ["PJSIP/trunk", "Queue:", "Local/"].iter().any(|it| device.starts_with(it));
    CLASSES.contains(&class) || shared
}

/// Gives names by order of appearance to what differs from run to run.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn read(events: &[Fields]) -> Names {
        let mut names = Names::default();
        let (mut channels, mut bridges) = (0, 0);
        for event in events {
            match value(event, "Event") {
                Some("Newchannel") => {
                    names.give(value(event, "Uniqueid"), &format!("leg {channels}"));
                    names.give(value(event, "Channel"), &format!("channel {channels}"));
                    channels += 1;
                }
                Some("BridgeCreate") => {
                    names.give(value(event, "BridgeUniqueid"), &format!("bridge {bridges}"));
                    bridges += 1;
                }
                _ => {}
            }
        }
        names
    }

    fn give(&mut self, old: Option<&str>, new: &str) {
        self.0.insert(old.unwrap_or_default().to_owned(), new.to_owned());
    }

    fn of<'a>(&'a self, old: &'a str) -> &'a str {
        self.0.get(old).map_or(old, String::as_str)
    }
}

/// What differs between two runs of the same scenario and means nothing.
const TIMES: &[&str] = &[
    "StartTime",
    "AnswerTime",
    "EndTime",
    "Duration",
    "BillableSeconds",
    "LoginTime",
    "CallsTaken",
    "LastCall",
    "HoldTime",
    "RingTime",
    "TalkTime",
    "Id",
    "InCall",
];

/// Events that come before or after those of the same leg, as it happens.
const OF_THEIR_OWN: &[&str] =
    &["Cdr", "DeviceStateChange", "ExtensionStatus", "DialState", "OriginateResponse"];

/// The events of each leg, bridge and phone, in order. Asterisk keeps the order only within these:
/// they come from different threads.
fn by_subject(text: &str) -> BTreeMap<String, Vec<String>> {
    let events: Vec<Fields> = events(text).into_iter().filter(|it| !left_out(it)).collect();
    let names = Names::read(&events);
    let mut subjects: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in &events {
        let name = value(event, "Event").unwrap();
        let key = [
            "DestUniqueid",
            "Uniqueid",
            "BridgeUniqueid",
            "UniqueID",
            "Exten",
            "Device",
            "Interface",
        ]
        .iter()
        .find_map(|key| value(event, key));
        let kind = if OF_THEIR_OWN.contains(&name) { name } else { "" };
        let subject = format!("{}{kind}", names.of(key.unwrap_or("call")));
        let shown = event.iter().map(|(key, value)| {
            let value = match key.as_str() {
                key if TIMES.contains(&key) => "…",
                // In one recording the phone does not ring yet when it is said to be ringing.
                "DestChannelState" | "DestChannelStateDesc" if name == "DialState" => "…",
                // The time-outs of the dialplans differ.
                "LastData" => value.split(',').next().unwrap(),
                _ => names.of(value),
            };
            format!("{key}: {value}")
        });
        subjects.entry(subject).or_default().push(shown.collect::<Vec<_>>().join("\n"));
    }
    // Records of one channel come in any order.
    for (subject, events) in &mut subjects {
        if subject.ends_with("Cdr") {
            events.sort();
        }
    }
    subjects
}

fn person(extension: &str) -> Person {
    let (name, in_queue) = match extension {
        "101" => ("Alice Support", true),
        "102" => ("Bob Support", true),
        "103" => ("Carol Sales", false),
        _ => ("Dave Sales", false),
    };
    Person { extension: extension.to_owned(), name: name.to_owned(), in_queue }
}

/// The plan of what the test system of the recordings did.
fn plan(kind: Kind, people: &[&str], dialled: &str) -> Plan {
    Plan {
        kind,
        far: Caller { number: "79161234567".to_owned(), name: None },
        people: people.iter().map(|it| person(it)).collect(),
        answers: 0,
        dialled: dialled.to_owned(),
        trunk: "trunk".to_owned(),
        queue: Some("support".to_owned()),
        label: None,
        durations: Durations { ring_ms: 2_000, talk_ms: 3_000, hold_ms: 1_500, after_ms: 2_500 },
        hangs_up: HangsUp::Caller,
        start_us: 1_795_171_753_420_000,
        numbering: Numbering { unique: 4, channel: 0, local: 4 },
        seed: 7,
        request: None,
    }
}

fn text(plan: &Plan) -> String {
    String::from_utf8(write(plan).bytes.to_vec()).unwrap()
}

#[track_caller]
fn same_as_recorded(scenario: &str, plan: &Plan) {
    let (real, ours) = (by_subject(&recording(scenario)), by_subject(&text(plan)));
    let keys = |it: &BTreeMap<String, Vec<String>>| it.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&real), keys(&ours), "{scenario}: subjects");
    for (subject, events) in &real {
        for (index, (real, ours)) in events.iter().zip(&ours[subject]).enumerate() {
            assert_eq!(real, ours, "{scenario}: {subject}, event {index}");
        }
        assert_eq!(events.len(), ours[subject].len(), "{scenario}: {subject}");
    }
}

#[test]
fn calls_from_outside_are_as_recorded() {
    let direct = |kind, extension: &str| plan(kind, &[extension], &format!("74951230{extension}"));
    same_as_recorded("inbound_answered", &direct(Kind::Answered, "101"));
    let agent = Plan { hangs_up: HangsUp::Callee, ..direct(Kind::Answered, "101") };
    same_as_recorded("inbound_answered_agent_hangs_up", &agent);
    same_as_recorded("inbound_missed", &direct(Kind::Missed, "102"));
    same_as_recorded("inbound_missed_cancel", &direct(Kind::GivenUp, "102"));
    same_as_recorded("inbound_busy", &direct(Kind::Busy, "103"));
    same_as_recorded("hold_unhold", &direct(Kind::Hold, "101"));
}

#[test]
fn groups_and_queues_are_as_recorded() {
    let all = ["101", "102", "103"];
    let group = Plan { answers: 1, ..plan(Kind::RingGroup, &all, "74951230200") };
    same_as_recorded("ring_group_answered", &group);
    same_as_recorded("ring_group_missed", &plan(Kind::RingGroupMissed, &all, "74951230200"));
    same_as_recorded("queue_answered", &plan(Kind::QueueAnswered, &all[..2], "74951230300"));
    same_as_recorded("queue_abandoned", &plan(Kind::QueueAbandoned, &all[..2], "74951230300"));
}

#[test]
fn transfers_are_as_recorded() {
    let people = ["101", "102"];
    same_as_recorded("blind_transfer", &plan(Kind::BlindTransfer, &people, "74951230101"));
    same_as_recorded(
        "attended_transfer_feature",
        &plan(Kind::AttendedTransfer, &people, "74951230101"),
    );
}

#[test]
fn calls_from_inside_are_as_recorded() {
    let out = Plan { hangs_up: HangsUp::Callee, ..plan(Kind::Outbound, &["101"], "84957654321") };
    same_as_recorded("outbound_answered", &out);
    same_as_recorded("internal_answered", &plan(Kind::Internal, &["104", "101"], "101"));
    same_as_recorded("internal_missed", &plan(Kind::InternalMissed, &["104", "102"], "102"));
}

fn click_to_dial(number: u8, course: Course) -> Plan {
    let request = Request {
        action_id: Some(format!("c2d-000{number}")),
        channel_id: Some(format!("hub-c2d-000{number}-a")),
        local: None,
        caller: ("84957654321".to_owned(), "Click to dial".to_owned()),
        course,
    };
    Plan {
        hangs_up: HangsUp::Callee,
        request: Some(request),
        ..plan(Kind::ClickToDial, &["101"], "84957654321")
    }
}

fn through_local() -> Plan {
    let mut plan = click_to_dial(6, Course::Answered);
    let other_id = Some("hub-c2d-0006-b".to_owned());
    let request = plan.request.as_mut().unwrap();
    request.local = Some(Local { context: "ext-local".to_owned(), other_id });
    plan
}

#[test]
fn click_to_dial_is_as_recorded() {
    same_as_recorded("click_to_dial", &click_to_dial(1, Course::Answered));
    same_as_recorded("click_to_dial_agent_no_answer", &click_to_dial(2, Course::NotLifted));
    same_as_recorded("click_to_dial_dest_busy", &click_to_dial(4, Course::FarBusy));
    same_as_recorded("click_to_dial_local", &through_local());
}

/// What holds on every Asterisk, whatever the order of its threads: no event names a channel before
/// its `Newchannel` or after its `Hangup`, but for records and answers to requests; and every
/// channel is hung up, every bridge destroyed, in the end. Beside it the list of channels is
/// compared after every single event.
fn keeps_the_rules(plan: &Plan) {
    let script = write(plan);
    let (mut live, mut start) = (BTreeMap::new(), 0);
    let mut last_hangup = None;
    for (index, step) in script.steps.iter().enumerate() {
        let text = std::str::from_utf8(&script.bytes[start..step.end]).unwrap();
        start = step.end;
        assert_eq!(text.matches("\r\n\r\n").count(), 1, "one event a step: {text}");
        let event = &events(text)[0];
        let name = value(event, "Event").unwrap();
        let (channel, uniqueid) = (value(event, "Channel"), value(event, "Uniqueid"));
        if name == "Newchannel" {
            let new = live.insert(uniqueid.unwrap().to_owned(), channel.unwrap().to_owned());
            assert_eq!(new, None, "{text}");
        }
        for (key, value) in event {
            if key.to_ascii_lowercase().ends_with("uniqueid") && !key.contains("Bridge") {
                let known =
                    live.contains_key(value) || ["Cdr", "OriginateResponse"].contains(&name);
                assert!(known, "{value} is not there: {text}");
            }
        }
        if name == "Hangup" {
            live.remove(uniqueid.unwrap());
            last_hangup = Some(index);
        }
        let (channels, _) = snapshot(plan, index + 1);
        let listed: BTreeMap<String, String> =
            channels.into_iter().map(|it| (it.uniqueid, it.name)).collect();
        assert_eq!(listed, live, "after {text}");
    }
    assert!(live.is_empty(), "still there: {live:?}");
    assert_eq!(last_hangup, Some(script.last_hangup));
    assert!(script.steps.is_sorted_by_key(|it| it.at_ms));
    let (_, bridges) = snapshot(plan, usize::MAX);
    assert!(bridges.iter().all(|it| it.gone));
    assert_eq!(write(plan).bytes, script.bytes);
}

/// Cut off after any step, a call is over as well.
fn can_be_cut_off(plan: &Plan, steps: usize) {
    let steps = steps % write(plan).steps.len();
    let (channels, _) = snapshot(plan, steps);
    let Some(channel) = channels.last() else { return };
    let script = cut_off(plan, steps, 5_000, &channel.name).unwrap();
    let text = std::str::from_utf8(&script.bytes).unwrap();
    assert_eq!(text.matches("Event: Hangup\r\n").count(), channels.len(), "{text}");
    assert_eq!(cut_off(plan, steps, 5_000, "PJSIP/none-00000000").map(|it| it.steps.len()), None);
}

proptest::proptest! {
    // A case is some thirty calls, each played anew after each of its events.
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    #[test]
    fn every_call_of_every_seed_keeps_the_rules(seed: u64, steps: usize) {
        use crate::{company::Company, profile::{Demo, Load, LoadSettings, Next, Profile as _}};
        let start_us = 1_795_171_753_000_000;
        let mut demo = Demo::new(Company::small(), seed, start_us);
        let load = LoadSettings { seed, ..LoadSettings::default() };
        let mut load = Load::new(load, Company::of_size(30), start_us);
        for second in 2..12 {
            let now = start_us + second * 4_000_000;
            for next in [demo.next(now), load.next(now)] {
                if let Next::Call(plan) = next {
                    keeps_the_rules(&plan);
                    can_be_cut_off(&plan, steps);
                    demo.ended(&plan);
                }
            }
        }
        for course in [Course::Answered, Course::NotLifted, Course::FarBusy] {
            keeps_the_rules(&click_to_dial(1, course));
            can_be_cut_off(&click_to_dial(1, course), steps);
        }
        keeps_the_rules(&through_local());
        can_be_cut_off(&through_local(), steps);
    }
}

#[test]
fn kinds_have_one_name_each() {
    for &kind in Kind::PLACED {
        assert_eq!(Kind::find(kind.name()), Some(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
    assert_eq!(Kind::find("click-to-dial"), None);
}
