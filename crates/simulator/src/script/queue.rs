//! Calls into a queue whose members all ring at once.

use super::{
    Expected, Outcome,
    cdr::{ANSWERED, NO_ANSWER, Record},
    channel::{ChannelState, Identity},
    dial::DIAL_PRIORITY,
    events::{Cause, PhoneState},
    stage::{Leg, Room, Stage},
};
use crate::company::Person;

fn queue_data(queue: &str) -> (&'static str, String) {
    ("Queue", format!("{queue},tT,,,60"))
}

/// A plan that names no queue plays in this one.
const QUEUE: &str = "support";

/// The phone system answers, the caller waits, the members ring.
fn enqueue(stage: &mut Stage<'_>, queue: &str) -> (Leg, Vec<Leg>) {
    let people = &stage.plan.people;
    let root = stage.incoming(queue_data(queue));
    stage.change(root, |it| it.priority = DIAL_PRIORITY - 1);
    stage.state(root, ChannelState::Up);
    stage.change(root, |it| it.priority = DIAL_PRIORITY);
    stage.queue_caller("QueueCallerJoin", root, queue, &[("Position", 1), ("Count", 1)]);
    stage.music(root);
    let phones = people.iter().map(|person| offer(stage, root, queue, person)).collect();
    (root, phones)
}

fn offer(stage: &mut Stage<'_>, root: Leg, queue: &str, person: &Person) -> Leg {
    let phone = stage.phone_leg(root, person);
    let (caller, exten) = (stage.leg(root).caller.clone(), stage.leg(root).exten.clone());
    stage.change(phone, |it| (it.connected, it.exten) = (caller.clone(), exten.clone()));
    stage.agent("AgentCalled", (root, phone), queue, person, &[]);
    // The dial shows the phone as it was a moment before: the two come from different threads.
    stage.change(phone, |it| (it.connected, it.exten) = (Identity::default(), "s".to_owned()));
    stage.dial_begin(Some(root), phone, &format!("PJSIP/{}", person.extension));
    stage.change(phone, |it| (it.connected, it.exten) = (caller.clone(), exten));
    stage.state(phone, ChannelState::Ringing);
    stage.connected_line(phone, caller);
    stage.phone(person, PhoneState::Ringing);
    stage.dial_state(Some(root), phone, "RINGING");
    phone
}

/// [`super::Kind::QueueAnswered`].
pub(crate) fn answered(stage: &mut Stage<'_>) -> Expected {
    let plan = stage.plan;
    let queue = plan.queue.as_deref().unwrap_or(QUEUE);
    let (root, phones) = enqueue(stage, queue);
    stage.wait(plan.durations.ring_ms);
    let answered_ms = stage.now_ms;
    let (winner, person) = (phones[plan.answers], &plan.people[plan.answers]);
    let room = connect(stage, root, &phones, queue);

    stage.wait(plan.durations.talk_ms);
    let callee = stage.callee_hangs_up();
    let (first, second) = if callee { (winner, root) } else { (root, winner) };
    stage.hangup_request(first, callee.then_some(Cause::NORMAL));
    let whole_seconds = |ms: u32| (ms / 1000).to_string();
    let (waited, talked) = (whole_seconds(answered_ms), whole_seconds(stage.now_ms - answered_ms));
    let reason = if callee { "agent" } else { "caller" };
    let fields = [("HoldTime", waited.as_str()), ("TalkTime", &talked), ("Reason", reason)];
    stage.agent("AgentComplete", (root, winner), queue, person, &fields);
    stage.leave(room, first);
    stage.leave(room, second);
    stage.destroy_room(room);
    stage.soft_hangup_request(root, Cause::NORMAL);
    records(stage, root, &phones, queue, Some(plan.answers));
    stage.hangup(root, Cause::NORMAL);
    stage.hangup(winner, Cause::NORMAL);
    stage.phone(person, PhoneState::Idle);
    Expected {
        queue: Some(queue.to_owned()),
        rang: plan.people.iter().map(|it| it.extension.clone()).collect(),
        ..stage.expected_answered(person, answered_ms)
    }
}

/// One member answers, the others stop to ring, and the caller leaves the queue.
fn connect(stage: &mut Stage<'_>, root: Leg, phones: &[Leg], queue: &str) -> Room {
    let plan = stage.plan;
    let (winner, person) = (phones[plan.answers], &plan.people[plan.answers]);
    let others: Vec<usize> = (0..phones.len()).filter(|&it| it != plan.answers).collect();
    let waited = (stage.now_ms / 1000).to_string();
    stage.state(winner, ChannelState::Up);
    stage.dial_end(Some(root), winner, "ANSWER");
    // Twice, as it is on the wire.
    for &other in &others {
        stage.dial_end(Some(root), phones[other], "CANCEL");
    }
    let identity = stage.leg(winner).caller.clone();
    stage.connected_line(root, identity);
    for &other in &others {
        stage.dial_end(Some(root), phones[other], "CANCEL");
    }
    stage.music_stops(root);
    stage.queue_caller("QueueCallerLeave", root, queue, &[("Position", 1), ("Count", 0)]);
    let fields = [("HoldTime", waited.as_str()), ("RingTime", waited.as_str())];
    stage.agent("AgentConnect", (root, winner), queue, person, &fields);
    for &other in &others {
        stage.hangup(phones[other], Cause::ELSEWHERE);
        stage.phone(&plan.people[other], PhoneState::Idle);
    }
    stage.phone(person, PhoneState::InUse);
    stage.join(winner, root)
}

fn records(stage: &mut Stage<'_>, root: Leg, phones: &[Leg], queue: &str, answered: Option<usize>) {
    for (index, &phone) in phones.iter().enumerate() {
        let won = answered == Some(index);
        let end_ms = match answered {
            Some(_) if !won => stage.plan.durations.ring_ms,
            _ => stage.now_ms,
        };
        stage.cdr(Record {
            channel: root,
            other: Some(phone),
            last: queue_data(queue),
            start_ms: 0,
            // The phone system answered at once, whoever else did.
            answer_ms: Some(0),
            end_ms,
            disposition: if won { ANSWERED } else { NO_ANSWER },
        });
    }
}

/// [`super::Kind::QueueAbandoned`].
pub(crate) fn abandoned(stage: &mut Stage<'_>) -> Expected {
    let plan = stage.plan;
    let queue = plan.queue.as_deref().unwrap_or(QUEUE);
    let (root, phones) = enqueue(stage, queue);
    stage.wait(plan.durations.ring_ms);
    stage.hangup_request(root, None);
    stage.music_stops(root);
    for &phone in &phones {
        stage.dial_end(Some(root), phone, "CANCEL");
    }
    for (&phone, person) in phones.iter().zip(&plan.people) {
        stage.dial_end(Some(root), phone, "CANCEL");
        stage.hangup(phone, Cause::UNSET);
        stage.phone(person, PhoneState::Idle);
    }
    let waited = stage.now_ms / 1000;
    let fields = [("Position", 1), ("OriginalPosition", 1), ("HoldTime", waited)];
    stage.queue_caller("QueueCallerAbandon", root, queue, &fields);
    stage.queue_caller("QueueCallerLeave", root, queue, &[("Position", 1), ("Count", 0)]);
    stage.soft_hangup_request(root, Cause::NORMAL);
    records(stage, root, &phones, queue, None);
    stage.hangup(root, Cause::UNSET);
    Expected {
        queue: Some(queue.to_owned()),
        rang: plan.people.iter().map(|it| it.extension.clone()).collect(),
        ring_ms: stage.now_ms,
        ..stage.expected("inbound", Outcome::Missed)
    }
}
