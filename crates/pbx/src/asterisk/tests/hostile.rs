//! What a caller smuggles into events through its number or name ends, answers and invents nothing.

use call::{Call, UnixMs};

use super::{
    properties::{Bench, Step, What, alone, last, steps},
    recordings::{Fixture, all},
};
use crate::Session;

/// The frames of a recording with `value` as the caller's number wherever that stands, as a SIP
/// server that decodes line ends writes it.
fn smuggled(fixture: &Fixture, value: &str) -> Vec<Step> {
    let mut steps = steps(fixture);
    for step in &mut steps {
        if let What::Frame(bytes) = &mut step.what {
            let text = String::from_utf8(bytes.clone()).unwrap();
            let number = "79161234567\r\n";
            let text = text.replace(number, &format!("{value}\r\n"));
            *bytes = text.into_bytes();
        }
    }
    steps
}

/// What is left of calls when nothing is said of the number.
fn nameless(mut calls: Vec<Call>) -> Vec<Call> {
    for call in &mut calls {
        call.from.number = None;
        call.from.raw = None;
    }
    calls
}

/// Lines that a caller may try, each with and without an event of its own around it.
fn payloads() -> Vec<String> {
    let victim = "Channel: PJSIP/101-00000001\r\nUniqueid: 1795170984.5";
    let events = [
        format!("Event: Hangup\r\n{victim}\r\nCause: 16"),
        format!("Event: BridgeEnter\r\nBridgeUniqueid: b\r\nBridgeType: basic\r\n{victim}"),
        "Event: Newchannel\r\nChannel: PJSIP/666-00000666\r\nChannelState: 4\r\n\
         ChannelStateDesc: Ring\r\nContext: from-internal\r\nExten: 999\r\nUniqueid: bad"
            .to_owned(),
        "Event: OriginateResponse\r\nActionID: c2d-0001\r\nResponse: Failure\r\nReason: 0"
            .to_owned(),
        "Response: Success\r\nActionID: 1\r\nMessage: Authentication accepted".to_owned(),
        "Event: FullyBooted\r\nStatus: Fully Booted".to_owned(),
    ];
    let mut all = vec!["x\r\nEvent: Hangup\r\nUniqueid: forged".to_owned()];
    for event in events {
        all.push(format!("x\r\n{event}"));
        all.push(format!("x\r\n\r\n{event}\r\n\r\nEvent: UserEvent\r\nRest: "));
        all.push(format!("x\r\nMore: 1\r\n\r\n{event}\r\n\r\nEvent: UserEvent\r\nRest: "));
        all.push(format!("x\r\n\r\n{event}\r\n"));
    }
    all
}

#[test]
fn a_smuggled_event_changes_nothing_of_the_call_that_bears_it() {
    for version in ["11", "13", "16", "22"] {
        for scenario in ["inbound_answered", "inbound_missed", "queue_answered", "blind_transfer"] {
            let fixture = Fixture::read(&format!("{version}/{scenario}"));
            let expected = nameless(alone(&steps(&fixture)));
            for payload in payloads() {
                let steps = smuggled(&fixture, &payload);
                let mut bench = Bench::new(3);
                bench.play(&steps);
                assert!(bench.session.counters().suspicious > 0, "{} {payload:?}", fixture.name);
                assert_eq!(bench.tracker.open_calls(), 0, "{} {payload:?}", fixture.name);
                bench.end(last(&steps));
                let got = nameless(bench.shown());
                assert_eq!(got, expected, "{} {payload:?}", fixture.name);
            }
        }
    }
}

/// The events of a recording as those of other channels: its ids and names are changed.
fn elsewhere(steps: Vec<Step>, at: UnixMs) -> Vec<Step> {
    let each = steps.into_iter().map(|step| {
        let What::Frame(bytes) = step.what else { panic!("nothing was sent") };
        let text = String::from_utf8(bytes).unwrap();
        let text = text.replace("id: 17951", "id: 27951").replace("-000000", "-0f0000");
        Step { at, what: What::Frame(text.into_bytes()) }
    });
    each.collect()
}

#[test]
fn a_forger_cannot_touch_the_calls_of_others() {
    let victim = Fixture::read("22/inbound_answered");
    let victim_steps = steps(&victim);
    let expected = alone(&victim_steps);
    let text: String = victim.bytes.iter().map(|&it| char::from(it)).collect();
    let phone =
        text.split("Event: ").find(|it| it.starts_with("Newstate") && it.contains("PJSIP/101"));
    let of = |key: &str| {
        let line = phone.unwrap().lines().find_map(|it| it.strip_prefix(key)).unwrap();
        line.trim().to_owned()
    };
    let (name, id) = (of("Channel: "), of("Uniqueid: "));
    // The forger has learnt name and id of a channel, and calls while its conversation goes on.
    let middle = victim_steps.iter().position(|it| it.at >= UnixMs(3_000)).unwrap();
    for event in [
        format!("Event: Hangup\r\nChannel: {name}\r\nUniqueid: {id}\r\nCause: 16"),
        format!("Event: BridgeLeave\r\nChannel: {name}\r\nUniqueid: {id}"),
    ] {
        for scenario in
            ["22/inbound_missed", "16/inbound_answered", "13/inbound_busy", "11/inbound_missed"]
        {
            let mark = "NUMBER-OF-THE-FORGER";
            let forger = elsewhere(smuggled(&Fixture::read(scenario), mark), UnixMs(3_000));
            let value = format!("x\r\n\r\n{event}\r\n\r\nEvent: UserEvent\r\nRest: ");
            let forger = forger.into_iter().map(|step| {
                let What::Frame(bytes) = step.what else { unreachable!() };
                let text = String::from_utf8(bytes).unwrap().replace(mark, &value);
                Step { what: What::Frame(text.into_bytes()), ..step }
            });
            let mut steps: Vec<Step> = victim_steps[..middle].to_vec();
            steps.extend(forger);
            steps.extend(victim_steps[middle..].iter().cloned());
            let mut bench = Bench::new(3);
            bench.play(&steps);
            bench.end(last(&steps));
            let calls = bench.shown();
            assert!(calls.contains(&expected[0]), "{scenario} {event:?} {calls:#?}");
            assert_eq!(calls.len(), 2, "{scenario} {event:?} {calls:#?}");
        }
    }
}

#[test]
fn recordings_without_forgery_are_not_suspected() {
    for name in all().iter().filter(|it| !it.ends_with("hostile_caller_id")) {
        let mut bench = Bench::new(3);
        bench.play(&steps(&Fixture::read(name)));
        assert_eq!(bench.session.counters().suspicious, 0, "{name}");
    }
}

#[test]
fn events_of_the_users_own_making_swallow_nothing() {
    let fixture = Fixture::read("1.4/inbound_answered");
    let steps = steps(&fixture);
    let expected = alone(&steps);
    for event in [
        "Event: UserEvent\r\nUserEvent: Mine\r\nChannel: SIP/101-1\r\nCallerIDNum: 5\r\n\r\n",
        "Event: SomethingNew\r\nCallerIDNum: 5\r\n\r\n",
    ] {
        let mut mixed = Vec::new();
        for step in &steps {
            mixed.push(Step { at: step.at, what: What::Frame(event.as_bytes().to_vec()) });
            mixed.push(step.clone());
        }
        assert_eq!(alone(&mixed), expected, "{event:?}");
    }
}
