//! Runs recorded wire bytes through the code that follows live links.
//!
//! The forms are those of the public contract: `NAME.ami` (raw bytes), `NAME.times.jsonl` (lines
//! `{"offset": bytes, "ms": milliseconds}`) and `NAME.sent.jsonl` (what was sent meanwhile).

use call::{Call, CallId, EventKind, UnixMs};
use serde::Deserialize;

/// One recording, as it lies in files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recording<'a> {
    /// Name of the phone system, as it will stand in the calls.
    pub pbx: &'a str,
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
    /// All events in order: time, kind, sequence and call.
    pub events: Vec<(UnixMs, EventKind, u32, CallId)>,
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

#[derive(Deserialize)]
struct Mark {
    offset: usize,
    ms: i64,
}

/// When each byte came.
pub(crate) struct Times {
    marks: Vec<Mark>,
}

impl Times {
    pub(crate) fn read(text: Option<&str>) -> Result<Times, ReplayError> {
        let mut marks: Vec<Mark> = Vec::new();
        for (line, mark) in lines::<Mark>("times.jsonl", text)? {
            if marks.last().is_some_and(|it| it.offset > mark.offset) {
                let problem = "the offset is smaller than the one before".to_owned();
                return Err(ReplayError::Line { file: "times.jsonl", line, problem });
            }
            marks.push(mark);
        }
        Ok(Times { marks })
    }

    /// The bytes in the portions in which they came.
    pub(crate) fn portions<'b>(&self, bytes: &'b [u8]) -> Vec<(UnixMs, &'b [u8])> {
        let mut portions = Vec::with_capacity(self.marks.len() + 1);
        let mut from = 0;
        let mut at = self.marks.first().map_or(0, |it| it.ms);
        for mark in &self.marks {
            let to = mark.offset.min(bytes.len());
            if to > from {
                portions.push((UnixMs(at), &bytes[from..to]));
                from = to;
            }
            at = at.max(mark.ms);
        }
        if from < bytes.len() {
            portions.push((UnixMs(at), &bytes[from..]));
        }
        portions
    }
}

/// Something that was sent to the phone system.
#[derive(Deserialize)]
struct SentLine {
    ms: i64,
    text: String,
}

/// Something that was sent to the phone system, and when.
pub(crate) struct Sent {
    pub(crate) at: UnixMs,
    pub(crate) text: String,
}

impl Sent {
    pub(crate) fn read(text: Option<&str>) -> Result<Vec<Sent>, ReplayError> {
        let lines = lines::<SentLine>("sent.jsonl", text)?;
        Ok(lines.into_iter().map(|(_, it)| Sent { at: UnixMs(it.ms), text: it.text }).collect())
    }
}

/// One JSON value a line, with the number of the line; blank lines are skipped.
fn lines<T: for<'de> Deserialize<'de>>(
    file: &'static str,
    text: Option<&str>,
) -> Result<Vec<(usize, T)>, ReplayError> {
    let lines = text.unwrap_or_default().lines().zip(1..);
    let filled = lines.filter(|it| !it.0.trim().is_empty());
    let read = filled.map(|(text, line)| match serde_json::from_str(text) {
        Ok(value) => Ok((line, value)),
        Err(error) => Err(ReplayError::Line { file, line, problem: error.to_string() }),
    });
    read.collect()
}
