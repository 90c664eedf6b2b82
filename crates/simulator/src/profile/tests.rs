//! What profiles promise.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::*;
use crate::script::{self, Outcome};

const START_US: i64 = 1_795_171_753_000_000;
const MINUTE_US: i64 = 60_000_000;

/// Runs a profile on a clock of its own until `end_us`; gives the plans with their ends.
fn run(profile: &mut dyn Profile, end_us: i64) -> Vec<(Plan, i64)> {
    let (mut now, mut plans) = (START_US, Vec::new());
    let mut open: Vec<(i64, Plan)> = Vec::new();
    while now < end_us {
        let until = match profile.next(now) {
            Next::Call(plan) => {
                let script = script::write(&plan);
                let last = script.steps.last().unwrap().at_ms;
                let ends = plan.start_us + i64::from(last) * 1000;
                open.push((ends, (*plan).clone()));
                plans.push((*plan, ends));
                continue;
            }
            Next::Wait(until) => until,
            Next::Over => break,
        };
        open.sort_by_key(|it| std::cmp::Reverse(it.0));
        now = until;
        while let Some((ends, plan)) = open.pop_if(|it| it.0 <= until) {
            profile.ended(&plan);
            now = ends.max(START_US).min(now);
        }
        now = now.max(START_US);
    }
    plans
}

#[test]
fn the_demonstration_shows_every_kind_within_a_minute_or_little_more() {
    for seed in 0..20 {
        let mut demo = Demo::new(Company::small(), seed, START_US);
        let plans = run(&mut demo, START_US + 5 * MINUTE_US);
        assert_eq!(plans[0].0.kind, Kind::Answered, "seed {seed}");
        let within = START_US + MINUTE_US * 5 / 4;
        let seen: BTreeSet<Kind> =
            plans.iter().filter(|it| it.0.start_us < within).map(|it| it.0.kind).collect();
        assert_eq!(seen, Kind::PLACED.iter().copied().collect(), "seed {seed}");
        // Lively, but calm.
        assert!((75..=150).contains(&plans.len()), "seed {seed}: {} calls", plans.len());
    }
}

#[test]
fn in_the_demonstration_nobody_is_in_two_calls_at_once() {
    let mut demo = Demo::new(Company::small(), 3, START_US);
    let plans = run(&mut demo, START_US + 10 * MINUTE_US);
    let mut until: HashMap<&str, i64> = HashMap::new();
    for (plan, ends) in &plans {
        for person in &plan.people {
            let free = until.insert(&person.extension, *ends).unwrap_or(0);
            assert!(free <= plan.start_us, "{} is on the phone", person.extension);
        }
        assert!(ends - plan.start_us <= 75_000_000, "a call of {} µs", ends - plan.start_us);
    }
}

fn load(settings: LoadSettings) -> Vec<Plan> {
    let mut load = Load::new(settings, Company::of_size(100), START_US);
    run(&mut load, START_US + 60 * MINUTE_US).into_iter().map(|it| it.0).collect()
}

#[test]
fn load_comes_at_its_rate_and_is_the_same_for_the_same_seed() {
    let settings = LoadSettings {
        calls_per_second: 40.0,
        calls: Some(400),
        warm_up: 10,
        seed: 5,
        ..LoadSettings::default()
    };
    let plans = load(settings.clone());
    assert_eq!(plans.len(), 400);
    for (number, plan) in plans.iter().enumerate() {
        assert_eq!(plan.start_us - START_US, number as i64 * 25_000);
        let label = plan.label.as_ref().unwrap();
        assert_eq!(label.starts_with("warm-up-"), number < 10, "{label}");
    }
    let labels: BTreeSet<_> = plans.iter().map(|it| it.label.clone()).collect();
    assert_eq!(labels.len(), 400, "every call can be told from every other");
    let bytes = |plans: &[Plan]| plans.iter().map(|it| script::write(it).bytes).collect::<Vec<_>>();
    assert_eq!(bytes(&load(settings.clone())), bytes(&plans));
    assert_ne!(bytes(&load(LoadSettings { seed: 6, ..settings })), bytes(&plans));
}

#[test]
fn load_keeps_to_its_mix() {
    let mix = Mix::parse("answered=3, missed").unwrap();
    let settings = LoadSettings { calls: Some(4_000), mix, ..LoadSettings::default() };
    let mut kinds: BTreeMap<Kind, u32> = BTreeMap::new();
    for plan in load(settings) {
        *kinds.entry(plan.kind).or_default() += 1;
    }
    assert_eq!(kinds.len(), 2);
    assert!((2_850..3_150).contains(&kinds[&Kind::Answered]), "{kinds:?}");
}

#[test]
fn a_mix_that_cannot_be_read_says_what_there_is() {
    assert!(Mix::parse("answred").unwrap_err().contains("there are answered, missed"));
    assert!(Mix::parse("answered=x").unwrap_err().contains("`x` is no weight"));
    assert!(Mix::parse("answered=0").is_err() && Mix::parse("").is_err());
}

#[test]
fn load_waits_for_a_call_to_end_when_too_many_are_in_progress() {
    let settings = LoadSettings { concurrent_max: 2, ..LoadSettings::default() };
    let mut load = Load::new(settings, Company::of_size(100), START_US);
    let later = START_US + MINUTE_US;
    let Next::Call(first) = load.next(later) else { panic!("no call") };
    assert!(matches!(load.next(later), Next::Call(_)));
    assert!(matches!(load.next(later), Next::Wait(_)));
    load.ended(&first);
    let Next::Call(third) = load.next(later) else { panic!("no call") };
    assert_eq!(third.start_us, START_US + 200_000, "it keeps its due time");
}

#[test]
fn stamps_carry_the_time_that_they_say() {
    for (stamp, of_end) in [(Stamp::Start, false), (Stamp::End, true)] {
        let settings = LoadSettings { calls: Some(50), stamp, ..LoadSettings::default() };
        for plan in load(settings) {
            let script = script::write(&plan);
            let step = if of_end { script.steps[script.last_hangup].at_ms } else { 0 };
            let due = plan.start_us + i64::from(step) * 1000;
            assert_eq!(plan.label.unwrap(), format!("t0-{due}"));
            assert!(script.expected.outcome != Outcome::Answered || script.expected.talk_ms > 0);
        }
    }
}
