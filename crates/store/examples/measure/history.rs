//! How long a page of the history takes with a million calls, for every filter of the API.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use call::{Call, CallUpdate, Direction, EventKind, Outcome, Party, State, UnixMs};
use store::{CallFilter, Paging, StorageUrl, Turn};

use crate::site::{START, Site, argument, quantile, ringing};

/// Calls of one turn while the database is filled.
const TURN_CALLS: u64 = 500;
/// One call each 20 seconds: a million are 230 days.
const CALL_EVERY_MS: i64 = 20_000;
/// Rows of a page.
const LIMIT: usize = 50;

pub(crate) async fn measure() {
    let url = argument("url").unwrap_or_else(|| "sqlite:history.db".to_owned());
    let url: StorageUrl = url.parse().expect("a storage address");
    let number =
        |name, otherwise| argument(name).and_then(|it| it.parse::<u64>().ok()).unwrap_or(otherwise);
    let (calls, rounds) = (number("calls", 1_000_000), number("rounds", 200));
    let mut site = Site::open(&url).await;
    fill(&mut site, calls).await;
    site.store.close().await;
    let begun = Instant::now();
    let site = Site::open(&url).await;
    println!("opened in {:?} with {calls} calls", begun.elapsed());
    pages(&site, calls, rounds).await;
    site.store.close().await;
}

async fn fill(site: &mut Site, calls: u64) {
    let paging = Paging { after: None, limit: 1 };
    let page = site.store.calls(&site.organisation, CallFilter::default(), paging).await;
    if !page.expect("it answers").items.is_empty() {
        println!("there are calls already: not filled");
        return;
    }
    let begun = Instant::now();
    let mut slowest = Duration::ZERO;
    for first in (0..calls).step_by(TURN_CALLS as usize) {
        let updates = (first..calls.min(first + TURN_CALLS)).map(|number| {
            let call = Arc::new(some_call(number));
            let time = call.ended_at.unwrap_or(START);
            let kind = EventKind::CallEnded;
            (CallUpdate { kind, time, sequence: 1, call, memo: None }, Vec::new())
        });
        let turn = Turn {
            organisation: site.organisation.clone(),
            pbx: "office".into(),
            updates: updates.collect(),
            links: Vec::new(),
        };
        let sent = Instant::now();
        site.store.writer().submit(turn).await.expect("it is open");
        slowest = slowest.max(sent.elapsed());
        // Commits hold room in the queue until they are taken.
        site.commits.recv().await.expect("it is open");
    }
    let rate = calls as f64 / begun.elapsed().as_secs_f64();
    println!("filled with {calls} calls: {rate:.0}/s, longest wait {slowest:?}");
}

/// Scatters numbers: the same for the same input.
fn scatter(number: u64, salt: u64) -> u64 {
    let mut it = (number ^ salt << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    it ^= it >> 29;
    it = it.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    it ^ it >> 32
}

const NAMES: [&str; 8] =
    ["Rossi", "Bianchi", "Ferrari", "Russo", "Romano", "Gallo", "Costa", "Neri"];

/// A company of 200 phones: 20,000 customers, a few of whom call often.
fn some_call(number: u64) -> Call {
    let started = START.plus_ms(i64::try_from(number).unwrap_or(0) * CALL_EVERY_MS);
    let customer = scatter(number, 1) % 100 * (scatter(number, 2) % 200);
    let extension = format!("{}", 200 + scatter(number, 3) % 200);
    let far = Party {
        number: Some(format!("+39061{customer:07}")),
        raw: Some(format!("061{customer:07}")),
        name: Some(format!("{} {customer}", NAMES[usize::try_from(customer % 8).unwrap_or(0)])),
    };
    let near = |number: &str| Party {
        number: Some(number.to_owned()),
        raw: Some(number.to_owned()),
        name: None,
    };
    let (direction, from, to) = match scatter(number, 4) % 10 {
        0..=5 => (Direction::Inbound, far, near("+390687654321")),
        6..=8 => (Direction::Outbound, near(&extension), far),
        _ => (Direction::Internal, near(&extension), near("399")),
    };
    let outcome = match scatter(number, 5) % 1_000 {
        0..=699 => Outcome::Answered,
        700..=949 => Outcome::Missed,
        950..=989 => Outcome::Busy,
        990..=998 => Outcome::Failed,
        _ => Outcome::Voicemail,
    };
    let answered = outcome == Outcome::Answered;
    Call {
        pbx: ["head-office", "branch"][usize::from(scatter(number, 6).is_multiple_of(5))]
            .to_owned(),
        direction,
        from,
        to,
        state: State::Ended,
        outcome: Some(outcome),
        user: answered.then(|| format!("user{extension}@example.com")),
        answered_by: answered.then(|| extension.clone()),
        parties: if answered { vec![extension.clone()] } else { Vec::new() },
        rang: vec![extension.clone()],
        extension: answered.then_some(extension),
        queue: number.is_multiple_of(3).then(|| "support".to_owned()),
        ended_at: Some(started.plus_ms(60_000)),
        ..ringing(number, started)
    }
}

async fn pages(site: &Site, calls: u64, rounds: u64) {
    println!("{:44} {:>6} {:>10} {:>10}", "filter", "rows", "p50", "p99");
    let mut worst = Duration::ZERO;
    for (name, filter) in filters(calls) {
        let mut times = Vec::new();
        let mut rows = 0;
        let mut after = None;
        for _ in 0..rounds {
            let paging = Paging { after: after.take(), limit: LIMIT };
            let begun = Instant::now();
            let page = site.store.calls(&site.organisation, filter.clone(), paging).await;
            times.push(begun.elapsed());
            let page = page.expect("it answers");
            rows = rows.max(page.items.len());
            // On through the pages, and from the first again.
            after = page.next;
        }
        let (p50, p99) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
        worst = worst.max(p99);
        println!("{name:44} {rows:6} {p50:>10.1?} {p99:>10.1?}");
    }
    println!("worst p99: {worst:?}");
}

fn filters(calls: u64) -> Vec<(&'static str, CallFilter)> {
    let text = |it: &str| Some(it.to_owned());
    let at = |share: u64| {
        let number = i64::try_from(calls * share / 100).unwrap_or(0);
        Some(UnixMs(START.0 + number * CALL_EVERY_MS))
    };
    let none = CallFilter::default;
    let user = || text("user250@example.com");
    vec![
        ("none", none()),
        ("from, a customer", CallFilter { from: text("+390610001000"), ..none() }),
        ("from, last digits", CallFilter { from: text("0001000"), ..none() }),
        ("to, the company", CallFilter { to: text("+390687654321"), ..none() }),
        ("number, a customer", CallFilter { number: text("0610000900"), ..none() }),
        ("number, the company", CallFilter { number: text("0687654321"), ..none() }),
        ("number, nobody", CallFilter { number: text("+15550001111"), ..none() }),
        ("pbx", CallFilter { pbx: text("branch"), ..none() }),
        ("user", CallFilter { user: user(), ..none() }),
        ("extension", CallFilter { extension: text("250"), ..none() }),
        ("direction", CallFilter { direction: Some(Direction::Internal), ..none() }),
        ("outcome, common", CallFilter { outcome: Some(Outcome::Missed), ..none() }),
        ("outcome, rare", CallFilter { outcome: Some(Outcome::Voicemail), ..none() }),
        ("started_before, the middle", CallFilter { started_before: at(50), ..none() }),
        (
            "one day in the past",
            CallFilter { started_after: at(30), started_before: at(31), ..none() },
        ),
        ("q, a name", CallFilter { q: text("rossi"), ..none() }),
        ("q, a name's beginning", CallFilter { q: text("ro"), ..none() }),
        ("q, one letter", CallFilter { q: text("r"), ..none() }),
        ("q, last digits", CallFilter { q: text("1000"), ..none() }),
        ("q, three digits", CallFilter { q: text("100"), ..none() }),
        ("q, two words", CallFilter { q: text("gallo 1213"), ..none() }),
        ("q, nothing", CallFilter { q: text("zzzz"), ..none() }),
        (
            "user and outcome that never meet",
            CallFilter { user: user(), outcome: Some(Outcome::Missed), ..none() },
        ),
        (
            "user and the extension of another",
            CallFilter { user: user(), extension: text("251"), ..none() },
        ),
        (
            "common ones that never meet",
            CallFilter {
                direction: Some(Direction::Outbound),
                to: text("+390687654321"),
                outcome: Some(Outcome::Answered),
                ..none()
            },
        ),
        (
            "five at once",
            CallFilter {
                pbx: text("branch"),
                direction: Some(Direction::Inbound),
                outcome: Some(Outcome::Answered),
                user: user(),
                q: text("support"),
                ..none()
            },
        ),
        (
            "one letter and a user, in the past",
            CallFilter { q: text("r"), user: user(), started_before: at(20), ..none() },
        ),
        (
            "one letter and what it never meets",
            CallFilter { q: text("r b"), direction: Some(Direction::Internal), ..none() },
        ),
    ]
}
