//! Transfers: blind by REFER, attended by feature code.

use super::{
    Expected,
    cdr::{ANSWERED, Record},
    channel::{ChannelState, Identity, pair},
    events::{Cause, PhoneState},
    inbound::dial_data,
    stage::{Leg, NewLeg, Room, Stage},
};
use crate::{company::Person, rights::Classes};

/// Time to dial `*2` and an extension, in milliseconds.
const DIGITS_MS: u32 = 1_100;
/// How long Asterisk takes to get a pair of Local channels out of a conversation, in milliseconds.
const OPTIMISATION_MS: u32 = 440;

/// [`super::Kind::BlindTransfer`].
pub(crate) fn blind(stage: &mut Stage<'_>) -> Expected {
    let plan = stage.plan;
    let (first, second) = (&plan.people[0], &plan.people[1]);
    let (root, phone) = stage.rings_at(first);
    stage.wait(plan.durations.ring_ms);
    let answered_ms = stage.now_ms;
    let room = stage.answer(root, phone, first);
    stage.wait(plan.durations.talk_ms);

    let transferred_ms = stage.now_ms;
    refer(stage, (room, root, phone), second);
    stage.hangup(phone, Cause::NORMAL);
    stage.phone(first, PhoneState::Idle);
    let target = stage.dialled_leg(root, second);
    stage.change(root, |it| it.priority = 2);
    stage.dial_begin(Some(root), target, &second.extension);
    let identity = stage.leg(target).caller.clone();
    stage.connected_line(root, identity);
    stage.state(target, ChannelState::Ringing);
    stage.phone(second, PhoneState::Ringing);
    stage.dial_state(Some(root), target, "RINGING");

    stage.wait(plan.durations.hold_ms);
    let again_ms = stage.now_ms;
    let room = stage.answer(root, target, second);
    stage.wait(plan.durations.after_ms);
    stage.end_of_talk(room, root, target);
    stage.cdr(Record {
        channel: root,
        other: Some(phone),
        last: dial_data(first),
        start_ms: 0,
        answer_ms: Some(answered_ms),
        end_ms: transferred_ms,
        disposition: ANSWERED,
    });
    stage.answered_record(root, target, dial_data(second), (transferred_ms, again_ms));
    stage.phone(second, PhoneState::Idle);
    transferred(stage, "blind", answered_ms)
}

/// The phone sends the caller elsewhere and leaves.
fn refer(stage: &mut Stage<'_>, (room, root, phone): (Room, Leg, Leg), to: &Person) {
    // chan_pjsip sends this one without a hold before it.
    stage.unhold(phone);
    let (before, bridge) = (stage.leg(root).clone(), stage.bridges[room.0].clone());
    stage.change(root, |it| {
        (it.context, it.exten) = ("from-internal".to_owned(), to.extension.clone());
        it.priority = 1;
        it.application = dial_data(to);
    });
    stage.change_room(room, |it| it.technology = "simple_bridge");
    stage.leave(room, root);
    stage.event("BlindTransfer", Classes::CALL, |stage, out| {
        pair(out, "Result", "Success");
        stage.leg(phone).write(out, "Transferer");
        before.write(out, "Transferee");
        bridge.write(out, "");
        pair(out, "IsExternal", "Yes");
        pair(out, "Context", "from-internal");
        pair(out, "Extension", &to.extension);
    });
    stage.leave(room, phone);
    stage.destroy_room(room);
}

fn transferred(stage: &Stage<'_>, kind: &'static str, answered_ms: u32) -> Expected {
    let extension = |index: usize| stage.plan.people[index].extension.clone();
    Expected {
        rang: vec![extension(0), extension(1)],
        parties: vec![extension(0), extension(1)],
        transfer: Some((kind, extension(0), extension(1))),
        ..stage.expected_answered(&stage.plan.people[0], answered_ms)
    }
}

/// What the consultation of an attended transfer adds to a call.
struct Consultation {
    one: Leg,
    two: Leg,
    target: Leg,
    /// Where the first phone speaks with the second one.
    asking: Room,
    /// Where the second phone is, behind the Local channels.
    asked: Room,
    started_ms: u32,
}

/// [`super::Kind::AttendedTransfer`].
pub(crate) fn attended(stage: &mut Stage<'_>) -> Expected {
    let plan = stage.plan;
    let (first, second) = (&plan.people[0], &plan.people[1]);
    let (root, phone) = stage.rings_at(first);
    stage.wait(plan.durations.ring_ms);
    let answered_ms = stage.now_ms;
    let room = stage.answer(root, phone, first);
    stage.wait(plan.durations.talk_ms);

    let held_ms = stage.now_ms;
    stage.hold(phone, None);
    stage.music(root);
    stage.wait(DIGITS_MS);
    let consultation = consult(stage, (room, phone), second);
    stage.wait(plan.durations.hold_ms);
    connect(stage, (room, root, phone), &consultation);
    let hold_ms = stage.now_ms.saturating_sub(held_ms);
    stage.phone(first, PhoneState::Idle);
    stage.wait(OPTIMISATION_MS);
    let joined_ms = stage.now_ms;
    optimise(stage, (room, root), &consultation, second);

    stage.wait(plan.durations.after_ms);
    stage.end_of_talk(consultation.asked, root, consultation.target);
    let started_ms = consultation.started_ms;
    for (other, start_ms, answer_ms, end_ms) in [
        (phone, 0, answered_ms, started_ms),
        (consultation.one, started_ms, started_ms, joined_ms),
        (consultation.target, joined_ms, joined_ms, stage.now_ms),
    ] {
        stage.cdr(Record {
            channel: root,
            other: Some(other),
            last: dial_data(first),
            start_ms,
            answer_ms: Some(answer_ms),
            end_ms,
            disposition: ANSWERED,
        });
    }
    stage.phone(second, PhoneState::Idle);
    Expected { hold_ms, ..transferred(stage, "attended", answered_ms) }
}

/// The first phone calls the second one through a pair of Local channels, which answers.
fn consult(stage: &mut Stage<'_>, (room, phone): (Room, Leg), second: &Person) -> Consultation {
    let started_ms = stage.now_ms;
    let exten = second.extension.as_str();
    let asker = stage.leg(phone).caller.clone();
    let pair_name = stage.local_name(exten, "from-internal");
    let one = local_half(stage, phone, format!("{pair_name};1"), ChannelState::Down, exten);
    let two = local_half(stage, phone, format!("{pair_name};2"), ChannelState::Ring, exten);
    stage.change(two, |it| it.application = dial_data(second));
    let asking = stage.create_room();
    stage.caller_id(two, asker.clone());
    stage.local_bridge(one, two, exten);
    let target = stage.dialled_leg(two, second);
    stage.connected_line(one, asker);
    stage.enter(asking, one, None);
    stage.leave(room, phone);
    stage.change_room(room, |it| it.technology = "simple_bridge");
    stage.enter(asking, phone, None);
    stage.change(two, |it| it.priority = 2);
    stage.dial_begin(Some(two), target, exten);
    let asked_one = stage.leg(target).caller.clone();
    stage.connected_line(two, asked_one.clone());
    stage.caller_id(one, asked_one.clone());
    stage.connected_line(phone, Identity::default());
    stage.connected_line(phone, asked_one);
    stage.state(target, ChannelState::Ringing);
    stage.state(one, ChannelState::Ringing);
    stage.phone(second, PhoneState::Ringing);
    stage.dial_state(None, one, "RINGING");
    stage.dial_state(Some(two), target, "RINGING");

    stage.wait(stage.plan.durations.hold_ms);
    stage.state(target, ChannelState::Up);
    stage.phone(second, PhoneState::InUse);
    stage.change(target, |it| it.exten.clear());
    stage.dial_end(Some(two), target, "ANSWER");
    stage.state(one, ChannelState::Up);
    stage.dial_end(None, one, "ANSWER");
    stage.state(two, ChannelState::Up);
    let asked = stage.create_room();
    stage.enter(asked, target, None);
    stage.enter(asked, two, None);
    Consultation { one, two, target, asking, asked, started_ms }
}

fn local_half(
    stage: &mut Stage<'_>,
    linked: Leg,
    name: String,
    state: ChannelState,
    exten: &str,
) -> Leg {
    stage.new_channel(NewLeg {
        name,
        state,
        caller: Identity::default(),
        context: "from-internal",
        exten,
        linked: Some(linked),
        uniqueid: None,
        application: ("", String::new()),
    })
}

/// The first phone hangs up: the caller and the second one are brought together.
fn connect(stage: &mut Stage<'_>, (room, root, phone): (Room, Leg, Leg), with: &Consultation) {
    stage.hangup_request(phone, Some(Cause::NORMAL));
    stage.leave(with.asking, phone);
    stage.merge(room, with.asking);
    stage.leave(with.asking, with.one);
    stage.enter(room, with.one, None);
    stage.music_stops(root);
    let (one, asking) = (with.one, with.asking);
    stage.event("AttendedTransfer", Classes::CALL, |stage, out| {
        pair(out, "Result", "Success");
        stage.leg(phone).write(out, "OrigTransferer");
        stage.bridges[room.0].write(out, "Orig");
        stage.leg(phone).write(out, "SecondTransferer");
        stage.bridges[asking.0].write(out, "Second");
        stage.leg(root).write(out, "Transferee");
        stage.leg(one).write(out, "TransferTarget");
        pair(out, "IsExternal", "No");
        pair(out, "DestType", "Bridge");
        pair(out, "DestBridgeUniqueid", &stage.bridges[room.0].uniqueid);
    });
    stage.destroy_room(with.asking);
    let caller = stage.leg(root).caller.clone();
    let target = stage.leg(with.target).caller.clone();
    stage.connected_line(with.one, caller.clone());
    stage.connected_line(with.target, caller);
    stage.connected_line(root, target);
    stage.hangup(phone, Cause::NORMAL);
    let last = ("AppDial", "(Outgoing Line)".to_owned());
    stage.answered_record(phone, with.one, last, (with.started_ms, with.started_ms));
}

/// The Local channels go, the caller takes their place beside the second phone.
fn optimise(
    stage: &mut Stage<'_>,
    (room, root): (Room, Leg),
    with: &Consultation,
    second: &Person,
) {
    let (one, two) = (with.one, with.two);
    stage.optimisation(one, two, Some(root), 0);
    stage.leave(room, root);
    let caller = stage.leg(root).caller.clone();
    stage.caller_id(two, caller);
    stage.leave(with.asked, two);
    stage.enter(with.asked, root, Some(two));
    stage.change_room(with.asked, |it| it.technology = "native_rtp");
    stage.optimisation(one, two, None, 0);
    stage.leave(room, one);
    stage.hangup_request(two, Some(Cause::NORMAL));
    stage.hangup(one, Cause::NORMAL);
    stage.destroy_room(room);
    let none = ("", String::new());
    stage.cdr(Record {
        channel: one,
        other: None,
        last: none,
        start_ms: stage.now_ms,
        answer_ms: Some(stage.now_ms),
        end_ms: stage.now_ms,
        disposition: ANSWERED,
    });
    let times = (with.started_ms, with.started_ms + stage.plan.durations.hold_ms);
    stage.answered_record(two, with.target, dial_data(second), times);
    stage.soft_hangup_request(two, Cause::NORMAL);
    stage.hangup(two, Cause::NORMAL);
}
