//! Stories of lanes, and a comparison with a slow and obvious model.

mod model;

use super::*;

const SETTINGS: QueueSettings =
    QueueSettings { in_flight_max: 2, held_max: 8, give_up_after_ms: 3_600_000 };

/// Lanes with these integrations, each with an empty store behind it.
fn lanes(integrations: &[&str]) -> Lanes<()> {
    let mut lanes = Lanes::new(16);
    for name in integrations {
        lanes.set(name, SETTINGS);
    }
    while let Some(reload) = lanes.reload() {
        lanes.loaded(&reload.integration, Vec::new(), false, UnixMs(0));
    }
    lanes
}

fn queued(id: u32, lane: &str) -> Queued<()> {
    Queued {
        id: format!("{id:05}"),
        lane: lane.to_owned(),
        since: UnixMs(0),
        attempts: 0,
        due: UnixMs(0),
        payload: (),
    }
}

fn ids(started: &[Due<()>]) -> Vec<&str> {
    started.iter().map(|it| it.id.as_str()).collect()
}

/// All that may start now.
fn start_all(lanes: &mut Lanes<()>, now: i64) -> Vec<Due<()>> {
    std::iter::from_fn(|| lanes.next_due(UnixMs(now))).collect()
}

fn finish(lanes: &mut Lanes<()>, due: &Due<()>, outcome: Outcome, now: i64) -> Verdict {
    lanes.finished(&due.ticket, outcome, UnixMs(now), 0.0)
}

#[test]
fn only_the_head_of_a_lane_goes_and_lanes_do_not_wait_for_each_other() {
    let mut lanes = lanes(&["crm"]);
    for (id, lane) in [(1, "a"), (2, "a"), (3, "b"), (4, "b")] {
        lanes.push("crm", queued(id, lane), UnixMs(0));
    }
    let first = start_all(&mut lanes, 0);
    assert_eq!(ids(&first), ["00001", "00003"]);
    assert_eq!(finish(&mut lanes, &first[1], Outcome::Delivered, 5), Verdict::Delivered);
    assert_eq!(ids(&start_all(&mut lanes, 5)), ["00004"]);
}

#[test]
fn a_failure_holds_its_own_lane_only() {
    let mut lanes = lanes(&["crm"]);
    for (id, lane) in [(1, "a"), (2, "a"), (3, "b")] {
        lanes.push("crm", queued(id, lane), UnixMs(0));
    }
    let first = start_all(&mut lanes, 0);
    let verdict = finish(&mut lanes, &first[0], Outcome::Unavailable, 0);
    assert_eq!(verdict, Verdict::RetryAt(UnixMs(500)));
    assert_eq!(finish(&mut lanes, &first[1], Outcome::Delivered, 0), Verdict::Delivered);
    assert!(start_all(&mut lanes, 499).is_empty());
    assert_eq!(lanes.next_wake(), Some(UnixMs(500)));
    let again = start_all(&mut lanes, 500);
    assert_eq!((ids(&again), again[0].attempt), (vec!["00001"], 2));
}

#[test]
fn a_dead_letter_lets_the_next_of_its_call_go() {
    let mut lanes = lanes(&["crm"]);
    lanes.push("crm", queued(1, "a"), UnixMs(0));
    lanes.push("crm", queued(2, "a"), UnixMs(0));
    let first = start_all(&mut lanes, 0);
    let verdict = finish(&mut lanes, &first[0], Outcome::Refused, 0);
    assert_eq!(verdict, Verdict::GaveUp(GiveUp::Refused));
    let second = start_all(&mut lanes, 0);
    assert_eq!(ids(&second), ["00002"]);
    let verdict = finish(&mut lanes, &second[0], Outcome::Unavailable, 3_600_000);
    assert_eq!(verdict, Verdict::GaveUp(GiveUp::TooOld));
    assert_eq!(lanes.load_of("crm"), Load::default());
}

#[test]
fn a_wish_to_slow_down_holds_all_lanes_of_that_integration_and_no_other() {
    let mut lanes = lanes(&["crm", "chat"]);
    for (id, lane) in [(1, "a"), (2, "b"), (3, "c")] {
        lanes.push("crm", queued(id, lane), UnixMs(0));
    }
    let first = start_all(&mut lanes, 0);
    finish(&mut lanes, &first[0], Outcome::Throttled(Some(9_000)), 0);
    finish(&mut lanes, &first[1], Outcome::Delivered, 0);
    lanes.push("chat", queued(4, "a"), UnixMs(0));
    assert_eq!(ids(&start_all(&mut lanes, 8_999)), ["00004"]);
    assert_eq!(lanes.next_wake(), Some(UnixMs(9_000)));
    assert_eq!(ids(&start_all(&mut lanes, 9_000)), ["00003", "00001"]);
}

#[test]
fn an_endpoint_that_hangs_takes_its_own_places_only() {
    let mut lanes = Lanes::new(2);
    for name in ["dead", "fine"] {
        lanes.set(name, QueueSettings { in_flight_max: 5, ..SETTINGS });
        let reload = lanes.reload().unwrap();
        lanes.loaded(&reload.integration, Vec::new(), false, UnixMs(0));
    }
    for id in 1..=5 {
        lanes.push("dead", queued(id, &id.to_string()), UnixMs(0));
    }
    assert_eq!(start_all(&mut lanes, 0).len(), 2, "all places there are");
    lanes.push("fine", queued(6, "a"), UnixMs(0));
    assert_eq!(ids(&start_all(&mut lanes, 0)), ["00006"], "nobody is shut out");
}

#[test]
fn an_integration_that_keeps_failing_is_asked_by_few_at_a_time() {
    let mut lanes = Lanes::new(100);
    lanes.set("dead", QueueSettings { in_flight_max: 20, held_max: 100, ..SETTINGS });
    lanes.reload().unwrap();
    lanes.loaded("dead", Vec::new(), false, UnixMs(0));
    for id in 1..=20 {
        lanes.push("dead", queued(id, &id.to_string()), UnixMs(0));
    }
    let first = start_all(&mut lanes, 0);
    assert_eq!(first.len(), 20);
    for due in &first {
        finish(&mut lanes, due, Outcome::Unavailable, 0);
    }
    let second = start_all(&mut lanes, 500);
    assert_eq!(second.len(), 4);
    finish(&mut lanes, &second[0], Outcome::Delivered, 600);
    assert_eq!(start_all(&mut lanes, 600).len(), 16, "one success ends the caution");
}

#[test]
fn beyond_its_limit_deliveries_stay_in_the_store_and_come_back_in_order() {
    let mut lanes = lanes(&["crm"]);
    for id in 1..=20 {
        lanes.push("crm", queued(id, "a"), UnixMs(0));
    }
    assert_eq!(lanes.load_of("crm").held, 8);
    let mut sent = Vec::new();
    while let Some(due) = lanes.next_due(UnixMs(0)) {
        sent.push(due.id.clone());
        finish(&mut lanes, &due, Outcome::Delivered, 0);
        if let Some(Reload { after, limit, .. }) = lanes.reload() {
            let rest: Vec<_> = (1..=20).filter(|id| after < format!("{id:05}")).collect();
            let more = limit < rest.len();
            let rest = rest.iter().take(limit).map(|id| queued(*id, "a")).collect();
            lanes.loaded("crm", rest, more, UnixMs(0));
            assert!(lanes.load_of("crm").held <= 8);
        }
    }
    assert_eq!(sent, (1..=20).map(|id| format!("{id:05}")).collect::<Vec<_>>());
    assert_eq!(lanes.reload(), None);
}

#[test]
fn a_replayed_delivery_goes_before_the_later_ones_of_its_call() {
    let mut lanes = lanes(&["crm"]);
    for id in [5, 6, 7] {
        lanes.push("crm", queued(id, "a"), UnixMs(0));
    }
    let flying = start_all(&mut lanes, 0);
    lanes.replay("crm", queued(2, "a"), UnixMs(0));
    lanes.replay("crm", queued(6, "a"), UnixMs(0));
    let mut order = Vec::new();
    finish(&mut lanes, &flying[0], Outcome::Delivered, 0);
    while let Some(due) = lanes.next_due(UnixMs(0)) {
        order.push(due.id.clone());
        finish(&mut lanes, &due, Outcome::Delivered, 0);
    }
    assert_eq!(order, ["00002", "00006", "00007"], "6 was there already");
}

#[test]
fn a_replay_without_room_is_read_from_the_store_later() {
    let mut lanes = lanes(&["crm"]);
    for id in 10..18 {
        lanes.push("crm", queued(id, "a"), UnixMs(0));
    }
    lanes.replay("crm", queued(1, "b"), UnixMs(0));
    assert_eq!((lanes.load_of("crm").held, lanes.reload()), (8, None));
    for _ in 0..4 {
        let due = lanes.next_due(UnixMs(0)).unwrap();
        finish(&mut lanes, &due, Outcome::Delivered, 0);
    }
    let reload = lanes.reload().unwrap();
    assert_eq!((reload.after.as_str(), reload.limit), ("", 4));
    let found = [1, 14, 15, 16].map(|id| queued(id, if id == 1 { "b" } else { "a" }));
    lanes.loaded("crm", found.into(), true, UnixMs(0));
    assert_eq!(lanes.load_of("crm").held, 5, "those that are there do not come twice");
    assert_eq!(ids(&start_all(&mut lanes, 0)), ["00014", "00001"]);
}

#[test]
fn an_integration_that_is_switched_off_ends_what_flies_and_starts_nothing() {
    let mut lanes = lanes(&["crm"]);
    for (id, lane) in [(1, "a"), (2, "a"), (3, "b")] {
        lanes.push("crm", queued(id, lane), UnixMs(0));
    }
    let flying = lanes.next_due(UnixMs(0)).unwrap();
    lanes.remove("crm");
    assert!(start_all(&mut lanes, 0).is_empty());
    assert_eq!(lanes.load_of("crm"), Load { held: 1, in_flight: 1 });
    // Switched on again while one still flies: that one is not sent beside itself.
    lanes.set("crm", SETTINGS);
    assert_eq!(lanes.reload().unwrap().after, "");
    let stored = [1, 2, 3].map(|id| queued(id, if id == 3 { "b" } else { "a" }));
    lanes.loaded("crm", stored.into(), false, UnixMs(0));
    assert_eq!(ids(&start_all(&mut lanes, 0)), ["00003"]);
    assert_eq!(finish(&mut lanes, &flying, Outcome::Delivered, 0), Verdict::Delivered);
    assert_eq!(ids(&start_all(&mut lanes, 0)), ["00002"]);
}

#[test]
fn an_outcome_is_counted_once() {
    let mut lanes = lanes(&["crm"]);
    lanes.push("crm", queued(1, "a"), UnixMs(0));
    let due = lanes.next_due(UnixMs(0)).unwrap();
    for _ in 0..2 {
        finish(&mut lanes, &due, Outcome::Delivered, 0);
        assert_eq!((lanes.in_flight(), lanes.load_of("crm")), (0, Load::default()));
    }
}

#[test]
fn a_store_that_cannot_be_read_is_asked_again() {
    let mut lanes: Lanes<()> = Lanes::new(4);
    lanes.set("crm", SETTINGS);
    assert!(lanes.reload().is_some());
    assert_eq!(lanes.reload(), None, "one at a time");
    lanes.load_failed("crm");
    assert!(lanes.reload().is_some());
}
