//! Tells the services what the writer and the worker have done.

use std::{sync::Arc, time::Duration};

use app::App;
use call::UnixMs;
use store::Commit;
use tokio::sync::mpsc;

use crate::worker::{Destination, Watcher};

/// Hands committed events to the services, in the order of commits, until the store closes.
pub async fn publish(app: Arc<App>, mut commits: mpsc::UnboundedReceiver<Arc<Commit>>) {
    while let Some(commit) = commits.recv().await {
        app::events::committed(&app, &commit.events);
    }
}

/// Tells the live view how deliveries go.
#[must_use]
pub fn watcher(app: &Arc<App>) -> Arc<dyn Watcher> {
    Arc::new(Health { app: Arc::clone(app) })
}

struct Health {
    app: Arc<App>,
}

impl Watcher for Health {
    fn attempted(
        &self,
        destination: &Destination,
        error: Option<&str>,
        gave_up: bool,
        duration: Duration,
        at: UnixMs,
        since: UnixMs,
    ) {
        let live = self.app.live();
        live.meters.attempt_duration.observe(duration);
        if error.is_none() {
            let age_ms = u64::try_from(at.0.saturating_sub(since.0)).unwrap_or_default();
            live.meters.delivery_latency.observe(Duration::from_millis(age_ms));
        }
        let health = &live.health;
        let integration = destination.id.as_str();
        match error {
            None => health.delivered(integration, at),
            Some(error) => health.failed(integration, error, gave_up, at),
        };
    }
}
