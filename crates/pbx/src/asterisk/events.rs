//! What each event means, in hints and observations for the tracker.
//!
//! Events are known by their names: the dialects of 1.4 (`Link`), 1.6 to 11 (`Bridge`) and 12 to 22
//! (`BridgeEnter`) do not collide, so that one reader serves them all and the version need not be
//! known.

mod channels;
mod people;

use call::{DialEnd, LegId, Tracker, UnixMs};
use pbx_proto::ami::Frame;

use super::{Reader, channel::dialled_number, fields::Fields};

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It said something about a call.
    Understood,
    /// It is of no interest.
    Ignored,
    /// It speaks of something unknown.
    Unknown,
    /// It looks forged; what could be trusted of it was followed.
    Suspicious,
}

/// The events that say something about calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NewChannel,
    NewState,
    NewCallerId,
    NewExten,
    Dial,
    DialBegin,
    DialState,
    DialEnd,
    Link,
    Unlink,
    Bridge,
    BridgeEnter,
    BridgeLeave,
    LocalBridge,
    Rename,
    Hangup,
    HangupRequest,
    Hold(bool),
    Music,
    MusicStart,
    MusicStop,
    QueueJoin,
    QueueLeave,
    AgentCalled,
    AgentConnect,
    AgentComplete,
    Transfer,
    BlindTransfer,
    AttendedTransfer,
    Pickup,
    Parked,
    Unparked,
    MixMonitor,
    VarSet,
    Cdr,
}

#[rustfmt::skip]
const KINDS: &[(&str, Kind)] = &[
    ("VarSet", Kind::VarSet), ("Newexten", Kind::NewExten),
    ("Newchannel", Kind::NewChannel), ("Newstate", Kind::NewState), ("Hangup", Kind::Hangup),
    ("NewCallerid", Kind::NewCallerId), ("Dial", Kind::Dial), ("DialBegin", Kind::DialBegin),
    ("DialState", Kind::DialState), ("DialEnd", Kind::DialEnd), ("Link", Kind::Link),
    ("Unlink", Kind::Unlink), ("Bridge", Kind::Bridge), ("BridgeEnter", Kind::BridgeEnter),
    ("BridgeLeave", Kind::BridgeLeave), ("LocalBridge", Kind::LocalBridge),
    ("Rename", Kind::Rename), ("HangupRequest", Kind::HangupRequest), ("Hold", Kind::Hold(true)),
    ("Unhold", Kind::Hold(false)), ("MusicOnHold", Kind::Music),
    ("MusicOnHoldStart", Kind::MusicStart), ("MusicOnHoldStop", Kind::MusicStop),
    ("Join", Kind::QueueJoin), ("QueueCallerJoin", Kind::QueueJoin), ("Leave", Kind::QueueLeave),
    ("QueueCallerLeave", Kind::QueueLeave), ("AgentCalled", Kind::AgentCalled),
    ("AgentConnect", Kind::AgentConnect), ("AgentComplete", Kind::AgentComplete),
    ("Transfer", Kind::Transfer), ("BlindTransfer", Kind::BlindTransfer),
    ("AttendedTransfer", Kind::AttendedTransfer), ("Pickup", Kind::Pickup),
    ("ParkedCall", Kind::Parked), ("UnParkedCall", Kind::Unparked),
    ("MixMonitorStart", Kind::MixMonitor), ("Cdr", Kind::Cdr),
];

fn kind_of(name: &[u8]) -> Option<Kind> {
    let found = KINDS.iter().find(|it| it.0.as_bytes().eq_ignore_ascii_case(name));
    found.map(|it| it.1)
}

/// One event on its way into the tracker.
struct Telling<'a, 'f> {
    reader: &'a mut Reader,
    tracker: &'a mut Tracker,
    fields: Fields<'f>,
    at: UnixMs,
}

impl Reader {
    /// Follows one event.
    pub(super) fn event(
        &mut self,
        name: &[u8],
        frame: Frame<'_>,
        at: UnixMs,
        tracker: &mut Tracker,
    ) -> Verdict {
        let Some(kind) = kind_of(name) else { return Verdict::Ignored };
        // Half of all events are these two; most of them are of no interest.
        let dull = match kind {
            Kind::VarSet => !frame.last("Variable").is_some_and(is_recording_variable),
            Kind::NewExten => self.newexten_is_dull(&frame),
            _ => false,
        };
        if dull {
            return Verdict::Ignored;
        }
        let fields = Fields::new(frame, self.charset);
        let forged = fields.forged;
        let mut telling = Telling { reader: self, tracker, fields, at };
        let told = telling.tell(kind);
        match told {
            _ if forged => Verdict::Suspicious,
            Some(()) => Verdict::Understood,
            None => Verdict::Unknown,
        }
    }

    /// From 1.6 on the number that was dialled comes with the channel itself.
    fn newexten_is_dull(&self, frame: &Frame<'_>) -> bool {
        let application = frame.last("Application").unwrap_or_default();
        !self.wants_extens && !is_recorder(application) && !is_mailbox(application)
    }
}

fn is_recording_variable(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"MIXMONITOR_FILENAME")
}

fn is_recorder(application: &[u8]) -> bool {
    application.eq_ignore_ascii_case(b"MixMonitor") || application.eq_ignore_ascii_case(b"Monitor")
}

fn is_mailbox(application: &[u8]) -> bool {
    application.eq_ignore_ascii_case(b"VoiceMail")
}

impl Telling<'_, '_> {
    /// `None` where the event speaks of a channel that is not known.
    fn tell(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::NewChannel => self.new_channel(),
            Kind::NewState => self.new_state(),
            Kind::NewCallerId => self.caller_id(),
            Kind::NewExten => self.new_exten(),
            Kind::Dial => self.dial(),
            Kind::DialBegin => self.dial_begin(),
            Kind::DialState => self.dial_state(),
            Kind::DialEnd => self.dial_end(),
            Kind::Link => self.link(true),
            Kind::Unlink => self.link(false),
            Kind::Bridge => self.link(!self.fields.is("Bridgestate", "Unlink")),
            Kind::BridgeEnter => self.bridge_enter(),
            Kind::BridgeLeave => self.bridge_leave(),
            Kind::LocalBridge => self.local_bridge(),
            Kind::Rename => self.rename(),
            Kind::Hangup => self.hangup(),
            Kind::HangupRequest => self.hangup_request(),
            Kind::Hold(on) => self.hold(on),
            Kind::Music => self.hold(self.fields.is("State", "Start")),
            Kind::MusicStart => self.hold(true),
            Kind::MusicStop => self.hold(false),
            Kind::QueueJoin => self.queue_join(),
            Kind::QueueLeave => self.queue_leave(),
            Kind::AgentCalled => self.agent_called(),
            Kind::AgentConnect => self.agent_connect(),
            Kind::AgentComplete => self.agent_complete(),
            Kind::Transfer => self.sip_transfer(),
            Kind::BlindTransfer => self.blind_transfer(),
            Kind::AttendedTransfer => self.attended_transfer(),
            Kind::Pickup => self.pickup(),
            Kind::Parked => self.parked(),
            Kind::Unparked => self.unparked(),
            Kind::MixMonitor | Kind::VarSet => {
                let leg = self.leg()?;
                self.tracker.recorded(self.at, leg);
                Some(())
            }
            Kind::Cdr => self.cdr(),
        }
    }

    /// The channel that the event is about.
    fn leg(&mut self) -> Option<LegId> {
        let leg = self.known_leg()?;
        if let Some(link) = self.fields.last("Linkedid") {
            self.tracker.link_id(self.at, leg, link);
        }
        Some(leg)
    }

    fn known_leg(&self) -> Option<LegId> {
        let name = self.fields.first("Channel");
        let named = name.and_then(|it| self.tracker.leg_named(it));
        if !self.fields.forged {
            let keyed = self.fields.last("Uniqueid").and_then(|it| self.tracker.leg(it));
            return keyed.or(named.filter(|_| !self.fields.has("Uniqueid")));
        }
        // Only the pair that is known counts.
        let key = self.tracker.key_of(named?);
        self.fields.all("Uniqueid").any(|it| it == key).then_some(named?)
    }

    /// A second channel of the event, whose keys begin with `prefix`: name and id must belong
    /// together.
    fn other(&self, prefix: &str) -> Option<LegId> {
        let mut found = None;
        for id in self.fields.prefixed(prefix, "Uniqueid") {
            let Some(leg) = self.tracker.leg(id) else { continue };
            let name = self.tracker.name_of(leg);
            let bound = self.fields.prefixed(prefix, "Channel").any(|it| it == name);
            if bound && found.is_some_and(|it| it != leg) {
                return None;
            }
            if bound {
                found = Some(leg);
            }
        }
        found
    }

    /// A channel that old dialects give by its id, else by its name.
    fn by(&self, key: &str, name: &str) -> Option<LegId> {
        let keyed = self.fields.last(key).and_then(|it| self.tracker.leg(it));
        keyed.or_else(|| self.fields.first(name).and_then(|it| self.tracker.leg_named(it)))
    }

    /// Up to 11; in 1.4 without sub-events and with other names.
    fn dial(&mut self) -> Option<()> {
        if self.fields.is("SubEvent", "End") {
            let leg = self.leg()?;
            // It ends the whole attempt, after the conversation if there was one.
            let end = dial_end(self.fields.last("DialStatus")?);
            self.tracker.attempt_ended(leg, end);
            return Some(());
        }
        let from = self.by("SrcUniqueID", "Source").or_else(|| self.leg())?;
        let to = self.by("DestUniqueID", "Destination")?;
        let number = self.fields.last("Dialstring").and_then(dialled_number);
        self.tracker.dials(self.at, from, to, number);
        Some(())
    }

    fn dial_begin(&mut self) -> Option<()> {
        let to = self.other("Dest")?;
        self.link_dest(to);
        let number = self.fields.last("DialString").and_then(dialled_number);
        // Nobody dials the first leg of an Originate.
        if let Some(from) = self.leg() {
            self.tracker.dials(self.at, from, to, number);
        }
        Some(())
    }

    fn link_dest(&mut self, to: LegId) {
        if let Some(link) = self.fields.last("DestLinkedid") {
            self.tracker.link_id(self.at, to, link);
        }
    }

    fn dial_state(&mut self) -> Option<()> {
        let to = self.other("Dest")?;
        if self.fields.last("DialStatus") == Some("RINGING") {
            self.tracker.rings(self.at, to);
        }
        Some(())
    }

    fn dial_end(&mut self) -> Option<()> {
        let to = self.other("Dest")?;
        if let Some(from) = self.leg() {
            // The picker of a call is named here without ever having been dialled.
            self.tracker.same_call(self.at, from, to);
        }
        if self.fields.has("Forward") {
            self.tracker.forwarded(to);
        }
        let end = dial_end(self.fields.last("DialStatus")?);
        self.tracker.dial_ended(to, end);
        Some(())
    }

    fn link(&mut self, on: bool) -> Option<()> {
        let one = self.by("Uniqueid1", "Channel1")?;
        let other = self.by("Uniqueid2", "Channel2")?;
        if on {
            self.tracker.linked(self.at, one, other);
        } else {
            self.tracker.unlinked(self.at, one, other);
        }
        Some(())
    }

    fn bridge_enter(&mut self) -> Option<()> {
        let leg = self.leg()?;
        if let Some(swapped) = self.fields.last("SwapUniqueid")
            && let Some(swapped) = self.tracker.leg(swapped)
        {
            self.tracker.left(self.at, swapped);
        }
        let bridge = self.fields.first("BridgeUniqueid")?;
        let kind = self.fields.first("BridgeType").unwrap_or_default();
        self.tracker.entered(self.at, leg, bridge, joins(kind));
        Some(())
    }

    fn bridge_leave(&mut self) -> Option<()> {
        let leg = self.leg()?;
        self.tracker.left(self.at, leg);
        Some(())
    }

    fn local_bridge(&mut self) -> Option<()> {
        let one = self.other("LocalOne").or_else(|| self.by("Uniqueid1", "Channel1"))?;
        let other = self.other("LocalTwo").or_else(|| self.by("Uniqueid2", "Channel2"))?;
        self.tracker.paired(self.at, one, other);
        Some(())
    }
}

/// Whether those in a bridge of this type hear each other.
pub(super) fn joins(bridge_type: &str) -> bool {
    !matches!(bridge_type, "holding" | "parking")
}

/// Whether an extension of the dial plan is something that a caller has dialled.
pub(super) fn is_dialled(exten: &str) -> bool {
    !matches!(exten, "s" | "h" | "t" | "i" | "o" | "T" | "e" | "fax" | "failed" | "hang" | "")
        && !exten.starts_with(['_', '~'])
        && !exten.starts_with("s-")
        && exten.len() <= 80
}

/// Reads a `DialStatus`.
pub(super) fn dial_end(status: &str) -> DialEnd {
    match status {
        "ANSWER" => DialEnd::Answered,
        "BUSY" => DialEnd::Busy,
        "NOANSWER" => DialEnd::NoAnswer,
        "CONGESTION" => DialEnd::Congestion,
        "CHANUNAVAIL" | "INVALIDARGS" => DialEnd::Unavailable,
        _ => DialEnd::Cancelled,
    }
}
