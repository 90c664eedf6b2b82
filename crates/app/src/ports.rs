//! What the services ask of the parts that run beside them. `hub` implements both.

use store::{IntegrationId, OrgId, PbxId, PendingDelivery};

/// The links to the phone systems.
#[async_trait::async_trait]
pub trait Links: Send + Sync {
    /// A phone system was added, changed or removed: look at the stored configuration again.
    /// Other links are not disturbed.
    fn pbx_changed(&self, organisation: &OrgId, pbx: &PbxId);

    /// Who sits at which extension has changed; see [`crate::groups::seats_of`].
    fn people_changed(&self, organisation: &OrgId);

    /// Has a phone system do something.
    ///
    /// # Errors
    ///
    /// Why it cannot be done now (the link is down), in plain words.
    async fn command(
        &self,
        organisation: &OrgId,
        pbx: &PbxId,
        command: pbx::Command,
    ) -> Result<(), String>;

    /// Connects once, logs in, and hangs up. Gives what the phone system calls itself. Ends by
    /// itself within some seconds.
    ///
    /// # Errors
    ///
    /// What is wrong and what to do, in plain words.
    async fn probe(&self, link: pbx::Link) -> Result<String, String>;
}

/// The workers that make deliveries.
pub trait Workers: Send + Sync {
    /// An integration was added, changed or removed: look at the stored configuration again.
    fn integration_changed(&self, organisation: &OrgId, integration: &IntegrationId);

    /// These are due again, in this order.
    fn replayed(&self, deliveries: Vec<PendingDelivery>);
}

/// Nothing runs beside the services: the command line works on the data of a hub that is not
/// running.
pub struct NothingRuns;

#[async_trait::async_trait]
impl Links for NothingRuns {
    fn pbx_changed(&self, _: &OrgId, _: &PbxId) {}
    fn people_changed(&self, _: &OrgId) {}

    async fn command(&self, _: &OrgId, _: &PbxId, _: pbx::Command) -> Result<(), String> {
        Err("the hub is not running".to_owned())
    }

    async fn probe(&self, _: pbx::Link) -> Result<String, String> {
        Err("the hub is not running".to_owned())
    }
}

impl Workers for NothingRuns {
    fn integration_changed(&self, _: &OrgId, _: &IntegrationId) {}
    fn replayed(&self, _: Vec<PendingDelivery>) {}
}
