//! Deliveries that are still to be made, or to be made again.

use call::UnixMs;

use super::{Backlog, DeliveryStatus, PendingDelivery, delivery_id, delivery_key, targets};
use crate::{
    DeliveryId, IntegrationId, OrgId, Result, Store, accounts,
    db::{Db, Row, values},
    events::EventReader,
    key,
};

/// Pending deliveries that one read gives at most, whatever is asked for: each carries its event.
pub const PENDING_READ_MAX: usize = 1_000;
/// Deliveries that are counted; a backlog beyond it is shown as this many.
const COUNTED_MAX: i64 = 1_000_000;

impl Store {
    /// What one integration has still to be given, oldest first: per call this is the order of
    /// the events. `after` goes on behind the last one read. Gives at most
    /// [`PENDING_READ_MAX`]: fewer than asked for does not mean that there are no more.
    pub async fn pending_deliveries(
        &self,
        organisation: &OrgId,
        integration: &IntegrationId,
        after: Option<&DeliveryId>,
        limit: usize,
    ) -> Result<Vec<PendingDelivery>> {
        let after = after.and_then(|it| delivery_key(organisation, it)).map(|it| it.0);
        let (organisation, integration) = (organisation.clone(), integration.clone());
        let seed = self.inner.seed;
        let read = move |db: &mut Db| {
            let keys = key::keys_of(&organisation);
            let start = after.map_or(*keys.start(), |it| it + 1);
            let limit = limit.clamp(1, PENDING_READ_MAX) as i64;
            let mut found = Vec::new();
            for (target, _) in targets(db, &organisation, Some(&integration))? {
                let sql = select(
                    "d.target = $1 AND d.status = 0 AND d.event >= $2 AND d.event <= $3",
                    "ORDER BY d.event LIMIT $4",
                );
                found = db.all(&sql, values![target, start, *keys.end(), limit], |row| {
                    read_pending(row, &organisation, &integration, seed)
                })?;
            }
            Ok(found)
        };
        self.inner.readers.read(read).await
    }

    /// Makes a dead, delivered or cancelled one pending again, and gives it for the next attempt.
    /// `None` if there is none, if its integration was deleted, or if it is pending already.
    pub async fn replay_delivery(
        &self,
        organisation: &OrgId,
        id: &DeliveryId,
    ) -> Result<Option<PendingDelivery>> {
        let Some((event, target)) = delivery_key(organisation, id) else { return Ok(None) };
        let (organisation, seed) = (organisation.clone(), self.inner.seed);
        let write = move |db: &mut Db| {
            let sql = "SELECT target.id FROM delivery_targets AS target \
                       JOIN config_entries AS entry ON entry.organisation = target.organisation \
                       AND entry.shelf = 'integration' AND entry.id = target.id \
                       WHERE target.number = $1 AND target.organisation = $2";
            let number = i64::from(organisation.number());
            let integration: Option<IntegrationId> =
                db.one(sql, values![target, number], |row| Ok(row.text(0)?.into()))?;
            let Some(integration) = integration else { return Ok(None) };
            let sql = "UPDATE deliveries SET status = 0, due_at = NULL \
                       WHERE event = $1 AND target = $2 AND status <> 0";
            if db.execute(sql, values![event, target])? == 0 {
                return Ok(None);
            }
            db.one(&select("d.event = $1 AND d.target = $2", ""), values![event, target], |row| {
                read_pending(row, &organisation, &integration, seed)
            })
        };
        self.inner.writer.write(write).await
    }

    /// Makes the oldest `limit` dead ones of an integration pending again, and gives them in the
    /// order in which they are to be made.
    pub async fn replay_dead_deliveries(
        &self,
        organisation: &OrgId,
        integration: &IntegrationId,
        limit: usize,
    ) -> Result<Vec<PendingDelivery>> {
        let (organisation, integration) = (organisation.clone(), integration.clone());
        let seed = self.inner.seed;
        let write = move |db: &mut Db| {
            let keys = key::keys_of(&organisation);
            let limit = limit.clamp(1, PENDING_READ_MAX) as i64;
            let mut found = Vec::new();
            for (target, _) in targets(db, &organisation, Some(&integration))? {
                let sql = select(
                    "d.target = $1 AND d.status = 2 AND d.event >= $2 AND d.event <= $3",
                    "ORDER BY d.event LIMIT $4",
                );
                let values = values![target, *keys.start(), *keys.end(), limit];
                let dead = db.all(&sql, values, |row| {
                    let mut again = read_pending(row, &organisation, &integration, seed)?;
                    again.due_at = None;
                    Ok((row.int(0)?, again))
                })?;
                let sql = "UPDATE deliveries SET status = 0, due_at = NULL \
                           WHERE event = $1 AND target = $2";
                for (event, again) in dead {
                    db.execute(sql, values![event, target])?;
                    found.push(again);
                }
            }
            Ok(found)
        };
        self.inner.writer.write(write).await
    }

    /// What waits, for each integration of each organisation: read at start, then kept by whoever
    /// makes the deliveries.
    pub async fn backlogs(&self) -> Result<Vec<Backlog>> {
        self.inner.readers.read(|db| db.snapshot(backlogs)).await
    }
}

fn backlogs(db: &mut Db) -> Result<Vec<Backlog>> {
    let sql = "SELECT o.number, o.id, target.number, target.id FROM delivery_targets AS target \
               JOIN organisations AS o ON o.number = target.organisation \
               JOIN config_entries AS entry ON entry.organisation = target.organisation \
               AND entry.shelf = 'integration' AND entry.id = target.id ORDER BY target.number";
    let rows = db.all(sql, &[], |row| {
        Ok((accounts::org_of(row, 0)?, row.int(2)?, IntegrationId::from(row.text(3)?)))
    })?;
    let mut backlogs = Vec::with_capacity(rows.len());
    for (organisation, target, integration) in rows {
        let oldest = "SELECT e.time FROM deliveries AS d JOIN events AS e ON e.key = d.event \
                      WHERE d.target = $1 AND d.status = 0 ORDER BY d.event LIMIT 1";
        backlogs.push(Backlog {
            organisation,
            integration,
            pending: count(db, target, DeliveryStatus::Pending)?,
            dead: count(db, target, DeliveryStatus::Dead)?,
            oldest_pending: db.one(oldest, values![target], |row| Ok(UnixMs(row.int(0)?)))?,
        });
    }
    Ok(backlogs)
}

fn count(db: &mut Db, target: i64, status: DeliveryStatus) -> Result<u64> {
    let sql = "SELECT count(*) FROM (SELECT event FROM deliveries \
               WHERE target = $1 AND status = $2 LIMIT $3) AS counted";
    let count = db.one(sql, values![target, status.code(), COUNTED_MAX], |row| row.int(0))?;
    Ok(count.unwrap_or_default().unsigned_abs())
}

fn select(condition: &str, order: &str) -> String {
    format!(
        "SELECT d.event, d.target, d.attempts, d.due_at, \
         e.key, e.kind, e.time, e.sequence, e.call, e.body \
         FROM deliveries AS d JOIN events AS e ON e.key = d.event WHERE {condition} {order}"
    )
}

fn read_pending(
    row: &Row<'_>,
    organisation: &OrgId,
    integration: &IntegrationId,
    seed: u64,
) -> Result<PendingDelivery> {
    let event = EventReader::new(organisation, seed).read(row, 4)?;
    Ok(PendingDelivery {
        id: delivery_id(&event.id, row.int(1)?),
        organisation: organisation.clone(),
        integration: integration.clone(),
        event: event.into(),
        attempts: u32::try_from(row.int(2)?).unwrap_or_default(),
        due_at: row.opt_int(3)?.map(UnixMs),
    })
}
