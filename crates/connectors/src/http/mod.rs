//! The kind `http`: a request of the user's making, written as templates.
//!
//! Response mapping, a condition on the body and client certificates will be settings here; what
//! all kinds share on the wire is in `client`.

mod render;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Attempt, Client, Connector, Delivery, Keep, Kind, Limits, Opened, Request, Secret, SendError,
    kind,
};
use render::Renderer;

/// What the list of kinds says of this one.
pub(crate) const KIND: Kind =
    Kind { name: "http", title: "HTTP request", page: include_str!("README.md"), schema, open };

/// Sends each event as an HTTP request of your making.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Where events are sent, beginning with http:// or https://. Values in it are
    /// percent-encoded.
    #[schemars(extend("x-template" = "url"))]
    url: String,
    /// GET, POST, PUT, PATCH, DELETE or another method.
    #[serde(default = "method")]
    #[schemars(extend("x-template" = "text"))]
    method: String,
    /// One `Name: value` per line.
    #[serde(default)]
    #[schemars(extend("x-template" = "headers"))]
    headers: String,
    /// What is sent. Leave empty to send the event as JSON (nothing with GET, HEAD and DELETE).
    #[serde(default)]
    #[schemars(extend("x-template" = "body"))]
    body: String,
    /// Signs each request by Standard Webhooks: `whsec_` and Base64. Leave empty to sign none.
    #[serde(default)]
    secret: Option<Secret>,
    /// How long we wait for an answer, in seconds.
    #[serde(default = "timeout_s")]
    #[schemars(range(min = 1, max = 60))]
    #[schemars(extend("x-advanced" = true))]
    timeout_s: u8,
    /// How long a delivery that fails is tried again, in seconds; then it becomes a dead letter.
    #[serde(default = "give_up_after_s")]
    #[schemars(range(min = 0, max = 2_592_000))]
    #[schemars(extend("x-advanced" = true))]
    give_up_after_s: u32,
    /// How many requests may be on their way at once.
    #[serde(default = "in_flight_max")]
    #[schemars(range(min = 1, max = 256))]
    #[schemars(extend("x-advanced" = true))]
    in_flight_max: u16,
}

fn method() -> String {
    "POST".to_owned()
}

/// Most endpoints answer within a second; one that works first and answers later often takes ten.
fn timeout_s() -> u8 {
    15
}

/// Three days: a weekend during which nobody looks after a broken endpoint.
fn give_up_after_s() -> u32 {
    259_200
}

/// Keeps an endpoint that takes 100 ms busy with 320 deliveries a second.
fn in_flight_max() -> u16 {
    32
}

fn schema() -> Schema {
    schema_for!(Settings)
}

fn open(settings: &Value, client: &Client) -> Opened {
    let settings: Settings = kind::read(settings, &schema())?;
    Ok(Arc::new(Http {
        renderer: Renderer::compile(&settings)?,
        client: client.clone(),
        timeout: Duration::from_secs(settings.timeout_s.into()),
        limits: Limits {
            in_flight_max: settings.in_flight_max.into(),
            give_up_after_s: settings.give_up_after_s,
        },
    }))
}

/// An integration of this kind, ready to send.
#[derive(Debug)]
struct Http {
    renderer: Renderer,
    client: Client,
    timeout: Duration,
    limits: Limits,
}

#[async_trait::async_trait]
impl Connector for Http {
    fn preview(&self, delivery: &Delivery) -> Result<Request, SendError> {
        self.renderer.render(delivery).map(|it| render::view(&it))
    }

    async fn send(&self, delivery: &Delivery, keep: Keep) -> Attempt {
        let started = Instant::now();
        let request = match self.renderer.render(delivery) {
            Ok(request) => request,
            Err(error) => return Attempt::not_sent(error, started.elapsed()),
        };
        let now_s = delivery.now.0.div_euclid(1000);
        let exchange = self.client.exchange(request, self.timeout, keep, now_s).await;
        let duration = started.elapsed();
        // Made once more rather than copied each time: it is needed when something went wrong.
        let wanted = keep == Keep::Everything || exchange.outcome.is_err();
        let request = if wanted { self.preview(delivery).ok() } else { None };
        Attempt {
            outcome: exchange.outcome,
            status: exchange.status,
            duration,
            request,
            answer: exchange.answer,
        }
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}
