//! What waits for one integration: a lane for each call.

use std::{
    collections::{VecDeque, hash_map::Entry},
    sync::Arc,
};

use call::UnixMs;
use rustc_hash::FxHashMap;

use super::{Due, QueueSettings, Queued, Ticket, backlog::Backlog};

/// An integration that failed this many times in a row is asked more carefully.
const FAILURES_IN_A_ROW_MAX: u32 = 8;
/// In flight at most for such an integration: enough to see that it is back, too few to take the
/// places of others with requests that hang.
const FAILING_IN_FLIGHT_MAX: usize = 4;

/// The deliveries of one call to one integration, oldest first. Never empty.
struct Lane<T> {
    head: Queued<T>,
    /// Sorted by id, and all behind the head, unless that is in flight. Most lanes never need it;
    /// it allocates only when they do.
    rest: VecDeque<Queued<T>>,
    state: LaneState,
}

impl<T> Lane<T> {
    /// An older one that came back while the head was in flight goes first now, when the head would
    /// have gone and not before its own time: the lane is in order of ids again.
    fn let_older_first(&mut self) {
        if self.rest.front().is_none_or(|first| self.head.id < first.id) {
            return;
        }
        if let Some(mut first) = self.rest.pop_front() {
            first.due = first.due.max(self.head.due);
            let head = std::mem::replace(&mut self.head, first);
            let place = self.rest.binary_search_by(|it| it.id.cmp(&head.id));
            self.rest.insert(place.unwrap_or_else(|place| place), head);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LaneState {
    /// The head may be sent; the lane stands in `Queue::ready`.
    Ready,
    /// The head is due then; the lane stands among the wake-ups of `Lanes`.
    Waiting(UnixMs),
    /// The head is being sent.
    InFlight,
}

/// What waits for one integration.
pub(super) struct Queue<T> {
    pub(super) settings: QueueSettings,
    pub(super) backlog: Backlog,
    /// Deleted or switched off, kept only for what is in flight.
    pub(super) removed: bool,
    pub(super) paused_until: Option<UnixMs>,
    /// Whether it stands in the rotation of `Lanes`.
    pub(super) in_rotation: bool,
    lanes: FxHashMap<Arc<str>, Lane<T>>,
    ready: VecDeque<Arc<str>>,
    in_flight: usize,
    held: usize,
    failures_in_a_row: u32,
}

impl<T: Clone> Queue<T> {
    pub(super) fn new(settings: QueueSettings) -> Queue<T> {
        Queue {
            settings,
            backlog: Backlog::unread(),
            removed: false,
            paused_until: None,
            in_rotation: false,
            lanes: FxHashMap::default(),
            ready: VecDeque::new(),
            in_flight: 0,
            held: 0,
            failures_in_a_row: 0,
        }
    }

    /// Deliveries in memory, those in flight included.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether one more may come into memory that no reload brings.
    pub(super) fn has_room(&self) -> bool {
        !self.backlog.is_loading() && self.held < self.settings.held_max
    }

    /// Whether something could be sent at once, were there a place for it.
    pub(super) fn may_start(&self) -> bool {
        let failing = FAILURES_IN_A_ROW_MAX <= self.failures_in_a_row;
        let limit = self.settings.in_flight_max.max(1);
        let limit = if failing { limit.min(FAILING_IN_FLIGHT_MAX) } else { limit };
        !self.ready.is_empty() && self.in_flight < limit && self.paused_until.is_none()
    }

    /// Puts a delivery where its id belongs in its lane; never before one that is in flight.
    ///
    /// Answers when its lane must be woken. A delivery that is there already changes nothing.
    pub(super) fn insert(&mut self, new: Queued<T>, now: UnixMs) -> Option<(UnixMs, Arc<str>)> {
        let key: Arc<str> = Arc::from(new.lane.as_str());
        let lane = match self.lanes.entry(Arc::clone(&key)) {
            Entry::Vacant(place) => {
                self.held += 1;
                let due = new.due;
                let state = LaneState::Ready;
                place.insert(Lane { head: new, rest: VecDeque::new(), state });
                return self.schedule(key, due, now);
            }
            Entry::Occupied(place) => place.into_mut(),
        };
        if lane.head.id == new.id {
            return None;
        }
        if new.id < lane.head.id && lane.state != LaneState::InFlight {
            // An older one comes back: it goes first, when the head would have gone, and not
            // before its own time.
            let head = std::mem::replace(&mut lane.head, new);
            let (own, due) = (lane.head.due, head.due);
            lane.head.due = own.max(due);
            lane.rest.push_front(head);
            self.held += 1;
            if own <= due || own <= now {
                return None;
            }
            if lane.state == LaneState::Ready {
                self.ready.retain(|it| *it != key);
            }
            return self.schedule(key, own, now);
        }
        let Err(place) = lane.rest.binary_search_by(|it| it.id.cmp(&new.id)) else {
            return None;
        };
        lane.rest.insert(place, new);
        self.held += 1;
        None
    }

    /// Starts the head of the lane that has been ready longest.
    pub(super) fn start(&mut self, name: &Arc<str>) -> Option<Due<T>> {
        let key = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(&key)?;
        lane.state = LaneState::InFlight;
        lane.head.attempts = lane.head.attempts.saturating_add(1);
        self.in_flight += 1;
        Some(Due {
            id: lane.head.id.clone(),
            attempt: lane.head.attempts,
            payload: lane.head.payload.clone(),
            ticket: Ticket { integration: Arc::clone(name), lane: key },
        })
    }

    /// The delivery in flight in this lane.
    pub(super) fn in_flight_of(&self, lane: &str) -> Option<&Queued<T>> {
        let lane = self.lanes.get(lane)?;
        (lane.state == LaneState::InFlight).then_some(&lane.head)
    }

    /// The attempt of the head of this lane is over, and the head comes up again at `due`.
    pub(super) fn retry(
        &mut self,
        key: &Arc<str>,
        due: UnixMs,
        now: UnixMs,
    ) -> Option<(UnixMs, Arc<str>)> {
        self.in_flight -= 1;
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        if self.removed {
            self.drop_lane(key);
            return None;
        }
        let lane = self.lanes.get_mut(key)?;
        lane.head.due = due;
        lane.let_older_first();
        let due = lane.head.due;
        self.schedule(Arc::clone(key), due, now)
    }

    /// The head of this lane is done with, and the next one's turn has come.
    pub(super) fn advance(
        &mut self,
        key: &Arc<str>,
        delivered: bool,
        now: UnixMs,
    ) -> Option<(UnixMs, Arc<str>)> {
        self.in_flight -= 1;
        if delivered {
            self.failures_in_a_row = 0;
        }
        let lane = self.lanes.get_mut(key)?;
        self.backlog.finished(&lane.head.id);
        self.held -= 1;
        match lane.rest.pop_front() {
            Some(next) => {
                let due = next.due;
                lane.head = next;
                self.schedule(Arc::clone(key), due, now)
            }
            None => {
                self.lanes.remove(key);
                None
            }
        }
    }

    /// The time that a waiting lane was to be woken at has come; false if it waits for another.
    pub(super) fn wake(&mut self, key: &Arc<str>, at: UnixMs) -> bool {
        let Some(lane) = self.lanes.get_mut(key) else { return false };
        if lane.state != LaneState::Waiting(at) {
            return false;
        }
        lane.state = LaneState::Ready;
        self.ready.push_back(Arc::clone(key));
        true
    }

    /// Forgets all but what is in flight.
    pub(super) fn clear(&mut self) {
        self.removed = true;
        self.paused_until = None;
        self.ready.clear();
        self.lanes.retain(|_, lane| lane.state == LaneState::InFlight);
        for lane in self.lanes.values_mut() {
            lane.rest.clear();
        }
        self.held = self.lanes.len();
    }

    fn drop_lane(&mut self, key: &Arc<str>) {
        if let Some(lane) = self.lanes.remove(key) {
            self.held -= 1 + lane.rest.len();
        }
    }

    /// The head of the lane may go at `due`.
    fn schedule(&mut self, key: Arc<str>, due: UnixMs, now: UnixMs) -> Option<(UnixMs, Arc<str>)> {
        let lane = self.lanes.get_mut(&key)?;
        if due <= now {
            lane.state = LaneState::Ready;
            self.ready.push_back(key);
            None
        } else {
            lane.state = LaneState::Waiting(due);
            Some((due, key))
        }
    }
}
