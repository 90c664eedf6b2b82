//! The stage on which a script is played: the channels and bridges of one call, the clock of the
//! call, and the bytes written so far.
//!
//! It can stop after a number of events. From then on nothing is written and nothing changes, so
//! that what stands on it is the state of the call at that moment; this is how lists of channels in
//! progress are made without keeping any state beside the plan.

use super::{
    Expected, HangsUp, Numbering, Outcome, Plan, Script, Step,
    channel::{Bridge, Channel, ChannelState, Identity},
};
use crate::{random::Random, rights::Classes};

/// One channel on the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leg(pub(crate) usize);

/// One bridge on the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room(pub(crate) usize);

/// What a new channel is to be.
pub(crate) struct NewLeg<'a> {
    pub(crate) name: String,
    pub(crate) state: ChannelState,
    pub(crate) caller: Identity,
    pub(crate) context: &'a str,
    pub(crate) exten: &'a str,
    /// The channel whose linkedid it takes over; `None` for the first one of a call.
    pub(crate) linked: Option<Leg>,
    /// Its uniqueid, where somebody has chosen one.
    pub(crate) uniqueid: Option<&'a str>,
    pub(crate) application: (&'static str, String),
}

pub(crate) struct Stage<'a> {
    pub(crate) plan: &'a Plan,
    /// Milliseconds after the start of the call.
    pub(crate) now_ms: u32,
    limit: usize,
    bytes: Vec<u8>,
    steps: Vec<Step>,
    last_hangup: usize,
    pub(crate) channels: Vec<Channel>,
    pub(crate) bridges: Vec<Bridge>,
    numbering: Numbering,
    random: Random,
}

/// Most scripts fit into this many bytes.
const SCRIPT_BYTES_USUAL: usize = 24 * 1024;

impl<'a> Stage<'a> {
    pub(crate) fn new(plan: &'a Plan, limit: usize, random: Random) -> Stage<'a> {
        Stage {
            plan,
            now_ms: 0,
            limit,
            bytes: Vec::with_capacity(SCRIPT_BYTES_USUAL),
            steps: Vec::with_capacity(48),
            last_hangup: 0,
            channels: Vec::with_capacity(5),
            bridges: Vec::with_capacity(3),
            numbering: plan.numbering,
            random,
        }
    }

    /// Whether the play has been stopped.
    pub(crate) fn stopped(&self) -> bool {
        self.steps.len() >= self.limit
    }

    pub(crate) fn leg(&self, leg: Leg) -> &Channel {
        &self.channels[leg.0]
    }

    /// Changes a channel without an event of its own.
    pub(crate) fn change(&mut self, leg: Leg, change: impl FnOnce(&mut Channel)) {
        if !self.stopped() {
            change(&mut self.channels[leg.0]);
        }
    }

    /// Changes a bridge without an event of its own.
    pub(crate) fn change_room(&mut self, room: Room, change: impl FnOnce(&mut Bridge)) {
        if !self.stopped() {
            change(&mut self.bridges[room.0]);
        }
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, ms: u32) {
        if !self.stopped() {
            self.now_ms += ms;
        }
    }

    /// Writes one event: its name, its classes, and what `fields` adds.
    pub(crate) fn event(
        &mut self,
        name: &str,
        class: Classes,
        fields: impl FnOnce(&Stage<'a>, &mut Vec<u8>),
    ) {
        if self.stopped() {
            return;
        }
        let mut out = std::mem::take(&mut self.bytes);
        out.extend_from_slice(b"Event: ");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(match class {
            Classes::AGENT => b"\r\nPrivilege: agent,all\r\n",
            Classes::CDR => b"\r\nPrivilege: cdr,all\r\n".as_slice(),
            _ => b"\r\nPrivilege: call,all\r\n",
        });
        fields(self, &mut out);
        out.extend_from_slice(b"\r\n");
        self.steps.push(Step { at_ms: self.now_ms, end: out.len(), class });
        self.bytes = out;
    }

    /// Remembers that the event just written hung up a channel.
    pub(crate) fn note_hangup(&mut self) {
        self.last_hangup = self.steps.len().saturating_sub(1);
    }

    /// Makes a channel, without its event.
    pub(crate) fn add(&mut self, new: NewLeg<'_>) -> Leg {
        let uniqueid = new.uniqueid.map_or_else(|| self.next_uniqueid(), str::to_owned);
        let linkedid = new.linked.map_or(uniqueid.as_str(), |it| &self.leg(it).linkedid).to_owned();
        self.channels.push(Channel {
            name: new.name,
            state: new.state,
            caller: new.caller,
            connected: Identity::default(),
            context: new.context.to_owned(),
            exten: new.exten.to_owned(),
            priority: 1,
            uniqueid,
            linkedid,
            application: new.application,
            dnid: String::new(),
            created_ms: self.now_ms,
            bridge: None,
            gone: self.stopped(),
        });
        Leg(self.channels.len() - 1)
    }

    /// The full name of the next channel of a device, such as `PJSIP/201-0000001f`.
    pub(crate) fn channel_name(&mut self, device: &str) -> String {
        let number = self.numbering.channel;
        self.numbering.channel = number.wrapping_add(1);
        format!("PJSIP/{device}-{number:08x}")
    }

    /// The full names of the next pair of Local channels, without `;1` and `;2`.
    pub(crate) fn local_name(&mut self, exten: &str, context: &str) -> String {
        let number = self.numbering.local;
        self.numbering.local = number.wrapping_add(1);
        format!("Local/{exten}@{context}-{number:08x}")
    }

    fn next_uniqueid(&mut self) -> String {
        let number = self.numbering.unique;
        self.numbering.unique = number.wrapping_add(1);
        format!("{}.{number}", self.wall_us() / 1_000_000)
    }

    /// The time on the wall, in microseconds since the epoch.
    pub(crate) fn wall_us(&self) -> i64 {
        self.plan.start_us.saturating_add(i64::from(self.now_ms) * 1000)
    }

    /// Makes a bridge, without its event.
    pub(crate) fn add_room(&mut self) -> Room {
        let (high, low) = (self.random.bits(), self.random.bits());
        // The marks of a random UUID: version 4, variant 1 (RFC 9562, 5.4).
        let uniqueid = format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff
        );
        self.bridges.push(Bridge {
            uniqueid,
            technology: "simple_bridge",
            channels: 0,
            gone: self.stopped(),
        });
        Room(self.bridges.len() - 1)
    }

    /// What is expected of a call, with everything that the plan says about it.
    pub(crate) fn expected(&self, direction: &'static str, outcome: Outcome) -> Expected {
        let root = &self.channels[0];
        let plan = self.plan;
        Expected {
            kind: plan.kind,
            uniqueid: root.linkedid.clone(),
            direction,
            from: root.caller.number.clone(),
            from_name: (!root.caller.name.is_empty()).then(|| root.caller.name.clone()),
            to: plan.dialled.clone(),
            outcome,
            rang: Vec::new(),
            answered_by: None,
            parties: Vec::new(),
            queue: None,
            transfer: None,
            start_us: plan.start_us,
            ring_ms: 0,
            talk_ms: 0,
            hold_ms: 0,
        }
    }

    /// Whether the callee is to hang up.
    pub(crate) fn callee_hangs_up(&self) -> bool {
        self.plan.hangs_up == HangsUp::Callee
    }

    pub(crate) fn into_script(self, expected: Expected) -> Script {
        Script {
            bytes: self.bytes.into(),
            steps: self.steps,
            last_hangup: self.last_hangup,
            expected,
            numbering: self.numbering,
        }
    }

    pub(crate) fn into_snapshot(self) -> (Vec<Channel>, Vec<Bridge>) {
        let mut channels = self.channels;
        channels.retain(|it| !it.gone);
        (channels, self.bridges)
    }

    /// Begins to write anew, from the state that has been reached.
    pub(crate) fn rewrite(&mut self, at_ms: u32) {
        self.limit = usize::MAX;
        self.bytes.clear();
        self.steps.clear();
        self.last_hangup = 0;
        self.now_ms = at_ms.max(self.now_ms);
    }
}
