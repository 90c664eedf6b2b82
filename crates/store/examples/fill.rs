//! Fills a database with ended calls, through the writer that live calls go through, for
//! benchmarks of what a hub with years of history does.
//!
//! `fill --data-dir DIR --calls N [--open-deliveries M]` over the data of a hub that does not run.
//! The last M events get a delivery to the first configured integration. Writes `DIR/fill.json`
//! with what a benchmark must know to ask for calls that exist, and prints it.

#![expect(clippy::print_stdout, reason = "a program of the command line")]

use std::{error::Error, path::PathBuf, sync::Arc, time::SystemTime};

use call::{
    Call, CallId, CallUpdate, Direction, EndedBy, EventKind, Ids, Outcome, Party, State, UnixMs,
};
use store::{IntegrationId, PbxId, Shelf, StorageUrl, Store, StoreSettings, Turn};

/// Calls of one turn: what a busy phone system would say in some seconds.
const CALLS_PER_TURN: usize = 64;
/// What the history reaches back.
const YEARS_MS: i64 = 2 * 365 * 86_400_000;
/// Points in time that are named to the benchmark.
const TIMES: i64 = 104;
const PBX: &str = "head-office";

struct Arguments {
    data_dir: PathBuf,
    calls: usize,
    open_deliveries: usize,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let path = arguments.data_dir.join("hookswitch.db");
    let url: StorageUrl = format!("sqlite:{}", path.display()).parse()?;
    let store = Store::open(&url, StoreSettings { clock: now, seed: 1 }).await?;
    let organisation = store.default_organisation();
    let integrations = store.entries(&organisation, Shelf::Integration).await?;
    let integration = integrations.first().map(|it| IntegrationId::from(it.id.as_str()));
    if arguments.open_deliveries > 0 && integration.is_none() {
        return Err("no integration is configured for the open deliveries".into());
    }
    let last = now();
    let (mut ids, mut written) = (Ids::new(2), 0);
    while written < arguments.calls {
        let count = CALLS_PER_TURN.min(arguments.calls - written);
        let mut updates = Vec::with_capacity(count * 2);
        for number in written..written + count {
            let age = YEARS_MS / arguments.calls as i64 * (arguments.calls - number) as i64;
            let call = call(number as u64, last.plus_ms(-age), &mut ids);
            let open = (arguments.calls - number) * 2 <= arguments.open_deliveries;
            let targets: Vec<IntegrationId> =
                if open { integration.iter().cloned().collect() } else { Vec::new() };
            updates.extend(events(call).map(|it| (it, targets.clone())));
        }
        let turn = Turn {
            organisation: organisation.clone(),
            pbx: PbxId::from(PBX),
            updates,
            links: Vec::new(),
        };
        store.writer().submit(turn).await?;
        written += count;
    }
    store.close().await;
    let facts = facts(arguments.calls, last);
    std::fs::write(arguments.data_dir.join("fill.json"), &facts)?;
    println!("{facts}");
    Ok(())
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut found = Arguments { data_dir: PathBuf::new(), calls: 0, open_deliveries: 0 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--data-dir" => found.data_dir = value.into(),
            "--calls" => found.calls = value.parse()?,
            "--open-deliveries" => found.open_deliveries = value.parse()?,
            _ => return Err(format!("unknown: {word}").into()),
        }
    }
    Ok(found)
}

#[expect(clippy::disallowed_methods, reason = "outside the product, nobody hands the time in")]
fn now() -> UnixMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Call number `n`, ended. Numbers, names, extensions and outcomes repeat with periods that share
/// no factor, so that every pair of them occurs.
fn call(n: u64, started_at: UnixMs, ids: &mut Ids) -> Call {
    let outcome = match n % 10 {
        0..=5 => Outcome::Answered,
        6 | 7 => Outcome::Missed,
        8 => Outcome::Busy,
        _ if n % 20 == 9 => Outcome::Failed,
        _ => Outcome::Voicemail,
    };
    let outside = Party {
        number: Some(format!("+4915{:08}", (n % 20_011) * 7919 % 100_000_000)),
        raw: Some(format!("015{:08}", (n % 20_011) * 7919 % 100_000_000)),
        name: Some(format!("Erika Mustermann {}", n % 997)),
    };
    let did = Party {
        number: Some(format!("+4930{:07}", n % 101)),
        raw: Some(format!("030{:07}", n % 101)),
        name: None,
    };
    let extension = (2000 + n % 499).to_string();
    let inside =
        Party { number: Some(extension.clone()), raw: Some(extension.clone()), name: None };
    let (direction, from, to) = match n % 3 {
        0 => (Direction::Inbound, outside, did),
        1 => (Direction::Outbound, inside, outside),
        _ => (Direction::Internal, inside, did),
    };
    let answered = outcome == Outcome::Answered;
    let talk_ms = if answered { 10_000 + (n * 7_919 % 600_000) as i64 } else { 0 };
    let ended_at = started_at.plus_ms(6_200 + talk_ms);
    Call {
        id: CallId(ids.next(started_at)),
        pbx: PBX.to_owned(),
        direction,
        from,
        to,
        state: State::Ended,
        outcome: Some(outcome),
        queue: n.is_multiple_of(7).then(|| format!("support-{}", n % 5)),
        rang: vec![extension.clone()],
        answered_by: answered.then(|| extension.clone()),
        parties: if answered { vec![extension.clone()] } else { Vec::new() },
        extension: Some(extension),
        user: Some(format!("user{}@example.com", n % 499)),
        transfers: Vec::new(),
        picked_up_from: None,
        forwarded_by: None,
        parked: false,
        started_at,
        answered_at: answered.then(|| started_at.plus_ms(6_200)),
        ended_at: Some(ended_at),
        ring_seconds: 6.2,
        talk_seconds: talk_ms as f64 / 1000.0,
        hold_seconds: 0.0,
        ended_by: Some(EndedBy::Caller),
        hangup_cause: Some(16),
        dial_request: None,
        recordings: Vec::new(),
        contact: None,
        links: Vec::new(),
        estimated: false,
        merged_into: None,
    }
}

/// Its start and its end.
fn events(ended: Call) -> [CallUpdate; 2] {
    let (started_at, ended_at) = (ended.started_at, ended.ended_at.unwrap_or(ended.started_at));
    let ringing = Call {
        state: State::Ringing,
        outcome: None,
        answered_at: None,
        ended_at: None,
        ..ended.clone()
    };
    let update = |kind, time, sequence, call| CallUpdate {
        kind,
        time,
        sequence,
        call: Arc::new(call),
        memo: None,
    };
    [
        update(EventKind::CallStarted, started_at, 1, ringing),
        update(EventKind::CallEnded, ended_at, 2, ended),
    ]
}

/// What was written, as JSON.
fn facts(calls: usize, last: UnixMs) -> String {
    let times: Vec<String> =
        (0..TIMES).map(|it| last.plus_ms(YEARS_MS / TIMES * (it - TIMES)).to_string()).collect();
    serde_json::json!({ "calls": calls, "pbx": PBX, "times": times }).to_string()
}
