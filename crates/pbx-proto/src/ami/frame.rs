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

/// Where a pair stands in the buffer of its frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: u32,
    /// End of the key; equal to `start` for a line without a colon.
    pub(super) colon: u32,
    pub(super) value: u32,
    pub(super) end: u32,
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
        let mut pairs = self.pairs();
        pairs.find(|it| it.key.eq_ignore_ascii_case(key.as_bytes())).map(|it| it.value)
    }

    /// The last value of `key`, in any case.
    #[must_use]
    pub fn last(&self, key: &str) -> Option<&'a [u8]> {
        let mut pairs = self.pairs().rev();
        pairs.find(|it| it.key.eq_ignore_ascii_case(key.as_bytes())).map(|it| it.value)
    }

    /// All values of `key`, in order: some keys are repeated on purpose (`Variable`, `Output`).
    pub fn all(&self, key: &str) -> impl Iterator<Item = &'a [u8]> {
        self.pairs()
            .filter(move |it| it.key.eq_ignore_ascii_case(key.as_bytes()))
            .map(|it| it.value)
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

impl<'a> Pairs<'a> {
    #[inline]
    fn pair(&self, span: &Span) -> Option<Pair<'a>> {
        let key = self.bytes.get(span.start as usize..span.colon as usize)?;
        let value = self.bytes.get(span.value as usize..span.end as usize)?;
        Some(Pair { key, value })
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'a>> {
        let span = self.lines.next()?;
        self.pair(span)
    }
}

impl DoubleEndedIterator for Pairs<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let span = self.lines.next_back()?;
        self.pair(span)
    }
}
