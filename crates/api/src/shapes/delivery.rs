//! Deliveries, their attempts, and the timeline of a call.

use call::UnixMs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EventShape, EventTypeName, Time};

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Waits for its turn or for the next try.
    Pending,
    /// The other side acknowledged it.
    Delivered,
    /// Given up: it is sent again only by hand.
    Dead,
    /// Its integration was removed before it was delivered.
    Cancelled,
}

/// One event on its way to one integration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// Rises with the event.
    pub id: String,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// Id of the integration.
    pub integration: String,
    /// Name of the integration, while it exists.
    pub integration_name: Option<String>,
    /// Id of the event; the idempotency key that the other side sees.
    pub event: String,
    /// What happened.
    #[schemars(with = "EventTypeName")]
    pub event_type: String,
    /// Id of the call, in deliveries of the events of calls.
    pub call: Option<String>,
    /// When the event happened.
    #[schemars(with = "Time")]
    pub created_at: UnixMs,
    /// When the next try is due, while it waits for one.
    #[schemars(with = "Option<Time>")]
    pub next_attempt_at: Option<UnixMs>,
    /// When the last attempt ended.
    #[schemars(with = "Option<Time>")]
    pub attempted_at: Option<UnixMs>,
    /// What went wrong in the last attempt, in plain words.
    pub last_error: Option<String>,
    /// How many attempts were made.
    pub attempts_made: u32,
    /// The last attempts, in order; empty in lists, see the delivery itself.
    pub attempts: Vec<Attempt>,
}

/// One try of a delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// When it was made.
    #[schemars(with = "Time")]
    pub at: UnixMs,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The HTTP status of the answer, when there was one.
    pub status: Option<u16>,
    /// What went wrong, in plain words; `null` when it was acknowledged.
    pub error: Option<String>,
    /// The request that was sent, as far as it was kept; secrets are masked.
    pub request: Option<String>,
    /// The beginning of the answer.
    pub response: Option<String>,
}

/// Which deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryQuery {
    /// Id or name of the integration.
    #[serde(default)]
    pub integration: Option<String>,
    /// How far they have come.
    #[serde(default)]
    pub status: Option<DeliveryStatus>,
    /// Id of the call.
    #[serde(default)]
    pub call: Option<String>,
    /// How many items at most; 50 unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
}

/// Which deliveries to send again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayInput {
    /// These, by id.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub ids: Vec<String>,
    /// Or every one that was given up of this integration, by id or name.
    #[serde(default)]
    pub integration: Option<String>,
}

/// What a replay of many did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayResult {
    /// How many deliveries will be sent again.
    pub replayed: u64,
}

/// Every event and every delivery of one call, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Timeline")]
pub struct TimelineShape {
    /// In the order of time.
    pub items: Vec<TimelineItemShape>,
    /// Always `null`: a timeline comes whole.
    pub next: Option<String>,
}

/// One thing in the timeline of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schemars(rename = "TimelineItem")]
#[expect(clippy::large_enum_variant, reason = "a schema: values of it are never made")]
pub enum TimelineItemShape {
    /// Something happened to the call.
    Event {
        /// What happened.
        event: Box<EventShape>,
    },
    /// An event of the call was sent to an integration.
    Delivery {
        /// Where it went and how it fared.
        delivery: Delivery,
    },
}
