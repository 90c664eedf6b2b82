//! Random lives of a hub, compared with what is obvious: a table of deliveries, scanned each time.
//!
//! The table plays the store. Every so often the lanes are thrown away and made anew from it, as
//! after a crash.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Due, GiveUp, Lanes, Outcome, QueueSettings, Queued, Reload, Verdict};
use call::UnixMs;

const INTEGRATIONS: [&str; 2] = ["crm", "chat"];
const IN_FLIGHT_MAX: usize = 3;
const GIVE_UP_AFTER_MS: i64 = 30_000;
const SETTINGS: QueueSettings =
    QueueSettings { in_flight_max: 2, held_max: 4, give_up_after_ms: GIVE_UP_AFTER_MS };

#[derive(Debug, Clone)]
enum Step {
    /// A delivery is committed.
    Commit {
        integration: usize,
        lane: u8,
    },
    /// What was committed becomes known to the lanes.
    Announce,
    Tick {
        ms: u16,
    },
    Start,
    Finish {
        which: usize,
        outcome: Outcome,
        chance: f64,
    },
    /// A reload is asked for, and reads the store.
    Read,
    /// What was read comes in; or the reading failed.
    Answer {
        well: bool,
    },
    Replay {
        which: usize,
    },
    Crash,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        5 => Just(Outcome::Delivered),
        3 => Just(Outcome::Unavailable),
        1 => (0..5_000i64).prop_map(|ms| Outcome::Throttled(Some(ms))),
        1 => Just(Outcome::Refused),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2usize, 0..3u8).prop_map(|(integration, lane)| Step::Commit { integration, lane }),
        6 => Just(Step::Announce),
        3 => (0..4_000u16).prop_map(|ms| Step::Tick { ms }),
        8 => Just(Step::Start),
        8 => (0..8usize, outcome(), 0.0..1.0)
            .prop_map(|(which, outcome, chance)| Step::Finish { which, outcome, chance }),
        3 => Just(Step::Read),
        3 => prop::bool::weighted(0.8).prop_map(|well| Step::Answer { well }),
        1 => (0..64usize).prop_map(|which| Step::Replay { which }),
        1 => Just(Step::Crash),
    ]
}

/// A row of the store.
#[derive(Debug, Clone)]
struct Row {
    integration: usize,
    lane: String,
    since: UnixMs,
    due: UnixMs,
    attempts: u32,
    done: bool,
    /// Went in again by hand: what came after it in its lane may have gone before.
    replayed: bool,
    delivered_times: u32,
    dead: bool,
}

struct World {
    now: UnixMs,
    lanes: Lanes<usize>,
    rows: BTreeMap<String, Row>,
    /// Committed, and not known to the lanes.
    unannounced: Vec<String>,
    flying: Vec<Due<usize>>,
    /// A reload that read the store, and what it found.
    read: Option<(Reload, Vec<Queued<usize>>, bool)>,
}

impl World {
    fn new() -> World {
        let mut world = World {
            now: UnixMs(0),
            lanes: Lanes::new(IN_FLIGHT_MAX),
            rows: BTreeMap::new(),
            unannounced: Vec::new(),
            flying: Vec::new(),
            read: None,
        };
        world.crash();
        world
    }

    fn crash(&mut self) {
        self.lanes = Lanes::new(IN_FLIGHT_MAX);
        for name in INTEGRATIONS {
            self.lanes.set(name, SETTINGS);
        }
        self.flying.clear();
        self.unannounced.clear();
        self.read = None;
    }

    fn queued(&self, id: &str) -> Queued<usize> {
        let row = &self.rows[id];
        Queued {
            id: id.to_owned(),
            lane: row.lane.clone(),
            since: row.since,
            attempts: row.attempts,
            due: row.due,
            payload: row.integration,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Commit { integration, lane } => self.commit(*integration, *lane),
            Step::Announce => {
                if !self.unannounced.is_empty() {
                    let id = self.unannounced.remove(0);
                    let name = INTEGRATIONS[self.rows[&id].integration];
                    self.lanes.push(name, self.queued(&id), self.now);
                }
            }
            Step::Tick { ms } => self.now = self.now.plus_ms(i64::from(*ms)),
            Step::Start => self.start(),
            Step::Finish { which, outcome, chance } => self.finish(*which, *outcome, *chance),
            Step::Read => self.read(),
            Step::Answer { well } => self.answer(*well),
            Step::Replay { which } => self.replay(*which),
            Step::Crash => self.crash(),
        }
        for name in INTEGRATIONS {
            assert!(self.lanes.load_of(name).held <= SETTINGS.held_max, "memory is bounded");
        }
    }

    fn commit(&mut self, integration: usize, lane: u8) {
        let id = format!("{:05}", self.rows.len());
        let row = Row {
            integration,
            lane: lane.to_string(),
            since: self.now,
            due: self.now,
            attempts: 0,
            done: false,
            replayed: false,
            delivered_times: 0,
            dead: false,
        };
        self.rows.insert(id.clone(), row);
        self.unannounced.push(id);
    }

    fn start(&mut self) {
        let Some(due) = self.lanes.next_due(self.now) else { return };
        let row = &self.rows[&due.id];
        assert!(!row.done, "{} is done", due.id);
        assert!(row.due <= self.now, "{} is not due before {:?}", due.id, row.due);
        let flying_here = self.flying.iter().filter(|it| it.payload == due.payload).count();
        assert!(flying_here < SETTINGS.in_flight_max, "limit of the integration");
        assert!(self.flying.len() < IN_FLIGHT_MAX || flying_here == 0, "limit of all");
        for (id, other) in &self.rows {
            let same = other.integration == row.integration && other.lane == row.lane;
            if same {
                let flies = self.flying.iter().any(|it| it.id == *id);
                assert!(!flies, "{id} and {} of one lane fly together", due.id);
                let before = *id < due.id && !other.done && !other.replayed;
                assert!(!before, "{} went before {id}", due.id);
            }
        }
        self.flying.push(due);
    }

    fn finish(&mut self, which: usize, outcome: Outcome, chance: f64) {
        if self.flying.is_empty() {
            return;
        }
        let due = self.flying.swap_remove(which % self.flying.len());
        let verdict = self.lanes.finished(&due.ticket, outcome, self.now, chance);
        let row = self.rows.get_mut(&due.id).unwrap();
        row.attempts += 1;
        assert_eq!(row.attempts, due.attempt);
        match verdict {
            Verdict::Delivered => {
                assert_eq!(outcome, Outcome::Delivered);
                row.done = true;
                row.delivered_times += 1;
            }
            Verdict::RetryAt(at) => {
                assert!(self.now <= at);
                if let Outcome::Throttled(Some(wait)) = outcome {
                    assert!(self.now.plus_ms(wait) <= at, "a wish to wait is obeyed");
                }
                row.due = at;
            }
            Verdict::GaveUp(why) => {
                let old = row.since.plus_ms(GIVE_UP_AFTER_MS);
                let asked_too_long = matches!(outcome, Outcome::Throttled(_));
                assert!(why == GiveUp::Refused || old <= self.now || asked_too_long);
                row.done = true;
                row.dead = true;
            }
        }
    }

    fn read(&mut self) {
        if self.read.is_some() {
            return;
        }
        let Some(reload) = self.lanes.reload() else { return };
        let waiting: Vec<&String> = self
            .rows
            .iter()
            .filter(|(id, row)| {
                !row.done
                    && INTEGRATIONS[row.integration] == &*reload.integration
                    && reload.after < **id
            })
            .map(|(id, _)| id)
            .collect();
        let more = reload.limit < waiting.len();
        let found = waiting.into_iter().take(reload.limit).map(|id| self.queued(id)).collect();
        self.read = Some((reload, found, more));
    }

    fn answer(&mut self, well: bool) {
        let Some((reload, found, more)) = self.read.take() else { return };
        if well {
            self.lanes.loaded(&reload.integration, found, more, self.now);
        } else {
            self.lanes.load_failed(&reload.integration);
        }
    }

    /// Sends one that is done again.
    fn replay(&mut self, which: usize) {
        let done: Vec<String> =
            self.rows.iter().filter(|it| it.1.done).map(|it| it.0.clone()).collect();
        if done.is_empty() {
            return;
        }
        let id = &done[which % done.len()];
        let row = self.rows.get_mut(id).unwrap();
        (row.done, row.dead, row.replayed) = (false, false, true);
        (row.since, row.due) = (self.now, self.now);
        let name = INTEGRATIONS[row.integration];
        let queued = self.queued(id);
        self.lanes.replay(name, queued, self.now);
    }

    /// Lets everything come to its end, with an endpoint that says yes.
    fn drain(&mut self) {
        let mut idle = 0;
        while self.rows.values().any(|row| !row.done) {
            let before = self.rows.values().filter(|row| row.done).count();
            self.step(&Step::Announce);
            self.step(&Step::Read);
            self.step(&Step::Answer { well: true });
            self.step(&Step::Start);
            self.step(&Step::Finish { which: 0, outcome: Outcome::Delivered, chance: 0.5 });
            if before == self.rows.values().filter(|row| row.done).count() {
                idle += 1;
                self.step(&Step::Tick { ms: 1_000 });
            } else {
                idle = 0;
            }
            assert!(idle < 200, "lost: {:?}", self.rows.iter().find(|it| !it.1.done));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_out_of_order_whatever_happens(steps in prop::collection::vec(step(), 0..200)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.drain();
        for (id, row) in &world.rows {
            prop_assert!(row.dead || 0 < row.delivered_times, "{} was lost", id);
        }
        for name in INTEGRATIONS {
            prop_assert_eq!(world.lanes.load_of(name).held, 0);
        }
    }
}
