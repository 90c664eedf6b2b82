use std::sync::Mutex;

use call::{Call, CallId, CallUpdate, EventKind};
use connectors::{Attempt, Delivery, Keep, Limits, Request, SendError};
use serde_json::json;
use store::{ConfigChange, Draft, PbxId, Shelf, StorageUrl, StoreSettings, Turn};
use tokio::sync::Semaphore;

use super::*;

/// Longest that the test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// An endpoint that takes nothing until the gate is open, then everything.
struct Gated {
    gate: Semaphore,
    taken: Mutex<Vec<(CallId, u32)>>,
}

#[async_trait::async_trait]
impl Connector for Gated {
    fn preview(&self, _: &Delivery) -> Result<Request, SendError> {
        Err(SendError::Invalid("not in this test".to_owned()))
    }

    async fn send(&self, delivery: &Delivery, _: Keep) -> Attempt {
        let _open = self.gate.acquire().await.unwrap();
        if let call::Subject::Call(call) = &delivery.event.subject {
            self.taken.lock().unwrap().push((call.id.clone(), delivery.event.sequence));
        }
        Attempt {
            outcome: Ok(()),
            status: Some(204),
            duration: Duration::ZERO,
            request: None,
            answer: None,
        }
    }

    fn limits(&self) -> Limits {
        Limits { in_flight_max: 64, give_up_after_s: 3600 }
    }
}

struct NobodyWatches;

impl Watcher for NobodyWatches {
    fn attempted(
        &self,
        _: &Destination,
        _: Option<&str>,
        _: bool,
        _: Duration,
        _: UnixMs,
        _: UnixMs,
    ) {
    }
}

fn update(number: usize, sequence: u32) -> CallUpdate {
    let call: Call = serde_json::from_value(json!({
        "id": format!("call-{number:05}"), "pbx": "office", "direction": "inbound",
        "from": {}, "to": {}, "state": "ringing", "rang": [], "parties": [], "transfers": [],
        "parked": false, "started_at": "2026-11-20T10:00:00.000Z", "ring_seconds": 0.0,
        "talk_seconds": 0.0, "hold_seconds": 0.0, "recordings": [], "links": [],
    }))
    .unwrap();
    let kind = if sequence == 1 { EventKind::CallStarted } else { EventKind::CallRinging };
    CallUpdate { kind, time: call.started_at, sequence, call: Arc::new(call), memo: None }
}

#[tokio::test]
async fn a_burst_that_memory_cannot_hold_is_delivered_whole_and_in_order() {
    // More than is held, and then more than the store gives at once, twice over.
    let calls = HELD_MAX / 2 + 2 * PENDING_READ_MAX;
    let home = tempfile::tempdir().unwrap();
    let url = StorageUrl::Sqlite(home.path().join("hub.db"));
    let store = Store::open(&url, StoreSettings { clock: clock::now, seed: 7 }).await.unwrap();
    let organisation = store.default_organisation();
    let draft = Draft {
        name: "sink".to_owned(),
        kind: "http".to_owned(),
        settings: json!({}),
        enabled: true,
    };
    let create = ConfigChange::Create(Shelf::Integration, draft);
    let made = store.change_config(&organisation, vec![create]).await.unwrap();
    let id = IntegrationId::from(made[0].id.as_str());

    let endpoint = Arc::new(Gated {
        gate: Semaphore::new(0),
        taken: Mutex::new(Vec::with_capacity(calls * 2)),
    });
    let (orders, to_worker) = mpsc::unbounded_channel();
    let connector: Arc<dyn Connector> = endpoint.clone();
    let destination = Destination {
        organisation: organisation.clone(),
        id: id.clone(),
        name: "sink".into(),
        connector,
    };
    orders.send(Order::Set(destination)).ok();
    let (stop, stopping) = watch::channel(false);
    let worker = Worker::new(store.clone(), Arc::new(NobodyWatches), to_worker);
    let mut commits = store.writer().subscribe();
    let working = tokio::spawn(worker.run(stopping, Duration::from_secs(1)));

    for sequence in [1, 2] {
        let updates = (0..calls).map(|it| (update(it, sequence), vec![id.clone()])).collect();
        let turn = Turn {
            organisation: organisation.clone(),
            pbx: PbxId::from("office"),
            updates,
            links: Vec::new(),
        };
        store.writer().submit(turn).await.unwrap();
        commits.recv().await.unwrap();
    }
    endpoint.gate.add_permits(64);

    let all = async {
        while endpoint.taken.lock().unwrap().len() < calls * 2 {
            tokio::task::yield_now().await;
        }
    };
    let arrived = timeout(PATIENCE, all).await;
    let taken = endpoint.taken.lock().unwrap().clone();
    assert!(arrived.is_ok(), "only {} of {} arrived", taken.len(), calls * 2);
    let mut seen: FxHashMap<CallId, u32> = FxHashMap::default();
    for (call, sequence) in taken {
        let last = seen.insert(call.clone(), sequence).unwrap_or(0);
        assert_eq!(last + 1, sequence, "{} out of order", call.0);
    }
    stop.send_replace(true);
    working.await.unwrap();
    store.close().await;
}
