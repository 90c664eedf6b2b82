//! Dialling, answering and talking: what most calls are made of, and ring groups.

use super::{
    Expected, Outcome,
    cdr::{ANSWERED, NO_ANSWER, Record},
    channel::{ChannelState, Identity},
    events::{Cause, PhoneState},
    stage::{Leg, NewLeg, Room, Stage},
};
use crate::company::Person;

/// What an incoming call runs in the dialplan before it dials, in priorities.
pub(crate) const DIAL_PRIORITY: u8 = 3;

impl Stage<'_> {
    /// The name that the calling side shows.
    pub(crate) fn shown_name(&self, own: &str) -> String {
        self.plan.label.clone().unwrap_or_else(|| own.to_owned())
    }

    /// A call comes in over the trunk.
    pub(crate) fn incoming(&mut self, application: (&'static str, String)) -> Leg {
        let plan = self.plan;
        let name = self.shown_name(plan.far.name.as_deref().unwrap_or_default());
        let new = NewLeg {
            name: self.channel_name(&plan.trunk),
            state: ChannelState::Ring,
            caller: Identity::new(&plan.far.number, &name),
            context: "from-trunk",
            exten: &plan.dialled,
            linked: None,
            uniqueid: None,
            application,
        };
        let root = self.new_channel(new);
        self.change(root, |it| it.dnid.clone_from(&plan.dialled));
        root
    }

    /// Somebody of the company lifts and dials.
    pub(crate) fn outgoing(&mut self, person: &Person, application: (&'static str, String)) -> Leg {
        let plan = self.plan;
        let new = NewLeg {
            name: self.channel_name(&person.extension),
            state: ChannelState::Ring,
            caller: Identity::new(&person.extension, &self.shown_name(&person.name)),
            context: "from-internal",
            exten: &plan.dialled,
            linked: None,
            uniqueid: None,
            application,
        };
        self.new_channel(new)
    }

    /// A channel towards somebody's phone, with the event that announces it.
    pub(crate) fn phone_leg(&mut self, root: Leg, person: &Person) -> Leg {
        let new = NewLeg {
            name: self.channel_name(&person.extension),
            state: ChannelState::Down,
            caller: Identity::new(&person.extension, &person.name),
            context: "from-internal",
            exten: "s",
            linked: Some(root),
            uniqueid: None,
            application: ("AppDial", "(Outgoing Line)".to_owned()),
        };
        self.new_channel(new)
    }

    /// The same, told at once who calls: as `Dial` does, other than `Queue`.
    pub(crate) fn dialled_leg(&mut self, root: Leg, person: &Person) -> Leg {
        let phone = self.phone_leg(root, person);
        let (caller, exten) = (self.leg(root).caller.clone(), self.leg(root).exten.clone());
        self.change(phone, |it| it.exten = exten);
        self.connected_line(phone, caller);
        phone
    }

    /// One phone is dialled and rings.
    pub(crate) fn ring(&mut self, root: Leg, person: &Person) -> Leg {
        let phone = self.dialled_leg(root, person);
        self.dial_begin(Some(root), phone, &person.extension);
        let identity = self.leg(phone).caller.clone();
        self.connected_line(root, identity);
        self.state(phone, ChannelState::Ringing);
        self.phone(person, PhoneState::Ringing);
        self.dial_state(Some(root), phone, "RINGING");
        phone
    }

    /// Two channels begin to talk, the called one first.
    pub(crate) fn join(&mut self, phone: Leg, root: Leg) -> Room {
        let room = self.create_room();
        self.enter(room, phone, None);
        self.enter(room, root, None);
        // Asterisk takes itself out of the path of the sound; no event tells of it.
        self.change_room(room, |it| it.technology = "native_rtp");
        room
    }

    /// The phone that rings alone is answered.
    pub(crate) fn answer(&mut self, root: Leg, phone: Leg, person: &Person) -> Room {
        self.state(phone, ChannelState::Up);
        self.phone(person, PhoneState::InUse);
        self.change(phone, |it| it.exten.clear());
        self.dial_end(Some(root), phone, "ANSWER");
        if self.leg(root).state != ChannelState::Up {
            self.state(root, ChannelState::Up);
        }
        self.join(phone, root)
    }
}

/// The numbers of all members, as `Dial` takes them.
fn group_data(people: &[Person]) -> String {
    let devices: Vec<String> = people.iter().map(|it| format!("PJSIP/{}", it.extension)).collect();
    format!("{},20,tT", devices.join("&"))
}

fn ring_all(stage: &mut Stage<'_>) -> (Leg, Vec<Leg>) {
    let people = &stage.plan.people;
    let root = stage.incoming(("Dial", group_data(people)));
    let phones: Vec<Leg> = people.iter().map(|it| stage.dialled_leg(root, it)).collect();
    stage.change(root, |it| it.priority = DIAL_PRIORITY);
    for (person, &phone) in people.iter().zip(&phones) {
        stage.dial_begin(Some(root), phone, &person.extension);
    }
    for (person, &phone) in people.iter().zip(&phones) {
        stage.state(phone, ChannelState::Ringing);
        stage.phone(person, PhoneState::Ringing);
        stage.dial_state(Some(root), phone, "RINGING");
    }
    (root, phones)
}

/// [`super::Kind::RingGroup`].
pub(crate) fn group_answered(stage: &mut Stage<'_>) -> Expected {
    let plan = stage.plan;
    let (root, phones) = ring_all(stage);
    stage.wait(plan.durations.ring_ms);
    let answered_ms = stage.now_ms;
    let (winner, person) = (phones[plan.answers], &plan.people[plan.answers]);
    let others: Vec<usize> = (0..phones.len()).filter(|&it| it != plan.answers).collect();

    stage.state(winner, ChannelState::Up);
    let identity = stage.leg(winner).caller.clone();
    stage.connected_line(root, identity);
    for &other in &others {
        stage.dial_end(Some(root), phones[other], "CANCEL");
    }
    for &other in &others {
        stage.hangup(phones[other], Cause::ELSEWHERE);
        stage.phone(&plan.people[other], PhoneState::Idle);
    }
    stage.phone(person, PhoneState::InUse);
    stage.change(winner, |it| it.exten.clear());
    stage.dial_end(Some(root), winner, "ANSWER");
    stage.state(root, ChannelState::Up);
    let room = stage.join(winner, root);

    stage.wait(plan.durations.talk_ms);
    stage.end_of_talk(room, root, winner);
    let end_ms = stage.now_ms;
    for (index, &phone) in phones.iter().enumerate() {
        let won = index == plan.answers;
        stage.cdr(Record {
            channel: root,
            other: Some(phone),
            last: ("Dial", group_data(&plan.people)),
            start_ms: 0,
            answer_ms: won.then_some(answered_ms),
            end_ms: if won { end_ms } else { answered_ms },
            disposition: if won { ANSWERED } else { NO_ANSWER },
        });
    }
    stage.phone(person, PhoneState::Idle);
    Expected {
        rang: plan.people.iter().map(|it| it.extension.clone()).collect(),
        answered_by: Some(person.extension.clone()),
        parties: vec![person.extension.clone()],
        ring_ms: answered_ms,
        talk_ms: end_ms.saturating_sub(answered_ms),
        ..stage.expected("inbound", Outcome::Answered)
    }
}

/// [`super::Kind::RingGroupMissed`].
pub(crate) fn group_missed(stage: &mut Stage<'_>) -> Expected {
    let plan = stage.plan;
    let (root, phones) = ring_all(stage);
    stage.wait(plan.durations.ring_ms);
    for &phone in &phones {
        stage.dial_end(Some(root), phone, "NOANSWER");
    }
    stage.change(root, |it| it.priority = DIAL_PRIORITY + 1);
    for (person, &phone) in plan.people.iter().zip(&phones) {
        stage.hangup(phone, Cause::UNSET);
        stage.phone(person, PhoneState::Idle);
    }
    stage.soft_hangup_request(root, Cause::NORMAL);
    for &phone in &phones {
        stage.unanswered(root, Some(phone), ("Dial", group_data(&plan.people)), 0);
    }
    stage.unanswered(root, None, ("Hangup", String::new()), stage.now_ms);
    stage.hangup(root, Cause::NORMAL);
    Expected {
        rang: plan.people.iter().map(|it| it.extension.clone()).collect(),
        ring_ms: stage.now_ms,
        ..stage.expected("inbound", Outcome::Missed)
    }
}
