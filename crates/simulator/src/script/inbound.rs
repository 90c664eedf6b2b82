//! Calls from outside to one phone.

use super::{
    Expected, Outcome,
    cdr::{BUSY, Record},
    dial::DIAL_PRIORITY,
    events::{Cause, PhoneState},
    stage::{Leg, Stage},
};
use crate::company::Person;

pub(crate) fn dial_data(person: &Person) -> (&'static str, String) {
    ("Dial", format!("PJSIP/{},20,tT", person.extension))
}

impl Stage<'_> {
    /// A call comes in and one phone rings.
    pub(crate) fn rings_at(&mut self, person: &Person) -> (Leg, Leg) {
        let root = self.incoming(dial_data(person));
        self.change(root, |it| it.priority = DIAL_PRIORITY);
        let phone = self.ring(root, person);
        (root, phone)
    }

    fn expected_missed(&self, person: &Person, outcome: Outcome) -> Expected {
        Expected {
            rang: vec![person.extension.clone()],
            ring_ms: self.now_ms,
            ..self.expected("inbound", outcome)
        }
    }

    pub(crate) fn expected_answered(&self, person: &Person, answered_ms: u32) -> Expected {
        Expected {
            rang: vec![person.extension.clone()],
            answered_by: Some(person.extension.clone()),
            parties: vec![person.extension.clone()],
            ring_ms: answered_ms,
            talk_ms: self.now_ms.saturating_sub(answered_ms),
            ..self.expected("inbound", Outcome::Answered)
        }
    }
}

/// [`super::Kind::Answered`].
pub(crate) fn answered(stage: &mut Stage<'_>) -> Expected {
    let (plan, person) = (stage.plan, &stage.plan.people[0]);
    let (root, phone) = stage.rings_at(person);
    stage.wait(plan.durations.ring_ms);
    let answered_ms = stage.now_ms;
    let room = stage.answer(root, phone, person);
    stage.wait(plan.durations.talk_ms);
    stage.end_of_call((room, root, phone), person, dial_data(person), answered_ms);
    stage.expected_answered(person, answered_ms)
}

/// [`super::Kind::Hold`].
pub(crate) fn hold(stage: &mut Stage<'_>) -> Expected {
    let (plan, person) = (stage.plan, &stage.plan.people[0]);
    let (root, phone) = stage.rings_at(person);
    stage.wait(plan.durations.ring_ms);
    let answered_ms = stage.now_ms;
    let room = stage.answer(root, phone, person);
    stage.wait(plan.durations.talk_ms);
    stage.hold(phone, Some("default"));
    stage.music(root);
    stage.wait(plan.durations.hold_ms);
    stage.unhold(phone);
    stage.music_stops(root);
    stage.wait(plan.durations.after_ms);
    stage.end_of_call((room, root, phone), person, dial_data(person), answered_ms);
    Expected { hold_ms: plan.durations.hold_ms, ..stage.expected_answered(person, answered_ms) }
}

/// [`super::Kind::Missed`].
pub(crate) fn missed(stage: &mut Stage<'_>) -> Expected {
    let (plan, person) = (stage.plan, &stage.plan.people[0]);
    let (root, phone) = stage.rings_at(person);
    stage.wait(plan.durations.ring_ms);
    stage.dial_end(Some(root), phone, "NOANSWER");
    stage.change(root, |it| it.priority += 1);
    stage.soft_hangup_request(root, Cause::NORMAL);
    stage.hangup(phone, Cause::UNSET);
    stage.unanswered(root, Some(phone), dial_data(person), 0);
    stage.hangup(root, Cause::NORMAL);
    stage.unanswered(root, None, ("Hangup", String::new()), stage.now_ms);
    stage.phone(person, PhoneState::Idle);
    stage.expected_missed(person, Outcome::Missed)
}

/// [`super::Kind::GivenUp`].
pub(crate) fn given_up(stage: &mut Stage<'_>) -> Expected {
    let (plan, person) = (stage.plan, &stage.plan.people[0]);
    let (root, phone) = stage.rings_at(person);
    stage.wait(plan.durations.ring_ms);
    stage.hangup_request(root, Some(Cause::CANCELLED));
    stage.dial_end(Some(root), phone, "CANCEL");
    stage.hangup(phone, Cause { sip: Some(500), ..Cause::CANCELLED });
    stage.soft_hangup_request(root, Cause { q850: 16, ..Cause::CANCELLED });
    stage.phone(person, PhoneState::Idle);
    stage.unanswered(root, Some(phone), dial_data(person), 0);
    stage.hangup(root, Cause::CANCELLED);
    stage.expected_missed(person, Outcome::Missed)
}

/// [`super::Kind::Busy`].
pub(crate) fn busy(stage: &mut Stage<'_>) -> Expected {
    let (plan, person) = (stage.plan, &stage.plan.people[0]);
    let (root, phone) = stage.rings_at(person);
    stage.wait(plan.durations.ring_ms);
    stage.hangup_request(phone, Some(Cause::BUSY));
    stage.dial_end(Some(root), phone, "BUSY");
    stage.hangup(phone, Cause::BUSY);
    stage.phone(person, PhoneState::Idle);
    stage.change(root, |it| it.priority += 1);
    stage.soft_hangup_request(root, Cause::NORMAL);
    let end_ms = stage.now_ms;
    for (other, last, start_ms) in
        [(Some(phone), dial_data(person), 0), (None, ("Hangup", String::new()), end_ms)]
    {
        let (answer_ms, disposition) = (None, BUSY);
        stage.cdr(Record { channel: root, other, last, start_ms, answer_ms, end_ms, disposition });
    }
    stage.hangup(root, Cause::BUSY);
    stage.expected_missed(person, Outcome::Busy)
}
