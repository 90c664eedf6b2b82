//! Deliveries: what is on its way, what arrived, what was given up.

use std::sync::Arc;

use call::{CallId, Event, EventKind, UnixMs};

use crate::{Attempt, DeliveryId, IntegrationId, ListError, OrgId, Page, Paging, Result, Store};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Still to be delivered: not tried yet, or to be tried again.
    Pending,
    /// The other side has it.
    Delivered,
    /// Given up; can be replayed.
    Dead,
    /// Its integration was deleted before it was delivered.
    Cancelled,
}

/// One delivery, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Where it goes.
    pub integration: IntegrationId,
    /// Id of the event that it carries.
    pub event: String,
    /// Type of that event.
    pub event_kind: EventKind,
    /// When that event happened.
    pub event_time: UnixMs,
    /// Sequence of that event in its call.
    pub sequence: u32,
    /// The call that it is about.
    pub call: Option<CallId>,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How many attempts were made.
    pub attempts: u32,
    /// When a pending one is due again; `None` if it was not tried yet.
    pub due_at: Option<UnixMs>,
    /// When the last attempt ended.
    pub attempted_at: Option<UnixMs>,
    /// What went wrong in the last attempt, in plain words.
    pub last_error: Option<String>,
}

/// A delivery with its attempts, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryDetail {
    /// The delivery.
    pub delivery: Delivery,
    /// The last [`ATTEMPTS_SHOWN_MAX`] attempts.
    pub attempts: Vec<Attempt>,
}

/// Attempts that are shown of one delivery: a delivery that is retried for days has hundreds.
pub const ATTEMPTS_SHOWN_MAX: usize = 100;

/// A delivery that is still to be made, with all that is needed to make it.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// Whose it is.
    pub organisation: OrgId,
    /// Where it goes.
    pub integration: IntegrationId,
    /// What it carries; the lane is the integration and the call of the event.
    pub event: Arc<Event>,
    /// How many attempts were made.
    pub attempts: u32,
    /// Not to be tried before; `None` if it was not tried yet.
    pub due_at: Option<UnixMs>,
}

/// Filters of the list of deliveries. All that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only those of one integration.
    pub integration: Option<IntegrationId>,
    /// Only those that stand so.
    pub status: Option<DeliveryStatus>,
    /// Only those of one call.
    pub call: Option<CallId>,
}

/// What waits for one integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// Whose integration it is.
    pub organisation: OrgId,
    /// The integration.
    pub integration: IntegrationId,
    /// Deliveries still to be made.
    pub pending: u64,
    /// Deliveries given up.
    pub dead: u64,
    /// When the event of the oldest pending one happened.
    pub oldest_pending: Option<UnixMs>,
}

impl Store {
    /// Deliveries, newest first.
    pub async fn deliveries(
        &self,
        organisation: &OrgId,
        filter: DeliveryFilter,
        paging: Paging,
    ) -> Result<Page<Delivery>, ListError> {
        Err(unbuilt(&(organisation, filter, paging)).into())
    }

    /// One delivery with its attempts.
    pub async fn delivery(
        &self,
        organisation: &OrgId,
        id: &DeliveryId,
    ) -> Result<Option<DeliveryDetail>> {
        Err(unbuilt(&(organisation, id)))
    }

    /// What one integration has still to be given, oldest first: per call this is the order of
    /// the events. `after` goes on behind the last one read.
    pub async fn pending_deliveries(
        &self,
        organisation: &OrgId,
        integration: &IntegrationId,
        after: Option<&DeliveryId>,
        limit: usize,
    ) -> Result<Vec<PendingDelivery>> {
        Err(unbuilt(&(organisation, integration, after, limit)))
    }

    /// Makes a dead or delivered one pending again, and gives it for the next attempt. `None` if
    /// there is none, or if it is pending already.
    pub async fn replay_delivery(
        &self,
        organisation: &OrgId,
        id: &DeliveryId,
    ) -> Result<Option<PendingDelivery>> {
        Err(unbuilt(&(organisation, id)))
    }

    /// Makes the oldest `limit` dead ones of an integration pending again, and gives them in the
    /// order in which they are to be made.
    pub async fn replay_dead_deliveries(
        &self,
        organisation: &OrgId,
        integration: &IntegrationId,
        limit: usize,
    ) -> Result<Vec<PendingDelivery>> {
        Err(unbuilt(&(organisation, integration, limit)))
    }

    /// What waits, for each integration of each organisation: read at start, then kept by whoever
    /// makes the deliveries.
    pub async fn backlogs(&self) -> Result<Vec<Backlog>> {
        Err(unbuilt(&()))
    }
}

use crate::unbuilt;
