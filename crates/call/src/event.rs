//! What we hold to have happened: the events that are stored, pushed and streamed.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Call, UnixMs};

/// One thing that happened, as it is stored, delivered and streamed.
///
/// Serialised it is the JSON of the public contract: `id`, `type`, `time`, `organisation`,
/// `sequence`, and `call` (or `link` for an event of a link).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Given by the store when the event is committed, so that ids rise in the order of commits.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When it happened, by the hub's clock.
    pub time: UnixMs,
    /// Id of the organisation that it belongs to.
    pub organisation: Arc<str>,
    /// Counts the events of one call from 1 without gaps; 0 for events that belong to no call.
    pub sequence: u32,
    /// What it happened to, as that stood then.
    #[serde(flatten)]
    pub subject: Subject,
}

/// What an event happened to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The call as it stood then.
    Call(Arc<Call>),
    /// The link to a phone system.
    Link(LinkChange),
}

/// A link that went up or down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkChange {
    /// Name of the configured phone system.
    pub pbx: String,
    /// Why, in plain words; `None` when the link came up.
    pub reason: Option<String>,
}

macro_rules! event_kinds {
    ($($variant:ident = $name:literal, $doc:literal;)*) => {
        /// The types of events, by their public names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum EventKind {
            $(#[doc = $doc] #[serde(rename = $name)] $variant,)*
        }

        impl EventKind {
            /// All of them, in the order of the contract.
            pub const ALL: &[EventKind] = &[$(EventKind::$variant,)*];

            /// The public name, such as `call.started`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(EventKind::$variant => $name,)* }
            }
        }

        impl FromStr for EventKind {
            type Err = UnknownEventKind;

            fn from_str(text: &str) -> Result<EventKind, UnknownEventKind> {
                match text {
                    $($name => Ok(EventKind::$variant),)*
                    _ => Err(UnknownEventKind(text.to_owned())),
                }
            }
        }
    };
}

event_kinds! {
    CallStarted = "call.started", "A call was first seen.";
    CallQueued = "call.queued", "A call began to wait in a queue.";
    CallRinging = "call.ringing", "One more extension began to ring.";
    CallAnswered = "call.answered", "Two people were connected for the first time.";
    CallHeld = "call.held", "A conversation was put on hold.";
    CallResumed = "call.resumed", "A conversation was taken back from hold.";
    CallTransferred = "call.transferred", "A call was given to somebody else.";
    CallEnded = "call.ended", "A call is over; carries the outcome.";
    RecordingReady = "recording.ready", "A recording can be fetched.";
    ContactCreated = "contact.created", "A contact was made.";
    DialAccepted = "dial.accepted", "A click-to-dial request was taken by the phone system.";
    DialFailed = "dial.failed", "A click-to-dial request could not be carried out.";
    PresenceChanged = "presence.changed", "Somebody's presence changed.";
    DirectoryChanged = "directory.changed", "An address book changed.";
    LinkUp = "link.up", "The link to a phone system works.";
    LinkDown = "link.down", "The link to a phone system is broken.";
    IntegrationFailing = "integration.failing", "Deliveries to an integration fail.";
    IntegrationRecovered = "integration.recovered", "Deliveries to an integration succeed again.";
}

impl EventKind {
    /// Those that this version raises. The others of the contract may be asked for already, so
    /// that a declarative file need not change with the version; forms do not offer them.
    pub const RAISED: &[EventKind] = &[
        EventKind::CallStarted,
        EventKind::CallQueued,
        EventKind::CallRinging,
        EventKind::CallAnswered,
        EventKind::CallHeld,
        EventKind::CallResumed,
        EventKind::CallTransferred,
        EventKind::CallEnded,
        EventKind::LinkUp,
        EventKind::LinkDown,
    ];
}

/// A name that is no type of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no type of event")]
pub struct UnknownEventKind(pub String);

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
