//! One client: what it may see, and the bytes that wait for its socket.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::Notify;

use super::filter::Filter;
use crate::rights::Classes;

/// A reader that is so many bytes behind is disconnected. Asterisk itself does so much sooner.
const OUTBOX_BYTES_MAX: usize = 256 * 1024 * 1024;
/// So many bytes are written at once.
pub(crate) const WRITE_BYTES: usize = 64 * 1024;

/// That the end of a call has been written to a client that was in step.
#[derive(Debug, Default)]
pub(crate) struct EndMark(AtomicBool);

impl EndMark {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[derive(Default)]
struct Outbox {
    chunks: VecDeque<(Bytes, Option<Arc<EndMark>>)>,
    bytes: usize,
    /// Close the socket: at once, or when everything has been written.
    closing: Option<Closing>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    Written,
    Now,
}

/// What the client is and may. Changed only while the exchange is locked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    pub(crate) logged_in: bool,
    /// Classes of events that it gets.
    pub(crate) events: Option<Classes>,
    pub(crate) challenge: Option<String>,
    pub(crate) filters: Vec<Filter>,
    /// Whether it has had a list of the channels: from then on it can follow every call.
    pub(crate) in_step: bool,
    /// Nothing is sent to it any more, although its socket stays open.
    pub(crate) mute: bool,
}

#[derive(Default)]
pub(crate) struct Connection {
    outbox: Mutex<Outbox>,
    standing: Mutex<Standing>,
    /// Something changed in the outbox.
    pub(crate) changed: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds one of these; if it did, the data would still be whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connection {
    pub(crate) fn standing(&self) -> MutexGuard<'_, Standing> {
        lock(&self.standing)
    }

    /// Puts bytes into the outbox; `end` is marked when they have been written.
    pub(crate) fn push(&self, bytes: Bytes, end: Option<Arc<EndMark>>) {
        let mut outbox = lock(&self.outbox);
        if outbox.closing.is_some() {
            return;
        }
        outbox.bytes += bytes.len();
        outbox.chunks.push_back((bytes, end));
        if outbox.bytes > OUTBOX_BYTES_MAX {
            outbox.closing = Some(Closing::Now);
        }
        drop(outbox);
        self.changed.notify_one();
    }

    pub(crate) fn close(&self, how: Closing) {
        let mut outbox = lock(&self.outbox);
        if outbox.closing != Some(Closing::Now) {
            outbox.closing = Some(how);
        }
        drop(outbox);
        self.changed.notify_one();
    }

    /// How many bytes wait to be written.
    pub(crate) fn waiting_bytes(&self) -> usize {
        lock(&self.outbox).bytes
    }

    /// Whether the socket is to be closed, or is already.
    pub(crate) fn is_closing(&self) -> bool {
        lock(&self.outbox).closing.is_some()
    }

    /// Moves what is next into `buffer`, and the marks to set once it is written. `Err` when the
    /// socket is to be closed.
    pub(crate) fn take(&self, buffer: &mut Vec<u8>) -> Result<Vec<Arc<EndMark>>, ()> {
        let mut outbox = lock(&self.outbox);
        if outbox.closing == Some(Closing::Now) {
            return Err(());
        }
        let mut marks = Vec::new();
        while buffer.len() < WRITE_BYTES {
            let Some((bytes, mark)) = outbox.chunks.pop_front() else { break };
            buffer.extend_from_slice(&bytes);
            marks.extend(mark);
        }
        if buffer.is_empty() && outbox.closing.is_some() {
            return Err(());
        }
        Ok(marks)
    }

    /// Says that so many bytes have reached the socket; gives how many still wait.
    pub(crate) fn written(&self, bytes: usize) -> usize {
        let mut outbox = lock(&self.outbox);
        outbox.bytes = outbox.bytes.saturating_sub(bytes);
        outbox.bytes
    }
}
