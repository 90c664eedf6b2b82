//! Removing what is older than it has to be kept.

use call::UnixMs;

use crate::{
    OrgId, Result, Store,
    db::{Db, values},
    history, key,
};

/// Rows that one step removes: some milliseconds of the writer's time.
const STEP_ROWS: i64 = 500;

/// What retention removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Calls.
    pub calls: u64,
    /// Events.
    pub events: u64,
    /// Deliveries with their attempts.
    pub deliveries: u64,
}

impl Store {
    /// Removes calls that started before `calls`, and events with their deliveries from before
    /// `events`, in small steps that leave room for live traffic. Open calls with their events,
    /// and pending deliveries with theirs, are kept.
    pub async fn prune(&self, calls: UnixMs, events: UnixMs) -> Result<Pruned> {
        let mut pruned = Pruned::default();
        for organisation in self.organisations().await? {
            let organisation = organisation.id;
            self.prune_events(&organisation, events, &mut pruned).await?;
            self.prune_calls(&organisation, calls, &mut pruned).await?;
        }
        Ok(pruned)
    }

    async fn prune_events(
        &self,
        organisation: &OrgId,
        before: UnixMs,
        pruned: &mut Pruned,
    ) -> Result<()> {
        let end = key::first_at(organisation, before);
        let mut from = *key::keys_of(organisation).start();
        loop {
            let step = move |db: &mut Db| prune_events_step(db, from, end);
            let Some(step) = self.inner.writer.write(step).await? else { return Ok(()) };
            pruned.events += step.events;
            pruned.deliveries += step.deliveries;
            from = step.next;
        }
    }

    async fn prune_calls(
        &self,
        organisation: &OrgId,
        before: UnixMs,
        pruned: &mut Pruned,
    ) -> Result<()> {
        let mut segment = 0;
        loop {
            let organisation = organisation.clone();
            let step = move |db: &mut Db| history::prune(db, &organisation, segment, before);
            let Some((removed, next)) = self.inner.writer.write(step).await? else {
                return Ok(());
            };
            pruned.calls += removed;
            segment = next;
        }
    }
}

struct Step {
    events: u64,
    deliveries: u64,
    /// First key that was not looked at.
    next: i64,
}

/// Removes the next few events; `None` when there are no more.
fn prune_events_step(db: &mut Db, from: i64, end: i64) -> Result<Option<Step>> {
    let sql = "SELECT max(key) FROM (SELECT key FROM events WHERE key >= $1 AND key < $2 \
               ORDER BY key LIMIT $3) AS step";
    let last = db.one(sql, values![from, end, STEP_ROWS], |row| row.opt_int(0))?.flatten();
    let Some(last) = last else { return Ok(None) };
    let done = "DELETE FROM deliveries WHERE event >= $1 AND event <= $2 AND status <> 0";
    let deliveries = db.execute(done, values![from, last])?;
    let orphans = "DELETE FROM attempts WHERE event >= $1 AND event <= $2 AND NOT EXISTS (\
                   SELECT 1 FROM deliveries AS d \
                   WHERE d.event = attempts.event AND d.target = attempts.target)";
    db.execute(orphans, values![from, last])?;
    let unused = "DELETE FROM events WHERE key >= $1 AND key <= $2 \
                  AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.event = events.key) \
                  AND NOT EXISTS (SELECT 1 FROM open_calls AS open \
                  WHERE open.organisation = $3 AND open.id = events.call)";
    let organisation = key::organisation_of(from);
    let events = db.execute(unused, values![from, last, organisation])?;
    Ok(Some(Step { events, deliveries, next: last + 1 }))
}
