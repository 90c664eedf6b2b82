//! The stream of a live board: rows as HTML, over server-sent events.
//!
//! A call may have many events within a moment and a board many calls: changes are gathered for a
//! short while, and each call is rendered once, as it stands then.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use api::EventQuery;
use app::{
    App, calls,
    events::{self, Following},
};
use axum::{
    body::{Body, Bytes},
    extract::{Query, State as Hub},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use call::{Call, CallId, Subject};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Board, BoardQuery};
use crate::{
    answer::{Answer, Failure},
    session::Viewer,
};

/// How long changes are gathered: too short to be noticed, long enough to put a burst together.
const GATHERED_MS: u64 = 150;
/// How often the line says that it lives; the script waits 40 s before it calls it lost.
const BEAT_MS: u64 = 15_000;
/// How long a stream lasts. Then the browser connects anew, which asks for the session again: who
/// was logged out elsewhere, or lost a right, does not watch on.
const STREAM_MS: u64 = 5 * 60 * 1000;

/// `GET /live/stream`.
pub(crate) async fn stream(
    Hub(hub): Hub<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<BoardQuery>,
) -> Answer {
    let board = Board::new(&hub, &viewer, &asked).await?;
    // Followed before the calls are read: what happens in between is told twice, not lost.
    let following = events::follow(&hub, &viewer.actor, EventQuery::default(), None).await?;
    let all = board.sections(&calls::in_progress(&hub, &viewer.actor)?)?;
    let first = frame("board", &format!("<table>{all}</table>"));
    let state = Streaming {
        hub,
        board,
        following,
        first: Some(first),
        until: after(STREAM_MS),
        over: false,
    };
    let frames = futures_util::stream::unfold(state, |mut it| async move {
        let frame = it.next().await?;
        Some((Ok::<Bytes, Infallible>(frame), it))
    });
    Ok(answer(Body::from_stream(frames)))
}

fn answer(body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Proxies that gather an answer before they pass it on would hold back the board.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, body).into_response()
}

struct Streaming {
    hub: Arc<App>,
    board: Board,
    following: Following,
    first: Option<Bytes>,
    until: Instant,
    over: bool,
}

impl Streaming {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            if self.over {
                return None;
            }
            if Instant::now() >= self.until {
                self.over = true;
                return Some(frame("again", ""));
            }
            match timeout(Duration::from_millis(BEAT_MS), self.following.next()).await {
                Err(_) => return Some(frame("beat", "")),
                Ok(None) => return None,
                Ok(Some(event)) => {
                    let mut changed = BTreeMap::new();
                    note(&mut changed, &event.event.subject);
                    self.over = !self.gather(&mut changed).await;
                    if let Some(rows) = self.rows(&changed) {
                        return Some(rows);
                    }
                }
            }
        }
    }

    /// Takes what else happens within a moment; `false` when the stream is over.
    async fn gather(&mut self, changed: &mut BTreeMap<CallId, Arc<Call>>) -> bool {
        let until = after(GATHERED_MS);
        loop {
            tokio::select! {
                () = sleep_until(until) => return true,
                event = self.following.next() => match event {
                    Some(event) => note(changed, &event.event.subject),
                    None => return false,
                },
            }
        }
    }

    fn rows(&mut self, changed: &BTreeMap<CallId, Arc<Call>>) -> Option<Bytes> {
        self.board.c.times.now = self.hub.now();
        let shown = changed.values().filter(|it| self.board.shows(it));
        let rows: Result<Vec<String>, Failure> =
            shown.map(|it| self.board.row(it).map(|it| it.to_string())).collect();
        let rows = rows.ok()?;
        (!rows.is_empty()).then(|| frame("calls", &rows.concat()))
    }
}

fn note(changed: &mut BTreeMap<CallId, Arc<Call>>, subject: &Subject) {
    if let Subject::Call(call) = subject {
        changed.insert(call.id.clone(), Arc::clone(call));
    }
}

fn after(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

/// One event of the stream. The HTML goes as a JSON string, which holds no line break.
fn frame(name: &str, html: &str) -> Bytes {
    let data = serde_json::Value::from(html);
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::frame;

    #[test]
    fn a_frame_is_one_line_of_data_whatever_a_row_holds() {
        let bytes = frame("calls", "<tr>\n\"Rossi\"\r\n</tr>");
        let text = std::str::from_utf8(&bytes).unwrap();
        assert_eq!(text, "event: calls\ndata: \"<tr>\\n\\\"Rossi\\\"\\r\\n</tr>\"\n\n");
    }
}
