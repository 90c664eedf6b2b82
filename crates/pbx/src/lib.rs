//! Telephone systems: one folder per kind, and what they have in common.
//!
//! Pure: a [`Session`] holds no socket, no clock and no randomness. `hub::link` moves the bytes,
//! keeps the clock, and is written once for all kinds.

use std::fmt;

use call::{Ids, Tracker, TrackerSettings, UnixMs};

pub mod asterisk;
pub mod replay;

/// One link to one phone system, without the socket.
///
/// After any call in, take the outputs with [`Session::poll`] until it gives `None`, and the events
/// of calls with [`Tracker::poll`]. A session outlives connections: after `disconnected` comes the
/// next `connected`.
pub trait Session: Send {
    /// A connection is open; nothing has been read from it yet.
    fn connected(&mut self, now: UnixMs, tracker: &mut Tracker);
    /// Bytes came, in any portion.
    fn received(&mut self, bytes: &[u8], now: UnixMs, tracker: &mut Tracker);
    /// The time of the last [`Output::WakeAt`] has come. Too early is harmless.
    fn woken(&mut self, now: UnixMs, tracker: &mut Tracker);
    /// The connection is gone, whoever closed it. Calls stay open until the next snapshot.
    fn disconnected(&mut self, now: UnixMs, tracker: &mut Tracker);
    /// Does something for a person. The outcome comes as [`Output::DialOutcome`].
    fn command(&mut self, command: Command, now: UnixMs, tracker: &mut Tracker);
    /// What the session wants done next, until `None`.
    fn poll(&mut self) -> Option<Output>;
    /// What it has seen so far.
    fn counters(&self) -> Counters;
}

/// Something that a person wants the phone system to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Rings the phone of `extension`, then calls `number` from it.
    Dial {
        /// Id of the request, unguessable; comes back as [`call::Call::dial_request`].
        id: String,
        /// Whose phone rings first.
        extension: String,
        /// What is dialled then, with its prefix: digits, `+`, `*` and `#` only.
        number: String,
        /// Shown on the phone of the person, such as the name of the contact.
        label: Option<String>,
    },
    /// Takes a click-to-dial request back, or hangs up its call.
    CancelDial {
        /// Id of the request.
        id: String,
    },
}

/// What became of a [`Command::Dial`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialOutcome {
    /// The phone system has taken the request and rings the phone.
    Accepted,
    /// It will come to nothing; why, in plain words.
    Failed(String),
}

/// What a session wants done. Plain data, so that a test can read it like a transcript.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    /// Write these bytes.
    Send(Vec<u8>),
    /// The link works: logged in, and the snapshot has been compared.
    Up {
        /// What the phone system calls itself, such as `Asterisk 22.10.1`.
        version: String,
    },
    /// Call [`Session::woken`] at this time. Replaces an earlier wish.
    WakeAt(UnixMs),
    /// What became of a click-to-dial request.
    DialOutcome {
        /// Id of the request.
        id: String,
        /// Accepted first, failed later is possible.
        outcome: DialOutcome,
    },
    /// Something that an administrator should read, in plain words.
    Notice(String),
    /// The connection is of no more use: close it.
    GiveUp(GiveUp),
}

/// Logs may show an output: the bytes of a login stay out of it.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Send(bytes) => write!(f, "Send({} bytes)", bytes.len()),
            Output::Up { version } => write!(f, "Up({version})"),
            Output::WakeAt(at) => write!(f, "WakeAt({at})"),
            Output::DialOutcome { id, outcome } => write!(f, "DialOutcome({id}, {outcome:?})"),
            Output::Notice(text) => write!(f, "Notice({text})"),
            Output::GiveUp(why) => write!(f, "GiveUp({why:?})"),
        }
    }
}

/// Why a connection is of no more use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiveUp {
    /// What is wrong, in plain words.
    pub reason: String,
    /// What the administrator can do about it.
    pub advice: String,
    /// Whether trying again soon makes no sense (wrong secret): then try rarely, and tell somebody.
    pub permanent: bool,
}

/// What a session has seen since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes received.
    pub bytes: u64,
    /// Whole frames received.
    pub frames: u64,
    /// Frames that said something about a call.
    pub understood: u64,
    /// Frames that are of no interest here.
    pub ignored: u64,
    /// Frames or parts of frames that could not be read.
    pub malformed: u64,
    /// Frames that look forged; they were not followed.
    pub suspicious: u64,
    /// Frames or legs beyond a limit, left out.
    pub dropped: u64,
}

/// Where and how to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// `None`: plain TCP.
    pub tls: Option<Tls>,
}

/// How the other side's certificate is checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of the authorities to trust instead of the public ones, as PEM.
    pub ca: Option<String>,
    /// SHA-256 of the only certificate to accept, 64 hexadecimal digits in lower case.
    pub pin: Option<String>,
    /// The name that the certificate must bear; `None`: the host.
    pub server_name: Option<String>,
}

/// What a link is opened with, beside its settings.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Name of the configured phone system.
    pub name: String,
    /// Makes what must be unguessable (ids of actions): give it random bits.
    pub ids: Ids,
}

/// A link that is ready to be driven.
pub struct Link {
    /// Speaks with the phone system.
    pub session: Box<dyn Session>,
    /// What the tracker beside it must know.
    pub tracker: TrackerSettings,
    /// Where to connect.
    pub endpoint: Endpoint,
}

/// Settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub String);

/// One kind of phone system.
pub struct Kind {
    /// The stored name, such as `asterisk`; never changed.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// JSON Schema of its settings, for forms and the manual.
    pub schema: fn() -> schemars::Schema,
    /// Checks settings and opens a link.
    pub open: fn(&serde_json::Value, Opening) -> Result<Link, SettingsError>,
    /// What to put into the phone system's own configuration, ready to paste.
    pub setup_lines: fn(&serde_json::Value) -> Result<String, SettingsError>,
    /// Runs a recording through the same code as a live link.
    pub replay: fn(
        &replay::Recording<'_>,
        &serde_json::Value,
    ) -> Result<replay::Replayed, replay::ReplayError>,
}

/// All kinds that we speak with.
pub const ALL: &[Kind] = &[asterisk::ASTERISK, asterisk::ELASTIX];

/// The kind of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().find(|it| it.name == name)
}
