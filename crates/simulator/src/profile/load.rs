//! Load: so many calls a second, the same every time for the same seed.

use super::{Next, Profile, dialled};
use crate::{
    company::{Caller, Company},
    random::Random,
    script::{self, Durations, HangsUp, Kind, Numbering, Plan},
};

/// What a load consists of.
#[derive(Debug, Clone)]
pub struct LoadSettings {
    /// New calls a second.
    pub calls_per_second: f64,
    /// How many calls are placed altogether; `None`: without an end.
    pub calls: Option<u64>,
    /// How many of the first calls are for warming up: their label begins with `warm-up`.
    pub warm_up: u64,
    /// How many calls may be in progress at once; beyond that the next one waits for its turn, and
    /// keeps its due time.
    pub concurrent_max: usize,
    /// What kinds of calls, and how many of each.
    pub mix: Mix,
    /// How long a phone rings, from and to, in milliseconds.
    pub ring_ms: (u32, u32),
    /// How long people talk, from and to, in milliseconds.
    pub talk_ms: (u32, u32),
    /// What the calling side shows as its name.
    pub stamp: Stamp,
    /// Everything that looks random follows from it.
    pub seed: u64,
}

impl Default for LoadSettings {
    /// Ten calls a second of a few seconds each, without an end.
    fn default() -> LoadSettings {
        LoadSettings {
            calls_per_second: 10.0,
            calls: None,
            warm_up: 0,
            concurrent_max: 20_000,
            mix: Mix::default(),
            ring_ms: (500, 2_000),
            talk_ms: (1_000, 5_000),
            stamp: Stamp::Serial,
            seed: 1,
        }
    }
}

/// What the calling side of a call shows as its name. It is found again in `call.from.name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// `load-000042`: unlike any other call.
    Serial,
    /// `t0-` and the time when the first byte of the call is due, in microseconds since the epoch.
    Start,
    /// `t0-` and the time when the last hangup of the call is due.
    End,
}

/// Kinds of calls with their weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix(Vec<(Kind, u32)>);

impl Default for Mix {
    /// What a busy office sees: mostly answered calls, all kinds among them.
    fn default() -> Mix {
        let weight = |kind| match kind {
            Kind::Answered => 30,
            Kind::Outbound => 20,
            Kind::QueueAnswered | Kind::Internal => 10,
            Kind::Missed | Kind::RingGroup | Kind::GivenUp => 5,
            _ => 2,
        };
        Mix(Kind::PLACED.iter().map(|&kind| (kind, weight(kind))).collect())
    }
}

impl Mix {
    /// One kind only.
    #[must_use]
    pub fn only(kind: Kind) -> Mix {
        Mix(vec![(kind, 1)])
    }

    /// Reads `answered=3,missed=1`; a kind without a number weighs 1.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and which kinds there are.
    pub fn parse(text: &str) -> Result<Mix, String> {
        let mut entries = Vec::new();
        for entry in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let (name, weight) = entry.split_once('=').unwrap_or((entry, "1"));
            let kind = Kind::find(name.trim()).ok_or_else(|| {
                let known: Vec<&str> = Kind::PLACED.iter().map(|it| it.name()).collect();
                format!("`{name}` is no kind of call; there are {}", known.join(", "))
            })?;
            let weight = weight.trim().parse().map_err(|_| {
                format!("`{weight}` is no weight for {name}: give a whole number, such as 3")
            })?;
            entries.push((kind, weight));
        }
        if entries.iter().all(|it| it.1 == 0) {
            return Err("the mix of calls is empty: give at least one kind".to_owned());
        }
        Ok(Mix(entries))
    }

    fn pick(&self, random: &mut Random) -> Kind {
        let total: u64 = self.0.iter().map(|it| u64::from(it.1)).sum();
        let mut left = random.bits() % total.max(1);
        for &(kind, weight) in &self.0 {
            match left.checked_sub(u64::from(weight)) {
                Some(rest) => left = rest,
                None => return kind,
            }
        }
        self.0.last().map_or(Kind::Answered, |it| it.0)
    }
}

/// Calls at a steady rate.
#[derive(Debug)]
pub struct Load {
    settings: LoadSettings,
    company: Company,
    start_us: i64,
    placed: u64,
    open: usize,
    next_person: usize,
}

impl Load {
    /// The first call is due at `start_us`. A company with many phones keeps people from being in
    /// several calls at once: it should have three times as many as there are calls in progress.
    #[must_use]
    pub fn new(settings: LoadSettings, company: Company, start_us: i64) -> Load {
        Load { settings, company, start_us, placed: 0, open: 0, next_person: 0 }
    }

    /// When the call with this number is due, counted from 0.
    fn due_us(&self, number: u64) -> i64 {
        // Exact to the microsecond for some hundred years of calls.
        let offset = number as f64 * 1e6 / self.settings.calls_per_second.max(1e-6);
        self.start_us.saturating_add(offset as i64)
    }

    fn plan(&mut self, number: u64) -> Plan {
        let settings = &self.settings;
        // A generator for each call: what one call is does not depend on how many came before.
        let mut random = Random::new(settings.seed ^ number.wrapping_mul(0xd605_0b4f_1d3c_9a6b));
        let kind = settings.mix.pick(&mut random);
        let mut people = Vec::with_capacity(kind.people());
        for _ in 0..kind.people() {
            people.push(self.company.people[self.next_person % self.company.people.len()].clone());
            self.next_person += 1;
        }
        let ring_ms = random.between(settings.ring_ms.0, settings.ring_ms.1);
        let talk_ms = random.between(settings.talk_ms.0, settings.talk_ms.1);
        let mut plan = Plan {
            kind,
            far: Caller { number: Caller::unknown(&mut random).number, name: None },
            answers: match kind {
                Kind::RingGroup | Kind::QueueAnswered => random.below(people.len()),
                _ => 0,
            },
            people,
            dialled: String::new(),
            trunk: self.company.trunk.clone(),
            queue: Some(self.company.queue.clone()),
            label: None,
            durations: Durations { ring_ms, talk_ms, hold_ms: ring_ms, after_ms: talk_ms },
            hangs_up: [HangsUp::Caller, HangsUp::Callee][random.below(2)],
            start_us: self.due_us(number),
            numbering: Numbering::default(),
            seed: random.bits(),
            request: None,
        };
        plan.dialled = dialled(&self.company, &plan);
        plan.label = Some(self.label(number, &plan));
        plan
    }

    fn label(&self, number: u64, plan: &Plan) -> String {
        if number < self.settings.warm_up {
            return format!("warm-up-{number:06}");
        }
        let at = |ms: u32| plan.start_us + i64::from(ms) * 1000;
        match self.settings.stamp {
            Stamp::Serial => format!("load-{number:06}"),
            Stamp::Start => format!("t0-{}", at(0)),
            Stamp::End => {
                let script = script::write(plan);
                format!("t0-{}", at(script.steps[script.last_hangup].at_ms))
            }
        }
    }
}

impl Profile for Load {
    fn next(&mut self, now_us: i64) -> Next {
        if self.settings.calls.is_some_and(|calls| self.placed >= calls) {
            return Next::Over;
        }
        let due = self.due_us(self.placed);
        if due > now_us {
            return Next::Wait(due);
        }
        if self.open >= self.settings.concurrent_max {
            // Asked again when a call has ended; this is for the case that none does.
            return Next::Wait(now_us.saturating_add(1_000_000));
        }
        let number = self.placed;
        self.placed += 1;
        self.open += 1;
        Next::Call(Box::new(self.plan(number)))
    }

    fn ended(&mut self, _plan: &Plan) {
        self.open = self.open.saturating_sub(1);
    }
}
