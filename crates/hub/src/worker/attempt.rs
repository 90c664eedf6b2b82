//! One try of one delivery: the task that makes it, and what is kept of it.

use std::{fmt::Write, time::Duration};

use connectors::{Answer, Attempt, Delivery, Keep, Request, SendError};
use rules::lanes::{Due, Outcome};
use tokio::sync::mpsc;

use super::{Destination, Finished, Parcel, UnixMs};

/// Sends on a task of its own, and reports the end, whatever becomes of the task.
pub(super) fn start(
    due: Due<Parcel>,
    destination: Destination,
    started_at: UnixMs,
    ended: mpsc::UnboundedSender<Finished>,
) {
    let delivery = Delivery {
        id: due.id.clone(),
        event: due.payload.event.clone(),
        integration: destination.name.clone(),
        attempt: due.attempt,
        now: started_at,
    };
    let connector = destination.connector.clone();
    let mut report = Report { ended, finished: Some((due, destination, started_at)) };
    tokio::spawn(async move {
        let attempt = connector.send(&delivery, Keep::Failures).await;
        report.give(attempt);
    });
}

/// Makes sure that a lane never waits for an attempt that is no more: a connector that panics
/// counts as unavailable.
struct Report {
    ended: mpsc::UnboundedSender<Finished>,
    finished: Option<(Due<Parcel>, Destination, UnixMs)>,
}

impl Report {
    fn give(&mut self, attempt: Attempt) {
        if let Some((due, destination, started_at)) = self.finished.take() {
            // The worker may have ended: then the delivery is made again at the next start.
            let _ = self.ended.send(Finished { due, destination, started_at, attempt });
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let error = SendError::Unavailable {
            host: "the connector".to_owned(),
            reason: "it failed in itself; the log has the details".to_owned(),
        };
        self.give(Attempt {
            outcome: Err(error),
            status: None,
            duration: Duration::ZERO,
            request: None,
            answer: None,
        });
    }
}

/// What an attempt means for the order of things.
pub(super) fn outcome(attempt: &Attempt) -> Outcome {
    match &attempt.outcome {
        Ok(()) => Outcome::Delivered,
        Err(SendError::Unavailable { .. }) => Outcome::Unavailable,
        Err(SendError::Throttled { wait, .. }) => {
            Outcome::Throttled(wait.map(|it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX)))
        }
        Err(SendError::Unauthorized { .. } | SendError::Refused { .. } | SendError::Invalid(_)) => {
            Outcome::Refused
        }
    }
}

/// What is stored of an attempt.
pub(super) fn record(
    number: u32,
    started_at: UnixMs,
    attempt: Attempt,
    error: Option<String>,
) -> store::Attempt {
    store::Attempt {
        number,
        started_at,
        duration_ms: u32::try_from(attempt.duration.as_millis()).unwrap_or(u32::MAX),
        status: attempt.status,
        error,
        request: attempt.request.as_ref().map(request_text),
        response: attempt.answer.as_ref().map(answer_text),
    }
}

/// A request as it stands on the wire.
fn request_text(request: &Request) -> String {
    let mut text = format!("{} {}\n", request.method, request.url);
    push_headers(&mut text, &request.headers);
    text.push_str(&String::from_utf8_lossy(&request.body));
    text
}

/// An answer as it stands on the wire.
fn answer_text(answer: &Answer) -> String {
    let mut text = format!("HTTP {}\n", answer.status);
    push_headers(&mut text, &answer.headers);
    text.push_str(&String::from_utf8_lossy(&answer.body));
    text
}

fn push_headers(text: &mut String, headers: &[(String, String)]) {
    for (name, value) in headers {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{name}: {value}");
    }
    text.push('\n');
}
