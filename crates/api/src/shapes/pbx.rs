//! Phone systems, their links, click-to-dial, and telephony groups.

use call::UnixMs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Time;

/// A configured phone system. The settings of its kind stand beside the common fields, as in the
/// declarative file; see the schemas of the kinds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pbx {
    /// Sorts by creation.
    pub id: String,
    /// Identifies it to people; the `pbx` of its calls.
    pub name: String,
    /// Which kind of phone system.
    pub kind: String,
    /// Whether a link is kept to it.
    pub enabled: bool,
    /// How many hours of raw bytes are kept, in the form that `hookswitch replay` reads; 0 for none.
    pub flight_recorder_hours: u32,
    /// The state of the link.
    pub link: LinkView,
    /// The settings of the kind. A secret shows as `{"stored": true}`, or as the reference that it
    /// came from; give that back to leave it unchanged.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// A phone system to be created or changed: `name`, `kind`, `enabled` and the settings of the kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PbxInput {
    /// Identifies it to people.
    pub name: Option<String>,
    /// Which kind of phone system; cannot be changed later.
    pub kind: Option<String>,
    /// Whether a link is kept to it; yes unless told.
    pub enabled: Option<bool>,
    /// How many hours of raw bytes are kept, in the form that `hookswitch replay` reads; 0, which is
    /// what applies unless told, for none.
    #[schemars(range(min = 0, max = 168))]
    pub flight_recorder_hours: Option<u32>,
    /// The settings of the kind.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// What to put into a phone system's own configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PbxSetup {
    /// The lines to paste. They hold the secret.
    pub lines: String,
}

/// A kind of phone system or integration that this program knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KindView {
    /// What `kind` says.
    pub name: String,
    /// JSON Schema of its settings.
    pub settings: Value,
}

/// What a link is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkStatus {
    /// The phone system is switched off in the configuration.
    Disabled,
    /// It is being reached.
    Connecting,
    /// Logged in and in step.
    Up,
    /// Broken; it will be tried again.
    Down,
    /// Broken, and trying again would not help until somebody changes something.
    Stopped,
}

/// The state of a link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LinkView {
    /// What it is doing.
    pub status: LinkStatus,
    /// Since when.
    #[schemars(with = "Option<Time>")]
    pub since: Option<UnixMs>,
    /// What the phone system says it is.
    pub version: Option<String>,
    /// The last thing that went wrong, in plain words, also when the link works again.
    pub last_error: Option<LinkFault>,
    /// When the next try is due, while it is down.
    #[schemars(with = "Option<Time>")]
    pub retry_at: Option<UnixMs>,
    /// Events from the phone system in a second, over the last minute.
    pub events_per_second: f64,
    /// Counted since the hub started.
    pub counters: LinkCounters,
}

/// Something that went wrong with a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkFault {
    /// When.
    #[schemars(with = "Time")]
    pub at: UnixMs,
    /// What is wrong and what to do, in plain words.
    pub reason: String,
}

/// What came over a link since the hub started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkCounters {
    /// Bytes read.
    pub bytes: u64,
    /// Frames read, of any sort.
    pub frames: u64,
    /// Events that were understood.
    pub understood: u64,
    /// Events that mean nothing to us.
    pub ignored: u64,
    /// Frames that could not be read.
    pub malformed: u64,
    /// Frames that look as if a caller had injected them.
    pub suspicious: u64,
    /// Frames or legs beyond a limit, left out.
    pub dropped: u64,
    /// Times that the link broke after it had worked.
    pub reconnects: u64,
}

/// A number to dial from somebody's phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DialInput {
    /// The number to reach, as people write it.
    #[schemars(length(min = 1, max = 64))]
    pub number: String,
    /// The user whose phone rings first: this or `extension`.
    #[serde(default)]
    pub user: Option<String>,
    /// The extension that rings first.
    #[serde(default)]
    pub extension: Option<String>,
    /// The telephony group; needed when the user is in several, or for an extension that several
    /// phone systems have.
    #[serde(default)]
    pub group: Option<String>,
    /// Name of one of the group's prefixes, or `none`; the member's own unless told.
    #[serde(default)]
    pub prefix: Option<String>,
}

/// How far a dial request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DialStatus {
    /// Given to the phone system.
    Requested,
    /// The phone system took it.
    Accepted,
    /// It could not be carried out.
    Failed,
}

/// A click-to-dial request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dial {
    /// The `dial_request` of the call that comes of it.
    pub id: String,
    /// How far it has come.
    pub status: DialStatus,
    /// Name of the phone system that it was given to.
    pub pbx: String,
    /// The extension that rings first.
    pub extension: String,
    /// What was dialled, prefix included.
    pub number: String,
    /// Why it failed, in plain words.
    pub reason: Option<String>,
    /// The call that came of it.
    pub call: Option<String>,
    /// When it was asked for.
    #[schemars(with = "Time")]
    pub requested_at: UnixMs,
}

/// A telephony group: one phone system, its users, its dialling prefixes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// Sorts by creation.
    pub id: String,
    /// What it is.
    #[serde(flatten)]
    pub input: GroupInput,
}

/// A telephony group to be created or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupInput {
    /// Identifies it to people.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// Name of the phone system.
    pub pbx: String,
    /// Name of the user who stands for the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub representative: Option<String>,
    /// Names and digits of dialling prefixes: `LONGDIS:1000;LOCAL:9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefixes: Option<String>,
    /// Its users and their extensions.
    #[serde(default)]
    pub members: Vec<Member>,
}

/// One user in a telephony group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Name of the user.
    pub user: String,
    /// The user's extension on the group's phone system.
    #[schemars(length(min = 1, max = 32))]
    pub extension: String,
    /// Whether this is the extension that the user dials from unless told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// Name of a prefix of the group; `none` dials as is, `ask` lets the user choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}
