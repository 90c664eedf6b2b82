//! In which order and when deliveries go out. No clock, no randomness: both come as arguments.
//!
//! A lane holds the deliveries of one call to one integration, and only its head is ever due, so
//! the events of a call arrive in order. Lanes do not wait for each other, and integrations are
//! served in turn, each within its own limit, so an endpoint that is slow or dead delays nobody.
//!
//! Memory is bounded: beyond [`QueueSettings::held_max`] deliveries of an integration stay in the
//! store, and [`Lanes::reload`] asks for them when there is room again. The same way serves a
//! start: a new integration first asks for what the store has.

mod backlog;
mod queue;
mod retry;
#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    sync::Arc,
};

use call::UnixMs;
use queue::Queue;
use rustc_hash::FxHashMap;

pub use retry::{
    BACKOFF_FIRST_MS, BACKOFF_MS_MAX, GiveUp, Outcome, RETRY_AFTER_MS_MAX, Verdict, backoff_ms,
    verdict,
};

/// How one integration is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSettings {
    /// Requests on their way at once; at least one.
    pub in_flight_max: usize,
    /// Deliveries kept in memory; the rest waits in the store.
    pub held_max: usize,
    /// Age at which a delivery that fails is given up, in milliseconds.
    pub give_up_after_ms: i64,
}

/// A delivery that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued<T> {
    /// Ids rise in the order of commits; that is the order within a lane.
    pub id: String,
    /// What it must keep its order within: the id of the call.
    pub lane: String,
    /// Its age counts from here: when it was made, or sent again by hand.
    pub since: UnixMs,
    /// Attempts made so far.
    pub attempts: u32,
    /// Not sent before this time.
    pub due: UnixMs,
    /// What the sender needs; cloned for each attempt.
    pub payload: T,
}

/// A delivery that is to be sent now.
#[derive(Debug, Clone)]
pub struct Due<T> {
    /// Id of the delivery.
    pub id: String,
    /// Counts its attempts, this one included.
    pub attempt: u32,
    /// As given with [`Queued`].
    pub payload: T,
    /// To be given back to [`Lanes::finished`].
    pub ticket: Ticket,
}

/// Says which lane an attempt belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Id of the integration.
    pub integration: Arc<str>,
    lane: Arc<str>,
}

/// A wish to read from the store: deliveries that are not done, with ids above `after`, in order
/// of their ids, at most `limit`. Outcomes reported before must be in the store by then, or they
/// may be sent once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reload {
    /// Id of the integration.
    pub integration: Arc<str>,
    /// Empty for "from the oldest".
    pub after: String,
    /// At least one.
    pub limit: usize,
}

/// How much there is, for metrics and health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Deliveries in memory, those in flight included.
    pub held: usize,
    /// Requests on their way.
    pub in_flight: usize,
}

/// All deliveries of this process that wait or are on their way.
pub struct Lanes<T> {
    queues: FxHashMap<Arc<str>, Queue<T>>,
    /// Integrations that may have something to send, next one first.
    rotation: VecDeque<Arc<str>>,
    /// Integrations that may want a reload.
    to_load: VecDeque<Arc<str>>,
    wakes: BinaryHeap<Reverse<Wake>>,
    in_flight: usize,
    in_flight_max: usize,
}

/// When, of which integration, which lane; `None` for the end of a pause of all of them.
type Wake = (UnixMs, Arc<str>, Option<Arc<str>>);

impl<T: Clone> Lanes<T> {
    /// `in_flight_max` bounds the requests of all integrations together. An integration that has
    /// none on its way may start one nevertheless, so that nobody is shut out by others that hang.
    #[must_use]
    pub fn new(in_flight_max: usize) -> Lanes<T> {
        Lanes {
            queues: FxHashMap::default(),
            rotation: VecDeque::new(),
            to_load: VecDeque::new(),
            wakes: BinaryHeap::new(),
            in_flight: 0,
            in_flight_max,
        }
    }

    /// Adds an integration, or changes how it is served. A new one asks for a reload.
    pub fn set(&mut self, integration: &str, settings: QueueSettings) {
        let settings = QueueSettings { held_max: settings.held_max.max(2), ..settings };
        let name: Arc<str> = Arc::from(integration);
        let queue = self.queues.entry(Arc::clone(&name)).or_insert_with(|| Queue::new(settings));
        queue.settings = settings;
        if std::mem::take(&mut queue.removed) {
            queue.backlog = backlog::Backlog::unread();
        }
        self.look_after(&name);
    }

    /// Forgets an integration that is deleted or switched off. What is on its way is still
    /// reported by [`Lanes::finished`]; what waits stays in the store.
    pub fn remove(&mut self, integration: &str) {
        let Some(queue) = self.queues.get_mut(integration) else { return };
        queue.clear();
        if queue.in_flight() == 0 {
            self.queues.remove(integration);
        }
        self.wakes.retain(|Reverse((_, name, _))| &**name != integration);
        self.rotation.retain(|name| &**name != integration);
        self.to_load.retain(|name| &**name != integration);
        if let Some(queue) = self.queues.get_mut(integration) {
            queue.in_rotation = false;
        }
    }

    /// Takes a delivery that was just committed; call it in the order of commits.
    pub fn push(&mut self, integration: &str, delivery: Queued<T>, now: UnixMs) {
        let Some((name, queue)) = self.queues.get_key_value(integration) else { return };
        let name = Arc::clone(name);
        let room = queue.has_room();
        let Some(queue) = self.queues.get_mut(&name) else { return };
        if !queue.removed && queue.backlog.admits(&delivery.id, room) {
            self.insert(&name, delivery, now);
        }
        self.look_after(&name);
    }

    /// Puts a delivery that was done or given up back in, to be sent again. It goes before the
    /// later ones of its call that still wait.
    pub fn replay(&mut self, integration: &str, delivery: Queued<T>, now: UnixMs) {
        let Some((name, queue)) = self.queues.get_key_value(integration) else { return };
        let name = Arc::clone(name);
        if queue.removed {
            return;
        }
        if queue.has_room() {
            self.insert(&name, delivery, now);
        } else if let Some(queue) = self.queues.get_mut(&name) {
            queue.backlog.rewind();
        }
        self.look_after(&name);
    }

    /// Reads the store of an integration from the oldest again, after many were sent again at once.
    pub fn rewind(&mut self, integration: &str) {
        let Some(queue) = self.queues.get_mut(integration) else { return };
        queue.backlog.rewind();
        self.look_after(&Arc::from(integration));
    }

    /// What to read from the store, if anything; answer with [`Lanes::loaded`] or
    /// [`Lanes::load_failed`].
    pub fn reload(&mut self) -> Option<Reload> {
        while let Some(name) = self.to_load.pop_front() {
            let Some(queue) = self.queues.get_mut(&name) else { continue };
            if wants_loading(queue) {
                let limit = queue.settings.held_max - queue.held();
                let after = queue.backlog.begin();
                return Some(Reload { integration: name, after, limit });
            }
        }
        None
    }

    /// Takes what a [`Reload`] found, in order of ids; `more` if the limit cut it off.
    pub fn loaded(
        &mut self,
        integration: &str,
        deliveries: Vec<Queued<T>>,
        more: bool,
        now: UnixMs,
    ) {
        let Some(queue) = self.queues.get_mut(integration) else { return };
        if queue.removed {
            return;
        }
        queue.backlog.loaded(deliveries.last().map(|it| it.id.as_str()), more);
        let name: Arc<str> = Arc::from(integration);
        for delivery in deliveries {
            let done = self.queues.get(&name).is_some_and(|it| it.backlog.is_done(&delivery.id));
            if !done {
                self.insert(&name, delivery, now);
            }
        }
        self.look_after(&name);
    }

    /// The store could not be read. The wish comes up again at once: pause before asking.
    pub fn load_failed(&mut self, integration: &str) {
        let Some(queue) = self.queues.get_mut(integration) else { return };
        queue.backlog.failed();
        self.look_after(&Arc::from(integration));
    }

    /// The next delivery to send at `now`; it counts as on its way until [`Lanes::finished`].
    pub fn next_due(&mut self, now: UnixMs) -> Option<Due<T>> {
        self.wake(now);
        for _ in 0..self.rotation.len() {
            let name = self.rotation.pop_front()?;
            let Some(queue) = self.queues.get_mut(&name) else { continue };
            if !queue.may_start() {
                queue.in_rotation = false;
                continue;
            }
            if self.in_flight < self.in_flight_max || queue.in_flight() == 0 {
                let due = queue.start(&name);
                self.in_flight += usize::from(due.is_some());
                self.rotation.push_back(name);
                return due;
            }
            self.rotation.push_back(name);
        }
        None
    }

    /// When to ask [`Lanes::next_due`] again if nothing else happens.
    #[must_use]
    pub fn next_wake(&self) -> Option<UnixMs> {
        self.wakes.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the outcome of an attempt. `chance` is random, from 0 up to 1.
    ///
    /// A ticket that was given back before is answered with [`Verdict::Delivered`] and changes
    /// nothing.
    pub fn finished(
        &mut self,
        ticket: &Ticket,
        outcome: Outcome,
        now: UnixMs,
        chance: f64,
    ) -> Verdict {
        let Some(queue) = self.queues.get_mut(&ticket.integration) else {
            return Verdict::Delivered;
        };
        let Some(sent) = queue.in_flight_of(&ticket.lane) else { return Verdict::Delivered };
        let deadline = sent.since.plus_ms(queue.settings.give_up_after_ms);
        let verdict = verdict(outcome, sent.attempts, now, deadline, chance);
        self.in_flight -= 1;
        let wake = match verdict {
            Verdict::RetryAt(due) => queue.retry(&ticket.lane, due, now),
            Verdict::Delivered => queue.advance(&ticket.lane, true, now),
            Verdict::GaveUp(_) => queue.advance(&ticket.lane, false, now),
        };
        let name = Arc::clone(&ticket.integration);
        if let (Outcome::Throttled(Some(_)), Verdict::RetryAt(until)) = (outcome, verdict)
            && !queue.removed
        {
            queue.paused_until = queue.paused_until.max(Some(until));
            self.wakes.push(Reverse((until, Arc::clone(&name), None)));
        }
        let forgotten = queue.removed && queue.in_flight() == 0;
        if let Some((at, lane)) = wake {
            self.wakes.push(Reverse((at, Arc::clone(&name), Some(lane))));
        }
        if forgotten {
            self.queues.remove(&name);
        }
        self.look_after(&name);
        verdict
    }

    /// How much waits for one integration.
    #[must_use]
    pub fn load_of(&self, integration: &str) -> Load {
        self.queues.get(integration).map_or(Load::default(), |queue| Load {
            held: queue.held(),
            in_flight: queue.in_flight(),
        })
    }

    /// Requests on their way, of all integrations.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    fn insert(&mut self, name: &Arc<str>, delivery: Queued<T>, now: UnixMs) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        if let Some((at, lane)) = queue.insert(delivery, now) {
            self.wakes.push(Reverse((at, Arc::clone(name), Some(lane))));
        }
    }

    fn wake(&mut self, now: UnixMs) {
        while let Some(Reverse((at, ..))) = self.wakes.peek()
            && *at <= now
        {
            let Some(Reverse((at, name, lane))) = self.wakes.pop() else { return };
            let Some(queue) = self.queues.get_mut(&name) else { continue };
            match lane {
                Some(lane) => {
                    queue.wake(&lane, at);
                }
                None if queue.paused_until.is_some_and(|until| until <= now) => {
                    queue.paused_until = None;
                }
                None => {}
            }
            self.look_after(&name);
        }
    }

    /// Puts an integration where its state says that it belongs.
    fn look_after(&mut self, name: &Arc<str>) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        if !queue.in_rotation && queue.may_start() {
            queue.in_rotation = true;
            self.rotation.push_back(Arc::clone(name));
        }
        if wants_loading(queue) && !self.to_load.contains(name) {
            self.to_load.push_back(Arc::clone(name));
        }
    }
}

/// At half the limit rather than at nothing, so that the endpoint is not idle meanwhile.
fn wants_loading<T: Clone>(queue: &Queue<T>) -> bool {
    !queue.removed && queue.backlog.wants_loading() && queue.held() <= queue.settings.held_max / 2
}
