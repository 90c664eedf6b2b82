//! Makes deliveries: takes what was committed, lets the lanes say what is due, calls connectors,
//! and has the outcome stored.
//!
//! The only place that sends events to the outside. No database transaction is open during a
//! request: what a crash leaves undone is still pending in the store, and is read from there at
//! the next start.

mod attempt;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use call::{Event, UnixMs};
use connectors::Connector;
use rules::lanes::{Due, Lanes, QueueSettings, Queued, Reload, Verdict};
use rustc_hash::FxHashMap;
use store::{
    AttemptOutcome, AttemptRecord, Commit, DeliveryId, IntegrationId, OrgId, PENDING_READ_MAX,
    PendingDelivery, Store,
};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use crate::{clock, stop::stopped};

/// Requests on their way, of all integrations together: sockets and memory are not endless.
const IN_FLIGHT_MAX: usize = 512;
/// Deliveries of one integration that wait in memory; the rest waits in the store.
const HELD_MAX: usize = 2_048;
/// How long to wait before a store that could not be read is asked again.
const RELOAD_PAUSE: Duration = Duration::from_secs(1);
/// How many commits or outcomes are taken at once.
const TAKE_MAX: usize = 256;

/// One integration, ready to send.
#[derive(Clone)]
pub struct Destination {
    /// Whose it is.
    pub organisation: OrgId,
    /// Its id.
    pub id: IntegrationId,
    /// Its name, for templates.
    pub name: Arc<str>,
    /// Sends to it.
    pub connector: Arc<dyn Connector>,
}

/// What the rest of the hub wants the worker to do.
pub enum Order {
    /// An integration is new, changed, or switched on.
    Set(Destination),
    /// An integration is deleted or switched off. What waits for it stays in the store.
    Remove(IntegrationId),
    /// A delivery is to be made again.
    Replay(PendingDelivery),
    /// Many deliveries of an integration are to be made again: read them from the store.
    Rewind(IntegrationId),
}

/// Who wants to know how deliveries go.
pub trait Watcher: Send + Sync {
    /// An attempt ended. `error` is `None` for a success; `since` is when the event happened.
    fn attempted(
        &self,
        destination: &Destination,
        error: Option<&str>,
        gave_up: bool,
        duration: Duration,
        at: UnixMs,
        since: UnixMs,
    );
}

/// What waits in a lane.
#[derive(Clone)]
struct Parcel {
    event: Arc<Event>,
}

/// An attempt that has ended.
struct Finished {
    due: Due<Parcel>,
    destination: Destination,
    started_at: UnixMs,
    attempt: connectors::Attempt,
}

/// What a look into the store has found.
struct Loaded {
    reload: Reload,
    found: store::Result<Vec<PendingDelivery>>,
}

/// The worker. Make it, then [`Worker::run`] it on a task of its own.
pub struct Worker {
    store: Store,
    watcher: Arc<dyn Watcher>,
    lanes: Lanes<Parcel>,
    destinations: FxHashMap<Arc<str>, Destination>,
    orders: mpsc::UnboundedReceiver<Order>,
    commits: mpsc::UnboundedReceiver<Arc<Commit>>,
    ended: (mpsc::UnboundedSender<Finished>, mpsc::UnboundedReceiver<Finished>),
    loaded: (mpsc::UnboundedSender<Loaded>, mpsc::UnboundedReceiver<Loaded>),
}

impl Worker {
    /// A worker that makes the deliveries of everything committed from now on, and what the store
    /// has still to be made of each integration that it is told of.
    #[must_use]
    pub fn new(
        store: Store,
        watcher: Arc<dyn Watcher>,
        orders: mpsc::UnboundedReceiver<Order>,
    ) -> Worker {
        let commits = store.writer().subscribe();
        Worker {
            store,
            watcher,
            lanes: Lanes::new(IN_FLIGHT_MAX),
            destinations: FxHashMap::default(),
            orders,
            commits,
            ended: mpsc::unbounded_channel(),
            loaded: mpsc::unbounded_channel(),
        }
    }

    /// Works until `stop` turns `true`; then starts nothing new, and waits at most `drain` for
    /// what is on its way.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>, drain: Duration) {
        let mut commits = Vec::with_capacity(TAKE_MAX);
        let mut ended = Vec::with_capacity(TAKE_MAX);
        loop {
            self.start_due();
            self.start_reloads();
            let wake = self.lanes.next_wake();
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                Some(order) = self.orders.recv() => self.obey(order),
                _ = self.ended.1.recv_many(&mut ended, TAKE_MAX) => {}
                Some(loaded) = self.loaded.1.recv() => self.take_loaded(loaded),
                count = self.commits.recv_many(&mut commits, TAKE_MAX) => {
                    if count == 0 {
                        break; // The store is closed.
                    }
                }
                () = crate::clock::until(wake) => {}
            }
            for commit in commits.drain(..) {
                self.take_commit(&commit);
            }
            for finished in ended.drain(..) {
                self.finish(finished).await;
            }
        }
        if timeout(drain, self.drain()).await.is_err() {
            tracing::warn!(
                in_flight = self.lanes.in_flight(),
                "some deliveries did not end in time; they are made again at the next start"
            );
        }
    }

    async fn drain(&mut self) {
        while self.lanes.in_flight() > 0
            && let Some(finished) = self.ended.1.recv().await
        {
            self.finish(finished).await;
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Set(destination) => {
                let limits = destination.connector.limits();
                let settings = QueueSettings {
                    in_flight_max: limits.in_flight_max,
                    held_max: HELD_MAX,
                    give_up_after_ms: i64::from(limits.give_up_after_s) * 1000,
                };
                self.lanes.set(destination.id.as_str(), settings);
                self.destinations.insert(destination.id.as_str().into(), destination);
            }
            Order::Remove(id) => {
                self.lanes.remove(id.as_str());
                self.destinations.remove(id.as_str());
            }
            Order::Replay(pending) => {
                let now = clock::now();
                let integration = pending.integration.clone();
                let again = Queued { since: now, due: now, ..queued(pending) };
                self.lanes.replay(integration.as_str(), again, now);
            }
            Order::Rewind(id) => self.lanes.rewind(id.as_str()),
        }
    }

    fn take_commit(&mut self, commit: &Commit) {
        let now = clock::now();
        for committed in &commit.events {
            for delivery in &committed.deliveries {
                let queued = Queued {
                    id: delivery.id.as_str().to_owned(),
                    lane: lane_of(&committed.event),
                    since: committed.event.time,
                    attempts: 0,
                    due: now,
                    payload: Parcel { event: Arc::clone(&committed.event) },
                };
                self.lanes.push(delivery.integration.as_str(), queued, now);
            }
        }
    }

    fn start_due(&mut self) {
        let now = clock::now();
        while let Some(due) = self.lanes.next_due(now) {
            let Some(destination) = self.destinations.get(&due.ticket.integration) else {
                // `lanes` and `destinations` are set and removed together.
                debug_assert!(false, "a lane without a destination");
                continue;
            };
            attempt::start(due, destination.clone(), now, self.ended.0.clone());
        }
    }

    fn start_reloads(&mut self) {
        while let Some(mut reload) = self.lanes.reload() {
            // As many as the store gives at once: fewer will then mean that there are no more.
            reload.limit = reload.limit.min(PENDING_READ_MAX);
            let Some(destination) = self.destinations.get(&reload.integration).cloned() else {
                continue;
            };
            let (store, loaded) = (self.store.clone(), self.loaded.0.clone());
            tokio::spawn(async move {
                let after = (!reload.after.is_empty()).then(|| DeliveryId::from(&*reload.after));
                let found = store
                    .pending_deliveries(
                        &destination.organisation,
                        &destination.id,
                        after.as_ref(),
                        reload.limit,
                    )
                    .await;
                if found.is_err() {
                    sleep(RELOAD_PAUSE).await;
                }
                // The worker may have ended meanwhile: then nobody needs the answer.
                let _ = loaded.send(Loaded { reload, found });
            });
        }
    }

    fn take_loaded(&mut self, loaded: Loaded) {
        let Loaded { reload, found } = loaded;
        match found {
            Ok(found) => {
                let more = found.len() >= reload.limit;
                let found = found.into_iter().map(queued).collect();
                self.lanes.loaded(&reload.integration, found, more, clock::now());
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read the deliveries that are still to be made");
                self.lanes.load_failed(&reload.integration);
            }
        }
    }

    async fn finish(&mut self, finished: Finished) {
        let Finished { due, destination, started_at, attempt } = finished;
        let now = clock::now();
        let outcome = attempt::outcome(&attempt);
        let chance = clock::random_u64() as f64 / u64::MAX as f64;
        let verdict = self.lanes.finished(&due.ticket, outcome, now, chance);
        let error = attempt.outcome.as_ref().err().map(ToString::to_string);
        let gave_up = matches!(verdict, Verdict::GaveUp(_));
        let since = due.payload.event.time;
        let duration = attempt.duration;
        self.watcher.attempted(&destination, error.as_deref(), gave_up, duration, now, since);
        let record = AttemptRecord {
            organisation: destination.organisation,
            delivery: DeliveryId::from(due.id),
            outcome: match verdict {
                Verdict::Delivered => AttemptOutcome::Delivered,
                Verdict::RetryAt(at) => AttemptOutcome::Retry(at),
                Verdict::GaveUp(_) => AttemptOutcome::Dead,
            },
            attempt: attempt::record(due.attempt, started_at, attempt, error),
        };
        if let Err(error) = self.store.writer().record(record).await {
            // Only a store that is closing refuses: the delivery is made again at the next start.
            tracing::debug!(%error, "an outcome is not stored");
        }
    }
}

/// The order of deliveries holds within a call; an event without a call stands for itself.
fn lane_of(event: &Event) -> String {
    match &event.subject {
        call::Subject::Call(call) => call.id.0.clone(),
        call::Subject::Link(change) => change.pbx.clone(),
    }
}

fn queued(pending: PendingDelivery) -> Queued<Parcel> {
    Queued {
        id: pending.id.as_str().to_owned(),
        lane: lane_of(&pending.event),
        since: pending.event.time,
        attempts: pending.attempts,
        due: pending.due_at.unwrap_or(pending.event.time),
        payload: Parcel { event: pending.event },
    }
}
