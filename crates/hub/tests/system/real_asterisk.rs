//! The real program, linked to real Asterisks that scripted telephones call through: what really
//! took place is what the API tells, what the endpoint was sent, and what a browser shows.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use testkit::{
    ASTERISK_16, ASTERISK_22, Api, Browser, CHROMEDRIVER, Driver, FarEnd, Look, Pushed, RealPbx,
    TestHub, differences, needs, until,
};

use crate::support::{KNOWN_LIMIT, calls_of, hookswitch, link_is_up, pushes_to, screenshots};

/// What is played on every set-up: one of each thing that people do with telephones.
const EVERYTHING: &[&str] = &[
    "inbound_answered",
    "inbound_missed_cancel",
    "inbound_busy",
    "ring_group_answered",
    "ring_group_local",
    "queue_answered",
    "queue_abandoned",
    "hold_unhold",
    "blind_transfer",
    "attended_transfer_feature",
    "park_retrieve",
    "pickup_group",
    "internal_answered",
    "outbound_answered",
    "hostile_caller_id",
];

/// What is different enough between the two SIP drivers of one version to be played again.
const DRIVER_DEPENDENT: &[&str] = &[
    "inbound_answered",
    "inbound_busy",
    "queue_answered",
    "hold_unhold",
    "blind_transfer",
    "pickup_group",
];

/// The number that `hub_dials` is about.
const FAR_NUMBER: &str = "84957654321";

#[tokio::test(flavor = "multi_thread")]
async fn asterisk_16_calls_arrive_whole_at_api_and_endpoint() {
    let Some(folder) = needs(ASTERISK_16, "calls through Asterisk 16 (chan_pjsip)") else { return };
    let site = Site::start(&folder, Driver::Pjsip, 16_000).await.unwrap();
    site.play_all(EVERYTHING).await.unwrap();
    site.dial().await.unwrap();
    site.nothing_else_was_pushed().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn asterisk_16_calls_over_chan_sip_arrive_whole() {
    let Some(folder) = needs(ASTERISK_16, "calls through Asterisk 16 (chan_sip)") else { return };
    let site = Site::start(&folder, Driver::Sip, 16_000).await.unwrap();
    site.play_all(DRIVER_DEPENDENT).await.unwrap();
    site.nothing_else_was_pushed().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn asterisk_22_calls_arrive_whole_at_api_and_endpoint() {
    let Some(folder) = needs(ASTERISK_22, "calls through Asterisk 22") else { return };
    let site = Site::start(&folder, Driver::Pjsip, 22_000).await.unwrap();
    site.play_all(EVERYTHING).await.unwrap();
    site.dial().await.unwrap();
    site.nothing_else_was_pushed().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn asterisk_16_call_moves_on_the_live_page() {
    let Some(folder) = needs(ASTERISK_16, "the live page during a call through Asterisk 16") else {
        return;
    };
    watch(&folder, 16_000).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn asterisk_22_call_moves_on_the_live_page() {
    let Some(folder) = needs(ASTERISK_22, "the live page during a call through Asterisk 22") else {
        return;
    };
    watch(&folder, 22_000).await.unwrap();
}

/// A call appears on the live page, is answered, and goes; the browser has nothing to complain of.
async fn watch(folder: &str, base_port: u16) -> Result<()> {
    let Some(driver) = needs(CHROMEDRIVER, "the live page during a real call") else {
        return Ok(());
    };
    let site = Site::start(folder, Driver::Pjsip, base_port).await?;
    // It prints the password that it makes.
    let password =
        site.hub.run(&["user", "add", "--name", USER, "--role", "administrator"]).await?;
    let browser = Browser::start(&driver, &screenshots()).await?;
    browser.look(Look::DESK).await?;
    browser.open(&format!("{}/live", site.hub.url())).await?;
    browser.fill("name", USER).await?;
    browser.fill("password", password.trim()).await?;
    browser.click("form[action='/login'] button[type=submit]").await?;
    browser.shows("h1", "Live").await?;
    let scenario = site.pbx.begin("inbound_answered").await?;
    browser.shows("#board", CALLER).await?;
    browser.shows("#board", "101").await?;
    browser.screenshot(&format!("live-during-a-call-{base_port}")).await?;
    scenario.finish().await?;
    let gone = async || {
        let rows = browser.texts("#board tr:not(.gone)").await.ok()?;
        (!rows.iter().any(|it| it.contains(CALLER))).then_some(())
    };
    until("the call is gone from the board", KNOWN_LIMIT, gone).await?;
    let errors = browser.console_errors().await?;
    ensure!(errors.is_empty(), "on the browser's console: {errors:?}");
    browser.close().await
}

/// The hub restarts while two people talk: it finds their call at the PBX, and knows its end.
#[tokio::test(flavor = "multi_thread")]
async fn asterisk_22_call_survives_a_crash_of_the_hub() {
    let Some(folder) = needs(ASTERISK_22, "a crash of the hub during a call through Asterisk 22")
    else {
        return;
    };
    let mut site = Site::start(&folder, Driver::Pjsip, 22_000).await.unwrap();
    let scenario = site.pbx.begin("inbound_answered").await.unwrap();
    let api = site.hub.api();
    let talking = async || {
        calls_of(&api, PBX).await.ok()?.iter().any(|it| it["state"] == "talking").then_some(())
    };
    until("the call is answered", KNOWN_LIMIT, talking).await.unwrap();
    site.hub.kill().await.unwrap();
    site.hub.start().await.unwrap();
    let took_place = scenario.finish().await.unwrap();
    site.compare("inbound_answered", &took_place, 0).await.unwrap();
    site.nothing_else_was_pushed().await.unwrap();
}

const PBX: &str = "office";

/// A PBX, a hub that is linked to it, and an endpoint that it pushes to.
struct Site {
    // Dropped in this order: the hub is gone before what it speaks to.
    hub: TestHub,
    far_end: FarEnd,
    pbx: RealPbx,
}

impl Site {
    /// Does what a new user does: enters the PBX, pastes the lines that are shown into its
    /// `manager.conf`, and switches the link on.
    async fn start(folder: &str, driver: Driver, base_port: u16) -> Result<Site> {
        let pbx = RealPbx::start(folder, driver, base_port).await?;
        let far_end = FarEnd::start().await;
        let hub = hookswitch().start().await?;
        let api = hub.api();
        hub.apply(&pushes_to("far-end", &far_end.url("/events"))).await?;
        let entry = json!({
            "name": PBX, "kind": "asterisk", "enabled": false, "host": "127.0.0.1",
            "port": pbx.ami_port(), "username": "hookswitch", "secret": "a-long-random-secret",
        });
        let entered = api.post("/api/v1/pbxes", &entry).await?;
        ensure!(entered.status == 201, "POST /pbxes: {} {}", entered.status, entered.text);
        let path = format!("/api/v1/pbxes/{}", entered.json()["id"].as_str().unwrap_or_default());
        let setup = api.get(&format!("{path}/setup")).await?;
        pbx.paste_into_manager_conf(setup["lines"].as_str().context("no lines to paste")?).await?;
        let switched = api.request(Method::PATCH, &path, Some(&json!({ "enabled": true }))).await?;
        ensure!(switched.status == 200, "PATCH {path}: {} {}", switched.status, switched.text);
        link_is_up(&api, PBX).await?;
        Ok(Site { hub, far_end, pbx })
    }

    /// Plays the scenarios one after the other; each must give just the calls that took place.
    async fn play_all(&self, scenarios: &[&str]) -> Result<()> {
        let mut wrong = Vec::new();
        for scenario in scenarios {
            let before = calls_of(&self.hub.api(), PBX).await?.len();
            let took_place = self.pbx.play(scenario).await?;
            if let Err(error) = self.compare(scenario, &took_place, before).await {
                wrong.push(format!("{error:#}"));
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    }

    /// Compares the calls after the first `before` with what took place; gives them back.
    async fn compare(
        &self,
        scenario: &str,
        took_place: &Value,
        before: usize,
    ) -> Result<Vec<Value>> {
        let expected = took_place["calls"].as_array().context("no calls in what took place")?;
        let api = self.hub.api();
        let all_ended = async || {
            let calls = calls_of(&api, PBX).await.ok()?.split_off(before);
            let ended =
                calls.len() >= expected.len() && calls.iter().all(|it| it["state"] == "ended");
            ended.then_some(calls)
        };
        let calls = match until("all calls have ended", KNOWN_LIMIT, all_ended).await {
            Ok(calls) => calls,
            Err(error) => {
                let calls = calls_of(&api, PBX).await?.split_off(before);
                return Err(
                    error.context(format!("{scenario}: the calls are {}", Value::from(calls)))
                );
            }
        };
        ensure!(
            calls.len() == expected.len(),
            "{scenario}: {} calls: {}",
            calls.len(),
            Value::from(calls)
        );
        let wrong: Vec<String> = calls
            .iter()
            .zip(expected)
            .flat_map(|(call, should)| differences(call, should))
            .collect();
        ensure!(wrong.is_empty(), "{scenario}: {}: {}", wrong.join(", "), Value::from(calls));
        Ok(calls)
    }

    /// Click-to-dial: the hub is asked, the phones are real.
    async fn dial(&self) -> Result<()> {
        let before = calls_of(&self.hub.api(), PBX).await?.len();
        let scenario = self.pbx.begin("hub_dials").await?;
        let api = self.hub.api();
        let answer =
            api.post("/api/v1/dial", &json!({ "number": FAR_NUMBER, "extension": "101" })).await?;
        ensure!(answer.status == 202, "POST /dial: {} {}", answer.status, answer.text);
        let took_place = scenario.finish().await?;
        let calls = self.compare("hub_dials", &took_place, before).await?;
        let request = answer.json()["id"].clone();
        ensure!(calls[0]["dial_request"] == request, "not tied to {request}: {}", calls[0]);
        Ok(())
    }

    /// Every call of the API was pushed with its end, in order, and nothing else was but calls
    /// that turned out to be a part of one of these.
    async fn nothing_else_was_pushed(&self) -> Result<()> {
        let api: Api = self.hub.api();
        let known: BTreeSet<String> = calls_of(&api, PBX)
            .await?
            .iter()
            .filter_map(|it| it["id"].as_str().map(str::to_owned))
            .collect();
        let all_ended = async || {
            let bodies = self.far_end.bodies();
            let pushed = Pushed::read(&bodies);
            known.iter().all(|call| pushed.ended(call)).then_some(())
        };
        until("every call's end is pushed", KNOWN_LIMIT, all_ended).await?;
        let bodies = self.far_end.bodies();
        let pushed = Pushed::read(&bodies);
        ensure!(pushed.breaches().is_empty(), "{}", pushed.breaches().join("\n"));
        // Retrieving a parked call begins as a call of its own, and ends as a part of the other.
        let merged = |call: &str| pushed.merged_into(call).is_some_and(|it| known.contains(it));
        let strangers: Vec<&str> =
            pushed.calls().filter(|it| !known.contains(*it) && !merged(it)).collect();
        ensure!(strangers.is_empty(), "pushed, but not in the history: {strangers:?}");
        let open: Vec<&str> = pushed.calls().filter(|it| !pushed.ended(it)).collect();
        ensure!(open.is_empty(), "pushed without an end: {open:?}");
        Ok(())
    }
}

/// Who watches.
const USER: &str = "admin@example.com";

/// Who calls, as the provider presents it.
const CALLER: &str = "79161234567";
