//! What the measurements share: calls like real ones, a far integration, and figures.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use call::{
    Call, CallId, CallUpdate, Direction, EventKind, Ids, Memo, Outcome, Party, State, Tracker,
    TrackerSettings, UnixMs,
    tracker::{LegState, NewLeg, Side},
};
use store::{
    Attempt, AttemptOutcome, AttemptRecord, Commit, ConfigChange, DeliveryId, Draft, IntegrationId,
    OrgId, Shelf, StorageUrl, Store, StoreSettings, Turn,
};
use tokio::sync::mpsc::UnboundedReceiver;

/// The value of `--name`.
pub(crate) fn argument(name: &str) -> Option<String> {
    let flag = format!("--{name}");
    let mut arguments = std::env::args().skip_while(|it| *it != flag).skip(1);
    arguments.next()
}

/// A moment in 2026, from which the clock of the measurements counts.
pub(crate) const START: UnixMs = UnixMs(1_795_000_000_000);

static NOW: AtomicI64 = AtomicI64::new(START.0);

fn clock() -> UnixMs {
    UnixMs(NOW.fetch_add(1, Ordering::Relaxed))
}

/// An open store with one integration.
pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) organisation: OrgId,
    pub(crate) integration: IntegrationId,
    pub(crate) commits: UnboundedReceiver<Arc<Commit>>,
}

impl Site {
    pub(crate) async fn open(url: &StorageUrl) -> Site {
        let settings = StoreSettings { clock, seed: 1 };
        let store = Store::open(url, settings).await.expect("the database opens");
        let organisation = store.default_organisation();
        let entries = store.entries(&organisation, Shelf::Integration).await.expect("it answers");
        let integration = match entries.first() {
            Some(entry) => entry.id.clone(),
            None => {
                let draft = Draft {
                    name: "crm".to_owned(),
                    kind: "http".to_owned(),
                    settings: serde_json::Value::Null,
                    enabled: true,
                };
                let change = vec![ConfigChange::Create(Shelf::Integration, draft)];
                let made = store.change_config(&organisation, change).await.expect("it is saved");
                made[0].id.clone()
            }
        };
        let commits = store.writer().subscribe();
        Site { store, organisation, integration: integration.into(), commits }
    }

    pub(crate) fn turn(&self, updates: impl IntoIterator<Item = CallUpdate>) -> Turn {
        Turn {
            organisation: self.organisation.clone(),
            pbx: "office".into(),
            updates: updates.into_iter().map(|it| (it, vec![self.integration.clone()])).collect(),
            links: Vec::new(),
        }
    }

    pub(crate) fn delivered(&self, delivery: &DeliveryId) -> AttemptRecord {
        AttemptRecord {
            organisation: self.organisation.clone(),
            delivery: delivery.clone(),
            attempt: Attempt {
                number: 1,
                started_at: START,
                duration_ms: 4,
                status: Some(204),
                error: None,
                request: None,
                response: None,
            },
            outcome: AttemptOutcome::Delivered,
        }
    }
}

/// What a tracker remembers of a call from outside that rings at an extension.
fn memo() -> Arc<Memo> {
    let settings = TrackerSettings { pbx: "head-office".to_owned(), ..Default::default() };
    let mut tracker = Tracker::new(settings, Ids::new(1));
    let leg = |key, side, number, dialled| {
        let state = LegState::Calling;
        NewLeg { key, name: key, side, state, number: Some(number), display: None, dialled }
    };
    let caller = leg("PJSIP/trunk-00000001", Side::Outside(None), "0612345678", Some("100"));
    let caller = tracker.leg_born(START, caller).expect("there is room");
    let phone = leg("PJSIP/201-00000002", Side::Extension("201".into()), "201", None);
    let phone = tracker.leg_born(START, phone).expect("there is room");
    tracker.dials(START, caller, phone, Some("201"));
    tracker.rings(START, phone);
    let updates = std::iter::from_fn(|| tracker.poll());
    updates.filter_map(|it| it.memo).last().expect("the call is open")
}

/// Calls as they go: started, ringing, answered, held, resumed, ended.
pub(crate) struct Calls {
    number: u64,
    memo: Arc<Memo>,
}

impl Calls {
    pub(crate) fn new() -> Calls {
        Calls { number: 0, memo: memo() }
    }

    /// The events of the next call.
    pub(crate) fn next(&mut self) -> Vec<CallUpdate> {
        self.number += 1;
        let started = START.plus_ms(i64::try_from(self.number).unwrap_or(0) * 20);
        let mut call = ringing(self.number, started);
        let kinds = [
            EventKind::CallStarted,
            EventKind::CallRinging,
            EventKind::CallAnswered,
            EventKind::CallHeld,
            EventKind::CallResumed,
            EventKind::CallEnded,
        ];
        let mut updates = Vec::new();
        for (sequence, kind) in (1..).zip(kinds) {
            let time = started.plus_ms(i64::from(sequence) * 4_000);
            step(&mut call, kind, time);
            let memo = (call.state != State::Ended).then(|| Arc::clone(&self.memo));
            updates.push(CallUpdate { kind, time, sequence, call: Arc::new(call.clone()), memo });
        }
        updates
    }
}

/// A call from outside that rings.
pub(crate) fn ringing(number: u64, started_at: UnixMs) -> Call {
    let party = |number: String, name: Option<&str>| Party {
        raw: Some(number.replace("+39", "")),
        number: Some(number),
        name: name.map(str::to_owned),
    };
    Call {
        id: CallId(format!("{number:026}")),
        pbx: "head-office".to_owned(),
        direction: Direction::Inbound,
        from: party(format!("+39061{:07}", number * 7_919 % 10_000_000), Some("Mario Rossi")),
        to: party("+390687654321".to_owned(), None),
        state: State::Ringing,
        rang: vec!["201".to_owned(), "202".to_owned()],
        queue: Some("support".to_owned()),
        started_at,
        ..empty()
    }
}

fn empty() -> Call {
    serde_json::from_value(serde_json::json!({
        "id": "", "pbx": "", "direction": "inbound",
        "from": {"number": null, "raw": null, "name": null},
        "to": {"number": null, "raw": null, "name": null},
        "state": "ringing", "outcome": null, "queue": null, "rang": [], "answered_by": null,
        "parties": [], "extension": null, "user": null, "transfers": [], "picked_up_from": null,
        "forwarded_by": null, "parked": false, "started_at": START, "answered_at": null,
        "ended_at": null, "ring_seconds": 0.0, "talk_seconds": 0.0, "hold_seconds": 0.0,
        "ended_by": null, "hangup_cause": null, "dial_request": null, "recordings": [],
        "contact": null, "links": []
    }))
    .expect("it has the shape of a call")
}

fn step(call: &mut Call, kind: EventKind, time: UnixMs) {
    match kind {
        EventKind::CallAnswered => {
            call.state = State::Talking;
            call.answered_by = Some("201".to_owned());
            call.parties = vec!["201".to_owned()];
            call.extension = Some("201".to_owned());
            call.user = Some("anna@example.com".to_owned());
            call.answered_at = Some(time);
        }
        EventKind::CallEnded => {
            call.state = State::Ended;
            call.outcome = Some(Outcome::Answered);
            call.ended_at = Some(time);
            call.hangup_cause = Some(16);
        }
        _ => {}
    }
}

/// Time that all threads of this process have run, by the scheduler's own account.
pub(crate) fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ns = tasks.filter_map(|it| {
        let text = std::fs::read_to_string(it.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(ns.sum())
}

/// The value below which `share` of the samples lie.
pub(crate) fn quantile(samples: &mut [Duration], share: f64) -> Duration {
    samples.sort_unstable();
    let last = samples.len().saturating_sub(1);
    samples.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}

pub(crate) fn mean(samples: &[Duration]) -> Duration {
    samples.iter().sum::<Duration>() / u32::try_from(samples.len().max(1)).unwrap_or(1)
}
