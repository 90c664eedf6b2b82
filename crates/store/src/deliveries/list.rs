//! Looking at deliveries.

use std::collections::HashMap;

use call::{CallId, UnixMs};

use super::{
    ATTEMPTS_SHOWN_MAX, Delivery, DeliveryDetail, DeliveryFilter, DeliveryStatus, delivery_id,
    delivery_key, targets,
};
use crate::{
    Attempt, DeliveryId, IntegrationId, ListError, OrgId, PAGE_ROWS_MAX, Page, Paging, Result,
    Store,
    db::{Db, Row, values},
    events, key,
};

/// Integrations by their small numbers.
type Names = HashMap<i64, IntegrationId>;

impl Store {
    /// Deliveries, newest first.
    ///
    /// # Errors
    ///
    /// [`ListError::Cursor`] if `after` is none of [`Page::next`].
    pub async fn deliveries(
        &self,
        organisation: &OrgId,
        filter: DeliveryFilter,
        paging: Paging,
    ) -> Result<Page<Delivery>, ListError> {
        let after = match &paging.after {
            None => (*key::keys_of(organisation).end(), i64::MAX),
            Some(after) => delivery_key(organisation, &DeliveryId::from(after.as_str()))
                .ok_or(ListError::Cursor)?,
        };
        let limit = paging.limit.clamp(1, PAGE_ROWS_MAX);
        let (organisation, seed) = (organisation.clone(), self.inner.seed);
        let read = move |db: &mut Db| {
            db.snapshot(|db| {
                let wanted = Wanted { organisation, filter, after, limit: limit + 1, seed };
                wanted.read(db)
            })
        };
        let mut items = self.inner.readers.read(read).await?;
        let more = limit < items.len();
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|it| it.id.to_string());
        Ok(Page { items, next })
    }

    /// One delivery with its attempts.
    pub async fn delivery(
        &self,
        organisation: &OrgId,
        id: &DeliveryId,
    ) -> Result<Option<DeliveryDetail>> {
        let Some(key) = delivery_key(organisation, id) else { return Ok(None) };
        let (organisation, seed) = (organisation.clone(), self.inner.seed);
        let read = move |db: &mut Db| {
            db.snapshot(|db| {
                let names = names(db, &organisation)?;
                let sql = select("d.event = $1 AND d.target = $2", "");
                let found =
                    db.one(&sql, values![key.0, key.1], |row| read_row(row, &names, seed))?;
                let Some((_, delivery)) = found else { return Ok(None) };
                let attempts = attempts_of(db, key.0)?.remove(&key).unwrap_or_default();
                Ok(Some(DeliveryDetail { delivery, attempts }))
            })
        };
        self.inner.readers.read(read).await
    }
}

/// The deliveries of some events with their attempts, in order.
pub(crate) fn of_events(
    db: &mut Db,
    organisation: &OrgId,
    events: &[i64],
    seed: u64,
) -> Result<Vec<DeliveryDetail>> {
    let names = names(db, organisation)?;
    let mut found = Vec::new();
    db.each_of(&select("d.event {key}", ""), events, &mut |row| {
        found.push(read_row(row, &names, seed)?);
        Ok(())
    })?;
    found.sort_unstable_by_key(|it| it.0);
    let mut details = Vec::with_capacity(found.len());
    let mut attempts = HashMap::new();
    for (key, delivery) in found {
        if !attempts.contains_key(&key) {
            attempts = attempts_of(db, key.0)?;
        }
        let attempts = attempts.remove(&key).unwrap_or_default();
        details.push(DeliveryDetail { delivery, attempts });
    }
    Ok(details)
}

/// A question for a part of the list.
struct Wanted {
    organisation: OrgId,
    filter: DeliveryFilter,
    /// Event and integration of the delivery before.
    after: (i64, i64),
    limit: usize,
    seed: u64,
}

impl Wanted {
    fn read(&self, db: &mut Db) -> Result<Vec<Delivery>> {
        let names = names(db, &self.organisation)?;
        let mut found = if let Some(call) = &self.filter.call {
            self.of_call(db, call, &names)?
        } else if self.filter.integration.is_some() || self.filter.status.is_some() {
            self.of_targets(db, &names)?
        } else {
            self.of_all(db, &names)?
        };
        found.sort_unstable_by_key(|it| std::cmp::Reverse(it.0));
        found.truncate(self.limit);
        Ok(found.into_iter().map(|it| it.1).collect())
    }

    /// A call has few deliveries: all are read.
    fn of_call(&self, db: &mut Db, call: &CallId, names: &Names) -> Result<Vec<Row2>> {
        let events = events::event_keys(db, &self.organisation, call)?;
        let mut found = Vec::new();
        db.each_of(&select("d.event {key}", ""), &events, &mut |row| {
            found.push(read_row(row, names, self.seed)?);
            Ok(())
        })?;
        let filter = &self.filter;
        found.retain(|(key, it)| {
            *key < self.after
                && filter.status.is_none_or(|status| status == it.status)
                && filter.integration.as_ref().is_none_or(|wanted| *wanted == it.integration)
        });
        Ok(found)
    }

    /// The newest of each integration and status, from which the newest of all are taken.
    fn of_targets(&self, db: &mut Db, names: &Names) -> Result<Vec<Row2>> {
        let statuses: Vec<DeliveryStatus> = match self.filter.status {
            Some(status) => vec![status],
            None => DeliveryStatus::ALL.to_vec(),
        };
        let start = *key::keys_of(&self.organisation).start();
        let sql = select(
            "d.target = $1 AND d.status = $2 AND d.event >= $3 AND d.event <= $4",
            "ORDER BY d.event DESC LIMIT $5",
        );
        let mut found = Vec::new();
        for (target, _) in targets(db, &self.organisation, self.filter.integration.as_ref())? {
            // Of the event of the cursor, those with a smaller number follow.
            let end = if target < self.after.1 { self.after.0 } else { self.after.0 - 1 };
            for status in &statuses {
                let values = values![target, status.code(), start, end, self.limit as i64];
                found.extend(db.all(&sql, values, |row| read_row(row, names, self.seed))?);
            }
        }
        Ok(found)
    }

    fn of_all(&self, db: &mut Db, names: &Names) -> Result<Vec<Row2>> {
        let sql = select(
            "d.event >= $1 AND d.event <= $2 AND (d.event < $2 OR d.target < $3)",
            "ORDER BY d.event DESC, d.target DESC LIMIT $4",
        );
        let start = *key::keys_of(&self.organisation).start();
        let values = values![start, self.after.0, self.after.1, self.limit as i64];
        db.all(&sql, values, |row| read_row(row, names, self.seed))
    }
}

/// A delivery with the key of its row.
type Row2 = ((i64, i64), Delivery);

fn select(condition: &str, order: &str) -> String {
    format!(
        "SELECT d.event, d.target, d.status, d.attempts, d.due_at, d.attempted_at, d.last_error, \
         e.kind, e.time, e.sequence, e.call \
         FROM deliveries AS d JOIN events AS e ON e.key = d.event WHERE {condition} {order}"
    )
}

fn read_row(row: &Row<'_>, names: &Names, seed: u64) -> Result<Row2> {
    let (event, target) = (row.int(0)?, row.int(1)?);
    let id = key::id_of(event, seed);
    let delivery = Delivery {
        id: delivery_id(&id, target),
        integration: names.get(&target).cloned().unwrap_or_else(|| "".into()),
        event: id,
        event_kind: events::kind(row.text(7)?)?,
        event_time: UnixMs(row.int(8)?),
        sequence: u32::try_from(row.int(9)?).unwrap_or_default(),
        call: row.opt_text(10)?.map(|it| CallId(it.to_owned())),
        status: DeliveryStatus::of_code(row.int(2)?)?,
        attempts: u32::try_from(row.int(3)?).unwrap_or_default(),
        due_at: row.opt_int(4)?.map(UnixMs),
        attempted_at: row.opt_int(5)?.map(UnixMs),
        last_error: row.opt_text(6)?.map(str::to_owned),
    };
    Ok(((event, target), delivery))
}

fn names(db: &mut Db, organisation: &OrgId) -> Result<Names> {
    Ok(targets(db, organisation, None)?.into_iter().collect())
}

/// The last attempts of all deliveries of an event, oldest first.
fn attempts_of(db: &mut Db, event: i64) -> Result<HashMap<(i64, i64), Vec<Attempt>>> {
    let sql = "SELECT target, number, started_at, duration_ms, status, error, request, response \
               FROM attempts WHERE event = $1 ORDER BY target, number";
    let mut attempts: HashMap<(i64, i64), Vec<Attempt>> = HashMap::new();
    db.each(sql, values![event], &mut |row| {
        let text = |column| Ok::<_, crate::StoreError>(row.opt_text(column)?.map(str::to_owned));
        let of_target = attempts.entry((event, row.int(0)?)).or_default();
        if of_target.len() == ATTEMPTS_SHOWN_MAX {
            of_target.remove(0);
        }
        of_target.push(Attempt {
            number: u32::try_from(row.int(1)?).unwrap_or_default(),
            started_at: UnixMs(row.int(2)?),
            duration_ms: u32::try_from(row.int(3)?).unwrap_or_default(),
            status: row.opt_int(4)?.and_then(|it| u16::try_from(it).ok()),
            error: text(5)?,
            request: text(6)?,
            response: text(7)?,
        });
        Ok(())
    })?;
    Ok(attempts)
}
