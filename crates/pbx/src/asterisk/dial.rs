//! Click-to-dial: the request, and what becomes of it.

use call::{DialEnd, Tracker, UnixMs};
use pbx_proto::ami::{Action, ActionError};

use super::{Settings, fields::clean_text};

/// The most characters of a label on the display of a phone.
const LABEL_CHARS_MAX: usize = 40;

/// A request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issued {
    /// The id of the request; it is the id of the action too, so that a recording of the wire is
    /// enough to know it.
    pub(super) id: String,
    pub(super) extension: String,
    /// The unique id that the first channel gets, from version 12 on.
    pub(super) channel_id: Option<String>,
}

/// What is to be dialled.
pub(super) struct Dial<'a> {
    pub(super) id: &'a str,
    pub(super) extension: &'a str,
    pub(super) number: &'a str,
    pub(super) label: Option<&'a str>,
}

impl Dial<'_> {
    /// Refuses what would reach another place of the dial plan than a number.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let dialable = |it: u8| it.is_ascii_digit() || matches!(it, b'+' | b'*' | b'#');
        if self.number.is_empty() || self.number.len() > 32 || !self.number.bytes().all(dialable) {
            return Err("The number may hold digits, +, * and # only, at most 32 of them.");
        }
        let named = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-' | b'.');
        if self.extension.is_empty()
            || self.extension.len() > 32
            || !self.extension.bytes().all(named)
        {
            return Err("The extension may hold letters, digits, - and _ only.");
        }
        Ok(())
    }

    /// The action. `channel_id`: from version 12 on, the unique id of the first channel.
    pub(super) fn action(
        &self,
        settings: &Settings,
        channel_id: Option<&str>,
    ) -> Result<Vec<u8>, ActionError> {
        let fill = |text: &str| {
            text.replace("{extension}", self.extension)
                .replace("{context}", &settings.dial_context)
                .replace("{number}", self.number)
        };
        let label = self.label.and_then(clean_text).map(|it| {
            let quiet = |it: &char| !matches!(it, '"' | '<' | '>' | '\\' | '$' | '{' | '}');
            it.chars().filter(quiet).take(LABEL_CHARS_MAX).collect::<String>()
        });
        let label = label.filter(|it| !it.trim().is_empty());
        let label = label.as_deref().unwrap_or(self.number);
        let caller_id = format!("\"{label}\" <{}>", fill(&settings.dial_caller_id));
        let timeout_ms = u64::from(settings.dial_timeout_s) * 1000;
        let mut action = Action::new("Originate", self.id)?
            .with("Channel", &fill(&settings.dial_channel))?
            .with("Context", &settings.dial_context)?
            .with("Exten", self.number)?
            .with("Priority", "1")?
            .with("Timeout", &timeout_ms.to_string())?
            .with("CallerID", &caller_id)?
            // Without it no event comes on this connection until the phone is answered.
            .with("Async", "true")?
            .with("Variable", &format!("HOOKSWITCH_REQUEST={}", self.id))?;
        if let Some(id) = channel_id {
            action = action.with("ChannelId", id)?.with("OtherChannelId", &format!("{id}-2"))?;
        }
        Ok(action.into_bytes())
    }
}

/// What the `Reason` of a failed `OriginateResponse` means.
///
/// It is a number of a control frame: 0 nothing came, 1 hang-up, 3 ringing, 5 busy, 8 congestion.
pub(super) fn failure(reason: Option<u64>, extension: &str) -> (DialEnd, String) {
    match reason {
        Some(3) => (DialEnd::NoAnswer, format!("{extension} did not answer.")),
        Some(5) => (DialEnd::Busy, format!("{extension} is busy.")),
        Some(8) => (DialEnd::Congestion, format!("The line to {extension} is congested.")),
        Some(1) => (DialEnd::Busy, format!("{extension} declined.")),
        _ => (
            DialEnd::Unavailable,
            format!("{extension} could not be rung: its phone is not registered, or declined."),
        ),
    }
}

/// Tells the tracker of a request that was sent.
pub(super) fn register(
    issued: &mut Vec<Issued>,
    dial: &Dial<'_>,
    channel_id: Option<&str>,
    at: UnixMs,
    tracker: &mut Tracker,
) {
    tracker.dial_requested(at, dial.id, dial.extension, dial.number);
    issued.push(Issued {
        id: dial.id.to_owned(),
        extension: dial.extension.to_owned(),
        channel_id: channel_id.map(str::to_owned),
    });
}
