//! What the writer promises, on both databases.

use std::time::Duration;

use call::{Event, EventKind, LinkChange, UnixMs};
use expect_test::expect;

use crate::{
    Attempt, AttemptOutcome, AttemptRecord, Committed, DeliveryId, DeliveryStatus, LinkUpdate,
    StoreError, Turn, WriterState,
    testing::{Site, call, ended, missed, on_both, on_sqlite, started, update},
};

#[test]
fn a_turn_comes_out_whole_and_in_order() {
    on_both(async |home| {
        let mut site = Site::open(home).await;
        let crm = site.integration("crm").await;
        let out = site
            .commit(vec![(started(&call(1, 0)), vec![crm.clone()]), (ended(&missed(1, 0)), vec![])])
            .await;
        let kinds: Vec<_> = out.iter().map(|it| (it.event.kind, it.deliveries.len())).collect();
        assert_eq!(kinds, [(EventKind::CallStarted, 1), (EventKind::CallEnded, 0)]);
        assert_eq!(out[0].deliveries[0].integration, crm);
        assert_eq!(out[0].deliveries[0].call.as_ref(), Some(&call(1, 0).id));
        let stored = site.store.events_after(&site.organisation, None, 10).await.unwrap();
        let committed: Vec<Event> = out.iter().map(|it| (*it.event).clone()).collect();
        assert_eq!(stored, committed);
    });
}

#[test]
fn the_ready_json_is_the_event() {
    on_both(async |home| {
        let mut site = Site::open(home).await;
        let turn = Turn { links: vec![(link_down("it says \"no\""), vec![])], ..site.turn(vec![]) };
        site.store.writer().submit(turn).await.unwrap();
        let mut out = site.committed(1).await;
        out.extend(site.commit(vec![(started(&call(1, 0)), vec![])]).await);
        for Committed { event, json, .. } in out {
            assert_eq!(&*json, serde_json::to_string(&*event).unwrap());
        }
    });
}

fn link_down(reason: &str) -> LinkUpdate {
    LinkUpdate {
        kind: EventKind::LinkDown,
        time: UnixMs(5),
        change: LinkChange { pbx: "head-office".to_owned(), reason: Some(reason.to_owned()) },
    }
}

#[test]
fn ids_rise_over_a_restart() {
    on_both(async |home| {
        let mut last = String::new();
        for round in 0..3 {
            let mut site = Site::open(home).await;
            for out in site.commit(vec![(started(&call(round, 0)), vec![])]).await {
                assert!(last < out.event.id, "{last} < {}", out.event.id);
                assert!(call::Ids::check(&out.event.id).is_ok());
                last.clone_from(&out.event.id);
            }
            site.store.close().await;
        }
    });
}

#[test]
fn open_calls_are_there_after_a_restart() {
    on_both(async |home| {
        let mut site = Site::open(home).await;
        let (open, over) = (call(1, 0), call(2, 5));
        let ringing = call::Call { rang: vec!["201".into(), "202".into()], ..open.clone() };
        site.commit(vec![(started(&open), vec![]), (started(&over), vec![])]).await;
        site.commit(vec![(update(EventKind::CallRinging, 2, &ringing), vec![])]).await;
        site.commit(vec![(ended(&missed(2, 5)), vec![])]).await;
        let before = site.store.open_calls(&site.organisation);
        site.store.close().await;
        let site = Site::open(home).await;
        assert_eq!(site.store.open_calls(&site.organisation), before);
        let restored = site.store.calls_to_restore(&site.organisation, &site.pbx).await.unwrap();
        let calls: Vec<_> = restored.into_iter().map(|it| it.0).collect();
        assert_eq!(calls, [ringing]);
        let other = "other".into();
        assert_eq!(site.store.calls_to_restore(&site.organisation, &other).await.unwrap(), []);
    });
}

#[test]
fn a_call_with_a_memo_of_another_version_is_given_back_to_be_ended() {
    on_both(async |home| {
        let mut site = Site::open(home).await;
        let update = update(EventKind::CallRinging, 7, &call(1, 0));
        site.commit(vec![(update, vec![])]).await;
        let spoil = |db: &mut crate::db::Db| {
            db.execute("UPDATE open_calls SET memo = '{\"of\": 1}'", &[]).map(|_| ())
        };
        site.store.inner.writer.write(spoil).await.unwrap();
        let restored = site.store.calls_to_restore(&site.organisation, &site.pbx).await;
        assert_eq!(restored.unwrap(), [(call(1, 0), call::Memo::forgotten(7))]);
    });
}

#[test]
fn nothing_is_acknowledged_while_the_disk_fails_and_nothing_is_lost() {
    on_both(async |home| {
        let mut site = Site::open(home).await;
        let mut state = site.store.writer().state();
        site.store.writer().faults().fail(3);
        for number in 0..5 {
            let turn = site.turn(vec![(started(&call(number, 0)), vec![])]);
            site.store.writer().submit(turn).await.unwrap();
        }
        let failing = state.wait_for(|it| *it != WriterState::Working).await.unwrap().clone();
        let WriterState::Failing { reason, .. } = failing else { panic!("{failing:?}") };
        expect!["the database is not available: a test makes the disk fail"].assert_eq(&reason);
        let out = site.committed(5).await;
        state.wait_for(|it| *it == WriterState::Working).await.unwrap();
        let stored = site.store.events_after(&site.organisation, None, 10).await.unwrap();
        assert_eq!(stored.len(), 5);
        assert!(out.iter().zip(&stored).all(|(out, stored)| out.event.id == stored.id));
    });
}

#[test]
fn a_stalled_disk_makes_those_who_submit_wait() {
    on_both(async |home| {
        let mut site = Site::open(home).await;
        site.store.writer().faults().stall();
        let mut sent = 0;
        let full = loop {
            // A turn of a thousand events is some megabytes.
            let updates = (0..1_000).map(|it| (started(&call(it, 0)), vec![])).collect();
            let turn = site.turn(updates);
            let submitting = site.store.writer().submit(turn);
            let wait = Duration::from_millis(300);
            if tokio::time::timeout(wait, submitting).await.is_err() {
                break sent;
            }
            sent += 1;
            assert!(sent < 50, "the queue takes more than its limit");
        };
        assert!(2 < full, "the queue takes seconds of traffic, took {full} turns");
        site.store.writer().faults().resume();
        site.committed(full * 1_000).await;
    });
}

#[test]
fn a_change_is_refused_at_once_while_the_disk_fails() {
    on_both(async |home| {
        let site = Site::open(home).await;
        site.store.writer().faults().fail(u32::MAX);
        let turn = site.turn(vec![(started(&call(1, 0)), vec![])]);
        site.store.writer().submit(turn).await.unwrap();
        let refused = site.store.put_setting(&site.organisation, "a", Some(1.into())).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        site.store.writer().faults().fail(0);
    });
}

#[test]
fn outcomes_are_written_without_a_turn_to_ride_along_with() {
    on_both(async |home| {
        let mut site = Site::open(home).await;
        let crm = site.integration("crm").await;
        let out = site.commit(vec![(started(&call(1, 0)), vec![crm])]).await;
        let id = &out[0].deliveries[0].id;
        let record = outcome(&site, id, 1, AttemptOutcome::Delivered);
        site.store.writer().record(record).await.unwrap();
        site.until(async |_| site.status(id).await == DeliveryStatus::Delivered).await;
    });
}

#[test]
fn outcomes_ride_along_with_the_next_turn() {
    on_both(async |home| {
        let mut site = Site::open(home).await;
        let crm = site.integration("crm").await;
        for number in 0..20 {
            let out = site.commit(vec![(started(&call(number, 0)), vec![crm.clone()])]).await;
            let record = outcome(&site, &out[0].deliveries[0].id, 1, AttemptOutcome::Delivered);
            site.store.writer().record(record).await.unwrap();
        }
        site.until(async |store| store.writer().counters().attempts == 20).await;
        let counters = site.store.writer().counters();
        assert_eq!(counters.events, 20);
        // One for each turn and one for the last outcome; a machine that stops for a while in
        // between makes a few more. Each with a commit of its own would be forty.
        assert!(counters.commits < 30, "{counters:?}");
    });
}

#[test]
fn a_full_disk_is_told_and_writing_goes_on_when_there_is_room() {
    on_sqlite(async |home| {
        let mut site = Site::open(home).await;
        let pages = |count: u32| {
            move |db: &mut crate::db::Db| {
                db.each(&format!("PRAGMA max_page_count = {count}"), &[], &mut |_| Ok(()))
            }
        };
        // SQLite raises it to what there is already.
        site.store.inner.writer.write(pages(1)).await.unwrap();
        let mut state = site.store.writer().state();
        for number in 0..200 {
            let turn = site.turn(vec![(started(&call(number, 0)), vec![])]);
            site.store.writer().submit(turn).await.unwrap();
        }
        let failing = state.wait_for(|it| *it != WriterState::Working).await.unwrap().clone();
        let WriterState::Failing { reason, .. } = failing else { panic!("{failing:?}") };
        assert!(reason.contains("the disk is full"), "{reason}");
        site.store.inner.writer.write(pages(1_000_000)).await.unwrap();
        let out = site.committed(200).await;
        state.wait_for(|it| *it == WriterState::Working).await.unwrap();
        let stored = site.store.events_after(&site.organisation, None, 500).await.unwrap();
        assert!(out.iter().map(|it| &it.event.id).eq(stored.iter().map(|it| &it.id)));
        assert_eq!(site.store.open_calls(&site.organisation).len(), 200);
    });
}

#[test]
fn what_waits_is_written_when_the_store_closes() {
    on_both(async |home| {
        let mut site = Site::open(home).await;
        let crm = site.integration("crm").await;
        let out = site.commit(vec![(started(&call(1, 0)), vec![crm])]).await;
        let id = out[0].deliveries[0].id.clone();
        let turn = site.turn(vec![(started(&call(2, 0)), vec![])]);
        site.store.writer().submit(turn).await.unwrap();
        let record = outcome(&site, &id, 1, AttemptOutcome::Delivered);
        site.store.writer().record(record).await.unwrap();
        site.store.close().await;
        let refused = site.store.writer().submit(site.turn(vec![(started(&call(3, 0)), vec![])]));
        assert_eq!(refused.await, Err(StoreError::Closed));
        let site = Site::open(home).await;
        assert_eq!(site.status(&id).await, DeliveryStatus::Delivered);
        assert_eq!(site.store.open_calls(&site.organisation).len(), 2);
    });
}

fn outcome(
    site: &Site,
    delivery: &DeliveryId,
    number: u32,
    outcome: AttemptOutcome,
) -> AttemptRecord {
    AttemptRecord {
        organisation: site.organisation.clone(),
        delivery: delivery.clone(),
        attempt: Attempt {
            number,
            started_at: UnixMs(1_795_000_000_000),
            duration_ms: 12,
            status: Some(200),
            error: None,
            request: None,
            response: None,
        },
        outcome,
    }
}

#[test]
fn events_of_a_deleted_integration_go_nowhere() {
    on_both(async |home| {
        let mut site = Site::open(home).await;
        let crm = site.integration("crm").await;
        let delete =
            crate::ConfigChange::Delete { shelf: crate::Shelf::Integration, id: crm.to_string() };
        let out = site.commit(vec![(started(&call(1, 0)), vec![crm.clone()])]).await;
        site.store.change_config(&site.organisation, vec![delete]).await.unwrap();
        assert_eq!(site.status(&out[0].deliveries[0].id).await, DeliveryStatus::Cancelled);
        let out = site.commit(vec![(started(&call(2, 0)), vec![crm])]).await;
        assert_eq!(out[0].deliveries, []);
    });
}
