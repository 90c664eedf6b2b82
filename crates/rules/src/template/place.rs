//! Where a value stands, and how it is escaped there.

use std::{cell::Cell, fmt::Write as _, io};

use minijinja::{Error, ErrorKind, Output, Value};

/// What a template is for; decides how the values in it are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// An address: values are percent-encoded, in the path as in the query.
    Url,
    /// Header lines: values are taken as they are, and a line break in one is refused.
    Headers,
    /// A body that says to be JSON: within quotes a value is escaped for a string, outside of them
    /// it becomes a whole JSON value.
    Json,
    /// Anything else: values are taken as they are.
    Text,
}

/// The very spot that the next value is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    Url,
    Header,
    JsonValue,
    JsonString,
    Text,
}

thread_local! {
    /// The engine's formatter cannot see the writer behind its output; both run on one thread, one
    /// rendering at a time, so they meet here.
    static SPOT: Cell<Spot> = const { Cell::new(Spot::Text) };
    /// Whether a value is being written, which never changes the spot: an escaped one holds no bare
    /// quote, and a whole JSON value closes what it opens.
    static IN_VALUE: Cell<bool> = const { Cell::new(false) };
}

/// Takes what is rendered, keeps its length in bounds, and follows which spot comes next.
pub(super) struct Writer<'out> {
    out: &'out mut Vec<u8>,
    end: usize,
    full: bool,
    json: bool,
    in_string: bool,
    after_backslash: bool,
}

impl<'out> Writer<'out> {
    pub(super) fn new(place: Place, out: &'out mut Vec<u8>, bytes_max: usize) -> Writer<'out> {
        IN_VALUE.set(false);
        SPOT.set(match place {
            Place::Url => Spot::Url,
            Place::Headers => Spot::Header,
            Place::Json => Spot::JsonValue,
            Place::Text => Spot::Text,
        });
        let end = out.len().saturating_add(bytes_max);
        let json = place == Place::Json;
        Writer { out, end, full: false, json, in_string: false, after_backslash: false }
    }

    /// Whether more was to be written than is allowed.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Whether a JSON text is within a string after these bytes of the template.
    fn follow_json(&mut self, mut bytes: &[u8]) {
        if std::mem::take(&mut self.after_backslash) {
            bytes = bytes.get(1..).unwrap_or_default();
        }
        while let Some(backslash) = memchr::memchr(b'\\', bytes) {
            self.in_string ^= odd_quotes(&bytes[..backslash]);
            let escaped = usize::from(self.in_string);
            self.after_backslash = self.in_string && backslash + 1 == bytes.len();
            bytes = bytes.get(backslash + 1 + escaped..).unwrap_or_default();
        }
        self.in_string ^= odd_quotes(bytes);
        SPOT.set(if self.in_string { Spot::JsonString } else { Spot::JsonValue });
    }
}

fn odd_quotes(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'"', bytes).count() % 2 == 1
}

impl io::Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.end < self.out.len() + bytes.len() {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.out.extend_from_slice(bytes);
        if self.json && !IN_VALUE.get() {
            self.follow_json(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a value as its spot demands it; the formatter of the engine.
pub(super) fn write_value(out: &mut Output<'_>, value: &Value) -> Result<(), Error> {
    IN_VALUE.set(true);
    let written = write_escaped(out, value);
    IN_VALUE.set(false);
    written
}

fn write_escaped(out: &mut Output<'_>, value: &Value) -> Result<(), Error> {
    if value.is_safe() {
        // Of the filter `json`. It was checked for no place, so it goes through the one for lines.
        return match (SPOT.get(), value.as_str()) {
            (Spot::Header, Some(text)) => write_header(out, text),
            (Spot::Url, Some(text)) => Ok(write_percent(out, text)?),
            (_, text) => Ok(out.write_str(text.unwrap_or_default())?),
        };
    }
    if SPOT.get() == Spot::JsonValue {
        return match value.as_str() {
            Some(text) => {
                out.write_str("\"")?;
                write_json_string(out, text)?;
                Ok(out.write_str("\"")?)
            }
            None => Ok(out.write_str(&to_json(value)?)?),
        };
    }
    match value.as_str() {
        Some(text) => write_text(out, text),
        None if value.is_none() => Ok(()),
        None => write_text(out, &to_json(value)?),
    }
}

fn write_text(out: &mut Output<'_>, text: &str) -> Result<(), Error> {
    match SPOT.get() {
        Spot::Url => write_percent(out, text)?,
        Spot::Header => write_header(out, text)?,
        Spot::JsonString => write_json_string(out, text)?,
        Spot::JsonValue | Spot::Text => out.write_str(text)?,
    }
    Ok(())
}

/// A whole JSON value.
pub(super) fn to_json(value: &Value) -> Result<String, Error> {
    super::facts::to_json(value).map_err(|error| {
        Error::new(ErrorKind::BadSerialization, format!("cannot be written as JSON: {error}"))
    })
}

/// Source: RFC 8259, section 7.
fn write_json_string(out: &mut Output<'_>, text: &str) -> std::fmt::Result {
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        // Only ASCII is escaped, so the cuts are between characters.
        out.write_str(&text[written..at])?;
        if escaped.is_empty() {
            write!(out, "\\u{byte:04x}")?;
        } else {
            out.write_str(escaped)?;
        }
        written = at + 1;
    }
    out.write_str(&text[written..])
}

/// Leaves only the unreserved characters of RFC 3986, section 2.3, as they are.
fn write_percent(out: &mut Output<'_>, text: &str) -> std::fmt::Result {
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.write_char(char::from(byte))?;
        } else {
            write!(out, "%{byte:02X}")?;
        }
    }
    Ok(())
}

fn write_header(out: &mut Output<'_>, text: &str) -> Result<(), Error> {
    if text.bytes().any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f) {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "a value with a line break or another control character cannot stand in a header",
        ));
    }
    Ok(out.write_str(text)?)
}
