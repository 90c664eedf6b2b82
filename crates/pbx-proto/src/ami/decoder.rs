//! Cuts a stream of bytes into frames.

use memchr::{memchr_iter, memmem};

use super::frame::{Frame, FrameKind, Pair, Span, split};

/// The longest line that is kept, in bytes: values of Asterisk end far below (a channel variable
/// has at most 4 KiB). The rest of a longer line is left out.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// The longest frame that is kept, in bytes. Command output is the only long one; a longer frame is
/// skipped as a whole.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// The most lines of a frame that are kept; later ones are left out. With ten variables of each of
/// three channels an event has about a hundred.
pub const LINES_MAX: usize = 4096;

/// Beyond this many bytes of consumed input the buffer is moved to its front.
const COMPACT_BYTES: usize = 64 * 1024;

/// What had to be left out so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// Lines that were cut at [`LINE_BYTES_MAX`], or left out beyond [`LINES_MAX`].
    pub lines: u64,
    /// Frames that were skipped beyond [`FRAME_BYTES_MAX`].
    pub frames: u64,
}

/// Cuts a byte stream into AMI frames. Holds no socket and no clock, and never fails.
#[derive(Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Where the frame that is being read begins.
    start: usize,
    /// Where its next line begins.
    line: usize,
    /// How far that line has been searched for its end.
    searched: usize,
    lines: Vec<Span>,
    /// Lines of command output follow, up to `--END COMMAND--`; blank ones among them.
    raw: bool,
    /// The frame is too long: its lines are dropped until it ends.
    skipping: bool,
    /// Everything before has been given out.
    given: bool,
    losses: Losses,
}

impl Decoder {
    /// Takes in bytes, in any portion.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.forget_given();
        if self.start == self.buffer.len() {
            self.move_to(0);
            self.buffer.clear();
        } else if self.start >= COMPACT_BYTES {
            let kept = self.start;
            self.buffer.drain(..kept);
            self.move_to(0);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, or `None` until more bytes are fed.
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        self.forget_given();
        if !self.read_frame() {
            return None;
        }
        self.given = true;
        let bytes = &self.buffer[self.start..self.line];
        let kind = kind_of(bytes, &self.lines);
        Some(Frame { bytes, lines: &self.lines, kind })
    }

    /// What had to be left out so far.
    #[must_use]
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// Forgets everything that was fed, for a new connection. The counts stay.
    pub fn reset(&mut self) {
        *self = Decoder { losses: self.losses, ..Decoder::default() };
    }

    /// The bytes of the frame that is not finished yet.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        let from = if self.given { self.line } else { self.start };
        self.buffer.get(from..).unwrap_or_default()
    }

    fn forget_given(&mut self) {
        if std::mem::take(&mut self.given) {
            self.start = self.line;
            self.lines.clear();
            self.raw = false;
        }
    }

    fn move_to(&mut self, start: usize) {
        let by = self.start - start;
        (self.start, self.line, self.searched) = (start, self.line - by, self.searched - by);
    }

    /// Reads on; true when `start..line` is a whole frame with its `lines`.
    fn read_frame(&mut self) -> bool {
        // The borrow of the buffer ends before the state is touched: positions only.
        let from = self.searched.max(self.line);
        let buffer = std::mem::take(&mut self.buffer);
        let mut whole = false;
        for place in memchr_iter(b'\n', buffer.get(from..).unwrap_or_default()) {
            if self.read_line(&buffer, from + place) {
                whole = true;
                break;
            }
        }
        if !whole {
            self.searched = buffer.len();
        }
        self.buffer = buffer;
        if !whole {
            self.bound();
        }
        whole
    }

    /// Takes in the line that ends at `newline`; true when it ends a frame.
    #[inline]
    fn read_line(&mut self, buffer: &[u8], newline: usize) -> bool {
        let line = self.line;
        let mut end = newline;
        if end > line && buffer[end - 1] == b'\r' {
            end -= 1;
        }
        self.line = newline + 1;
        self.searched = self.line;
        if self.raw {
            return self.read_raw_line(buffer, line, end);
        }
        if end == line {
            return self.read_blank_line();
        }
        if self.skipping {
            self.start = self.line;
            return false;
        }
        self.push(line, end);
        let first = self.lines.len() == 1;
        if first && is_banner(&buffer[line..end]) {
            return true;
        }
        self.raw = first && is_command_output(&buffer[line..end]);
        false
    }

    fn read_blank_line(&mut self) -> bool {
        if self.skipping {
            self.skipping = false;
            self.lines.clear();
        }
        if self.lines.is_empty() {
            self.start = self.line;
            return false;
        }
        true
    }

    fn read_raw_line(&mut self, buffer: &[u8], line: usize, end: usize) -> bool {
        let text = &buffer[line..end];
        // The output of a command may lack its last line end.
        if let Some(output) = text.strip_suffix(b"--END COMMAND--") {
            if !self.skipping && !output.is_empty() {
                self.push(line, line + output.len());
            }
            // The blank line that follows is skipped like any other.
            let whole = !std::mem::take(&mut self.skipping);
            if !whole {
                (self.raw, self.start) = (false, self.line);
                self.lines.clear();
            }
            return whole;
        }
        if self.skipping {
            self.start = self.line;
        } else {
            self.push(line, end);
        }
        false
    }

    #[inline]
    fn push(&mut self, line: usize, end: usize) {
        let mut end = end;
        if end - line > LINE_BYTES_MAX {
            end = line + LINE_BYTES_MAX;
            self.losses.lines += 1;
        }
        if self.lines.len() == LINES_MAX {
            self.losses.lines += 1;
            return;
        }
        // A frame is shorter than `FRAME_BYTES_MAX` plus one portion fed: far below 4 GiB.
        let at = |place: usize| (place - self.start) as u32;
        let span = Span { start: at(line), end: at(end) };
        self.lines.push(span);
    }

    /// Keeps memory bounded when no line end or no end of the frame comes.
    fn bound(&mut self) {
        if self.buffer.len() - self.start <= FRAME_BYTES_MAX {
            return;
        }
        if !self.skipping {
            self.losses.frames += 1;
            self.skipping = true;
        }
        self.lines.clear();
        // The unfinished line is kept as far as it may still be the mark that ends the frame, and
        // never as an empty one, which would end it early.
        let tail = (self.buffer.len() - self.line).min(TAIL_BYTES);
        let cut = self.buffer.len() - tail;
        self.buffer.drain(..cut);
        (self.start, self.line, self.searched) = (0, 0, tail);
    }
}

/// As much of an unfinished line as is kept of a frame that is skipped: `--END COMMAND--` fits.
const TAIL_BYTES: usize = 64;

/// What every banner holds; packagers put other words before it.
const BANNER: &[u8] = b"Call Manager/";

/// The longest banner that is taken for one.
const BANNER_BYTES_MAX: usize = 128;

fn is_banner(line: &[u8]) -> bool {
    let frame = line.first().is_some_and(|it| matches!(it, b'E' | b'e' | b'R' | b'r'));
    !frame && line.len() <= BANNER_BYTES_MAX && memmem::find(line, BANNER).is_some()
}

fn is_command_output(line: &[u8]) -> bool {
    let Some(value) = line.get(b"Response:".len()..) else { return false };
    line[..b"Response:".len()].eq_ignore_ascii_case(b"Response:")
        && value.trim_ascii().eq_ignore_ascii_case(b"Follows")
}

fn kind_of<'a>(bytes: &'a [u8], lines: &[Span]) -> FrameKind<'a> {
    let Some(line) = lines.first().map(|it| it.of(bytes)) else { return FrameKind::Other };
    let Pair { key, value } = split(line);
    if key.eq_ignore_ascii_case(b"Event") {
        FrameKind::Event(value)
    } else if key.eq_ignore_ascii_case(b"Response") {
        FrameKind::Response(value)
    } else if is_banner(line) {
        let version = memchr::memrchr(b'/', line).map_or(line, |it| &line[it + 1..]);
        FrameKind::Banner(version.trim_ascii())
    } else {
        FrameKind::Other
    }
}
