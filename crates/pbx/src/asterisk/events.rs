//! What each event means, in hints and observations for the tracker.
//!
//! Events are known by their names: the dialects of 1.4 (`Link`), 1.6 to 11 (`Bridge`) and 12 to 22
//! (`BridgeEnter`) do not collide, so that one reader serves them all and the version need not be
//! known.

use call::{DialEnd, LegId, LegState, NewLeg, Side, Tracker, TransferKind, UnixMs};
use pbx_proto::ami::Frame;

use super::{
    Reader,
    channel::{dialled_number, other_half, split_half},
    fields::{Fields, is_unique_id},
};

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

    fn new_channel(&mut self) -> Option<()> {
        let name = self.fields.first("Channel")?;
        let key = self.fields.last("Uniqueid")?;
        let ours = self.reader.issued.iter().position(|it| it.channel_id.as_deref() == Some(key));
        if self.fields.forged && (self.tracker.leg(key).is_some() || !is_unique_id(key)) {
            return None;
        }
        let context = self.fields.last("Context");
        let side = self.reader.places.side(name, context);
        let dialled = self.fields.last("Exten").filter(|it| is_dialled(it));
        // From 1.6 on a channel says at once what it dialled; in 1.4 a later event does.
        self.reader.wants_extens |= !self.fields.has("Exten");
        let number = self.fields.text("CallerIDNum");
        let display = self.fields.text("CallerIDName");
        let leg = self.tracker.leg_born(
            self.at,
            NewLeg {
                key,
                name,
                side,
                state: LegState::New,
                number: number.as_deref(),
                display: display.as_deref(),
                dialled,
            },
        )?;
        self.pair_up(leg, name);
        if let Some(link) = self.fields.last("Linkedid") {
            self.tracker.link_id(self.at, leg, link);
        }
        if let Some(issued) = ours.and_then(|it| self.reader.issued.get(it)) {
            self.tracker.dial_leg(self.at, &issued.id, leg);
        }
        self.reader.remember_new(name);
        self.set_state(leg);
        Some(())
    }

    /// The halves of a local channel differ in their last character only.
    fn pair_up(&mut self, leg: LegId, name: &str) {
        if let Some(other) = other_half(name)
            && let Some(other) = self.tracker.leg_named(&other)
        {
            self.tracker.paired(self.at, leg, other);
        }
    }

    fn set_state(&mut self, leg: LegId) {
        let state = self.fields.first("ChannelStateDesc").or_else(|| self.fields.first("State"));
        let state = match state {
            Some("Ring") => LegState::Calling,
            Some("Ringing") => LegState::Ringing,
            Some("Up") => LegState::Up,
            Some("Busy") => {
                // The dial plan itself answers "busy".
                self.tracker.attempt_ended(leg, DialEnd::Busy);
                return;
            }
            _ => return,
        };
        self.tracker.state(self.at, leg, state);
    }

    fn new_state(&mut self) -> Option<()> {
        let leg = self.leg()?;
        // Of a called leg this is the number of the other side; nobody asks for it.
        let number = self.fields.text_of(["CallerIDNum", "CallerID"]);
        let name = self.fields.text("CallerIDName");
        self.tracker.person(leg, number.as_deref(), name.as_deref());
        self.set_state(leg);
        Some(())
    }

    fn caller_id(&mut self) -> Option<()> {
        let leg = self.leg()?;
        let number = self.fields.text_of(["CallerIDNum", "CallerID"]);
        let name = self.fields.text("CallerIDName");
        self.tracker.person(leg, number.as_deref(), name.as_deref());
        Some(())
    }

    fn new_exten(&mut self) -> Option<()> {
        let leg = self.leg()?;
        let context = self.fields.last("Context").unwrap_or_default();
        let exten = self.fields.last("Extension").or_else(|| self.fields.last("Exten"));
        if let Some(exten) = exten.filter(|it| is_dialled(it) && !context.starts_with("macro-")) {
            self.tracker.dialled(self.at, leg, exten);
        }
        let application = self.fields.raw("Application").unwrap_or_default();
        if is_recorder(application) {
            self.tracker.recorded(self.at, leg);
        } else if is_mailbox(application) {
            self.tracker.voicemail(leg);
        }
        Some(())
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

    /// A masquerade is three of these: the leg goes with the name, the id stays with the body.
    fn rename(&mut self) -> Option<()> {
        let leg = self.fields.last("Uniqueid").and_then(|it| self.tracker.leg(it));
        let old = self.fields.first("Oldname").or_else(|| self.fields.first("Channel"));
        let leg = leg.or_else(|| self.tracker.leg_named(old?))?;
        let name = self.fields.last("Newname")?;
        if let Some(masked) = self.tracker.leg_named(&format!("{name}<MASQ>")) {
            self.tracker.taken_over(self.at, masked, leg);
        }
        self.tracker.renamed(leg, name);
        if name.ends_with("<ZOMBIE>") {
            self.tracker.left_behind(leg);
        }
        Some(())
    }

    fn hangup(&mut self) -> Option<()> {
        let leg = self.known_leg()?;
        // An end is believed only of a channel whose name and id belong together.
        let named = self.fields.first("Channel").and_then(|it| self.tracker.leg_named(it));
        if named.is_some_and(|it| it != leg) {
            self.fields.forged = true;
            return None;
        }
        let cause = self.fields.number("Cause").and_then(|it| u16::try_from(it).ok());
        self.tracker.gone(self.at, leg, cause);
        Some(())
    }

    fn hangup_request(&mut self) -> Option<()> {
        let leg = self.leg()?;
        self.tracker.hung_up(leg);
        Some(())
    }

    fn hold(&mut self, on: bool) -> Option<()> {
        let leg = self.leg()?;
        self.tracker.hold(self.at, leg, on);
        Some(())
    }

    fn queue_join(&mut self) -> Option<()> {
        let leg = self.leg()?;
        let queue = self.fields.text("Queue")?;
        self.tracker.queued(self.at, leg, &queue);
        Some(())
    }

    fn queue_leave(&mut self) -> Option<()> {
        let leg = self.leg()?;
        self.tracker.dequeued(self.at, leg);
        Some(())
    }

    /// Up to 11 a queue raises no `Dial`: this alone ties the phones to the caller.
    fn agent_called(&mut self) -> Option<()> {
        if let Some(member) = self.other("Dest") {
            let caller = self.leg()?;
            self.tracker.offered(self.at, caller, member);
            return Some(());
        }
        let caller = self.fields.first("ChannelCalling")?;
        let caller = self.tracker.leg_named(caller)?;
        let member = match self.fields.first("DestinationChannel") {
            Some(name) => self.tracker.leg_named(name)?,
            // 1.4 gives the interface only: its newest channel.
            None => self.newest(self.fields.first("AgentCalled")?)?,
        };
        self.tracker.offered(self.at, caller, member);
        Some(())
    }

    fn newest(&self, interface: &str) -> Option<LegId> {
        let interface = interface.split_once("/n").map_or(interface, |it| it.0);
        let fits = |name: &str| {
            let rest = name.strip_prefix(interface);
            rest.is_some_and(|it| it.starts_with('-'))
                && !matches!(split_half(name).1, Some(",2" | ";2"))
        };
        let mut names = self.reader.newest.iter().rev();
        names.find(|it| fits(it)).and_then(|it| self.tracker.leg_named(it))
    }

    fn agent_connect(&mut self) -> Option<()> {
        let member = self
            .other("Dest")
            .or_else(|| self.fields.last("BridgedChannel").and_then(|it| self.tracker.leg(it)))?;
        let caller = self.fields.first("Uniqueid").and_then(|it| self.tracker.leg(it))?;
        self.tracker.same_call(self.at, caller, member);
        Some(())
    }

    fn agent_complete(&mut self) -> Option<()> {
        let caller = self.fields.first("Uniqueid").and_then(|it| self.tracker.leg(it))?;
        match self.fields.last("Reason") {
            Some("caller") => self.tracker.hung_up_by(caller, true),
            Some("agent") => self.tracker.hung_up_by(caller, false),
            _ => {}
        }
        Some(())
    }

    /// 1.6 to 11, for transfers by the phone.
    fn sip_transfer(&mut self) -> Option<()> {
        let by = self.leg()?;
        let target = self.other("Target");
        let attended = self.fields.is("TransferType", "Attended");
        if attended && let Some(target) = target {
            self.tracker.same_call(self.at, by, target);
            return Some(());
        }
        if !self.fields.is("Transfer2Parking", "Yes") {
            let to = self.fields.last("TransferExten");
            self.tracker.transfer(self.at, TransferKind::Blind, by, to);
        }
        Some(())
    }

    fn blind_transfer(&mut self) -> Option<()> {
        if !self.fields.is("Result", "Success") {
            return Some(());
        }
        let by = self.other("Transferer")?;
        let to = self.fields.last("Extension");
        self.tracker.transfer(self.at, TransferKind::Blind, by, to);
        Some(())
    }

    fn attended_transfer(&mut self) -> Option<()> {
        if !self.fields.is("Result", "Success") {
            return Some(());
        }
        let by = self.other("OrigTransferer")?;
        let target = self.other("TransferTarget");
        let others = [self.other("SecondTransferer"), self.other("Transferee"), target];
        for other in others.into_iter().flatten() {
            self.tracker.same_call(self.at, by, other);
        }
        let to = target.and_then(|it| match self.tracker.side_of(it) {
            Some(Side::Extension(extension)) => Some(extension.to_string()),
            Some(Side::Outside(number)) => number.as_deref().map(str::to_owned),
            Some(Side::Inner) | None => None,
        });
        self.tracker.transfer(self.at, TransferKind::Attended, by, to.as_deref());
        Some(())
    }

    fn pickup(&mut self) -> Option<()> {
        let by = self.leg().or_else(|| self.by("Uniqueid", "Channel"))?;
        let target = self.other("Target").or_else(|| self.by("TargetUniqueid", "TargetChannel"))?;
        self.tracker.picked_up(self.at, by, target);
        Some(())
    }

    fn parked(&mut self) -> Option<()> {
        let parked = self.other("Parkee").or_else(|| self.by("Uniqueid", "Channel"))?;
        self.tracker.parked(self.at, parked);
        Some(())
    }

    fn unparked(&mut self) -> Option<()> {
        let parked = self.other("Parkee").or_else(|| self.by("Uniqueid", "Channel"))?;
        let by = self
            .other("Retriever")
            .or_else(|| self.fields.first("From").and_then(|it| self.tracker.leg_named(it)))?;
        self.tracker.same_call(self.at, parked, by);
        Some(())
    }

    /// The only one who knows how long a call rang that was met in the middle.
    fn cdr(&mut self) -> Option<()> {
        // It may come after the hang-up of the caller, but not after that of both.
        let leg = self.by("UniqueID", "DestinationChannel")?;
        let seconds = |key: &str| self.fields.last(key).and_then(seconds_of_day);
        let (start, answer) = (seconds("StartTime")?, seconds("AnswerTime")?);
        // Local time of the PBX, perhaps across midnight.
        let ring = (answer - start).rem_euclid(24 * 3600);
        self.tracker.rang_for(leg, ring * 1000);
        Some(())
    }
}

/// Whether those in a bridge of this type hear each other.
pub(super) fn joins(bridge_type: &str) -> bool {
    !matches!(bridge_type, "holding" | "parking")
}

/// The time of day in `2026-11-20 10:51:32`, in seconds.
fn seconds_of_day(text: &str) -> Option<i64> {
    let mut parts = text.rsplit_once(' ')?.1.split(':').map(str::parse::<i64>);
    let mut next = || parts.next()?.ok();
    Some(next()? * 3600 + next()? * 60 + next()?)
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
