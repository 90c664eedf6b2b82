//! Events that a caller has torn apart.
//!
//! With a blank line in its number a caller ends the event that bears it, writes events of its own
//! behind it, and leaves the rest of the true event to follow. Asterisk writes an event in one piece:
//! so everything from a torn event to the rest of it is one event with lines smuggled in, and is read
//! as that. See [`super::fields`] for what counts then.

use std::sync::LazyLock;

use call::Tracker;
use memchr::memmem::Finder;
use pbx_proto::ami::Frame;

use super::fields::is_unique_id;

/// The most frames and bytes that one caller can have smuggled into one event: numbers of callers are
/// far shorter. What is not complete then is given up; the next snapshot tells the truth.
const FRAMES_MAX: usize = 32;
const BYTES_MAX: usize = 64 * 1024;

/// A torn event, as far as it has come.
pub(super) struct Torn {
    bytes: Vec<u8>,
    frames: usize,
    awaits: Awaits,
}

/// What the rest of a torn event bears.
enum Awaits {
    /// This unique id under this key.
    Id(String, String),
    /// Any unique id that is new, under this key: the channel is not known.
    NewId(String),
    /// This key, which comes after the number.
    Key(&'static str),
}

/// How it goes on.
pub(super) enum Rest {
    /// More is to come.
    Waiting,
    /// The event with everything in it.
    Whole(Vec<u8>),
    /// It will not be complete.
    Lost,
}

impl Torn {
    /// Whether the end of an event is missing.
    pub(super) fn begins(name: &[u8], frame: Frame<'_>, tracker: &Tracker) -> Option<Torn> {
        // Up to 1.6 parking gives the number and no id; what users report has any keys at all.
        if [b"Parked".as_slice(), b"UnParked", b"UserEvent"].iter().any(|it| name.starts_with(it)) {
            return None;
        }
        let id = if ends_with_id(frame) { None } else { missing_id(frame, tracker) };
        let awaits = id.or_else(|| missing_key(name, frame))?;
        Some(Torn { bytes: frame.bytes().to_vec(), frames: 1, awaits })
    }

    /// Whether an event of a known channel with an unknown id is the beginning of a torn one, whose
    /// id the caller has made up.
    pub(super) fn explains(frame: Frame<'_>, tracker: &Tracker) -> Option<Torn> {
        let awaits = missing_id(frame, tracker)?;
        Some(Torn { bytes: frame.bytes().to_vec(), frames: 1, awaits })
    }

    /// Takes in the next frame of the stream.
    pub(super) fn goes_on(&mut self, frame: Frame<'_>, tracker: &Tracker) -> Rest {
        self.frames += 1;
        self.bytes.extend_from_slice(frame.bytes());
        if self.frames > FRAMES_MAX || self.bytes.len() > BYTES_MAX {
            return Rest::Lost;
        }
        let id = |key: &str| frame.last(key).and_then(|it| std::str::from_utf8(it).ok());
        let ends = match &self.awaits {
            Awaits::Key(key) => frame.get(key).is_some(),
            Awaits::Id(key, wanted) => id(key) == Some(wanted),
            // What a new channel has dialled stands between the number and the id.
            Awaits::NewId(key) => {
                let new = id(key).is_some_and(|it| is_unique_id(it) && tracker.leg(it).is_none());
                new && frame.get("Exten").is_some()
            }
        };
        if ends { Rest::Whole(self.whole()) } else { Rest::Waiting }
    }

    /// The lines of all frames without the blank ones between them.
    fn whole(&self) -> Vec<u8> {
        let lines = self.bytes.split_inclusive(|&it| it == b'\n');
        let mut whole: Vec<u8> =
            lines.filter(|it| !it.trim_ascii().is_empty()).flatten().copied().collect();
        whole.extend_from_slice(b"\r\n");
        whole
    }
}

/// Whether an id comes after the last number, as it does in most events: a torn one ends between.
fn ends_with_id(frame: Frame<'_>) -> bool {
    for line in frame.lines().rev() {
        // Variables, the commonest lines after an id, are told by their beginning.
        if line.starts_with(b"ChanVariable") {
            continue;
        }
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let ends = |with: &[u8]| {
            let at = colon.checked_sub(with.len());
            at.is_some_and(|it| line[it..colon].eq_ignore_ascii_case(with))
        };
        if ends(b"Uniqueid") {
            return true;
        }
        if ends(b"CallerIDNum") {
            return false;
        }
    }
    true
}

/// A channel of the event has a number, but not its unique id: Asterisk writes both, the number
/// mostly first.
fn missing_id(frame: Frame<'_>, tracker: &Tracker) -> Option<Awaits> {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let mut rest = frame.bytes();
    while let Some(place) = NUMBER.find(rest) {
        let (before, after) = rest.split_at(place);
        rest = &after[NUMBER.needle().len()..];
        // The key begins its line, with the prefix of its channel.
        let line = memchr::memrchr(b'\n', before).map_or(before, |it| &before[it + 1..]);
        if line.contains(&b':') {
            continue;
        }
        let prefix = text(line)?;
        let mut channels = frame.prefixed(prefix, "Channel");
        // Queues up to 11 call the channel of their caller so.
        let channel = channels.next().or_else(|| frame.get("ChannelCalling")).and_then(text);
        // The channel comes first: a number without one is nobody's.
        let Some(channel) = channel else { continue };
        let leg = tracker.leg_named(channel);
        let mut ids = frame.prefixed(prefix, "Uniqueid").filter_map(text);
        // Another known id is a name that we have not heard of, no tear.
        let fits = match leg {
            Some(leg) => ids.any(|it| it == tracker.key_of(leg) || tracker.leg(it).is_some()),
            None => ids.next().is_some(),
        };
        if !fits {
            let key = format!("{prefix}Uniqueid");
            return Some(match leg {
                Some(leg) => Awaits::Id(key, tracker.key_of(leg).to_owned()),
                None => Awaits::NewId(key),
            });
        }
    }
    None
}

/// Up to 11 some events bear the unique ids before the numbers.
fn missing_key(name: &[u8], frame: Frame<'_>) -> Option<Awaits> {
    let (missing, awaited) = match name {
        b"Hangup" => ("Cause", "Cause-txt"),
        b"Cdr" => ("UserField", "UserField"),
        b"Bridge" | b"Link" | b"Unlink" => ("CallerID2", "CallerID2"),
        _ => return None,
    };
    frame.last(missing).is_none().then_some(Awaits::Key(awaited))
}

/// The key of a caller's number, after the prefix of its channel.
static NUMBER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("CallerIDNum:"));
