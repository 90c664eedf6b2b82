//! Calls that somebody of the company makes.

use super::{
    Expected, Outcome,
    channel::{ChannelState, Identity},
    events::{Cause, PhoneState},
    inbound::dial_data,
    stage::{Leg, NewLeg, Stage},
};
use crate::company::Person;

/// What is dialled towards the provider.
pub(crate) fn trunk_data(number: &str, trunk: &str) -> (&'static str, String) {
    ("Dial", format!("PJSIP/{number}@{trunk},30,tT"))
}

impl Stage<'_> {
    /// A channel towards the provider, which rings there.
    pub(crate) fn call_out(&mut self, root: Leg) -> Leg {
        let plan = self.plan;
        let number = &plan.dialled;
        let new = NewLeg {
            name: self.channel_name(&plan.trunk),
            state: ChannelState::Down,
            caller: Identity::default(),
            context: "from-trunk",
            exten: "s",
            linked: Some(root),
            uniqueid: None,
            application: ("AppDial", "(Outgoing Line)".to_owned()),
        };
        let far = self.new_channel(new);
        let caller = self.leg(root).caller.clone();
        // A click-to-dial call shows the far name on both sides, as the request gave it.
        let name = plan.request.as_ref().map_or("", |it| it.caller.1.as_str());
        let shown = plan.request.as_ref().map_or(number.as_str(), |it| it.caller.0.as_str());
        let identity = Identity::new(shown, name);
        self.change(far, |it| (it.connected, it.exten) = (caller.clone(), number.clone()));
        self.caller_id(far, identity.clone());
        self.connected_line(far, caller);
        self.dial_begin(Some(root), far, &format!("{number}@{}", plan.trunk));
        if self.leg(root).connected != identity {
            self.connected_line(root, identity);
        }
        self.state(far, ChannelState::Ringing);
        self.dial_state(Some(root), far, "RINGING");
        far
    }

    fn internal(&self, from: &Person, to: &Person, outcome: Outcome) -> Expected {
        let answered = outcome == Outcome::Answered;
        let both = || vec![from.extension.clone(), to.extension.clone()];
        Expected {
            rang: vec![to.extension.clone()],
            answered_by: answered.then(|| to.extension.clone()),
            parties: if answered { both() } else { Vec::new() },
            ..self.expected("internal", outcome)
        }
    }
}

/// [`super::Kind::Outbound`].
pub(crate) fn outbound(stage: &mut Stage<'_>) -> Expected {
    let (plan, person) = (stage.plan, &stage.plan.people[0]);
    let data = trunk_data(&plan.dialled, &plan.trunk);
    let root = stage.outgoing(person, data.clone());
    stage.phone(person, PhoneState::InUse);
    let far = stage.call_out(root);
    stage.wait(plan.durations.ring_ms);
    let answered_ms = stage.now_ms;
    stage.state(far, ChannelState::Up);
    stage.change(far, |it| it.exten.clear());
    stage.dial_end(Some(root), far, "ANSWER");
    stage.state(root, ChannelState::Up);
    let room = stage.join(far, root);
    stage.wait(plan.durations.talk_ms);
    stage.end_of_call((room, root, far), person, data, answered_ms);
    Expected {
        answered_by: Some(plan.dialled.clone()),
        parties: vec![person.extension.clone()],
        ring_ms: answered_ms,
        talk_ms: stage.now_ms.saturating_sub(answered_ms),
        ..stage.expected("outbound", Outcome::Answered)
    }
}

/// Somebody dials a colleague, whose phone rings.
fn calls<'a>(stage: &mut Stage<'a>) -> (&'a Person, &'a Person, Leg, Leg) {
    let (from, to) = (&stage.plan.people[0], &stage.plan.people[1]);
    let root = stage.outgoing(from, dial_data(to));
    stage.phone(from, PhoneState::InUse);
    stage.change(root, |it| it.priority = 2);
    let phone = stage.ring(root, to);
    (from, to, root, phone)
}

/// [`super::Kind::Internal`].
pub(crate) fn answered(stage: &mut Stage<'_>) -> Expected {
    let plan = stage.plan;
    let (from, to, root, phone) = calls(stage);
    stage.wait(plan.durations.ring_ms);
    let answered_ms = stage.now_ms;
    let room = stage.answer(root, phone, to);
    stage.wait(plan.durations.talk_ms);
    stage.end_of_call((room, root, phone), to, dial_data(to), answered_ms);
    stage.phone(from, PhoneState::Idle);
    Expected {
        ring_ms: answered_ms,
        talk_ms: stage.now_ms.saturating_sub(answered_ms),
        ..stage.internal(from, to, Outcome::Answered)
    }
}

/// [`super::Kind::InternalMissed`].
pub(crate) fn missed(stage: &mut Stage<'_>) -> Expected {
    let plan = stage.plan;
    let (from, to, root, phone) = calls(stage);
    stage.wait(plan.durations.ring_ms);
    stage.dial_end(Some(root), phone, "NOANSWER");
    stage.change(root, |it| it.priority += 1);
    stage.unanswered(root, Some(phone), dial_data(to), 0);
    stage.unanswered(root, None, ("Hangup", String::new()), stage.now_ms);
    stage.soft_hangup_request(root, Cause::NORMAL);
    stage.hangup(phone, Cause::UNSET);
    stage.hangup(root, Cause::NORMAL);
    stage.phone(to, PhoneState::Idle);
    stage.phone(from, PhoneState::Idle);
    Expected { ring_ms: stage.now_ms, ..stage.internal(from, to, Outcome::Missed) }
}
