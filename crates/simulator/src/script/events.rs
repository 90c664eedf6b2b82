//! The events themselves: one method for each, with the fields in the order of Asterisk 22.

use super::{
    channel::{ChannelState, Identity, number, pair, small},
    stage::{Leg, NewLeg, Room, Stage},
};
use crate::{company::Person, rights::Classes};

const CALL: Classes = Classes::CALL;
const AGENT: Classes = Classes::AGENT;

/// Why a channel ended: Q.850 cause and, where SIP told, its status.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause {
    pub(crate) q850: u8,
    pub(crate) sip: Option<u16>,
}

impl Cause {
    pub(crate) const UNSET: Cause = Cause { q850: 0, sip: None };
    pub(crate) const NORMAL: Cause = Cause { q850: 16, sip: None };
    pub(crate) const BUSY: Cause = Cause { q850: 17, sip: Some(486) };
    pub(crate) const NOT_LIFTED: Cause = Cause { q850: 19, sip: Some(480) };
    pub(crate) const ELSEWHERE: Cause = Cause { q850: 26, sip: None };
    /// What chan_pjsip gives when the caller cancels; the phone's own leg shows 500.
    pub(crate) const CANCELLED: Cause = Cause { q850: 127, sip: Some(487) };

    fn text(self) -> &'static str {
        match self.q850 {
            16 => "Normal Clearing",
            17 => "User busy",
            19 => "User alerting, no answer",
            26 => "Answered elsewhere",
            127 => "Interworking, unspecified",
            _ => "Unknown",
        }
    }

    fn write(self, out: &mut Vec<u8>, with_text: bool) {
        number(out, "Cause", i64::from(self.q850));
        if with_text {
            pair(out, "Cause-txt", self.text());
        }
        if let Some(sip) = self.sip {
            number(out, "TechCause", i64::from(sip));
        }
    }
}

/// What a phone is doing, as hints and devices show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PhoneState {
    Idle,
    Ringing,
    InUse,
}

impl Stage<'_> {
    /// An event that consists of one channel's block.
    fn about(&mut self, name: &str, leg: Leg) {
        self.event(name, CALL, |stage, out| stage.leg(leg).write(out, ""));
    }

    pub(crate) fn new_channel(&mut self, new: NewLeg<'_>) -> Leg {
        let leg = self.add(new);
        self.about("Newchannel", leg);
        leg
    }

    pub(crate) fn state(&mut self, leg: Leg, state: ChannelState) {
        self.change(leg, |it| it.state = state);
        self.about("Newstate", leg);
    }

    pub(crate) fn connected_line(&mut self, leg: Leg, connected: Identity) {
        self.change(leg, |it| it.connected = connected);
        self.about("NewConnectedLine", leg);
    }

    pub(crate) fn caller_id(&mut self, leg: Leg, caller: Identity) {
        self.change(leg, |it| it.caller = caller);
        self.event("NewCallerid", CALL, |stage, out| {
            stage.leg(leg).write(out, "");
            pair(out, "CID-CallingPres", "0 (Presentation Allowed, Not Screened)");
        });
    }

    fn dial(&mut self, name: &str, from: Option<Leg>, to: Leg, key: &str, value: &str) {
        self.event(name, CALL, |stage, out| {
            if let Some(from) = from {
                stage.leg(from).write(out, "");
            }
            stage.leg(to).write(out, "Dest");
            pair(out, key, value);
        });
    }

    pub(crate) fn dial_begin(&mut self, from: Option<Leg>, to: Leg, dial_string: &str) {
        self.dial("DialBegin", from, to, "DialString", dial_string);
    }

    pub(crate) fn dial_state(&mut self, from: Option<Leg>, to: Leg, status: &str) {
        self.dial("DialState", from, to, "DialStatus", status);
    }

    pub(crate) fn dial_end(&mut self, from: Option<Leg>, to: Leg, status: &str) {
        self.dial("DialEnd", from, to, "DialStatus", status);
    }

    pub(crate) fn create_room(&mut self) -> Room {
        let room = self.add_room();
        self.event("BridgeCreate", CALL, |stage, out| stage.bridges[room.0].write(out, ""));
        room
    }

    pub(crate) fn enter(&mut self, room: Room, leg: Leg, instead_of: Option<Leg>) {
        self.change_room(room, |it| it.channels += 1);
        self.change(leg, |it| it.bridge = Some(room.0));
        self.event("BridgeEnter", CALL, |stage, out| {
            stage.bridges[room.0].write(out, "");
            stage.leg(leg).write(out, "");
            if let Some(other) = instead_of {
                pair(out, "SwapUniqueid", &stage.leg(other).uniqueid);
            }
        });
    }

    pub(crate) fn leave(&mut self, room: Room, leg: Leg) {
        self.change_room(room, |it| it.channels = it.channels.saturating_sub(1));
        self.change(leg, |it| it.bridge = None);
        self.event("BridgeLeave", CALL, |stage, out| {
            stage.bridges[room.0].write(out, "");
            stage.leg(leg).write(out, "");
        });
    }

    pub(crate) fn destroy_room(&mut self, room: Room) {
        self.change_room(room, |it| it.gone = true);
        self.event("BridgeDestroy", CALL, |stage, out| stage.bridges[room.0].write(out, ""));
    }

    pub(crate) fn merge(&mut self, to: Room, from: Room) {
        self.event("BridgeMerge", CALL, |stage, out| {
            stage.bridges[to.0].write(out, "To");
            stage.bridges[from.0].write(out, "From");
        });
    }

    pub(crate) fn hold(&mut self, leg: Leg, music_class: Option<&str>) {
        self.event("Hold", CALL, |stage, out| {
            stage.leg(leg).write(out, "");
            if let Some(class) = music_class {
                pair(out, "MusicClass", class);
            }
        });
    }

    pub(crate) fn unhold(&mut self, leg: Leg) {
        self.about("Unhold", leg);
    }

    pub(crate) fn music(&mut self, leg: Leg) {
        self.event("MusicOnHoldStart", CALL, |stage, out| {
            stage.leg(leg).write(out, "");
            pair(out, "Class", "default");
        });
    }

    pub(crate) fn music_stops(&mut self, leg: Leg) {
        self.about("MusicOnHoldStop", leg);
    }

    /// `cause` is left out where Asterisk leaves it out: for a caller in a queue.
    pub(crate) fn hangup_request(&mut self, leg: Leg, cause: Option<Cause>) {
        self.event("HangupRequest", CALL, |stage, out| {
            stage.leg(leg).write(out, "");
            if let Some(cause) = cause {
                cause.write(out, false);
            }
        });
    }

    pub(crate) fn soft_hangup_request(&mut self, leg: Leg, cause: Cause) {
        self.event("SoftHangupRequest", CALL, |stage, out| {
            stage.leg(leg).write(out, "");
            cause.write(out, false);
        });
    }

    pub(crate) fn hangup(&mut self, leg: Leg, cause: Cause) {
        if self.stopped() {
            return;
        }
        self.event("Hangup", CALL, |stage, out| {
            stage.leg(leg).write(out, "");
            cause.write(out, true);
        });
        // Not by `change`: the event may have been the last one that is played.
        self.channels[leg.0].gone = true;
        self.note_hangup();
    }

    /// Hint, device and queue membership of somebody's phone.
    pub(crate) fn phone(&mut self, person: &Person, state: PhoneState) {
        let (status, status_text, device, member) = match state {
            PhoneState::Idle => ("0", "Idle", "NOT_INUSE", "1"),
            PhoneState::InUse => ("1", "InUse", "INUSE", "2"),
            PhoneState::Ringing => ("8", "Ringing", "RINGING", "6"),
        };
        let interface = format!("PJSIP/{}", person.extension);
        self.event("ExtensionStatus", CALL, |_, out| {
            pair(out, "Exten", &person.extension);
            pair(out, "Context", "from-internal");
            pair(out, "Hint", &interface);
            pair(out, "Status", status);
            pair(out, "StatusText", status_text);
        });
        self.event("DeviceStateChange", CALL, |_, out| {
            pair(out, "Device", &interface);
            pair(out, "State", device);
        });
        let Some(queue) = self.plan.queue.as_deref().filter(|_| person.in_queue) else { return };
        self.event("QueueMemberStatus", AGENT, |stage, out| {
            pair(out, "Queue", queue);
            pair(out, "MemberName", &person.name);
            pair(out, "Interface", &interface);
            pair(out, "StateInterface", &interface);
            pair(out, "Membership", "static");
            for key in ["Penalty", "CallsTaken", "LastCall", "LastPause"] {
                pair(out, key, "0");
            }
            number(out, "LoginTime", stage.plan.start_us / 1_000_000);
            pair(out, "InCall", "0");
            pair(out, "Status", member);
            pair(out, "Paused", "0");
            pair(out, "PausedReason", "");
            pair(out, "Ringinuse", "0");
            pair(out, "Wrapuptime", "0");
        });
    }

    pub(crate) fn queue_caller(
        &mut self,
        name: &str,
        caller: Leg,
        queue: &str,
        fields: &[(&str, u32)],
    ) {
        self.event(name, AGENT, |stage, out| {
            stage.leg(caller).write(out, "");
            pair(out, "Queue", queue);
            for &(key, value) in fields {
                number(out, key, i64::from(value));
            }
        });
    }

    pub(crate) fn agent(
        &mut self,
        name: &str,
        (caller, agent): (Leg, Leg),
        queue: &str,
        person: &Person,
        fields: &[(&str, &str)],
    ) {
        self.event(name, AGENT, |stage, out| {
            stage.leg(caller).write(out, "");
            stage.leg(agent).write(out, "Dest");
            pair(out, "Queue", queue);
            pair(out, "Interface", &format!("PJSIP/{}", person.extension));
            pair(out, "MemberName", &person.name);
            for &(key, value) in fields {
                pair(out, key, value);
            }
        });
    }

    pub(crate) fn local_bridge(&mut self, one: Leg, two: Leg, exten: &str) {
        self.event("LocalBridge", CALL, |stage, out| {
            stage.leg(one).write(out, "LocalOne");
            stage.leg(two).write(out, "LocalTwo");
            pair(out, "Context", &stage.leg(two).context);
            pair(out, "Exten", exten);
            pair(out, "LocalOptimization", "Yes");
        });
    }

    /// Called with the source of the optimisation at its begin, without at its end.
    pub(crate) fn optimisation(&mut self, one: Leg, two: Leg, source: Option<Leg>, id: u8) {
        let name = if source.is_some() { "LocalOptimizationBegin" } else { "LocalOptimizationEnd" };
        self.event(name, CALL, |stage, out| {
            stage.leg(one).write(out, "LocalOne");
            stage.leg(two).write(out, "LocalTwo");
            match source {
                Some(source) => {
                    stage.leg(source).write(out, "Source");
                    pair(out, "DestUniqueId", &stage.leg(two).uniqueid);
                }
                // So it is on the wire, although it succeeds.
                None => pair(out, "Success", "No"),
            }
            pair(out, "Id", small(id));
        });
    }
}
