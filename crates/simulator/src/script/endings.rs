//! How calls end: somebody hangs up, or the phone system does.

use super::{
    Expected, Outcome, Script,
    cdr::{ANSWERED, NO_ANSWER, Record},
    events::{Cause, PhoneState},
    stage::{Leg, Room, Stage},
};
use crate::company::Person;

impl Stage<'_> {
    /// The two of a bridge stop talking, by the hand of whom the plan says. `root` is the channel
    /// of the one who called.
    pub(crate) fn end_of_talk(&mut self, room: Room, root: Leg, phone: Leg) {
        let (first, second) = if self.callee_hangs_up() { (phone, root) } else { (root, phone) };
        self.hangup_request(first, Some(Cause::NORMAL));
        self.leave(room, first);
        self.leave(room, second);
        self.destroy_room(room);
        self.soft_hangup_request(root, Cause::NORMAL);
        self.hangup(phone, Cause::NORMAL);
        self.hangup(root, Cause::NORMAL);
    }

    /// The same with everything that belongs to the end of a plain call between two.
    pub(crate) fn end_of_call(
        &mut self,
        (room, root, phone): (Room, Leg, Leg),
        person: &Person,
        last: (&'static str, String),
        answered_ms: u32,
    ) {
        self.end_of_talk(room, root, phone);
        self.answered_record(root, phone, last, (0, answered_ms));
        self.phone(person, PhoneState::Idle);
    }

    /// The record of a conversation that ends now. `times`: start and answer.
    pub(crate) fn answered_record(
        &mut self,
        channel: Leg,
        other: Leg,
        last: (&'static str, String),
        times: (u32, u32),
    ) {
        self.cdr(Record {
            channel,
            other: Some(other),
            last,
            start_ms: times.0,
            answer_ms: Some(times.1),
            end_ms: self.now_ms,
            disposition: ANSWERED,
        });
    }

    /// The record of an attempt that nobody answered.
    pub(crate) fn unanswered(
        &mut self,
        channel: Leg,
        other: Option<Leg>,
        last: (&'static str, String),
        start_ms: u32,
    ) {
        let end_ms = self.now_ms;
        let disposition = NO_ANSWER;
        self.cdr(Record { channel, other, last, start_ms, answer_ms: None, end_ms, disposition });
    }

    /// Goes on from where the play was stopped: the channel of this name is hung up, and with it
    /// the whole call.
    pub(crate) fn cut_off(
        mut self,
        expected: Expected,
        at_ms: u32,
        channel: &str,
    ) -> Option<Script> {
        let named = self.channels.iter().position(|it| !it.gone && it.name == channel)?;
        self.rewrite(at_ms);
        self.soft_hangup_request(Leg(named), Cause::NORMAL);
        let live: Vec<Leg> =
            (0..self.channels.len()).filter(|&it| !self.channels[it].gone).map(Leg).collect();
        for &leg in &live {
            if let Some(room) = self.leg(leg).bridge {
                self.leave(Room(room), leg);
            }
        }
        for room in (0..self.bridges.len()).map(Room) {
            if !self.bridges[room.0].gone {
                self.destroy_room(room);
            }
        }
        for &leg in &live {
            self.hangup(leg, Cause::NORMAL);
        }
        let plan = self.plan;
        for person in &plan.people {
            self.phone(person, PhoneState::Idle);
        }
        let expected = shortened(expected, self.now_ms);
        Some(self.into_script(expected))
    }
}

/// What is left of a call that was to go on, when it ends after `at_ms`.
fn shortened(expected: Expected, at_ms: u32) -> Expected {
    if at_ms < expected.ring_ms {
        let outcome = Outcome::Missed;
        let (answered_by, parties, transfer) = (None, Vec::new(), None);
        let (ring_ms, talk_ms, hold_ms) = (at_ms, 0, 0);
        return Expected {
            outcome,
            answered_by,
            parties,
            transfer,
            ring_ms,
            talk_ms,
            hold_ms,
            ..expected
        };
    }
    Expected { talk_ms: expected.talk_ms.min(at_ms - expected.ring_ms), ..expected }
}
