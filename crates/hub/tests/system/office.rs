//! A simulated office whose calls go through a real hub to an endpoint, and what must hold of
//! them whatever happens to any of the three.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use simulator::{
    Clock, End, Settings, Simulator,
    company::Company,
    profile::{Load, LoadSettings},
};
use testkit::{FarEnd, HubSetup, Pushed, TestHub, until};

use crate::support::{calls_of, link_is_up, pushes_to};

/// The name of the phone system.
pub(crate) const PBX: &str = "office";

const SECRET: &str = "simulated-secret";

/// How long the hub may take to catch up after whatever was done to it.
const SETTLE_LIMIT: Duration = Duration::from_secs(60);

/// Phones: three times as many as there are calls at once, so that nobody is in two.
const PEOPLE: usize = 400;

/// A simulated PBX, a hub, and an endpoint.
pub(crate) struct Office {
    // Dropped in this order: the hub is gone before what it speaks to.
    pub(crate) hub: TestHub,
    pub(crate) pbx: Simulator,
    pub(crate) far_end: FarEnd,
    clock: Clock,
}

impl Office {
    /// Starts all three; calls begin when the link is up. `more` is further configuration, in the
    /// declarative form.
    pub(crate) async fn open(
        setup: HubSetup,
        calls_per_second: f64,
        seed: u64,
        more: &str,
    ) -> Result<Office> {
        let clock = Clock::starting_at(unix_us()?);
        let company = Company::of_size(PEOPLE);
        let load = LoadSettings {
            calls_per_second,
            seed,
            talk_ms: (1_000, 3_000),
            ..LoadSettings::default()
        };
        let pbx = Simulator::start(Settings {
            profile: Box::new(Load::new(load, company.clone(), clock.started_us())),
            company,
            paused: true,
            keep_ends: true,
            ..Settings::quiet(clock, SECRET)
        })
        .await?;
        let far_end = FarEnd::start().await;
        let mut hub = setup.prepare().await?;
        let entry = format!(
            "[[pbx]]\nname = \"{PBX}\"\nkind = \"asterisk\"\nhost = \"127.0.0.1\"\nport = {}\n\
             username = \"hookswitch\"\nsecret = \"{SECRET}\"\nping_s = 5\n",
            pbx.address().port()
        );
        hub.apply(&format!("{entry}{}{more}", pushes_to("far-end", &far_end.url("/events"))))
            .await?;
        hub.start().await?;
        let office = Office { hub, pbx, far_end, clock };
        office.link_is_up().await?;
        office.pbx.resume();
        Ok(office)
    }

    /// Waits until the link is up.
    pub(crate) async fn link_is_up(&self) -> Result<()> {
        link_is_up(&self.hub.api(), PBX).await
    }

    /// The time of the simulator, in microseconds since the epoch.
    pub(crate) fn now_us(&self) -> i64 {
        self.clock.now_us()
    }

    /// Lets so many more calls come to their ends.
    pub(crate) async fn calls_end(&self, more: u64) -> Result<()> {
        let goal = self.pbx.counts().ended + more;
        let ended = async || (self.pbx.counts().ended >= goal).then_some(());
        until(&format!("{more} more calls end"), SETTLE_LIMIT, ended).await
    }

    /// Closes the office: no new calls, those in progress end, and the hub gets to know it and
    /// pushes it. Gives the calls by the mark that each carries as its caller's name.
    ///
    /// # Errors
    ///
    /// When a call whose end was reported is missing, one is there twice or stays open, or the
    /// endpoint was not sent every event of every call in order.
    pub(crate) async fn close(&self) -> Result<BTreeMap<String, Value>> {
        self.pbx.stop_calls();
        self.pbx.finished().await;
        let api = self.hub.api();
        let none_open = async || {
            let calls = calls_of(&api, PBX).await.ok()?;
            calls.iter().all(|it| it["state"] == "ended").then_some(calls)
        };
        let calls = until("no call is open", SETTLE_LIMIT, none_open).await?;
        let by_mark = self.once_each(&calls)?;
        self.all_pushed(&calls).await?;
        Ok(by_mark)
    }

    /// Every call whose end was reported is there, and none twice.
    fn once_each(&self, calls: &[Value]) -> Result<BTreeMap<String, Value>> {
        let mut by_mark = BTreeMap::new();
        for call in calls {
            let mark = call["from"]["name"].as_str().with_context(|| format!("no mark: {call}"))?;
            let before = by_mark.insert(mark.to_owned(), call.clone());
            ensure!(
                before.is_none(),
                "{mark} is there twice: {call} and {}",
                before.unwrap_or_default()
            );
        }
        let reported = self.pbx.ends().into_iter().filter(|it| it.reported);
        let missing: Vec<End> = reported.filter(|it| !by_mark.contains_key(mark_of(it))).collect();
        ensure!(
            missing.is_empty(),
            "{} of {} calls are missing: {missing:#?}",
            missing.len(),
            by_mark.len()
        );
        Ok(by_mark)
    }

    /// Every event of these calls was pushed, in order; nothing else was.
    async fn all_pushed(&self, calls: &[Value]) -> Result<()> {
        let known: BTreeSet<&str> = calls.iter().filter_map(|it| it["id"].as_str()).collect();
        let all_ended = async || {
            let bodies = self.far_end.bodies();
            let pushed = Pushed::read(&bodies);
            known.iter().all(|call| pushed.ended(call)).then_some(())
        };
        until("the end of every call is pushed", SETTLE_LIMIT, all_ended).await?;
        let bodies = self.far_end.bodies();
        let pushed = Pushed::read(&bodies);
        ensure!(pushed.breaches().is_empty(), "{}", pushed.breaches().join("\n"));
        let merged = |call: &str| pushed.merged_into(call).is_some_and(|it| known.contains(it));
        let strangers: Vec<&str> =
            pushed.calls().filter(|it| !known.contains(it) && !merged(it)).collect();
        ensure!(strangers.is_empty(), "pushed, but not in the history: {strangers:?}");
        Ok(())
    }

    /// How many calls began and ended within one of these spans of time, and how they differ from
    /// what they were.
    pub(crate) fn whole_within(
        &self,
        spans_us: &[(i64, i64)],
        calls: &BTreeMap<String, Value>,
    ) -> (usize, Vec<String>) {
        let ends = self.pbx.ends();
        let whole = ends.iter().filter(|end| {
            spans_us.iter().any(|(from, to)| *from < end.expected.start_us && end.ended_us < *to)
        });
        let whole: Vec<(&Value, &End)> =
            whole.filter_map(|end| Some((calls.get(mark_of(end))?, end))).collect();
        (whole.len(), whole.iter().flat_map(|(call, end)| differs(call, end)).collect())
    }
}

/// The mark that a call carries.
fn mark_of(end: &End) -> &str {
    end.expected.from_name.as_deref().unwrap_or_default()
}

fn differs(call: &Value, end: &End) -> Vec<String> {
    let expected = &end.expected;
    let facts: [(&str, Value); 5] = [
        ("direction", expected.direction.into()),
        ("outcome", expected.outcome.name().into()),
        ("rang", expected.rang.clone().into()),
        ("parties", expected.parties.clone().into()),
        ("queue", expected.queue.clone().into()),
    ];
    let differing = facts.iter().filter(|(name, should)| call[*name] != *should);
    differing
        .map(|(name, should)| {
            format!("{}: {name} is {}, should be {should}", mark_of(end), call[*name])
        })
        .collect()
}

/// The time that simulated calls begin with.
#[expect(clippy::disallowed_methods, reason = "a test outside the hub has to ask somebody")]
fn unix_us() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?)
}
