//! One transaction's worth of rows.

use std::{
    fmt::Write as _,
    hash::{Hash, Hasher},
    sync::Arc,
};

use call::{Call, CallId, Event, Subject};
use rustc_hash::FxHashMap;

use super::{
    AttemptOutcome, AttemptRecord, Committed, EXCERPT_BYTES_MAX, NewDelivery,
    ledger::Ledger,
    prepare::{Prepared, is_open},
    statements::{ATTEMPTS, DELIVERIES, ENDED_CALLS, EVENTS, NO_LONGER_OPEN, OPEN_CALLS, OUTCOMES},
};
use crate::{
    OrgId, PbxId, Result,
    db::{Db, Value},
    deliveries::{delivery_id, delivery_key},
    history, key,
    open::OpenCalls,
};

/// Rows to be written together. Building it gives every event its id; writing it can be repeated.
#[derive(Default)]
pub(super) struct Batch {
    events: Vec<EventRow>,
    open: Vec<OpenRow>,
    ended: Vec<EndedRow>,
    deliveries: Vec<(i64, i64)>,
    attempts: Vec<AttemptRow>,
    /// The last attempt of each delivery: it decides where the delivery stands.
    outcomes: FxHashMap<(i64, i64), usize>,
    /// Where a call's row stands in `open` or `ended`.
    places: FxHashMap<CallKey, Place>,
    pub(super) committed: Vec<Committed>,
}

/// A call by its organisation and id, without a copy of the id.
struct CallKey(u16, Arc<Call>);

impl PartialEq for CallKey {
    fn eq(&self, other: &CallKey) -> bool {
        self.0 == other.0 && self.1.id == other.1.id
    }
}

impl Eq for CallKey {}

impl Hash for CallKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
        self.1.id.hash(state);
    }
}

#[derive(Clone, Copy)]
enum Place {
    Open(usize),
    Ended(usize),
}

struct EventRow {
    key: i64,
    kind: &'static str,
    time: i64,
    sequence: i64,
    call: Option<Arc<Call>>,
    body: String,
}

struct OpenRow {
    organisation: i64,
    call: Arc<Call>,
    pbx: PbxId,
    last_event: i64,
    events: String,
    memo: String,
    /// Ended within the same batch: its `EndedRow` has it all.
    over: bool,
}

struct EndedRow {
    key: i64,
    organisation: OrgId,
    call: Arc<Call>,
    events: String,
    /// Its last event in `Batch::events`, which has the same text.
    event: usize,
    /// It was not open before this batch: it may have ended long ago.
    late: bool,
}

struct AttemptRow {
    event: i64,
    target: i64,
    record: AttemptRecord,
}

impl Batch {
    /// Adds a turn: gives ids to its events, in order.
    pub(super) fn add(&mut self, turn: Prepared, ledger: &mut Ledger, open: &OpenCalls, seed: u64) {
        let organisation = turn.organisation;
        for event in turn.events {
            let key = ledger.next_event(&organisation);
            let index = self.events.len();
            let call = match &event.subject {
                Subject::Call(call) => Some(Arc::clone(call)),
                Subject::Link(_) => None,
            };
            if let Some(call) = &call {
                if is_open(call) {
                    self.keep(&organisation, call, &turn.pbx, key, event.memo);
                } else {
                    let late = open.get(&organisation, &call.id).is_none();
                    self.end(&organisation, call, (key, index), late, ledger);
                }
            }
            let stored = Event {
                id: key::id_of(key, seed),
                kind: event.kind,
                time: event.time,
                organisation: organisation.shared(),
                sequence: event.sequence,
                subject: event.subject,
            };
            let id = call.as_ref().map(|it| &it.id);
            let deliveries = self.deliver(key, &stored.id, event.targets, id);
            self.committed.push(Committed {
                organisation: organisation.clone(),
                json: event_json(&stored, &event.body).into(),
                deliveries,
                event: Arc::new(stored),
            });
            self.events.push(EventRow {
                key,
                kind: event.kind.name(),
                time: event.time.0,
                sequence: event.sequence.into(),
                call,
                body: event.body,
            });
        }
    }

    fn deliver(
        &mut self,
        key: i64,
        event: &str,
        targets: Vec<(i64, crate::IntegrationId)>,
        call: Option<&CallId>,
    ) -> Vec<NewDelivery> {
        let rows = &mut self.deliveries;
        targets
            .into_iter()
            .map(|(target, integration)| {
                rows.push((key, target));
                NewDelivery { id: delivery_id(event, target), integration, call: call.cloned() }
            })
            .collect()
    }

    /// The call goes on: its row is written once per batch, with its last state.
    fn keep(
        &mut self,
        organisation: &OrgId,
        call: &Arc<Call>,
        pbx: &PbxId,
        key: i64,
        memo: Option<String>,
    ) {
        let memo = memo.unwrap_or_else(|| "null".to_owned());
        let id = CallKey(organisation.number(), Arc::clone(call));
        if let Some(&Place::Open(index)) = self.places.get(&id) {
            let row = &mut self.open[index];
            list(&mut row.events, key);
            row.last_event = key;
            row.memo = memo;
            return;
        }
        let mut events = String::new();
        list(&mut events, key);
        self.places.insert(id, Place::Open(self.open.len()));
        self.open.push(OpenRow {
            organisation: organisation.number().into(),
            call: Arc::clone(call),
            pbx: pbx.clone(),
            last_event: key,
            events,
            memo,
            over: false,
        });
    }

    /// The call has ended, now or before: the row of the history is written.
    fn end(
        &mut self,
        organisation: &OrgId,
        call: &Arc<Call>,
        (key, event): (i64, usize),
        late: bool,
        ledger: &mut Ledger,
    ) {
        let id = CallKey(organisation.number(), Arc::clone(call));
        let mut events = String::new();
        let mut late = late;
        match self.places.get(&id) {
            Some(&Place::Ended(index)) => {
                let row = &mut self.ended[index];
                list(&mut row.events, key);
                row.call = Arc::clone(call);
                row.event = event;
                return;
            }
            Some(&Place::Open(index)) => {
                self.open[index].over = true;
                events = std::mem::take(&mut self.open[index].events);
                late = false;
            }
            None => {}
        }
        list(&mut events, key);
        self.places.insert(id, Place::Ended(self.ended.len()));
        self.ended.push(EndedRow {
            key: ledger.next_call(organisation),
            organisation: organisation.clone(),
            call: Arc::clone(call),
            events,
            event,
            late,
        });
    }

    /// Adds the outcome of an attempt. One with an id that is not ours is left out.
    pub(super) fn record(&mut self, record: AttemptRecord) {
        let Some((event, target)) = delivery_key(&record.organisation, &record.delivery) else {
            tracing::warn!(delivery.id = %record.delivery, "an attempt of an unknown delivery");
            return;
        };
        self.outcomes.insert((event, target), self.attempts.len());
        self.attempts.push(AttemptRow { event, target, record });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.attempts.is_empty()
    }

    /// Whether an earlier try has got through, although its answer was lost with the connection.
    pub(super) fn is_written(&self, db: &mut Db) -> Result<bool> {
        let Some(first) = self.events.first() else { return Ok(false) };
        let sql = "SELECT key FROM events WHERE key = $1";
        Ok(db.one(sql, &[Value::Int(first.key)], |row| row.int(0))?.is_some())
    }

    /// Writes all rows; belongs into one transaction.
    pub(super) fn write(&self, db: &mut Db) -> Result<()> {
        self.write_calls(db)?;
        for row in self.ended.iter().filter(|it| it.late) {
            // The index of the history may have the call already; all others get into it when
            // their segment is sealed.
            history::reindex(db, &row.organisation, &row.call)?;
        }
        db.bulk(&DELIVERIES, self.deliveries.len(), &|row, column| {
            let (event, target) = self.deliveries[row];
            Value::Int(if column == 0 { event } else { target })
        })?;
        self.write_attempts(db)
    }

    fn write_calls(&self, db: &mut Db) -> Result<()> {
        db.bulk(&EVENTS, self.events.len(), &|row, column| {
            let row = &self.events[row];
            match column {
                0 => Value::Int(row.key),
                1 => Value::Text(row.kind),
                2 => Value::Int(row.time),
                3 => Value::Int(row.sequence),
                4 => row.call.as_ref().map(|it| it.id.0.as_str()).into(),
                _ => Value::Text(&row.body),
            }
        })?;
        let open: Vec<&OpenRow> = self.open.iter().filter(|it| !it.over).collect();
        db.bulk(&OPEN_CALLS, open.len(), &|row, column| {
            let row = open[row];
            match column {
                0 => Value::Int(row.organisation),
                1 => Value::Text(&row.call.id.0),
                2 => Value::Text(row.pbx.as_str()),
                3 => Value::Int(row.last_event),
                4 => Value::Text(&row.events),
                _ => Value::Text(&row.memo),
            }
        })?;
        db.bulk(&ENDED_CALLS, self.ended.len(), &|row, column| {
            let row = &self.ended[row];
            match column {
                0 => Value::Int(row.key),
                1 => Value::Int(row.organisation.number().into()),
                2 => Value::Text(&row.call.id.0),
                3 => Value::Int(history::place(&row.call)),
                4 => Value::Text(&row.events),
                _ => Value::Text(&self.events[row.event].body),
            }
        })?;
        db.bulk(&NO_LONGER_OPEN, self.ended.len(), &|row, column| {
            let row = &self.ended[row];
            match column {
                0 => Value::Int(row.organisation.number().into()),
                _ => Value::Text(&row.call.id.0),
            }
        })
    }

    fn write_attempts(&self, db: &mut Db) -> Result<()> {
        db.bulk(&ATTEMPTS, self.attempts.len(), &|row, column| {
            let row = &self.attempts[row];
            let attempt = &row.record.attempt;
            match column {
                0 => Value::Int(row.event),
                1 => Value::Int(row.target),
                2 => Value::Int(attempt.number.into()),
                3 => Value::Int(attempt.started_at.0),
                4 => Value::Int(attempt.duration_ms.into()),
                5 => attempt.status.map(i64::from).into(),
                6 => attempt.error.as_deref().map(excerpt).into(),
                7 => attempt.request.as_deref().map(excerpt).into(),
                _ => attempt.response.as_deref().map(excerpt).into(),
            }
        })?;
        let last: Vec<&AttemptRow> = self.outcomes.values().map(|&it| &self.attempts[it]).collect();
        db.bulk(&OUTCOMES, last.len(), &|row, column| {
            let AttemptRow { event, target, record } = last[row];
            let attempt = &record.attempt;
            match column {
                0 => Value::Int(*event),
                1 => Value::Int(*target),
                2 => Value::Int(match record.outcome {
                    AttemptOutcome::Retry(_) => 0,
                    AttemptOutcome::Delivered => 1,
                    AttemptOutcome::Dead => 2,
                }),
                3 => Value::Int(attempt.number.into()),
                4 => match record.outcome {
                    AttemptOutcome::Retry(due) => Value::Int(due.0),
                    AttemptOutcome::Delivered | AttemptOutcome::Dead => Value::Null,
                },
                5 => Value::Int(attempt.started_at.plus_ms(attempt.duration_ms.into()).0),
                _ => attempt.error.as_deref().map(excerpt).into(),
            }
        })
    }

    /// The calls as they stand after this batch.
    pub(super) fn calls(&self) -> impl Iterator<Item = (&OrgId, &Arc<Call>)> {
        self.committed.iter().filter_map(|it| match &it.event.subject {
            Subject::Call(call) => Some((&it.organisation, call)),
            Subject::Link(_) => None,
        })
    }
}

/// The JSON of the contract, around a body that is JSON already. The same as serialising `event`,
/// which would write the call out a second time.
fn event_json(event: &Event, body: &str) -> String {
    let Event { id, kind, time, organisation, sequence, subject } = event;
    let subject = match subject {
        Subject::Call(_) => "call",
        Subject::Link(_) => "link",
    };
    let mut json = String::with_capacity(JSON_AROUND_BODY_BYTES + body.len());
    // Writing to a text does not fail.
    let _ = write!(
        json,
        r#"{{"id":"{id}","type":"{kind}","time":"{time}","organisation":"{organisation}","sequence":{sequence},"{subject}":"#
    );
    json.push_str(body);
    json.push('}');
    json
}

/// What [`event_json`] writes around the body, with some room to spare.
const JSON_AROUND_BODY_BYTES: usize = 224;

fn list(events: &mut String, key: i64) {
    // Writing to a text does not fail.
    let _ = write!(events, "{key},");
}

/// The beginning of a text that is kept, cut between characters.
fn excerpt(text: &str) -> &str {
    &text[..text.floor_char_boundary(EXCERPT_BYTES_MAX)]
}
