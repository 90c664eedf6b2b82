//! The calls in progress and the clients that hear of them: all that is locked together.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use tokio::sync::Notify;

use super::{
    Counts, End, Pace, Settings,
    connection::{Closing, Connection, EndMark},
    filter::Filter,
};
use crate::{
    profile::{Next, Profile},
    random::Random,
    rights::Classes,
    script::{self, Numbering, Plan, Script},
};

/// A call in progress.
struct Live {
    plan: Plan,
    script: Script,
    /// The step that is sent next.
    next: usize,
}

/// The end of a call, and whether somebody was told.
struct EndRecord {
    end: End,
    mark: Arc<EndMark>,
}

/// At full pace a client has at most so many bytes waiting, and one turn makes so many at most.
pub(super) const FULL_PACE_BYTES_MAX: usize = 1024 * 1024;
const FULL_PACE_TURN_STEPS: usize = 2_000;

pub(crate) struct Exchange {
    pub(crate) settings: Settings,
    pub(crate) random: Random,
    pub(crate) counts: Counts,
    pub(crate) stopping: bool,
    /// A client has asked for the channels.
    pub(crate) listened: Arc<Notify>,
    profile: Box<dyn Profile>,
    /// No new calls are placed any more.
    closed: bool,
    calls: HashMap<u64, Live>,
    /// When each call has its next step, in microseconds since the epoch.
    due: BinaryHeap<Reverse<(i64, u64)>>,
    next_call: u64,
    numbering: Numbering,
    pub(crate) connections: Vec<Arc<Connection>>,
    ends: Vec<EndRecord>,
    /// When the clock of the calls was stopped.
    paused_us: Option<i64>,
    /// How far that clock is behind.
    lag_us: i64,
    /// The time that full pace has come to.
    full_pace_us: i64,
}

impl Exchange {
    pub(crate) fn new(mut settings: Settings) -> Exchange {
        let started_us = settings.clock.started_us();
        let profile = std::mem::replace(&mut settings.profile, Box::new(crate::profile::Quiet));
        Exchange {
            random: Random::new(settings.seed),
            counts: Counts::default(),
            stopping: false,
            listened: Arc::new(Notify::new()),
            profile,
            closed: false,
            calls: HashMap::new(),
            due: BinaryHeap::new(),
            next_call: 0,
            numbering: Numbering { unique: 1, channel: 0, local: 0 },
            connections: Vec::new(),
            ends: Vec::new(),
            paused_us: settings.paused.then_some(started_us),
            lag_us: 0,
            full_pace_us: started_us,
            settings,
        }
    }

    /// The time of the calls, in microseconds since the epoch.
    pub(crate) fn now_us(&self) -> i64 {
        match self.settings.pace {
            Pace::Full => self.full_pace_us,
            Pace::Real => {
                let now = self.settings.clock.now_us();
                self.paused_us.unwrap_or(now).saturating_sub(self.lag_us)
            }
        }
    }

    /// When the phone system was last started.
    pub(crate) fn started_us(&self) -> i64 {
        self.counts.restarted_us.unwrap_or(self.settings.clock.started_us())
    }

    /// For how many seconds it has been up.
    pub(crate) fn up_seconds(&self) -> i64 {
        self.settings.clock.now_us().saturating_sub(self.started_us()) / 1_000_000
    }

    pub(crate) fn pause(&mut self) {
        self.paused_us.get_or_insert(self.settings.clock.now_us());
    }

    pub(crate) fn resume(&mut self) {
        if let Some(since) = self.paused_us.take() {
            self.lag_us += self.settings.clock.now_us().saturating_sub(since);
        }
    }

    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// Sends what is due. Gives how many microseconds there are until something is due again;
    /// `None` while nothing is to come before somebody does something.
    pub(crate) fn advance(&mut self) -> Option<i64> {
        if self.paused_us.is_some() {
            return None;
        }
        match self.settings.pace {
            Pace::Real => {
                let now = self.now_us();
                let next_call = self.place_calls(now);
                while self.due.peek().is_some_and(|it| it.0.0 <= now) {
                    self.step(now);
                }
                let next_step = self.due.peek().map(|it| it.0.0);
                let next = [next_call, next_step].into_iter().flatten().min()?;
                Some(next.saturating_sub(self.now_us()).max(0))
            }
            Pace::Full => self.advance_at_full_pace(),
        }
    }

    fn advance_at_full_pace(&mut self) -> Option<i64> {
        let in_step: Vec<Arc<Connection>> =
            self.connections.iter().filter(|it| it.standing().in_step).cloned().collect();
        for _ in 0..FULL_PACE_TURN_STEPS {
            let full = in_step.iter().any(|it| it.waiting_bytes() > FULL_PACE_BYTES_MAX);
            if full || in_step.is_empty() {
                return None;
            }
            let next_call = self.place_calls(self.full_pace_us);
            let next_step = self.due.peek().map(|it| it.0.0);
            let next = [next_call, next_step].into_iter().flatten().min()?;
            self.full_pace_us = self.full_pace_us.max(next);
            if next_step == Some(next) {
                self.step(self.full_pace_us);
            }
        }
        Some(0)
    }

    /// Places the calls that are due; gives when the next one is.
    fn place_calls(&mut self, now: i64) -> Option<i64> {
        while !self.closed {
            match self.profile.next(now) {
                Next::Call(plan) => self.place(*plan),
                Next::Wait(until) => return Some(until.max(now + 1)),
                Next::Over => self.closed = true,
            }
        }
        None
    }

    /// Begins a call.
    pub(crate) fn place(&mut self, mut plan: Plan) {
        plan.numbering = self.numbering;
        let script = script::write(&plan);
        self.numbering = script.numbering;
        let id = self.next_call;
        self.next_call += 1;
        self.counts.placed += 1;
        self.due.push(Reverse((plan.start_us, id)));
        self.calls.insert(id, Live { plan, script, next: 0 });
    }

    /// Sends the steps of the call that is first in line, as far as they are due at `now`.
    fn step(&mut self, now: i64) {
        let Some(Reverse((_, id))) = self.due.pop() else { return };
        let Some(mut live) = self.calls.remove(&id) else { return };
        let due = |live: &Live| {
            let step = live.script.steps.get(live.next)?;
            Some(live.plan.start_us + i64::from(step.at_ms) * 1000)
        };
        while due(&live).is_some_and(|it| it <= now) {
            self.send_step(&live);
            live.next += 1;
        }
        match due(&live) {
            Some(next) => {
                self.due.push(Reverse((next, id)));
                self.calls.insert(id, live);
            }
            None => self.profile.ended(&live.plan),
        }
    }

    fn send_step(&mut self, live: &Live) {
        let step = live.script.steps[live.next];
        let start = live.next.checked_sub(1).map_or(0, |it| live.script.steps[it].end);
        let bytes = live.script.bytes.slice(start..step.end);
        self.counts.events += 1;
        let ends = live.next == live.script.last_hangup;
        let mark = ends.then(|| Arc::new(EndMark::default()));
        self.broadcast(step.class, &bytes, mark.as_ref());
        if let Some(mark) = mark {
            self.counts.ended += 1;
            if self.settings.keep_ends {
                let ended_us = live.plan.start_us + i64::from(step.at_ms) * 1000;
                let expected = live.script.expected.clone();
                let end = End { expected, ended_us, reported: false };
                self.ends.push(EndRecord { end, mark });
            }
        }
    }

    /// Sends an event to everybody who wants it.
    pub(crate) fn broadcast(&mut self, class: Classes, bytes: &Bytes, mark: Option<&Arc<EndMark>>) {
        for connection in &self.connections {
            let standing = connection.standing();
            let wanted = standing.events.is_some_and(|it| it.meets(class))
                && !standing.mute
                && Filter::pass(&standing.filters, bytes);
            if wanted {
                let mark = mark.filter(|_| standing.in_step).cloned();
                connection.push(bytes.clone(), mark);
            }
        }
    }

    /// The channels and bridges of all calls in progress, with the start of their call.
    pub(crate) fn snapshot(&self) -> Vec<(i64, Vec<script::Channel>, Vec<script::Bridge>)> {
        let mut ids: Vec<&u64> = self.calls.keys().collect();
        ids.sort_unstable();
        ids.into_iter()
            .map(|id| {
                let live = &self.calls[id];
                let (channels, bridges) = script::snapshot(&live.plan, live.next);
                (live.plan.start_us, channels, bridges)
            })
            .collect()
    }

    /// Hangs up the channel of this name and the call that it belongs to; whether there was one.
    pub(crate) fn hang_up(&mut self, channel: &str) -> bool {
        let now = self.now_us();
        let cut = self.calls.iter().find_map(|(id, live)| {
            let at_ms = u32::try_from((now - live.plan.start_us) / 1000).unwrap_or(0);
            Some((*id, script::cut_off(&live.plan, live.next, at_ms, channel)?))
        });
        let Some((id, script)) = cut else { return false };
        // The old place in the line finds the call gone; a new one takes its place.
        let Some(live) = self.calls.remove(&id) else { return false };
        let new = self.next_call;
        self.next_call += 1;
        self.due.push(Reverse((now, new)));
        self.calls.insert(new, Live { script, next: 0, ..live });
        true
    }

    pub(crate) fn calls_in_progress(&self) -> usize {
        self.calls.len()
    }

    /// Whether nothing more will happen by itself.
    pub(crate) fn is_finished(&self) -> bool {
        self.closed
            && self.calls.is_empty()
            && self.connections.iter().all(|it| it.is_closing() || it.waiting_bytes() == 0)
    }

    /// The ends of calls so far.
    pub(crate) fn ends(&self) -> Vec<End> {
        let end = |it: &EndRecord| End { reported: it.mark.is_set(), ..it.end.clone() };
        self.ends.iter().map(end).collect()
    }

    /// The phone system starts anew: everybody is disconnected, all calls are gone.
    pub(crate) fn restart(&mut self) {
        for connection in self.connections.drain(..) {
            connection.close(Closing::Now);
        }
        self.due.clear();
        for (_, live) in self.calls.drain() {
            self.profile.ended(&live.plan);
        }
        self.numbering.channel = 0;
        self.counts.restarted_us = Some(self.now_us());
    }
}
