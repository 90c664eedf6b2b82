//! A process that commits is killed at random moments: what it said was durable is there.

use std::{
    collections::{BTreeMap, HashSet},
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use call::{CallId, Event, EventKind, Subject};

use crate::{
    Attempt, AttemptOutcome, AttemptRecord, DeliveryFilter, OrgId, Paging, Store,
    testing::{Home, START, Site, call, missed, on_both, update},
};

/// How often the child is killed, on each database.
const ROUNDS: u32 = 10;
/// Tells the child which database it is to use.
const CHILD_URL: &str = "HOOKSWITCH_CRASH_TEST_URL";

#[test]
fn what_was_acknowledged_survives_a_kill() {
    on_both(async |home| {
        let site = Site::open(home).await;
        site.integration("crm").await;
        site.store.close().await;
        let mut acknowledged = HashSet::new();
        for round in 0..ROUNDS {
            // Moments in the middle of a stream of commits, at other places each time.
            let lines = 1 + (round * 7_919) % 400;
            acknowledged.extend(run_and_kill(home, lines));
            let store = home.open().await;
            check(&store, &acknowledged).await;
            store.close().await;
        }
        assert!(500 < acknowledged.len(), "too little was written to prove anything");
    });
}

/// Starts the child, and kills it after it has acknowledged so many events.
fn run_and_kill(home: &Home, lines: u32) -> Vec<String> {
    let address = match &home.url {
        crate::StorageUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        crate::StorageUrl::Postgres(url) => url.clone(),
    };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::crash::child", "--ignored", "--nocapture"])
        .env(CHILD_URL, address)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut killed = false;
    // After the kill, what it had written before is still in the pipe.
    for line in output.split(b'\n') {
        let line = String::from_utf8(line.unwrap()).unwrap();
        if let Some(id) = line.strip_prefix("ack ").and_then(|it| it.strip_suffix('.')) {
            acknowledged.push(id.to_owned());
        }
        if !killed && lines as usize <= acknowledged.len() {
            child.kill().unwrap();
            killed = true;
        }
    }
    assert!(killed, "the child ended by itself");
    child.wait().unwrap();
    acknowledged
}

/// Every acknowledged event is there once, calls are in step with their events, and every event
/// has its delivery.
async fn check(store: &Store, acknowledged: &HashSet<String>) {
    let organisation = store.default_organisation();
    let events = all_events(store, &organisation).await;
    let ids: HashSet<String> = events.iter().map(|it| it.id.clone()).collect();
    assert_eq!(ids.len(), events.len(), "an event is there twice");
    let lost: Vec<_> = acknowledged.difference(&ids).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let mut calls: BTreeMap<CallId, Vec<Event>> = BTreeMap::new();
    for event in events {
        let Subject::Call(call) = &event.subject else { panic!("{event:?}") };
        calls.entry(call.id.clone()).or_default().push(event);
    }
    let mut deliveries = 0;
    for (id, events) in &calls {
        let sequences: Vec<u32> = events.iter().map(|it| it.sequence).collect();
        assert_eq!(sequences, (1..=sequences.len() as u32).collect::<Vec<_>>(), "{id:?}");
        let Some(Event { subject: Subject::Call(last), .. }) = events.last() else { panic!() };
        let stored = store.call(&organisation, id).await.unwrap();
        assert_eq!(stored.as_ref(), Some(last));
        deliveries += events.len();
    }
    let open = calls.values().filter(|it| it.len() < 3).count();
    assert_eq!(store.open_calls(&organisation).len(), open);
    let mut after = None;
    let mut listed = 0;
    loop {
        let paging = Paging { after, limit: 500 };
        let page = store.deliveries(&organisation, DeliveryFilter::default(), paging).await;
        let page = page.unwrap();
        listed += page.items.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, deliveries);
}

async fn all_events(store: &Store, organisation: &OrgId) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let after = events.last().map(|it| it.id.clone());
        let more = store.events_after(organisation, after.as_deref(), 1_000).await.unwrap();
        if more.is_empty() {
            return events;
        }
        events.extend(more);
    }
}

#[test]
#[ignore = "started and killed by what_was_acknowledged_survives_a_kill"]
#[expect(clippy::disallowed_methods, reason = "the parent says so which database to use")]
fn child() {
    let address = std::env::var(CHILD_URL).expect("the parent gives the address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(write_for_ever(&address));
}

/// Commits calls and outcomes as fast as it can, and says what has become durable.
async fn write_for_ever(address: &str) {
    let store = Store::open(&address.parse().unwrap(), crate::testing::settings()).await.unwrap();
    let integration = store.backlogs().await.unwrap()[0].integration.clone();
    let mut site = Site::of(store);
    // Calls of this life have numbers of their own.
    let first = std::process::id();
    let writer = site.store.writer().clone();
    for number in 0.. {
        let mut ringing = call(number, i64::from(number));
        ringing.id = CallId(format!("{first:010}{number:016}"));
        let over = call::Call { id: ringing.id.clone(), ..missed(number, i64::from(number)) };
        let updates = [
            update(EventKind::CallStarted, 1, &ringing),
            update(EventKind::CallRinging, 2, &ringing),
            update(EventKind::CallEnded, 3, &over),
        ];
        for update in updates {
            let turn = site.turn(vec![(update, vec![integration.clone()])]);
            writer.submit(turn).await.unwrap();
        }
        while let Ok(commit) = site.commits.try_recv() {
            acknowledge(&site, &commit).await;
        }
        tokio::task::yield_now().await;
        assert!(number < 1_000_000, "the parent has forgotten its child");
    }
}

async fn acknowledge(site: &Site, commit: &crate::Commit) {
    let mut text = String::new();
    for committed in &commit.events {
        text.push_str(&format!("ack {}.\n", committed.event.id));
    }
    // In one piece, so that a kill cuts it at most once.
    std::io::stdout().write_all(text.as_bytes()).unwrap();
    for delivery in commit.events.iter().flat_map(|it| &it.deliveries) {
        let record = AttemptRecord {
            organisation: site.organisation.clone(),
            delivery: delivery.id.clone(),
            attempt: Attempt {
                number: 1,
                started_at: START,
                duration_ms: 3,
                status: Some(200),
                error: None,
                request: None,
                response: None,
            },
            outcome: AttemptOutcome::Delivered,
        };
        site.store.writer().record(record).await.unwrap();
    }
}
