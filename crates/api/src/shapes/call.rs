//! The schemas of the Call and of the event, and the questions about them.
//!
//! What is served is `call::Call` itself; the structs here only describe it. A test holds both
//! together, field for field.

use call::UnixMs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EventTypeName, Time};

/// One real conversation, however many channels, queue attempts or transfers it took.
///
/// A fact that the phone system does not give is `null`, never a guess.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Call")]
pub struct CallShape {
    /// Sorts by the start of the call.
    pub id: String,
    /// Name of the phone system.
    pub pbx: String,
    /// `inbound`, `outbound` or `internal`.
    pub direction: DirectionName,
    /// Who called, as the caller meant it.
    pub from: PartyShape,
    /// What was dialled: the DID of an inbound call, not the extension that it led to.
    pub to: PartyShape,
    /// Where the call is now.
    pub state: StateName,
    /// How the call went; `null` until it has ended.
    pub outcome: Option<OutcomeName>,
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
    pub transfers: Vec<TransferShape>,
    /// The extension that rang when somebody else picked the call up.
    pub picked_up_from: Option<String>,
    /// The extension that forwarded the call.
    pub forwarded_by: Option<String>,
    /// Whether the call was parked at any time.
    pub parked: bool,
    /// When the phone system first knew of the call.
    #[schemars(with = "Time")]
    pub started_at: UnixMs,
    /// When two people were first connected.
    #[schemars(with = "Option<Time>")]
    pub answered_at: Option<UnixMs>,
    /// When the last channel of the call was gone.
    #[schemars(with = "Option<Time>")]
    pub ended_at: Option<UnixMs>,
    /// From the start to the first answer by a person, or to the end.
    pub ring_seconds: f64,
    /// From that answer to the end of the last conversation; holds are part of it.
    pub talk_seconds: f64,
    /// The part of it on hold.
    pub hold_seconds: f64,
    /// `caller`, `callee`, `pbx`, or `null` where the phone system does not tell.
    pub ended_by: Option<EndedByName>,
    /// ITU-T Q.850 cause of the end.
    pub hangup_cause: Option<u16>,
    /// The id of the click-to-dial request that made the call.
    pub dial_request: Option<String>,
    /// Recordings of the conversation.
    pub recordings: Vec<RecordingShape>,
    /// The contact that the far number belongs to.
    pub contact: Option<String>,
    /// Addresses of records in other systems that belong to the call.
    pub links: Vec<String>,
    /// Present and true when the hub met the call in the middle, or concluded its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// Present when this call turned out to be a part of that one, such as a consultation that
    /// ended in a transfer. It has then ended, and lists show the other one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<String>,
}

/// One end of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Party")]
pub struct PartyShape {
    /// E.164 with `+` where it can be read as such, else the extension or short code as it is.
    pub number: Option<String>,
    /// The text that the phone system gave.
    pub raw: Option<String>,
    /// The display name that came along.
    pub name: Option<String>,
}

/// One transfer of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Transfer")]
pub struct TransferShape {
    /// `blind` or `attended`.
    pub kind: TransferKindName,
    /// Who transferred.
    pub from: Option<String>,
    /// Who was to get the call.
    pub to: Option<String>,
    /// What came of it; `null` while it is not known.
    pub outcome: Option<OutcomeName>,
    /// When it was asked for.
    #[schemars(with = "Time")]
    pub at: UnixMs,
}

/// One recording of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Recording")]
pub struct RecordingShape {
    /// Unique within the call.
    pub id: String,
    /// When the recording began.
    #[schemars(with = "Option<Time>")]
    pub started_at: Option<UnixMs>,
}

macro_rules! names {
    ($(#[doc = $doc:literal] $name:ident as $public:literal: $($variant:ident),*;)*) => {
        $(
            #[doc = $doc]
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
            #[serde(rename_all = "snake_case")]
            #[schemars(rename = $public)]
            #[expect(missing_docs, reason = "they are explained once, in `call`")]
            pub enum $name { $($variant,)* }
        )*
    };
}

names! {
    /// Who called whom, seen from the company.
    DirectionName as "Direction": Inbound, Outbound, Internal;
    /// Where a call is now.
    StateName as "CallState": Ringing, Queued, Talking, Held, Ended;
    /// How a call went.
    OutcomeName as "Outcome": Answered, Missed, Busy, Failed, Voicemail;
    /// Who hung up.
    EndedByName as "EndedBy": Caller, Callee, Pbx;
    /// With or without a consultation.
    TransferKindName as "TransferKind": Blind, Attended;
}

/// One thing that happened, as it is stored, delivered and streamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Event")]
pub struct EventShape {
    /// Rises in the order in which events were stored; the idempotency key of its deliveries.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    #[schemars(with = "EventTypeName")]
    pub kind: String,
    /// When it happened, by the hub's clock.
    #[schemars(with = "Time")]
    pub time: UnixMs,
    /// Id of the organisation that it belongs to.
    pub organisation: String,
    /// Counts the events of one call from 1 without gaps; 0 for events that belong to no call.
    pub sequence: u32,
    /// The call as it stood then, in the events of calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallShape>,
    /// What happened to a link, in the events of links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkChangeShape>,
}

/// A link that went up or down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LinkChange")]
pub struct LinkChangeShape {
    /// Name of the phone system.
    pub pbx: String,
    /// Why, in plain words; `null` when the link came up.
    pub reason: Option<String>,
}

/// Which calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallQuery {
    /// The number that called, in E.164 or as the phone system writes it.
    pub from: Option<String>,
    /// The number that was dialled.
    pub to: Option<String>,
    /// Name of the phone system.
    pub pbx: Option<String>,
    /// Calls of this user.
    pub user: Option<String>,
    /// Calls that rang at or were talked by this extension.
    pub extension: Option<String>,
    /// A number at either end.
    pub number: Option<String>,
    /// `inbound`, `outbound` or `internal`.
    pub direction: Option<DirectionName>,
    /// How the call went.
    pub outcome: Option<OutcomeName>,
    /// Only calls that started at or after this time.
    #[schemars(with = "Option<Time>")]
    pub started_after: Option<UnixMs>,
    /// Only calls that started before this time.
    #[schemars(with = "Option<Time>")]
    pub started_before: Option<UnixMs>,
    /// Words or the beginning of a number, in numbers and names.
    pub q: Option<String>,
    /// How many items at most; 50 unless told.
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// Which events to follow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// Only events of calls that ring at, come from or are talked by this user's extensions.
    pub user: Option<String>,
    /// Only these types, separated by commas.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}
