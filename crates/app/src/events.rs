//! Following events: from the store up to now, then live, without a gap and without a repetition.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use api::{EventQuery, Scope};
use bytes::Bytes;
use call::{EventKind, Ids};
use store::{Committed, OrgId};

use crate::{
    Actor, App, AppError, Result, dial,
    live::{Filter, LiveEvent, Next, Subscription},
    near,
};

/// Sorts before the id of every event: where a stream begins while there is none.
const BEFORE_ALL: &str = "00000000000000000000000000";
/// How many events are read at a time to catch up.
const CATCH_UP_EVENTS: usize = 200;

/// Takes in what was committed: hands it to the live subscribers, and notes what came of dial
/// requests. Call it from one task, in commit order.
pub fn committed(app: &Arc<App>, events: &[Committed]) {
    let (now, meters) = (app.now(), &app.live.meters);
    meters.events.fetch_add(events.len() as u64, Ordering::Relaxed);
    for committed in events {
        dial::seen(app, &committed.event);
        let age_ms = now.0.saturating_sub(committed.event.time.0);
        let age_ms = u64::try_from(age_ms).unwrap_or_default();
        meters.commit_latency.observe(Duration::from_millis(age_ms));
        for delivery in &committed.deliveries {
            app.live.health.queued(delivery.integration.as_str(), 1);
        }
    }
    let told = events.iter().map(|it| (&it.event, &it.json));
    app.live.fan.publish(told, &app.live.people);
}

/// Begins to follow the events of the organisation.
///
/// With `last_event_id` the stream begins with the event after that one; without, with the next
/// one that is committed.
///
/// # Errors
///
/// Without `events:read`; for an unknown type or an id that is none; when an agent asks for
/// somebody else's.
pub async fn follow(
    app: &Arc<App>,
    actor: &Actor,
    query: EventQuery,
    last_event_id: Option<&str>,
) -> Result<Following> {
    actor.need(Scope::EventsRead)?;
    let mut filter = filter(query)?;
    if let Some(own) = actor.only_own() {
        if filter.user.as_ref().is_some_and(|it| **it != *own) {
            return Err(AppError::Forbidden("you follow only your own calls".to_owned()));
        }
        filter.user = Some(own.into());
    }
    let organisation = actor.organisation().clone();
    if let Some(id) = last_event_id {
        let message = "is no id of an event: give the last `id` of the stream, or none";
        Ids::check(id).map_err(|_| AppError::field("Last-Event-ID", message))?;
    }
    let mut following = Following {
        app: Arc::clone(app),
        organisation,
        filter,
        seen: last_event_id.unwrap_or(BEFORE_ALL).to_owned(),
        subscription: None,
        reading: None,
        ready: VecDeque::new(),
        over: false,
    };
    if last_event_id.is_some() {
        following.read_on();
        return Ok(following);
    }
    // The stream begins with what follows the newest event that there is after subscribing.
    following.subscribe();
    if let Some(newest) = app.store.last_event_id(&following.organisation).await? {
        following.seen = newest;
    }
    Ok(following)
}

fn filter(query: EventQuery) -> Result<Filter> {
    let names = query.kind.as_deref().unwrap_or_default();
    let mut kinds = Vec::new();
    for name in names.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let kind = name.parse::<EventKind>().map_err(|_| {
            let known: Vec<&str> = EventKind::ALL.iter().map(|it| it.name()).collect();
            AppError::field("type", near::unknown("type of event", name, known))
        })?;
        kinds.push(kind);
    }
    Ok(Filter { user: query.user.map(Into::into), kinds })
}

type Reading = Pin<Box<dyn Future<Output = store::Result<Vec<call::Event>>> + Send>>;

/// A stream of events that one client follows.
///
/// It reads the store until it has caught up, subscribes, reads once more what was committed in
/// between, and goes on with what is live. Ids rise in the order of commits, so that whatever comes
/// both ways is told only once.
pub struct Following {
    app: Arc<App>,
    organisation: OrgId,
    filter: Filter,
    /// The id of the last event that was told or passed over.
    seen: String,
    subscription: Option<Subscription>,
    reading: Option<Reading>,
    ready: VecDeque<Arc<LiveEvent>>,
    over: bool,
}

impl Following {
    /// The id of the last event that was told or passed over; where to resume.
    #[must_use]
    pub fn position(&self) -> &str {
        &self.seen
    }

    /// The next event; `None` when the stream is over: the client was cut off because it did not
    /// read, or the store failed. It may resume from [`Following::position`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arc<LiveEvent>>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(event));
            }
            if self.over {
                return Poll::Ready(None);
            }
            if let Some(reading) = &mut self.reading {
                let found = std::task::ready!(reading.as_mut().poll(cx));
                self.reading = None;
                self.take(found);
                continue;
            }
            let Some(subscription) = &mut self.subscription else {
                self.over = true;
                continue;
            };
            match std::task::ready!(subscription.poll_next(cx)) {
                Next::Event(event) if event.event.id.as_str() <= self.seen.as_str() => {}
                Next::Event(event) => {
                    self.seen.clone_from(&event.event.id);
                    return Poll::Ready(Some(event));
                }
                Next::Cut => self.over = true,
            }
        }
    }

    /// The next event; see [`Following::poll_next`].
    pub async fn next(&mut self) -> Option<Arc<LiveEvent>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Where the stream stands, as a frame of server-sent events: a client that is cut off before
    /// its first event resumes from here.
    #[must_use]
    pub fn position_frame(&self) -> Bytes {
        Bytes::from(format!("id: {}\n\n", self.seen))
    }

    fn read_on(&mut self) {
        let (app, organisation) = (Arc::clone(&self.app), self.organisation.clone());
        let after = self.seen.clone();
        self.reading = Some(Box::pin(async move {
            app.store.events_after(&organisation, Some(&after), CATCH_UP_EVENTS).await
        }));
    }

    fn subscribe(&mut self) {
        let fan = &self.app.live.fan;
        self.subscription = Some(fan.subscribe(self.organisation.as_str(), self.filter.clone()));
    }

    fn take(&mut self, found: store::Result<Vec<call::Event>>) {
        let events = match found {
            Ok(events) => events,
            Err(error) => {
                tracing::warn!(%error, "a live stream ends: the events cannot be read");
                self.over = true;
                return;
            }
        };
        let behind = events.len() == CATCH_UP_EVENTS;
        if let Some(last) = events.last() {
            self.seen.clone_from(&last.id);
        }
        let people = &self.app.live.people;
        let wanted = events.into_iter().filter(|it| self.filter.wants(it, people));
        self.ready.extend(wanted.map(|it| Arc::new(LiveEvent::stored(it))));
        if behind {
            return self.read_on();
        }
        if self.subscription.is_none() {
            self.subscribe();
            // What was committed between the last look and the subscription.
            self.read_on();
        }
    }
}

#[cfg(test)]
mod tests;
