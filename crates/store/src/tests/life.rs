//! Opening, backing up, and forgetting.

use std::fs;

use crate::{
    BackupError, CallFilter, DeliveryFilter, DeliveryStatus, OpenError, Paging, Pruned, StorageUrl,
    Store,
    testing::{START, Site, call, ended, missed, on_both, on_sqlite, settings, started},
};

fn first(limit: usize) -> Paging {
    Paging { after: None, limit }
}

#[test]
fn an_address_says_which_database() {
    let path = |it: &str| Some(StorageUrl::Sqlite(it.into()));
    let cases = [
        ("sqlite:hub.db", path("hub.db")),
        ("sqlite:///var/lib/hub.db", path("/var/lib/hub.db")),
        ("sqlite:/var/lib/hub.db", path("/var/lib/hub.db")),
        ("postgres://u@h/d", Some(StorageUrl::Postgres("postgres://u@h/d".to_owned()))),
        ("sqlite:", None),
        ("mysql://h/d", None),
        ("/var/lib/hub.db", None),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse().ok(), expected, "{text}");
    }
}

#[test]
fn an_address_is_shown_without_its_password() {
    for text in ["postgres://u:s3cret@h:1/d", "postgres://h/d?user=u&password=s3cret"] {
        let url: StorageUrl = text.parse().unwrap();
        assert!(!format!("{url} {url:?}").contains("s3cret"), "{url}");
    }
}

#[test]
fn a_second_process_is_told_that_the_database_is_in_use() {
    on_both(async |home| {
        let store = home.open().await;
        let second = Store::open(&home.url, settings()).await;
        let refused = second.expect_err("it is in use");
        let expected =
            matches!(refused, OpenError::InUse(_)) || matches!(refused, OpenError::InUseServer);
        assert!(expected, "{refused}");
        store.close().await;
        home.open().await.close().await;
    });
}

#[test]
fn a_store_that_is_dropped_commits_what_waits_and_lets_the_database_go() {
    on_both(async |home| {
        let site = Site::open(home).await;
        let turn = site.turn(vec![(started(&call(1, 0)), vec![])]);
        site.store.writer().submit(turn).await.unwrap();
        drop(site);
        let again = loop {
            match Store::open(&home.url, settings()).await {
                Ok(store) => break store,
                Err(OpenError::InUse(_) | OpenError::InUseServer) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(again.open_calls(&again.default_organisation()).len(), 1);
    });
}

#[test]
fn a_lost_connection_loses_nothing_and_doubles_nothing() {
    on_both(async |home| {
        let mut site = Site::open(home).await;
        let mut committed = Vec::new();
        for round in 0..6 {
            for number in 0..50 {
                let turn = site.turn(vec![(started(&call(round * 50 + number, 0)), vec![])]);
                site.store.writer().submit(turn).await.unwrap();
                if number == 25 {
                    home.cut_writer();
                }
            }
            committed.extend(site.committed(50).await);
        }
        let stored = site.store.events_after(&site.organisation, None, 1_000).await.unwrap();
        assert!(committed.iter().map(|it| &it.event.id).eq(stored.iter().map(|it| &it.id)));
    });
}

#[test]
fn a_newer_database_is_refused_and_left_as_it_is() {
    on_both(async |home| {
        let store = home.open().await;
        let raise = |version: i64| {
            move |db: &mut crate::db::Db| {
                let sql = "UPDATE meta SET value = $1 WHERE name = 'schema_version'";
                db.execute(sql, crate::db::values![version]).map(|_| ())
            }
        };
        store.inner.writer.write(raise(99)).await.unwrap();
        store.close().await;
        let refused = Store::open(&home.url, settings()).await.expect_err("it is newer");
        assert!(
            matches!(refused, OpenError::Newer { found: 99, known: crate::schema::VERSION }),
            "{refused}"
        );
    });
}

#[test]
fn what_cannot_be_opened_is_told_with_its_place() {
    on_sqlite(async |home| {
        let missing = StorageUrl::Sqlite(home.path("no/such/folder/hub.db"));
        let refused = Store::open(&missing, settings()).await.expect_err("there is no folder");
        assert!(refused.to_string().contains("no/such/folder"), "{refused}");
        let text = home.path("text.db");
        fs::write(&text, "this is no database, but it is long enough to be one".repeat(100))
            .unwrap();
        let refused = Store::open(&StorageUrl::Sqlite(text), settings()).await;
        assert!(matches!(refused, Err(OpenError::Store(_))), "{refused:?}");
        let nobody = StorageUrl::Postgres("postgres://127.0.0.1:1/none".to_owned());
        let refused = Store::open(&nobody, settings()).await.expect_err("nobody listens");
        assert!(refused.to_string().contains("not available"), "{refused}");
    });
}

#[test]
fn a_backup_of_a_running_hub_is_consistent_and_comes_back() {
    on_both(async |home| {
        let mut site = Site::open(home).await;
        site.end_all((0..1_500).map(|it| missed(it, i64::from(it)))).await;
        let file = home.path("backup.db");
        let made = site.store.back_up(&file).await;
        if !home.is_sqlite() {
            assert!(matches!(made, Err(BackupError::UsePgDump)));
            return;
        }
        made.unwrap();
        assert!(matches!(site.store.back_up(&file).await, Err(BackupError::Exists(_))));
        site.end_all([missed(7_000, 0)]).await;
        let running = Store::restore(&file, &home.url);
        assert!(matches!(running, Err(BackupError::Target(OpenError::InUse(_)))), "{running:?}");
        site.store.close().await;
        Store::restore(&file, &home.url).unwrap();
        let site = Site::open(home).await;
        let events = site.store.events_after(&site.organisation, None, 1_000).await.unwrap();
        let rest = events.last().map(|it| it.id.as_str());
        let rest = site.store.events_after(&site.organisation, rest, 1_000).await.unwrap();
        assert_eq!(events.len() + rest.len(), 1_500);
        let gone = site.store.call(&site.organisation, &missed(7_000, 0).id).await.unwrap();
        assert_eq!(gone, None);
    });
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_touched() {
    on_sqlite(async |home| {
        let mut site = Site::open(home).await;
        site.end_all((0..1_200).map(|it| missed(it, i64::from(it)))).await;
        let file = home.path("backup.db");
        site.store.back_up(&file).await.unwrap();
        site.store.close().await;
        let whole = fs::read(&file).unwrap();
        let mut torn = whole.clone();
        let middle = torn.len() / 2;
        torn[middle..middle + 40_000].fill(0x5a);
        for bytes in [torn, whole[..middle].to_vec(), b"no database at all".to_vec()] {
            fs::write(&file, bytes).unwrap();
            let refused = Store::restore(&file, &home.url);
            assert!(matches!(refused, Err(BackupError::Damaged { .. })), "{refused:?}");
        }
        let site = Site::open(home).await;
        let page = site.store.calls(&site.organisation, CallFilter::default(), first(500)).await;
        assert_eq!(page.unwrap().items.len(), 500);
    });
}

#[test]
fn retention_removes_the_old_and_keeps_what_is_needed() {
    on_both(async |home| {
        let mut site = Site::open(home).await;
        let crm = site.integration("crm").await;
        // Three segments' worth, of which the first half is old.
        site.end_all((0..2_600).map(|it| missed(it, i64::from(it) * 1_000))).await;
        let open = call(8_000, 0);
        let pending = missed(8_001, 1);
        site.commit(vec![(started(&open), vec![]), (ended(&pending), vec![crm.clone()])]).await;
        // Later than all of these, and after the moment up to which events go.
        crate::testing::advance(3_600_000);
        let moment = site.store.now().plus_ms(-60_000);
        site.end_all([missed(9_000, 3_500_000)]).await;
        let half = START.plus_ms(1_300_000);
        let pruned = site.store.prune(half, moment).await.unwrap();
        assert_eq!(pruned, Pruned { calls: 1_301, events: 2_600, deliveries: 0 });
        let store = &site.store;
        let organisation = &site.organisation;
        let events = store.events_after(organisation, None, 100).await.unwrap();
        assert_eq!(events.len(), 3, "the open call's, the pending delivery's, the new one");
        let waiting = store.pending_deliveries(organisation, &crm, None, 10).await.unwrap();
        assert_eq!(waiting.len(), 1);
        let mut found = 0;
        let mut after = None;
        loop {
            let paging = Paging { after, limit: 500 };
            let filter = CallFilter { q: Some("rossi".to_owned()), ..Default::default() };
            let page = store.calls(organisation, filter, paging).await.unwrap();
            found += page.items.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, 1_300 + 2, "the later half, the open call and the new one");
        // Nothing is left to do, and numbering goes on.
        assert_eq!(store.prune(half, moment).await.unwrap(), Pruned::default());
        site.end_all((20_000..21_100).map(|it| missed(it, i64::from(it) * 1_000))).await;
        let filter = DeliveryFilter { status: Some(DeliveryStatus::Pending), ..Default::default() };
        let page = site.store.deliveries(&site.organisation, filter, first(5)).await.unwrap();
        assert_eq!(page.items.len(), 1);
    });
}
