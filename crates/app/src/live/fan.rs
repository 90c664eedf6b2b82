//! From one committed event to every live subscriber that wants it.
//!
//! An event is serialised at most once, whoever many follow. Each subscriber has a short queue of
//! its own: one that does not read is cut off when the queue is full, costs the others nothing,
//! and resumes from the store by the id of the last event that it saw.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use call::{Event, EventKind};

use super::People;

/// How many events wait for one subscriber before it is cut off: some seconds of a busy hub. The
/// frames are shared, so a stalled client holds at most this many times about a kibibyte.
pub const CUT_AFTER_EVENTS: usize = 256;

/// Which events a subscriber wants.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only events of calls that this user is part of, or is rung by.
    pub user: Option<Arc<str>>,
    /// Only these types; empty for all.
    pub kinds: Vec<EventKind>,
}

impl Filter {
    /// Whether the event is wanted. `people` tells whose extensions it concerns.
    #[must_use]
    pub fn wants(&self, event: &Event, people: &People) -> bool {
        if !self.kinds.is_empty() && !self.kinds.contains(&event.kind) {
            return false;
        }
        self.user.as_ref().is_none_or(|user| people.concerned(event).contains(user))
    }
}

/// An event on its way to subscribers, with its serialised form made at most once.
#[derive(Debug)]
pub struct LiveEvent {
    /// What happened.
    pub event: Arc<Event>,
    json: OnceLock<Arc<str>>,
    frame: OnceLock<Bytes>,
}

impl LiveEvent {
    /// An event that was read from the store.
    #[must_use]
    pub fn stored(event: Event) -> LiveEvent {
        LiveEvent { event: Arc::new(event), json: OnceLock::new(), frame: OnceLock::new() }
    }

    fn committed(event: &Arc<Event>, json: &Arc<str>) -> LiveEvent {
        LiveEvent {
            event: Arc::clone(event),
            json: OnceLock::from(Arc::clone(json)),
            frame: OnceLock::new(),
        }
    }

    /// The event as the JSON of the contract.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.get_or_init(|| {
            let json = serde_json::to_string(&self.event);
            json.expect("events serialise into memory").into()
        })
    }

    /// The event as one frame of a stream of server-sent events.
    #[must_use]
    pub fn frame(&self) -> Bytes {
        let make = || {
            let (event, json) = (&*self.event, self.json());
            // JSON holds no line break outside of its escapes, so one `data` line holds it.
            Bytes::from(format!("id: {}\nevent: {}\ndata: {json}\n\n", event.id, event.kind))
        };
        self.frame.get_or_init(make).clone()
    }
}

/// The subscribers of all organisations.
#[derive(Default)]
pub struct Fan {
    organisations: RwLock<HashMap<Arc<str>, Arc<Organisation>>>,
    subscribers: AtomicU64,
    cut_off: AtomicU64,
    closed: AtomicBool,
}

#[derive(Default)]
struct Organisation {
    /// Read by the one who publishes, written by those who come and go.
    listeners: RwLock<Listeners>,
}

#[derive(Default)]
struct Listeners {
    next_key: u64,
    by_key: HashMap<u64, Arc<Listener>>,
}

struct Listener {
    filter: Filter,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Arc<LiveEvent>>,
    waker: Option<Waker>,
    cut: bool,
}

/// One subscriber's end. Dropping it ends the subscription.
pub struct Subscription {
    organisation: Arc<Organisation>,
    key: u64,
    listener: Arc<Listener>,
}

/// What comes next for a subscriber.
#[derive(Debug)]
pub enum Next {
    /// An event that it wants.
    Event(Arc<LiveEvent>),
    /// It did not read for too long: the subscription is over. Resume from the store.
    Cut,
}

impl Fan {
    /// Hands committed events, each with its JSON, to whoever wants them. Call it from one task, in
    /// commit order.
    pub fn publish<'a>(
        &self,
        events: impl IntoIterator<Item = (&'a Arc<Event>, &'a Arc<str>)>,
        people: &People,
    ) {
        for (event, json) in events {
            let Some(organisation) = read(&self.organisations).get(&event.organisation).cloned()
            else {
                continue;
            };
            let listeners = read(&organisation.listeners);
            if listeners.by_key.is_empty() {
                continue;
            }
            let concerned = people.concerned(event);
            let live = Arc::new(LiveEvent::committed(event, json));
            for listener in listeners.by_key.values() {
                let filter = &listener.filter;
                let kind_fits = filter.kinds.is_empty() || filter.kinds.contains(&event.kind);
                let user_fits = filter.user.as_ref().is_none_or(|it| concerned.contains(it));
                if kind_fits && user_fits && !listener.push(&live) {
                    self.cut_off.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Begins to follow the events of an organisation that are published from now on.
    pub fn subscribe(&self, organisation: &str, filter: Filter) -> Subscription {
        let organisation = self.organisation(organisation);
        let queue = Queue { cut: self.closed.load(Ordering::SeqCst), ..Queue::default() };
        let listener = Arc::new(Listener { filter, queue: Mutex::new(queue) });
        let key = {
            let mut listeners = write(&organisation.listeners);
            listeners.next_key += 1;
            let key = listeners.next_key;
            listeners.by_key.insert(key, Arc::clone(&listener));
            key
        };
        self.subscribers.fetch_add(1, Ordering::Relaxed);
        Subscription { organisation, key, listener }
    }

    /// Ends every subscription, and those to come: the hub shuts down.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        for organisation in read(&self.organisations).values() {
            for listener in read(&organisation.listeners).by_key.values() {
                listener.cut();
            }
        }
    }

    /// Subscriptions since the start, and how many of them were cut off.
    #[must_use]
    pub fn totals(&self) -> (u64, u64) {
        (self.subscribers.load(Ordering::Relaxed), self.cut_off.load(Ordering::Relaxed))
    }

    /// How many subscribers follow now.
    #[must_use]
    pub fn followers(&self) -> usize {
        let organisations = read(&self.organisations);
        organisations.values().map(|it| read(&it.listeners).by_key.len()).sum()
    }

    fn organisation(&self, id: &str) -> Arc<Organisation> {
        if let Some(found) = read(&self.organisations).get(id) {
            return Arc::clone(found);
        }
        Arc::clone(write(&self.organisations).entry(id.into()).or_default())
    }
}

impl Listener {
    /// Puts an event into the queue; `false` when that cut the subscriber off.
    fn push(&self, event: &Arc<LiveEvent>) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.cut {
            return true;
        }
        if queue.waiting.len() == CUT_AFTER_EVENTS {
            queue.cut = true;
            // What waits would be lost without the rest: the store has all of it.
            queue.waiting = VecDeque::new();
        } else {
            queue.waiting.push_back(Arc::clone(event));
        }
        let (waker, cut) = (queue.waker.take(), queue.cut);
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        !cut
    }
}

impl Listener {
    fn cut(&self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.cut = true;
        if let Some(waker) = queue.waker.take() {
            waker.wake();
        }
    }
}

impl Subscription {
    /// Takes the next event, or lets the task be woken when there is one.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut queue = self.listener.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(event) = queue.waiting.pop_front() {
            if queue.waiting.is_empty() {
                // An idle subscriber holds no buffer: ten thousand of them are mostly idle.
                queue.waiting = VecDeque::new();
            }
            return Poll::Ready(Next::Event(event));
        }
        if queue.cut {
            return Poll::Ready(Next::Cut);
        }
        match &queue.waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => queue.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Waits for the next event.
    pub async fn next(&mut self) -> Next {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        write(&self.organisation.listeners).by_key.remove(&self.key);
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
