//! Deliveries: what is on its way, what arrived, what was given up.

mod list;
mod pending;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use call::{CallId, Event, EventKind, UnixMs};

pub(crate) use list::of_events;
pub use pending::PENDING_READ_MAX;

use crate::{
    Attempt, DeliveryId, IntegrationId, OrgId, Result, StoreError,
    db::{Db, values},
    key,
};

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

/// The id of a delivery: the event's, and the small number of the integration.
pub(crate) fn delivery_id(event: &str, target: i64) -> DeliveryId {
    DeliveryId::from(format!("{event}-{target}"))
}

/// The key of a delivery's row; `None` if it is none of this organisation.
pub(crate) fn delivery_key(organisation: &OrgId, id: &DeliveryId) -> Option<(i64, i64)> {
    let (event, target) = id.as_str().split_once('-')?;
    let event = key::of_id(event).filter(|&it| key::is_of(it, organisation))?;
    Some((event, target.parse().ok()?))
}

impl DeliveryStatus {
    const ALL: [DeliveryStatus; 4] = [
        DeliveryStatus::Pending,
        DeliveryStatus::Delivered,
        DeliveryStatus::Dead,
        DeliveryStatus::Cancelled,
    ];

    /// As it is stored.
    pub(crate) fn code(self) -> i64 {
        match self {
            DeliveryStatus::Pending => 0,
            DeliveryStatus::Delivered => 1,
            DeliveryStatus::Dead => 2,
            DeliveryStatus::Cancelled => 3,
        }
    }

    fn of_code(code: i64) -> Result<DeliveryStatus> {
        let found = DeliveryStatus::ALL.into_iter().find(|it| it.code() == code);
        found.ok_or_else(|| StoreError::Broken(format!("a delivery has the status {code}")))
    }
}

/// The integrations that deliveries of an organisation go or went to, with their small numbers;
/// or only one of them.
fn targets(
    db: &mut Db,
    organisation: &OrgId,
    integration: Option<&IntegrationId>,
) -> Result<Vec<(i64, IntegrationId)>> {
    let sql = "SELECT number, id FROM delivery_targets WHERE organisation = $1 \
               AND (id = $2 OR $2 IS NULL) ORDER BY number";
    let only = integration.map(IntegrationId::as_str);
    db.all(sql, values![i64::from(organisation.number()), only], |row| {
        Ok((row.int(0)?, row.text(1)?.into()))
    })
}
