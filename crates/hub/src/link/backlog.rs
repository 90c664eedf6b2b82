//! Bytes that have been read from a phone system and wait to be understood.

use std::collections::VecDeque;

use call::UnixMs;

/// How much may wait before the socket is no longer read. A PBX drops a client that reads slowly
/// (Asterisk after 100 ms), so a stall of the store must be bridged in memory first: this is the
/// traffic of a PBX with 100 new calls a second for 20 seconds.
pub(super) const BACKLOG_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Chunks in the order of their arrival, each with its time.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    chunks: VecDeque<(Vec<u8>, UnixMs)>,
    bytes: usize,
}

impl Backlog {
    /// Takes what a read gave.
    pub(super) fn push(&mut self, bytes: &[u8], at: UnixMs) {
        self.bytes += bytes.len();
        self.chunks.push_back((bytes.to_vec(), at));
    }

    /// The oldest chunk.
    pub(super) fn pop(&mut self) -> Option<(Vec<u8>, UnixMs)> {
        let chunk = self.chunks.pop_front()?;
        self.bytes -= chunk.0.len();
        Some(chunk)
    }

    /// Whether the socket may be read further.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < BACKLOG_BYTES_MAX
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}
