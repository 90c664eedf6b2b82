//! Click-to-dial: the phone system rings somebody and calls a number for them.

use super::{
    Course, Expected, Outcome, Request,
    cdr::{ANSWERED, BUSY, NO_ANSWER, Record},
    channel::{ChannelState, Identity, number, pair},
    events::{Cause, PhoneState},
    internal::trunk_data,
    originate_local::through_local,
    stage::{Leg, NewLeg, Stage},
};
use crate::rights::Classes;

impl Stage<'_> {
    pub(crate) fn originate_response(&mut self, request: &Request, leg: Leg, reason: u8) {
        let device = format!("PJSIP/{}", self.plan.people[0].extension);
        self.event("OriginateResponse", Classes::CALL, |stage, out| {
            let (leg, exten) = (stage.leg(leg), stage.plan.dialled.as_str());
            let channel = if reason == REASON_ANSWERED { &leg.name } else { &device };
            response_fields(out, request, (channel, exten), reason, &leg.uniqueid);
        });
    }
}

const NO_UNIQUEID: &str = "<null>";
/// Frame numbers, as Asterisk puts them into `Reason`.
const REASON_FAILED: u8 = 0;
const REASON_RINGING: u8 = 3;
pub(crate) const REASON_ANSWERED: u8 = 4;

/// What a request for a phone that is not registered leads to: this event and nothing else.
/// `channel` is the dial string of the request.
pub(crate) fn refused(request: &Request, channel: &str, exten: &str) -> Vec<u8> {
    let mut out = b"Event: OriginateResponse\r\nPrivilege: call,all\r\n".to_vec();
    let uniqueid = request.channel_id.as_deref().unwrap_or(NO_UNIQUEID);
    response_fields(&mut out, request, (channel, exten), REASON_FAILED, uniqueid);
    out.extend_from_slice(b"\r\n");
    out
}

fn response_fields(
    out: &mut Vec<u8>,
    request: &Request,
    (channel, exten): (&str, &str),
    reason: u8,
    uniqueid: &str,
) {
    if let Some(id) = &request.action_id {
        pair(out, "ActionID", id);
    }
    pair(out, "Response", if reason == REASON_ANSWERED { "Success" } else { "Failure" });
    pair(out, "Channel", channel);
    pair(out, "Context", "from-internal");
    pair(out, "Exten", exten);
    number(out, "Reason", i64::from(reason));
    pair(out, "Uniqueid", uniqueid);
    pair(out, "CallerIDNum", &request.caller.0);
    pair(out, "CallerIDName", &request.caller.1);
}

/// [`super::Kind::ClickToDial`].
pub(crate) fn click_to_dial(stage: &mut Stage<'_>) -> Expected {
    let (plan, person) = (stage.plan, &stage.plan.people[0]);
    let nobody = || Request {
        action_id: None,
        channel_id: None,
        local: None,
        caller: (plan.dialled.clone(), String::new()),
        course: Course::Answered,
    };
    let request = plan.request.clone().unwrap_or_else(nobody);
    if let (Some(local), Course::Answered) = (&request.local, request.course) {
        let expected = through_local(stage, &request, local);
        return Expected { from: person.extension.clone(), from_name: None, ..expected };
    }
    let root = ring_own_phone(stage, &request);
    stage.wait(plan.durations.ring_ms);
    let expected = match request.course {
        Course::NotLifted => not_lifted(stage, root, &request),
        Course::Answered | Course::FarBusy => lifted(stage, root, &request),
    };
    stage.phone(person, PhoneState::Idle);
    Expected { from: person.extension.clone(), from_name: None, ..expected }
}

fn ring_own_phone(stage: &mut Stage<'_>, request: &Request) -> Leg {
    let person = &stage.plan.people[0];
    let new = NewLeg {
        name: stage.channel_name(&person.extension),
        state: ChannelState::Down,
        caller: Identity::new(&person.extension, &person.name),
        context: "from-internal",
        exten: "s",
        linked: None,
        uniqueid: request.channel_id.as_deref(),
        application: ("AppDial2", "(Outgoing Line)".to_owned()),
    };
    let root = stage.new_channel(new);
    let shown = Identity::new(&request.caller.0, &request.caller.1);
    stage.caller_id(root, shown.clone());
    stage.connected_line(root, shown);
    stage.dial_begin(None, root, &person.extension);
    stage.state(root, ChannelState::Ringing);
    stage.phone(person, PhoneState::Ringing);
    stage.dial_state(None, root, "RINGING");
    root
}

fn not_lifted(stage: &mut Stage<'_>, root: Leg, request: &Request) -> Expected {
    stage.originate_response(request, root, REASON_RINGING);
    stage.hangup(root, Cause::NOT_LIFTED);
    stage.cdr(Record {
        channel: root,
        other: None,
        last: ("AppDial2", "(Outgoing Line)".to_owned()),
        start_ms: 0,
        answer_ms: None,
        end_ms: stage.now_ms,
        disposition: NO_ANSWER,
    });
    Expected { ring_ms: stage.now_ms, ..stage.expected("outbound", Outcome::Missed) }
}

fn lifted(stage: &mut Stage<'_>, root: Leg, request: &Request) -> Expected {
    let (plan, person) = (stage.plan, &stage.plan.people[0]);
    let lifted_ms = stage.now_ms;
    stage.originate_response(request, root, REASON_ANSWERED);
    stage.state(root, ChannelState::Up);
    stage.dial_end(None, root, "ANSWER");
    stage.phone(person, PhoneState::InUse);
    stage.change(root, |it| {
        it.exten.clone_from(&plan.dialled);
        it.application = trunk_data(&plan.dialled, &plan.trunk);
    });
    let far = stage.call_out(root);
    stage.wait(plan.durations.hold_ms);
    if request.course == Course::FarBusy {
        return far_busy(stage, root, far, lifted_ms);
    }
    let answered_ms = stage.now_ms;
    stage.state(far, ChannelState::Up);
    stage.change(far, |it| it.exten.clear());
    stage.dial_end(Some(root), far, "ANSWER");
    let room = stage.join(far, root);
    stage.wait(plan.durations.talk_ms);
    stage.end_of_talk(room, root, far);
    let data = trunk_data(&plan.dialled, &plan.trunk);
    stage.answered_record(root, far, data, (0, lifted_ms));
    Expected {
        answered_by: Some(plan.dialled.clone()),
        parties: vec![person.extension.clone()],
        ring_ms: answered_ms,
        talk_ms: stage.now_ms.saturating_sub(answered_ms),
        ..stage.expected("outbound", Outcome::Answered)
    }
}

fn far_busy(stage: &mut Stage<'_>, root: Leg, far: Leg, lifted_ms: u32) -> Expected {
    let plan = stage.plan;
    stage.hangup_request(far, Some(Cause::BUSY));
    stage.dial_end(Some(root), far, "BUSY");
    stage.change(root, |it| it.priority = 2);
    stage.soft_hangup_request(root, Cause::NORMAL);
    stage.hangup(far, Cause::BUSY);
    stage.hangup(root, Cause::BUSY);
    let end_ms = stage.now_ms;
    let data = trunk_data(&plan.dialled, &plan.trunk);
    for (other, last, start_ms, answer_ms, disposition) in [
        (Some(far), data, 0, lifted_ms, BUSY),
        (None, ("Hangup", String::new()), end_ms, end_ms, ANSWERED),
    ] {
        let answer_ms = Some(answer_ms);
        stage.cdr(Record { channel: root, other, last, start_ms, answer_ms, end_ms, disposition });
    }
    Expected { ring_ms: end_ms, ..stage.expected("outbound", Outcome::Busy) }
}
