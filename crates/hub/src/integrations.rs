//! Keeps the worker and the routing in step with the configured integrations.

use std::sync::Arc;

use app::{App, integrations::Opened};
use rules::Plan;
use store::{IntegrationId, OrgId, PendingDelivery};
use tokio::sync::{mpsc, watch};

use crate::{
    stop::stopped,
    turn::Routing,
    worker::{Destination, Order},
};

/// The way to the worker for the services.
#[derive(Debug)]
pub struct Dispatch {
    changes: mpsc::UnboundedSender<(OrgId, IntegrationId)>,
    orders: mpsc::UnboundedSender<Order>,
}

impl Dispatch {
    /// The dispatch, and the changes that [`Follower::run`] takes.
    #[must_use]
    pub fn new(
        orders: mpsc::UnboundedSender<Order>,
    ) -> (Arc<Dispatch>, mpsc::UnboundedReceiver<(OrgId, IntegrationId)>) {
        let (changes, to_follower) = mpsc::unbounded_channel();
        (Arc::new(Dispatch { changes, orders }), to_follower)
    }
}

impl app::Workers for Dispatch {
    fn integration_changed(&self, organisation: &OrgId, integration: &IntegrationId) {
        // The follower ends only when the hub does: then nobody needs the change any more.
        let _ = self.changes.send((organisation.clone(), integration.clone()));
    }

    fn replayed(&self, deliveries: Vec<PendingDelivery>) {
        for delivery in deliveries {
            // A worker that has ended leaves them pending in the store for the next start.
            let _ = self.orders.send(Order::Replay(delivery));
        }
    }
}

/// Tells worker and routing what is configured.
pub struct Follower {
    /// The services; they know the configuration.
    pub app: Arc<App>,
    /// Who wants which events.
    pub routing: Arc<Routing>,
    /// The worker.
    pub orders: mpsc::UnboundedSender<Order>,
}

impl Follower {
    /// Tells everything that is configured; to be called once, before the first link starts.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be read.
    pub async fn tell_all(&self) -> app::Result<()> {
        let opened = app::integrations::opened_all(&self.app).await?;
        for integration in opened.iter().filter(|it| it.enabled) {
            self.set(integration);
        }
        let mut organisations: Vec<&OrgId> = opened.iter().map(|it| &it.organisation).collect();
        organisations.sort_unstable();
        organisations.dedup();
        for organisation in organisations {
            self.plan(organisation, &opened);
        }
        Ok(())
    }

    /// Follows the changes until `stop` turns `true`.
    pub async fn run(
        self,
        mut changes: mpsc::UnboundedReceiver<(OrgId, IntegrationId)>,
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            let change = tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                change = changes.recv() => change,
            };
            let Some((organisation, integration)) = change else { return };
            if let Err(error) = self.renew(&organisation, &integration).await {
                tracing::error!(integration.id = %integration, %error, "cannot be sent to");
            }
        }
    }

    async fn renew(&self, organisation: &OrgId, id: &IntegrationId) -> app::Result<()> {
        match app::integrations::opened(&self.app, organisation, id).await? {
            Some(integration) if integration.enabled => self.set(&integration),
            _ => self.order(Order::Remove(id.clone())),
        }
        let opened = app::integrations::opened_all(&self.app).await?;
        self.plan(organisation, &opened);
        Ok(())
    }

    fn plan(&self, organisation: &OrgId, all: &[Opened]) {
        let own = all.iter().filter(|it| it.enabled && it.organisation == *organisation);
        let wishes: Vec<_> = own.map(|it| (it.id.clone(), it.events.clone())).collect();
        self.routing.set(organisation.clone(), Plan::new(&wishes));
    }

    fn set(&self, integration: &Opened) {
        self.order(Order::Set(Destination {
            organisation: integration.organisation.clone(),
            id: integration.id.clone(),
            name: integration.name.as_str().into(),
            connector: Arc::clone(&integration.connector),
        }));
    }

    fn order(&self, order: Order) {
        // A worker that has ended reads the configuration at the next start.
        let _ = self.orders.send(order);
    }
}
