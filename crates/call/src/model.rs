//! The Call object: one real conversation, as the public contract describes it.
//!
//! Serialised, a [`Call`] is the JSON of the API, of `hookswitch replay`, of events and of
//! templates: the same names everywhere. A fact that the phone system does not give is `None`,
//! never a guess.

use serde::{Deserialize, Serialize};

use crate::UnixMs;

/// Identifies one call; sorts by the start of the call. See [`crate::Ids`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub String);

/// One real conversation, however many channels, queue attempts or transfers it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Made by the tracker when the call is first seen.
    pub id: CallId,
    /// Name of the configured phone system.
    pub pbx: String,
    /// Seen from the company: who called whom.
    pub direction: Direction,
    /// Who called, as the caller meant it: the extension of the person for a click-to-dial call.
    pub from: Party,
    /// What was dialled: the DID of an inbound call, not the extension that it led to.
    pub to: Party,
    /// Where the call is now.
    pub state: State,
    /// How the call went; `None` until it has ended.
    pub outcome: Option<Outcome>,
    /// The last queue that the call waited in.
    pub queue: Option<String>,
    /// Every extension that rang, in order of the first ring, each once.
    pub rang: Vec<String>,
    /// Who answered first: an extension, or the far number of an outbound call.
    pub answered_by: Option<String>,
    /// Every extension that talked, in order.
    pub parties: Vec<String>,
    /// Whose call it is on our side: the last one who talked.
    pub extension: Option<String>,
    /// The user that `extension` belongs to.
    pub user: Option<String>,
    /// Transfers, in order.
    pub transfers: Vec<Transfer>,
    /// The extension that rang when somebody else picked the call up.
    pub picked_up_from: Option<String>,
    /// The extension that forwarded the call (SIP 302).
    pub forwarded_by: Option<String>,
    /// Whether the call was parked at any time.
    pub parked: bool,
    /// When the phone system first knew of the call.
    pub started_at: UnixMs,
    /// When two people were first connected.
    pub answered_at: Option<UnixMs>,
    /// When the last channel of the call was gone.
    pub ended_at: Option<UnixMs>,
    /// From the start to the first answer by a person, or to the end, in seconds.
    pub ring_seconds: f64,
    /// From that answer to the end of the last conversation, in seconds; holds are part of it.
    pub talk_seconds: f64,
    /// The part of it on hold, in seconds.
    pub hold_seconds: f64,
    /// Who hung up, where the phone system tells.
    pub ended_by: Option<EndedBy>,
    /// ITU-T Q.850 cause of the end.
    pub hangup_cause: Option<u16>,
    /// The id of the click-to-dial request that made the call.
    pub dial_request: Option<String>,
    /// Recordings of the conversation.
    pub recordings: Vec<Recording>,
    /// The contact that the far number belongs to.
    pub contact: Option<String>,
    /// Addresses of records in other systems that belong to the call.
    pub links: Vec<String>,
    /// Whether times before `seen` are unknown because the hub met the call in the middle, or the
    /// end was concluded from the call's absence after a gap in the link.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// The call that this one turned out to be a part of: a consultation that ended in a transfer,
    /// the call of somebody who picked up or fetched a parked caller. It has then ended, and
    /// history shows the other one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<CallId>,
}

impl Call {
    /// A call of which nothing is known yet, to be filled in.
    pub(crate) fn placeholder() -> Call {
        Call {
            id: CallId(String::new()),
            pbx: String::new(),
            direction: Direction::Inbound,
            from: Party::default(),
            to: Party::default(),
            state: State::Ringing,
            outcome: None,
            queue: None,
            rang: Vec::new(),
            answered_by: None,
            parties: Vec::new(),
            extension: None,
            user: None,
            transfers: Vec::new(),
            picked_up_from: None,
            forwarded_by: None,
            parked: false,
            started_at: UnixMs(0),
            answered_at: None,
            ended_at: None,
            ring_seconds: 0.0,
            talk_seconds: 0.0,
            hold_seconds: 0.0,
            ended_by: None,
            hangup_cause: None,
            dial_request: None,
            recordings: Vec::new(),
            contact: None,
            links: Vec::new(),
            estimated: false,
            merged_into: None,
        }
    }
}

/// One end of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// E.164 with `+` where it can be read as such, else the extension or short code as it is.
    pub number: Option<String>,
    /// The text that the phone system gave.
    pub raw: Option<String>,
    /// The display name that came along.
    pub name: Option<String>,
}

/// Who called whom, seen from the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From outside.
    Inbound,
    /// To outside.
    Outbound,
    /// Between extensions.
    Internal,
}

/// Where a call is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has answered yet.
    Ringing,
    /// Waiting in a queue.
    Queued,
    /// Two people are connected.
    Talking,
    /// Connected, and one of them is on hold.
    Held,
    /// Over.
    Ended,
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Two people were connected.
    Answered,
    /// Nobody picked up, the caller gave up, or only the phone system answered.
    Missed,
    /// Busy or declined.
    Busy,
    /// Could not be completed: unregistered own phone, invalid number, network.
    Failed,
    /// A mailbox took the call.
    Voicemail,
}

/// Who hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The one who called.
    Caller,
    /// The one who was called.
    Callee,
    /// The phone system: a time-out, the end of an announcement.
    Pbx,
}

/// One transfer of a call from one extension to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// With or without a consultation.
    pub kind: TransferKind,
    /// Who transferred.
    pub from: Option<String>,
    /// Who was to get the call.
    pub to: Option<String>,
    /// What came of it; `None` while it is not known.
    pub outcome: Option<Outcome>,
    /// When it was asked for.
    pub at: UnixMs,
}

/// With or without a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferKind {
    /// Without asking the target first.
    Blind,
    /// After a consultation.
    Attended,
}

/// One recording of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Opaque, unique within the call; never a path.
    pub id: String,
    /// When the recording began.
    pub started_at: Option<UnixMs>,
}
