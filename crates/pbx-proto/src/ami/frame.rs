//! One frame: an ordered list of pairs, borrowed from the decoder's buffer.

/// What a frame is. The first key decides: an `OriginateResponse` event has a `Response:` further
/// down, and callers can smuggle an `Event:` line into their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind<'a> {
    /// `Event: name`.
    Event(&'a [u8]),
    /// `Response: name`, the answer to an action.
    Response(&'a [u8]),
    /// `Asterisk Call Manager/version`, the first line of a connection.
    Banner(&'a [u8]),
    /// Anything else: the rest of something that was torn apart, or no AMI at all.
    Other,
}

/// Where a line stands in the buffer of its frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    #[inline(always)]
    pub(super) fn of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// The value of a line whose key is `key`, in any case.
///
/// Looks for the colon where it would have to be: of most lines one byte decides.
#[inline(always)]
fn value_of<'a>(line: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    if line.get(key.len()) != Some(&b':') {
        return None;
    }
    let (head, value) = (&line[..key.len()], &line[key.len() + 1..]);
    head.eq_ignore_ascii_case(key).then(|| value.strip_prefix(b" ").unwrap_or(value))
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair<'a> {
    /// As the server wrote it; compare without regard to case. Empty for a line without a colon.
    pub key: &'a [u8],
    /// Without the one space after the colon.
    pub value: &'a [u8],
}

/// A whole frame.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) lines: &'a [Span],
    pub(super) kind: FrameKind<'a>,
}

/// Values hold numbers and names of people, and challenges: logs get the kind only.
impl std::fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({:?}, {} lines)", self.kind, self.lines.len())
    }
}

impl<'a> Frame<'a> {
    /// What the first line says that it is.
    #[must_use]
    pub fn kind(&self) -> FrameKind<'a> {
        self.kind
    }

    /// All lines in order, the first one included.
    #[must_use]
    pub fn pairs(&self) -> Pairs<'a> {
        Pairs { bytes: self.bytes, lines: self.lines.iter() }
    }

    /// The first value of `key`, in any case.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a [u8]> {
        let bytes = self.bytes;
        self.lines.iter().find_map(|it| value_of(it.of(bytes), key.as_bytes()))
    }

    /// The value of `key` among the first `lines`, where servers write it if they write it at all.
    #[must_use]
    pub fn get_early(&self, key: &str, lines: usize) -> Option<&'a [u8]> {
        let bytes = self.bytes;
        self.lines.iter().take(lines).find_map(|it| value_of(it.of(bytes), key.as_bytes()))
    }

    /// The last value of `key`, in any case.
    #[must_use]
    pub fn last(&self, key: &str) -> Option<&'a [u8]> {
        let bytes = self.bytes;
        self.lines.iter().rev().find_map(|it| value_of(it.of(bytes), key.as_bytes()))
    }

    /// All values of `key`, in order: some keys are repeated on purpose (`Variable`, `Output`).
    pub fn all(&self, key: &str) -> impl Iterator<Item = &'a [u8]> {
        let bytes = self.bytes;
        self.lines.iter().filter_map(move |it| value_of(it.of(bytes), key.as_bytes()))
    }

    /// All values of the key that is `prefix` and `key` together, in order: `Dest` and `Channel`.
    pub fn prefixed(&self, prefix: &str, key: &str) -> impl Iterator<Item = &'a [u8]> {
        let bytes = self.bytes;
        self.lines.iter().filter_map(move |it| {
            let (head, rest) = it.of(bytes).split_at_checked(prefix.len())?;
            let value = value_of(rest, key.as_bytes())?;
            head.eq_ignore_ascii_case(prefix.as_bytes()).then_some(value)
        })
    }

    /// All lines as they are.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let bytes = self.bytes;
        self.lines.iter().map(move |it| it.of(bytes))
    }

    /// The bytes of the frame, its blank line not included.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// The lines of a frame, in order.
#[derive(Clone)]
pub struct Pairs<'a> {
    bytes: &'a [u8],
    lines: std::slice::Iter<'a, Span>,
}

/// Splits a line at its first colon.
pub(super) fn split(line: &[u8]) -> Pair<'_> {
    match memchr::memchr(b':', line) {
        Some(colon) => {
            let value = &line[colon + 1..];
            Pair { key: &line[..colon], value: value.strip_prefix(b" ").unwrap_or(value) }
        }
        None => Pair { key: b"", value: line },
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        Some(split(self.lines.next()?.of(self.bytes)))
    }
}
