//! Scripts: what one call looks like on the wire, from its first byte to its last.
//!
//! Pure. A [`Plan`] says what shall happen; [`write`] gives the bytes that an Asterisk 22 sends for
//! it, each step with the time when it is due, and the outcome that must be found afterwards. The
//! wording and the order are those of recordings of the real thing; the tests compare with them.
//!
//! Left out, since the recommended account does not get them: the classes `dialplan`, `dtmf` and
//! `reporting`. Left out too: device states of the trunk and of the queue, which depend on more
//! than one call.

mod cdr;
mod channel;
mod dial;
mod endings;
mod events;
mod inbound;
mod internal;
mod originate;
mod originate_local;
mod queue;
mod stage;
mod transfer;

use bytes::Bytes;
use serde::Serialize;

use crate::{
    company::{Caller, Person},
    random::Random,
    rights::Classes,
};

pub(crate) use cdr::clock_time;
pub(crate) use channel::{Bridge, Channel, number, pair};
pub(crate) use originate::refused;
use stage::Stage;

/// What happens in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Somebody calls a direct number and the phone is answered.
    Answered,
    /// Nobody answers until the phone system gives up.
    Missed,
    /// The caller gives up while the phone rings.
    GivenUp,
    /// The phone is busy.
    Busy,
    /// Several phones ring at once; one is answered.
    RingGroup,
    /// Several phones ring at once; none is answered.
    RingGroupMissed,
    /// The caller waits in a queue until a member answers.
    QueueAnswered,
    /// The caller leaves the queue before anybody answers.
    QueueAbandoned,
    /// The first one answers and sends the caller to the second one without asking.
    BlindTransfer,
    /// The first one answers, speaks with the second one, and connects the caller.
    AttendedTransfer,
    /// The caller is put on hold and fetched back.
    Hold,
    /// Somebody of the company calls a number outside, which answers.
    Outbound,
    /// Somebody calls a colleague, who answers.
    Internal,
    /// Somebody calls a colleague, who does not answer.
    InternalMissed,
    /// The phone system rings somebody's phone and then calls a number for them.
    ClickToDial,
}

impl Kind {
    /// All that a profile may choose from: everything that does not need somebody to ask for it.
    pub const PLACED: &[Kind] = &[
        Kind::Answered,
        Kind::Missed,
        Kind::GivenUp,
        Kind::Busy,
        Kind::RingGroup,
        Kind::RingGroupMissed,
        Kind::QueueAnswered,
        Kind::QueueAbandoned,
        Kind::BlindTransfer,
        Kind::AttendedTransfer,
        Kind::Hold,
        Kind::Outbound,
        Kind::Internal,
        Kind::InternalMissed,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Answered => "answered",
            Kind::Missed => "missed",
            Kind::GivenUp => "given-up",
            Kind::Busy => "busy",
            Kind::RingGroup => "ring-group",
            Kind::RingGroupMissed => "ring-group-missed",
            Kind::QueueAnswered => "queue-answered",
            Kind::QueueAbandoned => "queue-abandoned",
            Kind::BlindTransfer => "blind-transfer",
            Kind::AttendedTransfer => "attended-transfer",
            Kind::Hold => "hold",
            Kind::Outbound => "outbound",
            Kind::Internal => "internal",
            Kind::InternalMissed => "internal-missed",
            Kind::ClickToDial => "click-to-dial",
        }
    }

    /// The kind of this name, among those that a profile may choose.
    #[must_use]
    pub fn find(name: &str) -> Option<Kind> {
        Kind::PLACED.iter().copied().find(|it| it.name() == name)
    }

    /// How many different people of the company take part.
    #[must_use]
    pub fn people(self) -> usize {
        match self {
            Kind::RingGroup | Kind::RingGroupMissed => crate::company::GROUP_SIZE,
            Kind::QueueAnswered
            | Kind::QueueAbandoned
            | Kind::BlindTransfer
            | Kind::AttendedTransfer
            | Kind::Internal
            | Kind::InternalMissed => 2,
            Kind::Answered
            | Kind::Missed
            | Kind::GivenUp
            | Kind::Busy
            | Kind::Hold
            | Kind::Outbound
            | Kind::ClickToDial => 1,
        }
    }
}

/// Who ends an answered call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangsUp {
    /// The one who called.
    Caller,
    /// The one who was called.
    Callee,
}

/// How long the parts of a call take, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durations {
    /// From the first ring to the answer, or to the end where nobody answers.
    pub ring_ms: u32,
    /// From the answer to the end, or to the hold or the transfer.
    pub talk_ms: u32,
    /// How long the caller is on hold; how long the second phone of a transfer rings.
    pub hold_ms: u32,
    /// From the end of the hold, or the second answer of a transfer, to the end.
    pub after_ms: u32,
}

/// Where the next channel, uniqueid and Local channel are counted from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbering {
    /// The number behind the dot of the next uniqueid.
    pub unique: u64,
    /// The hexadecimal number at the end of the next channel's name.
    pub channel: u32,
    /// The same for pairs of Local channels.
    pub local: u32,
}

/// Everything that one call depends on. The same plan always gives the same bytes.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What happens.
    pub kind: Kind,
    /// The far end: who calls, or who is called from inside.
    pub far: Caller,
    /// The people who take part, [`Kind::people`] of them: who rings or calls first comes first.
    pub people: Vec<Person>,
    /// Which of `people` answers, where several phones ring; who calls, otherwise 0.
    pub answers: usize,
    /// What the caller dialled. For calls from inside it is the far number or the extension.
    pub dialled: String,
    /// The name of the trunk.
    pub trunk: String,
    /// The queue of the phone system: where callers wait, and what its members report to.
    pub queue: Option<String>,
    /// Overrides the name that the calling side shows. Load tests carry a mark in it.
    pub label: Option<String>,
    /// How long the parts take.
    pub durations: Durations,
    /// Who ends it, where it is answered.
    pub hangs_up: HangsUp,
    /// When it starts, in microseconds since the epoch.
    pub start_us: i64,
    /// Where its channels are counted from.
    pub numbering: Numbering,
    /// What bridges are named after.
    pub seed: u64,
    /// What was asked for, for [`Kind::ClickToDial`].
    pub request: Option<Request>,
}

/// A click-to-dial request, as `Originate` brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Comes back in the outcome.
    pub action_id: Option<String>,
    /// The uniqueid that the first channel shall have.
    pub channel_id: Option<String>,
    /// The context, when the phone is rung through a pair of Local channels.
    pub local: Option<Local>,
    /// Number and name that the phone shows.
    pub caller: (String, String),
    /// How the phone and the far end behave.
    pub course: Course,
}

/// A pair of Local channels that a request is to go through. It is played for calls that are
/// answered; others ring the phone directly, since there are no recordings of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// The context in which it dials the extension.
    pub context: String,
    /// The uniqueid that its second half shall have.
    pub other_id: Option<String>,
}

/// How a click-to-dial call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Both answer.
    Answered,
    /// The person does not lift, and the request times out.
    NotLifted,
    /// The far end is busy.
    FarBusy,
}

/// How a call must turn out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Two people were connected.
    Answered,
    /// Nobody picked up.
    Missed,
    /// Busy.
    Busy,
}

impl Outcome {
    /// The name in the public contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::Missed => "missed",
            Outcome::Busy => "busy",
        }
    }
}

/// What a listener must have found out about a call when it is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// What happened.
    pub kind: Kind,
    /// Uniqueid of the first channel; at the end all channels have it as their linkedid.
    pub uniqueid: String,
    /// `inbound`, `outbound` or `internal`.
    pub direction: &'static str,
    /// Number of the caller as it was presented.
    pub from: String,
    /// Name of the caller as it was presented.
    pub from_name: Option<String>,
    /// What was dialled.
    pub to: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The extensions that rang, in order.
    pub rang: Vec<String>,
    /// Who answered first.
    pub answered_by: Option<String>,
    /// The extensions that talked, in order.
    pub parties: Vec<String>,
    /// The queue that it waited in.
    pub queue: Option<String>,
    /// Kind, from, to of the transfer, if there was one: `blind` or `attended`.
    pub transfer: Option<(&'static str, String, String)>,
    /// When its first byte is due, in microseconds since the epoch.
    pub start_us: i64,
    /// From the first byte to the answer or to the end, in milliseconds.
    pub ring_ms: u32,
    /// From the answer to the end, in milliseconds.
    pub talk_ms: u32,
    /// The part of it on hold, in milliseconds.
    pub hold_ms: u32,
}

/// A part of a script that is due at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// When, in milliseconds after the start of the call.
    pub at_ms: u32,
    /// Where its bytes end; they begin where those of the step before end.
    pub end: usize,
    /// The class that a listener must have asked for.
    pub class: Classes,
}

/// One call on the wire.
#[derive(Debug, Clone)]
pub struct Script {
    /// All its bytes, one event after the other.
    pub bytes: Bytes,
    /// Where each event lies, in the order in which they are sent.
    pub steps: Vec<Step>,
    /// The step that hangs up the last channel: after it the call is over.
    pub last_hangup: usize,
    /// What must be found out about it.
    pub expected: Expected,
    /// Where the next call goes on counting.
    pub numbering: Numbering,
}

/// Writes the script of a call.
#[must_use]
pub fn write(plan: &Plan) -> Script {
    let (stage, expected) = play(plan, usize::MAX);
    stage.into_script(expected)
}

/// The channels of a call after its first `steps` events, and its bridges: also those that are gone,
/// since channels name theirs by its place.
pub(crate) fn snapshot(plan: &Plan, steps: usize) -> (Vec<Channel>, Vec<Bridge>) {
    play(plan, steps).0.into_snapshot()
}

/// What is sent when somebody cuts a call off after its first `steps` events, `at_ms` after its
/// start, by hanging up the channel of this name. `None` when it has no such channel.
pub(crate) fn cut_off(plan: &Plan, steps: usize, at_ms: u32, channel: &str) -> Option<Script> {
    let (_, expected) = play(plan, usize::MAX);
    play(plan, steps).0.cut_off(expected, at_ms, channel)
}

fn play(plan: &Plan, limit: usize) -> (Stage<'_>, Expected) {
    let mut stage = Stage::new(plan, limit, Random::new(plan.seed));
    let expected = match plan.kind {
        Kind::Answered => inbound::answered(&mut stage),
        Kind::Missed => inbound::missed(&mut stage),
        Kind::GivenUp => inbound::given_up(&mut stage),
        Kind::Busy => inbound::busy(&mut stage),
        Kind::Hold => inbound::hold(&mut stage),
        Kind::RingGroup => dial::group_answered(&mut stage),
        Kind::RingGroupMissed => dial::group_missed(&mut stage),
        Kind::QueueAnswered => queue::answered(&mut stage),
        Kind::QueueAbandoned => queue::abandoned(&mut stage),
        Kind::BlindTransfer => transfer::blind(&mut stage),
        Kind::AttendedTransfer => transfer::attended(&mut stage),
        Kind::Outbound => internal::outbound(&mut stage),
        Kind::Internal => internal::answered(&mut stage),
        Kind::InternalMissed => internal::missed(&mut stage),
        Kind::ClickToDial => originate::click_to_dial(&mut stage),
    };
    (stage, expected)
}

#[cfg(test)]
mod replay_tests;
#[cfg(test)]
mod tests;
