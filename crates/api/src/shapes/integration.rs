//! Destinations, and trying them out.

use call::UnixMs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{EventTypeName, Time};

/// One configured destination. The settings of its kind stand beside the common fields, as in the
/// declarative file; see the schemas of the kinds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Integration {
    /// Sorts by creation.
    pub id: String,
    /// Identifies it to people.
    pub name: String,
    /// Which kind of destination.
    pub kind: String,
    /// Whether events are sent to it.
    pub enabled: bool,
    /// The types of events that it wants.
    #[schemars(with = "Vec<EventTypeName>")]
    pub events: Vec<String>,
    /// How its deliveries fare.
    pub health: HealthView,
    /// The settings of the kind. A secret shows as `{"stored": true}`, or as the reference that it
    /// came from; give that back to leave it unchanged.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// An integration to be created or changed: the common fields and the settings of the kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntegrationInput {
    /// Identifies it to people.
    pub name: Option<String>,
    /// Which kind of destination; cannot be changed later.
    pub kind: Option<String>,
    /// Whether events are sent to it; yes unless told.
    pub enabled: Option<bool>,
    /// The types of events that it wants.
    #[schemars(with = "Option<Vec<EventTypeName>>")]
    pub events: Option<Vec<String>>,
    /// The settings of the kind.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// How an integration fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Switched off in the configuration.
    Disabled,
    /// Nothing was sent since the hub started.
    Idle,
    /// The last delivery went through.
    Working,
    /// The last attempt failed.
    Failing,
}

/// How the deliveries of an integration fare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealthView {
    /// In one word.
    pub status: HealthStatus,
    /// Deliveries that wait for their turn or for the next try.
    pub backlog: u64,
    /// When a delivery last went through.
    #[schemars(with = "Option<Time>")]
    pub last_success_at: Option<UnixMs>,
    /// When an attempt last failed.
    #[schemars(with = "Option<Time>")]
    pub last_error_at: Option<UnixMs>,
    /// Why, in plain words.
    pub last_error: Option<String>,
    /// Deliveries that went through since the hub started.
    pub delivered: u64,
    /// Attempts that failed since the hub started.
    pub failed: u64,
}

/// How to try an integration out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestInput {
    /// Id of a stored call to render against; a sample call unless told.
    #[serde(default)]
    pub call: Option<String>,
    /// The type of event; the first one that the integration wants unless told.
    #[serde(default)]
    #[schemars(with = "Option<EventTypeName>")]
    pub event: Option<String>,
    /// Whether to send the request too.
    #[serde(default)]
    pub send: bool,
}

/// How to try out an integration that is not saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftTestInput {
    /// The integration as it would be saved.
    pub integration: IntegrationInput,
    /// Id of the saved integration whose stored secrets it refers to.
    #[serde(default)]
    pub id: Option<String>,
    /// How to try it out.
    #[serde(default)]
    pub test: TestInput,
}

/// What the test of an integration did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestResult {
    /// The request, as it was or would be sent. Secrets are masked.
    pub request: Option<ExchangeRequest>,
    /// The answer, when the request was sent and answered.
    pub response: Option<ExchangeResponse>,
    /// Why it failed, in plain words; `null` when it worked.
    pub error: Option<String>,
}

/// A request towards an integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExchangeRequest {
    /// The HTTP method.
    pub method: String,
    /// Where it goes.
    pub url: String,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
}

/// The answer of an integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExchangeResponse {
    /// The HTTP status.
    pub status: u16,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body, as text.
    pub body: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}
