//! Reads the fields of one event, and sees through lines that a caller has smuggled into it.
//!
//! A SIP caller can put line ends into the user part of its address, and Asterisk up to 22 writes
//! them into every event of the call as they are. So a repeated key is a sign of forgery (the keys
//! that Asterisk repeats itself are none of these): then the first value counts of what Asterisk
//! writes before the caller's number, the last of what it writes after it, and a channel only
//! together with the unique id that is bound to its name.

use std::borrow::Cow;

use pbx_proto::ami::{Charset, Frame};

/// The longest text that is kept of a name, in characters.
const TEXT_CHARS_MAX: usize = 128;

/// What occurs once in every true event, if at all.
const ONCE: [&[u8]; 7] =
    [b"Event", b"Channel", b"Uniqueid", b"Linkedid", b"Response", b"DestChannel", b"DestUniqueid"];
const RESPONSE: usize = 4;

/// One event.
pub(super) struct Fields<'f> {
    frame: Frame<'f>,
    charset: Charset,
    /// A key that occurs once in true events is repeated.
    pub(super) forged: bool,
}

impl<'f> Fields<'f> {
    pub(super) fn new(frame: Frame<'f>, charset: Charset) -> Fields<'f> {
        let mut seen = [0u8; ONCE.len()];
        for line in frame.lines() {
            // Of most lines the place of the colon decides.
            let colon = |at: usize| line.get(at) == Some(&b':');
            let at = match line.first().map_or(0, u8::to_ascii_lowercase) {
                b'c' if colon(7) => 1,
                b'u' if colon(8) => 2,
                b'l' if colon(8) => 3,
                b'd' if colon(11) => 5,
                b'd' if colon(12) => 6,
                b'e' if colon(5) => 0,
                b'r' if colon(8) => 4,
                _ => continue,
            };
            let key = ONCE[at];
            if line[..key.len()].eq_ignore_ascii_case(key) {
                seen[at] = seen[at].saturating_add(1);
            }
        }
        // The events that are read here hold no response at all.
        let forged = seen[RESPONSE] > 0 || seen.iter().any(|&it| it > 1);
        Fields { frame, charset, forged }
    }

    /// The first value of a key, as bytes.
    pub(super) fn raw(&self, key: &str) -> Option<&'f [u8]> {
        self.frame.get(key)
    }

    /// What Asterisk writes before the number of the caller.
    pub(super) fn first(&self, key: &str) -> Option<&'f str> {
        readable(self.frame.get(key)?)
    }

    /// What Asterisk writes after the number of the caller.
    pub(super) fn last(&self, key: &str) -> Option<&'f str> {
        readable(self.frame.last(key)?)
    }

    /// All values of a key.
    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = &'f str> {
        self.frame.all(key).filter_map(readable)
    }

    /// All values of the key that is `prefix` and `key` together.
    pub(super) fn prefixed(&self, prefix: &str, key: &str) -> impl Iterator<Item = &'f str> {
        self.frame.prefixed(prefix, key).filter_map(readable)
    }

    /// A text that people wrote: decoded, without what could disturb a reader, and not too long.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        clean_text(&self.charset.decode(self.frame.get(key)?))
    }

    /// The first of several keys that has a text.
    pub(super) fn text_of(&self, keys: [&str; 2]) -> Option<String> {
        self.text(keys[0]).or_else(|| self.text(keys[1]))
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.last(key)?.trim().parse().ok()
    }

    pub(super) fn is(&self, key: &str, value: &str) -> bool {
        self.frame.get(key).is_some_and(|it| it.eq_ignore_ascii_case(value.as_bytes()))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.frame.get(key).is_some()
    }
}

/// Identifiers are ASCII in practice; what is no UTF-8 is none of ours. Empty means absent.
fn readable(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().filter(|it| !it.is_empty())
}

/// What Asterisk writes where it has nothing: the word, in both cases.
fn is_absent(text: &str) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case("<unknown>")
}

/// Takes control characters and those that turn the direction of writing out of a text.
pub(super) fn clean_text(text: &str) -> Option<String> {
    let trimmed = text.trim();
    if is_absent(trimmed) {
        return None;
    }
    let disturbs = |it: char| {
        it.is_control()
            || matches!(it, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let clean: Cow<'_, str> = if trimmed.chars().any(disturbs) {
        trimmed.chars().filter(|&it| !disturbs(it)).collect()
    } else {
        Cow::Borrowed(trimmed)
    };
    let cut: String = clean.chars().take(TEXT_CHARS_MAX).collect();
    (!cut.is_empty()).then_some(cut)
}

/// Whether a text has the shape of a unique id: `[systemname-]epoch.sequence`.
pub(super) fn is_unique_id(text: &str) -> bool {
    let (name, rest) =
        text.rsplit_once('-').map_or((None, text), |(name, rest)| (Some(name), rest));
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let named = name.is_none_or(|it| {
        !it.is_empty()
            && it.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'.' | b'-'))
    });
    named && text.len() <= 149 && rest.split_once('.').is_some_and(|(a, b)| digits(a) && digits(b))
}
