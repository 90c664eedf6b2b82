//! The event log: append-only, in the order of commits.

use std::sync::Arc;

use call::{Call, CallId, Event, Memo, Subject};

use crate::{
    OrgId, PbxId, Result, Store, StoreError, Timeline, accounts,
    db::{Db, Row, values},
    deliveries, key,
};

/// Events that one read gives at most.
const EVENTS_MAX: usize = 1_000;

impl Store {
    /// Up to `limit` events after the one with the id `after`, oldest first; from the beginning
    /// of what is kept when `after` is `None`. An id that is none of a stored event stands for its
    /// time: so one that retention has removed works as well.
    pub async fn events_after(
        &self,
        organisation: &OrgId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Event>> {
        let end = *key::keys_of(organisation).end();
        let after = key::position_of(after.unwrap_or_default(), organisation);
        let reader = EventReader::new(organisation, self.inner.seed);
        let limit = limit.clamp(1, EVENTS_MAX) as i64;
        let read = move |db: &mut Db| {
            let sql = "SELECT key, kind, time, sequence, call, body FROM events \
                       WHERE key > $1 AND key <= $2 ORDER BY key LIMIT $3";
            db.all(sql, values![after, end, limit], |row| reader.read(row, 0))
        };
        self.inner.readers.read(read).await
    }

    /// Id of the newest event, to begin a stream with what comes next.
    pub async fn last_event_id(&self, organisation: &OrgId) -> Result<Option<String>> {
        let (keys, seed) = (key::keys_of(organisation), self.inner.seed);
        let last = self.inner.readers.read(move |db| {
            let sql = "SELECT max(key) FROM events WHERE key >= $1 AND key <= $2";
            db.one(sql, values![*keys.start(), *keys.end()], |row| row.opt_int(0))
        });
        Ok(last.await?.flatten().map(|key| key::id_of(key, seed)))
    }

    /// A call with its events, and its deliveries with their attempts.
    pub async fn call_timeline(
        &self,
        organisation: &OrgId,
        id: &CallId,
    ) -> Result<Option<Timeline>> {
        let (organisation, id, seed) = (organisation.clone(), id.clone(), self.inner.seed);
        let read = move |db: &mut Db| db.snapshot(|db| timeline(db, &organisation, &id, seed));
        self.inner.readers.read(read).await
    }

    /// The calls of a phone system that were open at the last commit, for `Tracker::restore`. A
    /// memo that this version cannot read is replaced by one with which the call ends soon.
    pub async fn calls_to_restore(
        &self,
        organisation: &OrgId,
        pbx: &PbxId,
    ) -> Result<Vec<(Call, Memo)>> {
        let (organisation, pbx) = (i64::from(organisation.number()), pbx.clone());
        let read = move |db: &mut Db| {
            let sql = "SELECT events.body, events.sequence, open_calls.memo FROM open_calls \
                       JOIN events ON events.key = open_calls.last_event \
                       WHERE open_calls.organisation = $1 AND open_calls.pbx = $2 \
                       ORDER BY open_calls.id";
            db.all(sql, values![organisation, pbx.as_str()], |row| {
                let call: Call = row.json(0)?;
                let memo = row.json(2).unwrap_or_else(|error| {
                    tracing::warn!(call.id = %call.id.0, %error, "a call cannot be gone on with");
                    Memo::forgotten(u32::try_from(row.int(1).unwrap_or(0)).unwrap_or(0))
                });
                Ok((call, memo))
            })
        };
        self.inner.readers.read(read).await
    }

    /// The phone systems that had open calls at the last commit; they may have been removed since.
    pub async fn pbxes_with_open_calls(&self) -> Result<Vec<(OrgId, PbxId)>> {
        let read = move |db: &mut Db| {
            let sql = "SELECT DISTINCT open_calls.pbx, organisations.number, organisations.id \
                       FROM open_calls JOIN organisations \
                       ON organisations.number = open_calls.organisation \
                       ORDER BY open_calls.pbx";
            db.all(sql, &[], |row| Ok((accounts::org_of(row, 1)?, PbxId::from(row.text(0)?))))
        };
        self.inner.readers.read(read).await
    }
}

fn timeline(db: &mut Db, organisation: &OrgId, id: &CallId, seed: u64) -> Result<Option<Timeline>> {
    let keys = event_keys(db, organisation, id)?;
    let reader = EventReader::new(organisation, seed);
    let mut events = Vec::with_capacity(keys.len());
    let sql = "SELECT key, kind, time, sequence, call, body FROM events WHERE key {key}";
    db.each_of(sql, &keys, &mut |row| {
        events.push((row.int(0)?, reader.read(row, 0)?));
        Ok(())
    })?;
    events.sort_unstable_by_key(|it| it.0);
    let call = match events.last() {
        Some((_, Event { subject: Subject::Call(call), .. })) => Call::clone(call),
        // Retention has removed the events, and kept the call.
        _ => match ended_body(db, organisation, id)? {
            Some(call) => call,
            None => return Ok(None),
        },
    };
    let deliveries = deliveries::of_events(db, organisation, &keys, seed)?;
    Ok(Some(Timeline { call, events: events.into_iter().map(|it| it.1).collect(), deliveries }))
}

fn ended_body(db: &mut Db, organisation: &OrgId, id: &CallId) -> Result<Option<Call>> {
    let sql = "SELECT body FROM calls WHERE organisation = $1 AND id = $2";
    let values = values![i64::from(organisation.number()), id.0.as_str()];
    db.one(sql, values, |row| row.json(0))
}

/// The keys of a call's events, oldest first; none if there is no such call.
pub(crate) fn event_keys(db: &mut Db, organisation: &OrgId, id: &CallId) -> Result<Vec<i64>> {
    let sql = "SELECT events FROM calls WHERE organisation = $1 AND id = $2 \
               UNION ALL SELECT events FROM open_calls WHERE organisation = $1 AND id = $2";
    let values = values![i64::from(organisation.number()), id.0.as_str()];
    let mut keys = Vec::new();
    db.each(sql, values, &mut |row| {
        let listed = row.text(0)?.split(',').filter_map(|it| it.parse::<i64>().ok());
        keys.extend(listed.filter(|&key| key::is_of(key, organisation)));
        Ok(())
    })?;
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

/// Makes events of rows.
pub(crate) struct EventReader {
    organisation: Arc<str>,
    seed: u64,
}

impl EventReader {
    pub(crate) fn new(organisation: &OrgId, seed: u64) -> EventReader {
        EventReader { organisation: organisation.shared(), seed }
    }

    /// Reads `key, kind, time, sequence, call, body` from the column `first` on.
    pub(crate) fn read(&self, row: &Row<'_>, first: usize) -> Result<Event> {
        let subject = match row.opt_text(first + 4)? {
            Some(_) => Subject::Call(Arc::new(row.json(first + 5)?)),
            None => Subject::Link(row.json(first + 5)?),
        };
        Ok(Event {
            id: key::id_of(row.int(first)?, self.seed),
            kind: kind(row.text(first + 1)?)?,
            time: call::UnixMs(row.int(first + 2)?),
            organisation: Arc::clone(&self.organisation),
            sequence: u32::try_from(row.int(first + 3)?).unwrap_or_default(),
            subject,
        })
    }
}

/// The type of a stored event.
pub(crate) fn kind(name: &str) -> Result<call::EventKind> {
    name.parse().map_err(|error: call::UnknownEventKind| StoreError::Broken(error.to_string()))
}
