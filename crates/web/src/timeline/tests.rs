use call::{CallId, Outcome, Party, Transfer, TransferKind};
use expect_test::{Expect, expect};
use jiff::tz::TimeZone;

use super::*;
use crate::{show::Times, texts::EN};

/// A call to `to` that has not been answered yet.
fn new_call(direction: Direction, from: &str, to: &str) -> Call {
    let party = |number: &str| Party { number: Some(number.into()), raw: None, name: None };
    Call {
        id: CallId("1".into()),
        pbx: "p".into(),
        direction,
        from: party(from),
        to: party(to),
        state: State::Ringing,
        outcome: None,
        queue: None,
        rang: Vec::new(),
        answered_by: None,
        parties: Vec::new(),
        extension: None,
        user: None,
        transfers: Vec::new(),
        picked_up_from: None,
        forwarded_by: None,
        parked: false,
        started_at: UnixMs(0),
        answered_at: None,
        ended_at: None,
        ring_seconds: 0.0,
        talk_seconds: 0.0,
        hold_seconds: 0.0,
        ended_by: None,
        hangup_cause: None,
        dial_request: None,
        recordings: Vec::new(),
        contact: None,
        links: Vec::new(),
        estimated: false,
        merged_into: None,
    }
}

/// Plays `<second> <what> <who>` and gives the calls as they stood.
fn play(call: Call, story: &str) -> Vec<(EventKind, UnixMs, Call)> {
    let mut call = call;
    let mut events = vec![(EventKind::CallStarted, UnixMs(0), call.clone())];
    for step in story.split(" | ") {
        let mut words = step.split(' ');
        let seconds: i64 = words.next().unwrap().parse().unwrap();
        let (what, who) = (words.next().unwrap(), words.next().map(str::to_owned));
        let at = UnixMs(seconds * 1000);
        let kind = match what {
            "queue" => {
                call.state = State::Queued;
                EventKind::CallQueued
            }
            "ring" => {
                call.rang.extend(who);
                EventKind::CallRinging
            }
            "answer" => {
                call.state = State::Talking;
                call.parties.extend(who.clone());
                call.answered_by = who.clone();
                call.extension = who;
                call.answered_at = Some(at);
                EventKind::CallAnswered
            }
            "hold" => {
                call.state = State::Held;
                EventKind::CallHeld
            }
            "resume" => {
                call.state = State::Talking;
                EventKind::CallResumed
            }
            "transfer" => {
                call.transfers.push(Transfer {
                    kind: TransferKind::Attended,
                    from: call.extension.clone(),
                    to: who.clone(),
                    outcome: Some(Outcome::Answered),
                    at,
                });
                call.parties.extend(who.clone());
                call.extension = who;
                EventKind::CallTransferred
            }
            _ => {
                call.state = State::Ended;
                call.ended_at = Some(at);
                EventKind::CallEnded
            }
        };
        events.push((kind, at, call.clone()));
    }
    events
}

fn story_of(events: &[(EventKind, UnixMs, Call)], now: UnixMs) -> Timeline {
    let moments: Vec<_> =
        events.iter().map(|(kind, time, call)| Moment { kind: *kind, time: *time, call }).collect();
    Timeline::of(&moments, now).unwrap()
}

#[track_caller]
fn check(call: Call, story: &str, expected: Expect) {
    let story = story_of(&play(call, story), UnixMs(1_000_000));
    let lanes = story.lanes.iter().map(|lane| {
        let spans = lane
            .spans
            .iter()
            .map(|it| format!("{}-{} {:?}", it.from.0 / 1000, it.to.0 / 1000, it.doing));
        format!("{}: {}", lane.label, spans.collect::<Vec<_>>().join(", "))
    });
    expected.assert_eq(&lanes.collect::<Vec<_>>().join("\n"));
}

fn inbound() -> Call {
    new_call(Direction::Inbound, "+39061", "+39068")
}

#[test]
fn who_answers_stops_the_ringing_of_all() {
    check(
        inbound(),
        "1 ring 201 | 2 ring 202 | 6 answer 202 | 60 end",
        expect![[r#"
            +39061: 0-6 Waiting, 6-60 Talking
            201: 1-6 Ringing
            202: 2-6 Ringing, 6-60 Talking"#]],
    );
}

#[test]
fn hold_is_seen_at_both_ends() {
    check(
        inbound(),
        "1 ring 201 | 4 answer 201 | 10 hold | 20 resume | 30 end",
        expect![[r#"
            +39061: 0-4 Waiting, 4-10 Talking, 10-20 Held, 20-30 Talking
            201: 1-4 Ringing, 4-10 Talking, 10-20 Held, 20-30 Talking"#]],
    );
}

#[test]
fn after_a_transfer_another_one_talks() {
    check(
        inbound(),
        "1 ring 201 | 4 answer 201 | 10 ring 203 | 14 transfer 203 | 30 end",
        expect![[r#"
            +39061: 0-4 Waiting, 4-30 Talking
            201: 1-4 Ringing, 4-14 Talking
            203: 10-14 Ringing, 14-30 Talking"#]],
    );
}

#[test]
fn a_queue_that_nobody_answers() {
    check(
        inbound(),
        "1 queue | 2 ring 201 | 30 end",
        expect![[r#"
            +39061: 0-1 Waiting, 1-30 Queued
            201: 2-30 Ringing"#]],
    );
}

#[test]
fn an_outbound_call_talks_with_the_far_number() {
    let mut call = new_call(Direction::Outbound, "201", "+39065");
    call.extension = Some("201".into());
    let mut events = play(call, "5 answer +39065 | 20 end");
    for (_, _, call) in &mut events {
        // Whose call it is on our side stays the extension.
        call.extension = Some("201".into());
        call.parties = vec!["201".into()];
    }
    let story = story_of(&events, UnixMs(0));
    let lanes: Vec<_> = story.lanes.iter().map(|it| (&*it.label, it.spans.len())).collect();
    assert_eq!(lanes, [("201", 2), ("+39065", 1)]);
}

#[test]
fn a_call_that_goes_on_ends_now() {
    let mut events = play(inbound(), "1 ring 201 | 4 answer 201 | 30 end");
    events.pop();
    let story = story_of(&events, UnixMs(9_000));
    assert_eq!(story.end, UnixMs(9_000));
    assert_eq!(story.lanes[1].spans.last().unwrap().to, UnixMs(9_000));
}

#[test]
fn the_drawing_is_to_scale_and_escapes_names() {
    let mut call = inbound();
    call.from.name = Some("<Rossi & \"Figli\">".into());
    let events = play(call, "1 ring 201 | 5 answer 201 | 10 end");
    let times = Times { now: UnixMs(0), zone: TimeZone::UTC, t: &EN };
    let svg = story_of(&events, UnixMs(0)).svg(&times).to_string();
    // Half of the call was waiting: the drawing is 766 units wide, from 180 on.
    assert!(svg.contains("class=\"tl-waiting\" x=\"180.0\" y=\"31.0\" width=\"383.0\""), "{svg}");
    assert!(svg.contains("class=\"tl-talking\" x=\"563.0\" y=\"31.0\" width=\"383.0\""), "{svg}");
    assert!(svg.contains("&lt;Rossi &amp; &quot;Figl…"), "{svg}");
    assert!(!svg.contains("<Rossi") && !svg.contains("style="), "{svg}");
}

#[test]
fn a_call_of_no_length_and_one_of_a_week_can_be_drawn() {
    let times = Times { now: UnixMs(0), zone: TimeZone::UTC, t: &EN };
    for story in ["0 end", "0 ring 201 | 604800 end"] {
        let svg = story_of(&play(inbound(), story), UnixMs(0)).svg(&times).to_string();
        assert!(!svg.contains("NaN") && svg.matches("<text").count() < 20, "{svg}");
    }
}
