//! Click-to-dial through a pair of Local channels, as most installations have it: the pair rings
//! the phone, and is gone from the conversation soon after the far end has answered.

use super::{
    Expected, Local, Outcome, Request,
    channel::{ChannelState, Identity},
    events::{Cause, PhoneState},
    inbound::dial_data,
    internal::trunk_data,
    originate::REASON_ANSWERED,
    stage::{Leg, NewLeg, Room, Stage},
};

/// How long Asterisk takes to get the pair out of the conversation, in milliseconds.
const OPTIMISATION_MS: u32 = 40;

/// The pair, and the phone that it rings.
struct Rung {
    one: Leg,
    two: Leg,
    phone: Leg,
}

/// A request whose phone and far end both answer.
pub(crate) fn through_local(stage: &mut Stage<'_>, request: &Request, local: &Local) -> Expected {
    let (plan, person) = (stage.plan, &stage.plan.people[0]);
    let rung = ring(stage, request, local);
    stage.wait(plan.durations.ring_ms);
    let lifted_ms = stage.now_ms;
    let (room, far) = lift(stage, request, &rung);
    stage.wait(plan.durations.hold_ms);
    let answered_ms = stage.now_ms;
    stage.state(far, ChannelState::Up);
    stage.change(far, |it| it.exten.clear());
    stage.dial_end(Some(rung.one), far, "ANSWER");
    let other = stage.create_room();
    stage.enter(other, far, None);
    stage.enter(other, rung.one, None);
    stage.wait(OPTIMISATION_MS);
    let joined_ms = stage.now_ms;
    optimise(stage, &rung, (room, other), far, lifted_ms);

    stage.wait(plan.durations.talk_ms);
    let callee = stage.callee_hangs_up();
    let (first, second) = if callee { (far, rung.phone) } else { (rung.phone, far) };
    stage.hangup_request(first, Some(Cause::NORMAL));
    stage.leave(room, first);
    stage.leave(room, second);
    stage.destroy_room(room);
    let last = ("AppDial", "(Outgoing Line)".to_owned());
    stage.answered_record(far, rung.phone, last, (joined_ms, joined_ms));
    stage.hangup(rung.phone, Cause::NORMAL);
    stage.hangup(far, Cause::NORMAL);
    stage.phone(person, PhoneState::Idle);
    Expected {
        rang: vec![person.extension.clone()],
        answered_by: Some(plan.dialled.clone()),
        parties: vec![person.extension.clone()],
        ring_ms: answered_ms,
        talk_ms: stage.now_ms.saturating_sub(answered_ms),
        ..stage.expected("outbound", Outcome::Answered)
    }
}

/// The pair is made, and the phone behind it rings.
fn ring(stage: &mut Stage<'_>, request: &Request, local: &Local) -> Rung {
    let person = &stage.plan.people[0];
    let exten = person.extension.as_str();
    let shown = Identity::new(&request.caller.0, &request.caller.1);
    let name = stage.local_name(exten, &local.context);
    let half = |name: String, state, linked, uniqueid| NewLeg {
        name,
        state,
        caller: Identity::default(),
        context: &local.context,
        exten,
        linked,
        uniqueid,
        application: ("", String::new()),
    };
    let (first, second) = (request.channel_id.as_deref(), local.other_id.as_deref());
    let one = stage.new_channel(half(format!("{name};1"), ChannelState::Down, None, first));
    let two = stage.new_channel(half(format!("{name};2"), ChannelState::Ring, Some(one), second));
    stage.caller_id(one, shown.clone());
    stage.connected_line(one, shown.clone());
    stage.change(two, |it| (it.connected, it.application) = (shown.clone(), dial_data(person)));
    stage.caller_id(two, shown.clone());
    stage.connected_line(two, shown);
    stage.local_bridge(one, two, exten);
    stage.dial_begin(None, one, &format!("{exten}@{}", local.context));
    let phone = stage.dialled_leg(two, person);
    stage.dial_begin(Some(two), phone, exten);
    let identity = stage.leg(phone).caller.clone();
    stage.connected_line(two, identity.clone());
    stage.state(phone, ChannelState::Ringing);
    stage.change(one, |it| it.caller = identity.clone());
    stage.state(one, ChannelState::Ringing);
    stage.caller_id(one, identity);
    stage.phone(person, PhoneState::Ringing);
    stage.dial_state(Some(two), phone, "RINGING");
    stage.dial_state(None, one, "RINGING");
    Rung { one, two, phone }
}

/// The person lifts, and the number is called from the first half of the pair.
fn lift(stage: &mut Stage<'_>, request: &Request, rung: &Rung) -> (Room, Leg) {
    let (plan, person) = (stage.plan, &stage.plan.people[0]);
    let &Rung { one, two, phone } = rung;
    stage.state(phone, ChannelState::Up);
    stage.phone(person, PhoneState::InUse);
    stage.change(phone, |it| it.exten.clear());
    stage.dial_end(Some(two), phone, "ANSWER");
    stage.state(one, ChannelState::Up);
    stage.dial_end(None, one, "ANSWER");
    stage.state(two, ChannelState::Up);
    let room = stage.create_room();
    stage.change(one, |it| {
        (it.context, it.exten) = ("from-internal".to_owned(), plan.dialled.clone());
        it.application = trunk_data(&plan.dialled, &plan.trunk);
    });
    stage.originate_response(request, one, REASON_ANSWERED);
    stage.enter(room, phone, None);
    stage.enter(room, two, None);
    let far = stage.call_out(one);
    (room, far)
}

/// The far end takes the place of the pair's second half, and the pair is gone.
fn optimise(
    stage: &mut Stage<'_>,
    rung: &Rung,
    (room, other): (Room, Room),
    far: Leg,
    lifted_ms: u32,
) {
    let (plan, person) = (stage.plan, &stage.plan.people[0]);
    let &Rung { one, two, phone } = rung;
    stage.optimisation(one, two, Some(far), 0);
    stage.leave(other, far);
    stage.leave(room, two);
    stage.enter(room, far, Some(two));
    stage.change_room(room, |it| it.technology = "native_rtp");
    stage.optimisation(one, two, None, 0);
    stage.answered_record(two, phone, dial_data(person), (0, lifted_ms));
    stage.soft_hangup_request(two, Cause::NORMAL);
    stage.hangup_request(one, Some(Cause::NORMAL));
    stage.hangup(two, Cause::NORMAL);
    stage.leave(other, one);
    let data = trunk_data(&plan.dialled, &plan.trunk);
    stage.answered_record(one, far, data, (0, lifted_ms));
    stage.destroy_room(other);
    stage.soft_hangup_request(one, Cause::NORMAL);
    stage.hangup(one, Cause::NORMAL);
}
