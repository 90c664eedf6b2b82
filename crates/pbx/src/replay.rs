//! Runs recorded wire bytes through the code that follows live links.
//!
//! The forms are those of the public contract: `NAME.ami` (raw bytes), `NAME.times.jsonl` (lines
//! `{"offset": bytes, "ms": milliseconds}`) and `NAME.sent.jsonl` (what was sent meanwhile).

use call::Call;

/// One recording, as it lies in files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recording<'a> {
    /// The bytes that the phone system sent.
    pub bytes: &'a [u8],
    /// When they came: the content of `NAME.times.jsonl`. Without it, all at once.
    pub times: Option<&'a str>,
    /// What was sent to it: the content of `NAME.sent.jsonl`.
    pub sent: Option<&'a str>,
}

/// What came out.
#[derive(Debug, Clone, Default)]
pub struct Replayed {
    /// The calls in order of their start. One that the recording does not end is in its last state.
    pub calls: Vec<Call>,
    /// What the session counted.
    pub counters: crate::Counters,
    /// What an administrator would have been told.
    pub notices: Vec<String>,
}

/// A recording that cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The settings do not fit the kind.
    #[error("settings: {0}")]
    Settings(#[from] crate::SettingsError),
    /// A line of one of the files beside the bytes is not as it should be.
    #[error("{file}, line {line}: {problem}")]
    Line {
        /// Which file: `times.jsonl` or `sent.jsonl`.
        file: &'static str,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}
