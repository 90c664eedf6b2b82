//! Channels and bridges as Asterisk shows them: the blocks of fields that its events are made of.

use std::io::Write as _;

/// What Asterisk writes where it knows nothing.
const UNKNOWN: &str = "<unknown>";

/// One header of an event. Values are ours or were checked for line ends before they got here.
pub(crate) fn pair(out: &mut Vec<u8>, key: &str, value: &str) {
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// One header with a number.
pub(crate) fn number(out: &mut Vec<u8>, key: &str, value: i64) {
    // Writing into a vector cannot fail.
    let _ = write!(out, "{key}: {value}\r\n");
}

/// States of a channel, with the numbers and words of Asterisk (include/asterisk/channelstate.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelState {
    Down,
    Ring,
    Ringing,
    Up,
}

impl ChannelState {
    fn shown(self) -> (&'static str, &'static str) {
        match self {
            ChannelState::Down => ("0", "Down"),
            ChannelState::Ring => ("4", "Ring"),
            ChannelState::Ringing => ("5", "Ringing"),
            ChannelState::Up => ("6", "Up"),
        }
    }
}

/// A number and a name; empty where nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) number: String,
    pub(crate) name: String,
}

impl Identity {
    pub(crate) fn new(number: &str, name: &str) -> Identity {
        Identity { number: number.to_owned(), name: name.to_owned() }
    }
}

/// One channel: the fields of its snapshot block, and what the lists of channels show beside it.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) name: String,
    pub(crate) state: ChannelState,
    pub(crate) caller: Identity,
    pub(crate) connected: Identity,
    pub(crate) context: String,
    pub(crate) exten: String,
    pub(crate) priority: u8,
    pub(crate) uniqueid: String,
    pub(crate) linkedid: String,
    /// The application that it runs, with its data.
    pub(crate) application: (&'static str, String),
    /// The number that the provider asked for; empty for channels that we made.
    pub(crate) dnid: String,
    /// Milliseconds after the start of the call when it was made.
    pub(crate) created_ms: u32,
    pub(crate) bridge: Option<usize>,
    /// Whether it has been hung up.
    pub(crate) gone: bool,
}

impl Channel {
    /// Its block of fields, each key with `prefix` before it.
    pub(crate) fn write(&self, out: &mut Vec<u8>, prefix: &str) {
        let (state, state_text) = self.state.shown();
        let or_unknown = |value: &str, out: &mut Vec<u8>, key: &str| {
            field(out, prefix, key, if value.is_empty() { UNKNOWN } else { value });
        };
        field(out, prefix, "Channel", &self.name);
        field(out, prefix, "ChannelState", state);
        field(out, prefix, "ChannelStateDesc", state_text);
        or_unknown(&self.caller.number, out, "CallerIDNum");
        or_unknown(&self.caller.name, out, "CallerIDName");
        or_unknown(&self.connected.number, out, "ConnectedLineNum");
        or_unknown(&self.connected.name, out, "ConnectedLineName");
        field(out, prefix, "Language", "en");
        field(out, prefix, "AccountCode", "");
        field(out, prefix, "Context", &self.context);
        field(out, prefix, "Exten", &self.exten);
        field(out, prefix, "Priority", small(self.priority));
        field(out, prefix, "Uniqueid", &self.uniqueid);
        field(out, prefix, "Linkedid", &self.linkedid);
    }
}

fn field(out: &mut Vec<u8>, prefix: &str, key: &str, value: &str) {
    out.extend_from_slice(prefix.as_bytes());
    pair(out, key, value);
}

/// Priorities and counts of channels in these scripts have one digit.
pub(crate) fn small(value: u8) -> &'static str {
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"][usize::from(value.min(9))]
}

/// One bridge.
#[derive(Debug, Clone)]
pub(crate) struct Bridge {
    pub(crate) uniqueid: String,
    /// `simple_bridge` at first; `native_rtp` once two phones talk.
    pub(crate) technology: &'static str,
    pub(crate) channels: u8,
    pub(crate) gone: bool,
}

impl Bridge {
    /// Its block of fields, each key with `prefix` before it.
    pub(crate) fn write(&self, out: &mut Vec<u8>, prefix: &str) {
        field(out, prefix, "BridgeUniqueid", &self.uniqueid);
        field(out, prefix, "BridgeType", "basic");
        field(out, prefix, "BridgeTechnology", self.technology);
        field(out, prefix, "BridgeCreator", UNKNOWN);
        field(out, prefix, "BridgeName", UNKNOWN);
        field(out, prefix, "BridgeNumChannels", small(self.channels));
        field(out, prefix, "BridgeVideoSourceMode", "none");
    }
}
