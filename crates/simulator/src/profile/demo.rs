//! A small company on a lively day: a call every few seconds, all kinds within a minute.

use std::collections::HashMap;

use super::{Next, Profile, dialled};
use crate::{
    company::{Caller, Company, Person},
    random::Random,
    script::{Durations, HangsUp, Kind, Numbering, Plan},
};

/// Time between two calls, in milliseconds. Fourteen kinds come round in less than a minute.
const GAP_MS: (u32, u32) = (2_000, 4_000);
/// When too few phones are free, look again after this many microseconds.
const LOOK_AGAIN_US: i64 = 300_000;

/// Endless calls of a small company. Nobody is called while they are on the phone.
#[derive(Debug)]
pub struct Demo {
    company: Company,
    random: Random,
    next_us: i64,
    /// Kinds still to come in this round.
    bag: Vec<Kind>,
    /// Known callers still to come in this round: nobody calls twice in a short time.
    callers: Vec<usize>,
    /// How many calls each extension is in.
    busy: HashMap<String, u32>,
    placed: u64,
}

impl Demo {
    /// The first call comes a second after `start_us`.
    #[must_use]
    pub fn new(company: Company, seed: u64, start_us: i64) -> Demo {
        Demo {
            company,
            random: Random::new(seed),
            next_us: start_us.saturating_add(1_000_000),
            bag: Vec::new(),
            callers: Vec::new(),
            busy: HashMap::new(),
            placed: 0,
        }
    }

    /// Fills the bag for the next round. The first call of all is one that is answered, so that a
    /// newcomer sees a whole life of a call first.
    fn fill_bag(&mut self) {
        self.bag = Kind::PLACED.to_vec();
        self.random.shuffle(&mut self.bag);
        if self.placed == 0
            && let Some(at) = self.bag.iter().position(|it| *it == Kind::Answered)
        {
            let last = self.bag.len() - 1;
            self.bag.swap(at, last);
        }
    }

    /// The next kind in the bag for which enough phones are free, and whose they are.
    fn choose(&mut self) -> Option<(Kind, Vec<Person>)> {
        if self.bag.is_empty() {
            self.fill_bag();
        }
        for at in (0..self.bag.len()).rev() {
            let kind = self.bag[at];
            if let Some(people) = self.people(kind) {
                self.bag.remove(at);
                return Some((kind, people));
            }
        }
        None
    }

    /// Free people for this kind, in random order; members of the queue where it takes them.
    fn people(&mut self, kind: Kind) -> Option<Vec<Person>> {
        let queue = matches!(kind, Kind::QueueAnswered | Kind::QueueAbandoned);
        let free = |it: &&Person| {
            self.busy.get(&it.extension).is_none_or(|calls| *calls == 0) && (!queue || it.in_queue)
        };
        let mut people: Vec<Person> = self.company.people.iter().filter(free).cloned().collect();
        if people.len() < kind.people() {
            return None;
        }
        self.random.shuffle(&mut people);
        people.truncate(kind.people());
        Some(people)
    }

    fn durations(&mut self, kind: Kind) -> Durations {
        let random = &mut self.random;
        let ring_ms = match kind {
            Kind::Missed | Kind::RingGroupMissed | Kind::InternalMissed => {
                random.between(7_000, 11_000)
            }
            Kind::Busy => random.between(400, 1_200),
            Kind::GivenUp | Kind::QueueAbandoned => random.between(4_000, 8_000),
            _ => random.between(1_500, 5_000),
        };
        // Most conversations are short here; one in twelve goes on for most of a minute.
        let long = random.below(12) == 0;
        let talk_ms =
            if long { random.between(25_000, 45_000) } else { random.between(4_000, 12_000) };
        Durations {
            ring_ms,
            talk_ms,
            hold_ms: random.between(2_000, 5_000),
            after_ms: random.between(3_000, 8_000),
        }
    }

    fn far(&mut self, kind: Kind) -> Caller {
        let own = matches!(kind, Kind::Internal | Kind::InternalMissed);
        if !own && self.random.below(6) == 0 {
            return Caller::unknown(&mut self.random);
        }
        if self.callers.is_empty() {
            self.callers = (0..Caller::pool_size()).collect();
            self.random.shuffle(&mut self.callers);
        }
        // The bag is never empty here.
        Caller::known(self.callers.pop().unwrap_or_default())
    }
}

impl Profile for Demo {
    fn next(&mut self, now_us: i64) -> Next {
        if now_us < self.next_us {
            return Next::Wait(self.next_us);
        }
        let Some((kind, people)) = self.choose() else {
            self.next_us = now_us.saturating_add(LOOK_AGAIN_US);
            return Next::Wait(self.next_us);
        };
        for person in &people {
            *self.busy.entry(person.extension.clone()).or_default() += 1;
        }
        let mut plan = Plan {
            kind,
            far: self.far(kind),
            answers: match kind {
                Kind::RingGroup | Kind::QueueAnswered => self.random.below(people.len()),
                _ => 0,
            },
            people,
            dialled: String::new(),
            trunk: self.company.trunk.clone(),
            queue: Some(self.company.queue.clone()),
            label: None,
            durations: self.durations(kind),
            hangs_up: [HangsUp::Caller, HangsUp::Callee][self.random.below(2)],
            start_us: now_us,
            numbering: Numbering::default(),
            seed: self.random.bits(),
            request: None,
        };
        plan.dialled = dialled(&self.company, &plan);
        self.placed += 1;
        self.next_us = now_us + i64::from(self.random.between(GAP_MS.0, GAP_MS.1)) * 1000;
        Next::Call(Box::new(plan))
    }

    fn ended(&mut self, plan: &Plan) {
        for person in &plan.people {
            if let Some(calls) = self.busy.get_mut(&person.extension) {
                *calls = calls.saturating_sub(1);
            }
        }
    }
}
