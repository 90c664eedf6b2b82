//! A turn made ready on the thread of whoever submits it, so that the writer has little to do.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use call::{Call, EventKind, State, Subject, UnixMs};

use super::Turn;
use crate::{IntegrationId, OrgId, PbxId, Result, StoreError};

/// A turn as texts.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) organisation: OrgId,
    pub(super) pbx: PbxId,
    pub(super) events: Vec<PreparedEvent>,
    /// About what it takes in memory until it is dropped.
    pub(super) bytes: usize,
}

#[derive(Debug)]
pub(super) struct PreparedEvent {
    pub(super) kind: EventKind,
    pub(super) time: UnixMs,
    pub(super) sequence: u32,
    pub(super) subject: Subject,
    /// The subject as JSON.
    pub(super) body: String,
    /// `None` for the last event of a call, for later ones, and for events of links.
    pub(super) memo: Option<String>,
    pub(super) targets: Vec<(i64, IntegrationId)>,
}

/// What an event takes beyond its texts: the call itself, rows, and the JSON for subscribers.
const EVENT_BYTES: usize = 1024;

/// The small numbers by which deliveries know their integrations.
#[derive(Debug, Default)]
pub(crate) struct Targets(RwLock<HashMap<IntegrationId, i64>>);

impl Targets {
    pub(crate) fn put(&self, id: IntegrationId, number: i64) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id, number);
    }

    pub(crate) fn forget(&self, id: &IntegrationId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Integrations that have been deleted meanwhile are left out: nothing is owed to them.
    fn numbers(&self, ids: Vec<IntegrationId>) -> Vec<(i64, IntegrationId)> {
        if ids.is_empty() {
            return Vec::new();
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut targets: Vec<(i64, IntegrationId)> =
            ids.into_iter().filter_map(|id| Some((*known.get(&id)?, id))).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }
}

pub(super) fn prepare(turn: Turn, targets: &Targets) -> Result<Prepared> {
    let mut events = Vec::with_capacity(turn.updates.len() + turn.links.len());
    for (update, wanted) in turn.updates {
        let body = json(&*update.call)?;
        let memo = match &update.memo {
            Some(memo) if is_open(&update.call) => Some(json(&**memo)?),
            _ => None,
        };
        events.push(PreparedEvent {
            kind: update.kind,
            time: update.time,
            sequence: update.sequence,
            subject: Subject::Call(update.call),
            body,
            memo,
            targets: targets.numbers(wanted),
        });
    }
    for (update, wanted) in turn.links {
        events.push(PreparedEvent {
            kind: update.kind,
            time: update.time,
            sequence: 0,
            body: json(&update.change)?,
            subject: Subject::Link(update.change),
            memo: None,
            targets: targets.numbers(wanted),
        });
    }
    let texts = |it: &PreparedEvent| 3 * it.body.len() + it.memo.as_ref().map_or(0, String::len);
    let bytes = events.iter().map(|it| EVENT_BYTES + texts(it)).sum();
    Ok(Prepared { organisation: turn.organisation, pbx: turn.pbx, events, bytes })
}

/// Whether a call goes on, for the store: by its state alone.
pub(super) fn is_open(call: &Call) -> bool {
    call.state != State::Ended
}

/// Room for a call or a memo as JSON; most fit, and growing a text on the way costs as much as
/// writing it.
const JSON_BYTES: usize = 1536;

fn json(value: &impl serde::Serialize) -> Result<String> {
    let mut json = Vec::with_capacity(JSON_BYTES);
    serde_json::to_writer(&mut json, value).map_err(|it| StoreError::Broken(it.to_string()))?;
    String::from_utf8(json).map_err(|it| StoreError::Broken(it.to_string()))
}
