//! Live events: server-sent events that resume without loss.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use api::EventQuery;
use app::{
    App,
    events::{self, Following},
};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep};

use super::{
    extract::{Asked, Who},
    problem::Failure,
};

/// Where a client wants to go on.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A comment this often keeps proxies from closing a quiet stream; most wait for a minute.
const HEART_BEAT: Duration = Duration::from_secs(20);
/// How soon a client that lost the stream asks again, in milliseconds.
const RETRY_MS: u32 = 2_000;

/// `GET /events`: goes on as long as the client reads.
pub(super) async fn follow(
    State(app): State<Arc<App>>,
    Who(actor): Who,
    headers: HeaderMap,
    Asked(query): Asked<EventQuery>,
) -> Result<Response, Failure> {
    let last = headers.get(LAST_EVENT_ID).and_then(|it| it.to_str().ok());
    let last = last.map(str::trim).filter(|it| !it.is_empty());
    let following = events::follow(&app, &actor, query, last).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        // nginx would hold events back otherwise.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::new(EventBody::new(following, HEART_BEAT))).into_response())
}

/// The body of a stream: what is told, and a heart-beat while nothing is.
pub(super) struct EventBody {
    following: Following,
    begun: bool,
    every: Duration,
    heart_beat: Pin<Box<Sleep>>,
}

impl EventBody {
    /// `every` is the time between two heart-beats.
    pub(super) fn new(following: Following, every: Duration) -> EventBody {
        EventBody { following, begun: false, every, heart_beat: Box::pin(sleep(every)) }
    }
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.begun {
            self.begun = true;
            let position = self.following.position_frame();
            let mut head = format!("retry: {RETRY_MS}\n").into_bytes();
            head.extend_from_slice(&position);
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from(head)))));
        }
        if let Poll::Ready(next) = self.following.poll_next(cx) {
            return Poll::Ready(next.map(|it| Ok(Frame::data(it.frame()))));
        }
        if self.heart_beat.as_mut().poll(cx).is_ready() {
            let next = Instant::now() + self.every;
            self.heart_beat.as_mut().reset(next);
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b":\n\n")))));
        }
        Poll::Pending
    }
}
