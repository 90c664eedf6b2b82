//! What goes into the writer, and what comes out after the sync.

use std::sync::Arc;

use call::{CallId, CallUpdate, Event, EventKind, LinkChange, UnixMs};

use crate::{DeliveryId, IntegrationId, OrgId, PbxId};

/// What one turn decided about one phone system: written whole or not at all.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Whose phone system it is.
    pub organisation: OrgId,
    /// The phone system.
    pub pbx: PbxId,
    /// Events of calls, in order, each with the integrations that want it.
    pub updates: Vec<(CallUpdate, Vec<IntegrationId>)>,
    /// Events of the link, each with the integrations that want it.
    pub links: Vec<(LinkUpdate, Vec<IntegrationId>)>,
}

/// An event that belongs to no call.
#[derive(Debug, Clone)]
pub struct LinkUpdate {
    /// `link.up` or `link.down`.
    pub kind: EventKind,
    /// When it happened.
    pub time: UnixMs,
    /// Which link, and why.
    pub change: LinkChange,
}

/// One event that is on the disk now.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Whose it is.
    pub organisation: OrgId,
    /// The event, with its id.
    pub event: Arc<Event>,
    /// `event` as the JSON of the contract, made once for everybody.
    pub json: Arc<str>,
    /// The deliveries that were stored along with it.
    pub deliveries: Vec<NewDelivery>,
}

/// A delivery that was stored along with its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// Where it goes.
    pub integration: IntegrationId,
    /// The lane that it belongs to, together with the integration; `None` for events of links.
    pub call: Option<CallId>,
}

/// What one sync made durable, in the order of commits.
#[derive(Debug)]
pub struct Commit {
    /// The events.
    pub events: Vec<Committed>,
    /// Room in the writer's queue, given back when the last subscriber drops the commit: one that
    /// stalls slows the phone links down instead of filling the memory.
    pub(crate) _room: Option<tokio::sync::OwnedSemaphorePermit>,
}

/// One try of a delivery, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Whose delivery it is.
    pub organisation: OrgId,
    /// Which delivery.
    pub delivery: DeliveryId,
    /// The attempt itself.
    pub attempt: Attempt,
    /// What becomes of the delivery.
    pub outcome: AttemptOutcome,
}

/// One try of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Counts the attempts of a delivery from 1; goes on after a replay.
    pub number: u32,
    /// When it began.
    pub started_at: UnixMs,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// HTTP status of the answer, if there was one.
    pub status: Option<u16>,
    /// What went wrong, in plain words; `None` for a success.
    pub error: Option<String>,
    /// Beginning of what was sent; cut to [`EXCERPT_BYTES_MAX`] when stored.
    pub request: Option<String>,
    /// Beginning of the answer; cut to [`EXCERPT_BYTES_MAX`] when stored.
    pub response: Option<String>,
}

/// Longest excerpt of a request or an answer that is kept: a page to read, not an archive.
pub const EXCERPT_BYTES_MAX: usize = 4 * 1024;

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The other side has it.
    Delivered,
    /// To be tried again at this time.
    Retry(UnixMs),
    /// Given up: it waits in the dead-letter list for a replay by hand.
    Dead,
}
