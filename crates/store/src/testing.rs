//! What the tests of this crate have in common: a database of each sort, calls, and turns.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use call::{Call, CallId, CallUpdate, EventKind, Memo, Outcome, State, UnixMs};
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    Commit, Committed, ConfigChange, DeliveryId, Draft, IntegrationId, OrgId, PbxId, Shelf,
    StorageUrl, Store, StoreSettings, Turn,
};

/// Longest that a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A time in 2026.
pub(crate) const START: UnixMs = UnixMs(1_795_000_000_000);
static NOW: AtomicI64 = AtomicI64::new(START.0);

/// The clock of the tests: a millisecond later each time.
fn tick() -> UnixMs {
    UnixMs(NOW.fetch_add(1, Ordering::SeqCst))
}

/// Moves the clock.
pub(crate) fn advance(ms: i64) {
    NOW.fetch_add(ms, Ordering::SeqCst);
}

/// A place for one database, removed after the test.
pub(crate) struct Home {
    pub(crate) url: StorageUrl,
    directory: tempfile::TempDir,
    /// Address of the server and name of the schema.
    schema: Option<(String, String)>,
}

/// Runs a story on each database that there is.
pub(crate) fn on_both(story: impl AsyncFn(&Home)) {
    run(Home::sqlite(), &story);
    match server() {
        Some(server) => run(Home::postgres(&server), &story),
        None => eprintln!("SKIPPED on PostgreSQL: TEST_POSTGRES_URL is not set"),
    }
}

/// Runs a story on SQLite alone.
pub(crate) fn on_sqlite(story: impl AsyncFn(&Home)) {
    run(Home::sqlite(), &story);
}

fn run(home: Home, story: &impl AsyncFn(&Home)) {
    println!("on {}", home.url);
    runtime()
        .block_on(async { tokio::time::timeout(PATIENCE * 6, story(&home)).await })
        .expect("the story ends in time");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "tests are told where PostgreSQL is")]
fn server() -> Option<String> {
    std::env::var("TEST_POSTGRES_URL").ok()
}

impl Home {
    fn sqlite() -> Home {
        let directory = tempfile::tempdir().unwrap();
        let url = StorageUrl::Sqlite(directory.path().join("hub.db"));
        Home { url, directory, schema: None }
    }

    fn postgres(server: &str) -> Home {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let schema = format!("story_{}_{count}", std::process::id());
        admin(server, &format!("CREATE SCHEMA {schema}"));
        let mark = if server.contains('?') { '&' } else { '?' };
        let url = StorageUrl::Postgres(format!("{server}{mark}options=-csearch_path%3D{schema}"));
        let schema = Some((server.to_owned(), schema));
        Home { url, directory: tempfile::tempdir().unwrap(), schema }
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url, settings()).await.unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// Ends the session of the writer on the PostgreSQL server, as a restart of it would. Not on
    /// SQLite, which has none.
    pub(crate) fn cut_writer(&self) {
        let Some((server, schema)) = &self.schema else { return };
        let sql = format!(
            "DO $$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_locks \
             WHERE locktype = 'advisory' \
             AND objid::bigint = hashtext('{schema}')::bigint & 4294967295; \
             IF NOT FOUND THEN RAISE 'there is no writer'; END IF; END $$"
        );
        admin(server, &sql);
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.schema.is_none()
    }
}

pub(crate) fn settings() -> StoreSettings {
    StoreSettings { clock: tick, seed: 0x5eed }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some((server, schema)) = &self.schema {
            admin(server, &format!("DROP SCHEMA {schema} CASCADE"));
        }
    }
}

/// Runs a statement on the server, whether or not a run time is running here.
pub(crate) fn admin(server: &str, sql: &str) {
    let (server, sql) = (server.to_owned(), sql.to_owned());
    let done = std::thread::spawn(move || {
        runtime().block_on(async {
            let (client, connection) =
                tokio_postgres::connect(&server, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute(&sql).await.unwrap();
        });
    });
    done.join().unwrap();
}

/// A store with an organisation, a phone system and what its writer commits.
pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) organisation: OrgId,
    pub(crate) pbx: PbxId,
    pub(crate) commits: UnboundedReceiver<Arc<Commit>>,
}

impl Site {
    pub(crate) async fn open(home: &Home) -> Site {
        Site::of(home.open().await)
    }

    pub(crate) fn of(store: Store) -> Site {
        Site {
            organisation: store.default_organisation(),
            pbx: "office".into(),
            commits: store.writer().subscribe(),
            store,
        }
    }

    pub(crate) async fn integration(&self, name: &str) -> IntegrationId {
        let draft = Draft {
            name: name.to_owned(),
            kind: "http".to_owned(),
            settings: json!({}),
            enabled: true,
        };
        let change = ConfigChange::Create(Shelf::Integration, draft);
        let done = self.store.change_config(&self.organisation, vec![change]).await.unwrap();
        done[0].id.as_str().into()
    }

    pub(crate) fn turn(&self, updates: Vec<(CallUpdate, Vec<IntegrationId>)>) -> Turn {
        Turn {
            organisation: self.organisation.clone(),
            pbx: self.pbx.clone(),
            updates,
            links: Vec::new(),
        }
    }

    /// Submits updates as one turn, and waits until they are durable.
    pub(crate) async fn commit(
        &mut self,
        updates: Vec<(CallUpdate, Vec<IntegrationId>)>,
    ) -> Vec<Committed> {
        let count = updates.len();
        self.store.writer().submit(self.turn(updates)).await.unwrap();
        self.committed(count).await
    }

    /// The next `count` events that become durable.
    pub(crate) async fn committed(&mut self, count: usize) -> Vec<Committed> {
        let mut events = Vec::new();
        while events.len() < count {
            let commit = tokio::time::timeout(PATIENCE, self.commits.recv()).await;
            let commit = commit.expect("a commit comes in time").expect("the store is open");
            events.extend(commit.events.iter().cloned());
        }
        assert_eq!(events.len(), count, "no more than was submitted");
        events
    }

    /// Stores calls that have ended, many in a turn.
    pub(crate) async fn end_all(&mut self, calls: impl IntoIterator<Item = Call>) {
        let calls: Vec<Call> = calls.into_iter().collect();
        for chunk in calls.chunks(500) {
            let updates = chunk.iter().map(|it| (ended(it), Vec::new())).collect();
            self.commit(updates).await;
        }
    }

    /// Waits until `done` says so.
    pub(crate) async fn until(&self, done: impl AsyncFn(&Store) -> bool) {
        let waiting = async {
            while !done(&self.store).await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it comes in time");
    }

    pub(crate) async fn status(&self, id: &DeliveryId) -> crate::DeliveryStatus {
        let found = self.store.delivery(&self.organisation, id).await.unwrap();
        found.expect("it is there").delivery.status
    }
}

/// A call that started `at` milliseconds after [`START`], in the middle of ringing.
pub(crate) fn call(number: u32, at: i64) -> Call {
    let started = START.plus_ms(at);
    serde_json::from_value(json!({
        "id": format!("{number:026}"), "pbx": "head-office", "direction": "inbound",
        "from": {"number": "+390612345678", "raw": "0612345678", "name": "Mario Rossi"},
        "to": {"number": "+390687654321", "raw": "0687654321", "name": null},
        "state": "ringing", "outcome": null, "queue": null, "rang": ["201"],
        "answered_by": null, "parties": [], "extension": null, "user": null, "transfers": [],
        "picked_up_from": null, "forwarded_by": null, "parked": false,
        "started_at": started, "answered_at": null, "ended_at": null,
        "ring_seconds": 0.0, "talk_seconds": 0.0, "hold_seconds": 0.0,
        "ended_by": null, "hangup_cause": null, "dial_request": null,
        "recordings": [], "contact": null, "links": []
    }))
    .unwrap()
}

/// The same call after it was missed.
pub(crate) fn missed(number: u32, at: i64) -> Call {
    let call = call(number, at);
    Call {
        state: State::Ended,
        outcome: Some(Outcome::Missed),
        ended_at: Some(call.started_at.plus_ms(9_000)),
        ..call
    }
}

pub(crate) fn update(kind: EventKind, sequence: u32, call: &Call) -> CallUpdate {
    let open = call.state != State::Ended;
    CallUpdate {
        kind,
        time: call.started_at.plus_ms(i64::from(sequence) * 1_000),
        sequence,
        call: Arc::new(call.clone()),
        memo: open.then(|| Arc::new(Memo::forgotten(sequence))),
    }
}

pub(crate) fn started(call: &Call) -> CallUpdate {
    update(EventKind::CallStarted, 1, call)
}

pub(crate) fn ended(call: &Call) -> CallUpdate {
    update(EventKind::CallEnded, 2, call)
}

pub(crate) fn ids<'a>(calls: impl IntoIterator<Item = &'a Arc<Call>>) -> Vec<CallId> {
    calls.into_iter().map(|it| it.id.clone()).collect()
}
