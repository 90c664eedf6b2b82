//! Outside systems, a folder per kind: from one event and settings to one request and its outcome.
//!
//! A connector sees neither the store nor another connector. What all of them share is here: the
//! trait, the list [`ALL`], the HTTP client and its guard, errors, secrets.

mod client;
#[cfg(test)]
mod contract;
mod error;
mod guard;
mod http;
mod kind;
mod secret;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use call::{Event, UnixMs};

pub use client::{Client, exchange::ANSWER_KEPT_BYTES_MAX};
pub use error::SendError;
pub use guard::{Guard, NoNetwork};
pub use kind::{Kind, Opened, SettingsError};
pub use secret::Secret;

/// Every kind of integration, in the order in which they are offered.
pub const ALL: &[Kind] = &[http::KIND];

/// The kind of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.name == name)
}

/// One event on its way to one integration.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Id of the delivery.
    pub id: String,
    /// What is delivered. Its id is the idempotency key.
    pub event: Arc<Event>,
    /// Name of the integration, for templates.
    pub integration: Arc<str>,
    /// Counts the attempts from 1.
    pub attempt: u32,
    /// Now, by the hub's clock.
    pub now: UnixMs,
}

/// How much of an attempt is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Request and answer of an attempt that failed; the way of ordinary sending.
    Failures,
    /// Request and answer in any case; for the test button.
    Everything,
}

/// A request as it goes out, secrets of the settings masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `POST`, …
    pub method: String,
    /// Whole address.
    pub url: String,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// Body, whole.
    pub body: Bytes,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body, at most [`ANSWER_KEPT_BYTES_MAX`].
    pub body: Bytes,
    /// Whether the body was longer than what is kept.
    pub cut: bool,
}

/// One try, whatever came of it.
#[derive(Debug)]
pub struct Attempt {
    /// Whether the endpoint has it.
    pub outcome: Result<(), SendError>,
    /// HTTP status, if an answer came.
    pub status: Option<u16>,
    /// From the first look-up to the last byte.
    pub duration: Duration,
    /// What was sent; as [`Keep`] says.
    pub request: Option<Request>,
    /// What came back; as [`Keep`] says.
    pub answer: Option<Answer>,
}

impl Attempt {
    /// One that ended before anything was sent.
    pub(crate) fn not_sent(error: SendError, duration: Duration) -> Attempt {
        Attempt { outcome: Err(error), status: None, duration, request: None, answer: None }
    }
}

/// How an integration wants to be served; see `rules::lanes::QueueSettings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests on their way at once.
    pub in_flight_max: usize,
    /// Age at which a delivery that fails is given up, in seconds.
    pub give_up_after_s: u32,
}

/// A configured destination, ready to send.
#[async_trait::async_trait]
pub trait Connector: Send + Sync {
    /// Makes the request and does not send it; for the editor.
    ///
    /// # Errors
    ///
    /// [`SendError::Invalid`] when a template does not render to what it should.
    fn preview(&self, delivery: &Delivery) -> Result<Request, SendError>;

    /// Carries one event out. A second call with the same event must do no harm.
    async fn send(&self, delivery: &Delivery, keep: Keep) -> Attempt;

    /// How it wants to be served.
    fn limits(&self) -> Limits;
}
