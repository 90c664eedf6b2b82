//! A walk through the pages with a real browser, as an administrator takes it on the first day:
//! set-up link, live board, history, a call, an integration tried out, a delivery sent again.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::{Browser, CHROMEDRIVER, Look, TestHub, needs, until};

use crate::{
    office::Office,
    support::{hookswitch, screenshots},
};

/// How long the board may take to show something that goes on at the PBX.
const MOVE_LIMIT: Duration = Duration::from_secs(20);

/// Calls per second: enough that the board always has some, and each can be followed.
const RATE: f64 = 3.0;

/// Somebody at the browser.
struct Visitor<'a> {
    browser: &'a Browser,
    hub: &'a TestHub,
}

impl Visitor<'_> {
    async fn open(&self, path: &str) -> Result<()> {
        self.browser.open(&format!("{}{path}", self.hub.url())).await
    }

    /// What is wrong with the page that is shown, at a desk and on a telephone, light and dark.
    async fn page_is_sound(&self, name: &str) -> Result<()> {
        for (look, suffix) in [
            (Look::PHONE, "phone"),
            (Look::PHONE.dark(), "phone-dark"),
            (Look::DESK.dark(), "desk-dark"),
            (Look::DESK, "desk"),
        ] {
            self.browser.look(look).await?;
            ensure!(!self.browser.scrolls_sideways().await?, "{name} scrolls sideways: {suffix}");
            self.browser.screenshot(&format!("{name}-{suffix}")).await?;
        }
        let mut errors = self.browser.console_errors().await?;
        // A page that is left aborts its polls, and htmx logs that.
        errors.retain(|it| !it.contains("htmx:sendAbort") && !it.contains("htmx:afterRequest"));
        ensure!(errors.is_empty(), "{name}: {errors:#?}");
        Ok(())
    }

    /// The first address on the page that `css` selects, without the host.
    async fn address_of(&self, css: &str) -> Result<String> {
        let script = "const it = document.querySelector(arguments[0]); return it && it.pathname";
        let found = self.browser.client().execute(script, vec![css.into()]).await?;
        found.as_str().map(str::to_owned).with_context(|| format!("no {css}"))
    }

    /// Presses one key on the page itself; gives what is true then.
    async fn press(&self, key: &str, then: &str) -> Result<bool> {
        let script = format!(
            "document.activeElement.blur();
             document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: arguments[0], \
             bubbles: true }}));
             return {then};"
        );
        let found = self.browser.client().execute(&script, vec![key.into()]).await?;
        Ok(found == serde_json::Value::Bool(true))
    }
}

/// The one-time link that the hub printed.
async fn setup_link(hub: &TestHub) -> Result<String> {
    let printed = async || {
        let log = hub.log();
        let start = log.find("/setup/")?;
        log[start..].split_whitespace().next().map(str::to_owned)
    };
    until("the set-up link is printed", MOVE_LIMIT, printed).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_finds_the_way_on_the_first_day() {
    let Some(driver) = needs(CHROMEDRIVER, "the walk through the pages") else { return };
    let office = Office::open(hookswitch(), RATE, 11, "").await.unwrap();
    let browser = Browser::start(&driver, &screenshots()).await.unwrap();
    browser.look(Look::DESK).await.unwrap();
    let visitor = Visitor { browser: &browser, hub: &office.hub };

    first_account(&visitor).await.unwrap();
    board_moves(&visitor).await.unwrap();
    keys_work(&visitor).await.unwrap();
    let call = history_and_call(&visitor).await.unwrap();
    integration_is_tried_out(&visitor, &office).await.unwrap();
    delivery_is_sent_again(&visitor, &office, &call).await.unwrap();
    other_pages_are_sound(&visitor).await.unwrap();
    leaves(&visitor).await.unwrap();
    browser.close().await.unwrap();
}

async fn first_account(visitor: &Visitor<'_>) -> Result<()> {
    let link = setup_link(visitor.hub).await?;
    visitor.open("/calls").await?;
    visitor.browser.shows("h1", "Log in").await?;
    visitor.open(&link).await?;
    visitor.browser.fill("name", "anna@example.com").await?;
    visitor.browser.fill("password", "correct horse battery").await?;
    visitor.page_is_sound("setup").await?;
    visitor.browser.click("button[type=submit]").await?;
    visitor.browser.shows("h1", "Live").await?;
    visitor.browser.shows("#hub-state", "1 link up").await
}

/// Calls come, change their state in place, and go, without the page being loaded again.
async fn board_moves(visitor: &Visitor<'_>) -> Result<()> {
    let browser = visitor.browser;
    // A mark that a new load of the page would wipe out.
    browser.client().execute("window.notLoadedAgain = true", Vec::new()).await?;
    let first = until("a call rings on the board", MOVE_LIMIT, async || {
        let script = "const it = [...document.querySelectorAll('#board tr[data-order]')]
            .find(it => it.innerText.includes('Ringing')); return it && it.id";
        let found = browser.client().execute(script, Vec::new()).await.ok()?;
        found.as_str().map(str::to_owned)
    })
    .await?;
    let row = format!("#{first}");
    until("the same row changes its state", MOVE_LIMIT, async || {
        let texts = browser.texts(&row).await.ok()?;
        texts.first().is_none_or(|it| !it.contains("Ringing")).then_some(())
    })
    .await?;
    until("the row goes after the call", MOVE_LIMIT, async || {
        browser.texts(&row).await.ok()?.is_empty().then_some(())
    })
    .await?;
    let same = browser.client().execute("return window.notLoadedAgain", Vec::new()).await?;
    ensure!(same == serde_json::Value::Bool(true), "the page was loaded again");
    visitor.page_is_sound("live").await?;
    visitor.open("/live?by=extension").await?;
    visitor.browser.shows("#board .hs-group", "2").await?;
    visitor.page_is_sound("live-by-extension").await
}

async fn keys_work(visitor: &Visitor<'_>) -> Result<()> {
    let search = "document.activeElement.id === 'search'";
    ensure!(visitor.press("/", search).await?, "/ does not focus the search");
    ensure!(visitor.press("?", "document.getElementById('keys').open").await?, "? lists no keys");
    visitor.browser.click("#keys button").await
}

/// Gives the address of a call that was answered.
async fn history_and_call(visitor: &Visitor<'_>) -> Result<String> {
    visitor.open("/calls").await?;
    visitor.page_is_sound("calls").await?;
    until("an answered call is in the history", MOVE_LIMIT, async || {
        visitor.open("/calls?outcome=answered").await.ok()?;
        visitor.address_of("#results tbody a").await.ok()
    })
    .await?;
    visitor.browser.click("#results tbody a").await?;
    visitor.browser.shows("h2", "Timeline").await?;
    visitor.browser.shows("td", "call.started").await?;
    visitor.browser.shows("td", "call.ended").await?;
    let drawn = "return [...document.querySelectorAll('svg.tl .tl-talking')].some(it => \
                 it.getBoundingClientRect().width > 1)";
    let drawn = visitor.browser.client().execute(drawn, Vec::new()).await?;
    ensure!(drawn == serde_json::Value::Bool(true), "the conversation is not drawn");
    visitor.page_is_sound("call").await?;
    let url = visitor.browser.client().current_url().await?;
    Ok(url.path().to_owned())
}

/// A live preview, an error beside its field while it is typed, and a test that is really sent.
async fn integration_is_tried_out(visitor: &Visitor<'_>, office: &Office) -> Result<()> {
    let browser = visitor.browser;
    visitor.open("/integrations").await?;
    browser.shows("td", "far-end").await?;
    visitor.page_is_sound("integrations").await?;
    browser.click("#integrations tbody a").await?;
    browser.shows("#preview", "POST http://127.0.0.1").await?;
    browser.fill("body", "{{ call.idd }}").await?;
    browser.shows("#f-body-live", "idd").await?;
    browser.fill("body", "{\"test\": {{ call.id | json }}}").await?;
    browser.shows("#preview", "\"test\":").await?;
    visitor.page_is_sound("integration").await?;
    browser.click("[hx-post='/integrations/send-test']").await?;
    browser.shows("#preview", "Response 200").await?;
    let sent = office.far_end.received();
    ensure!(sent.iter().any(|it| it.text().starts_with("{\"test\":")), "the test never arrived");
    Ok(())
}

/// The delivery of a call is found from the call, and sent again with the same id.
async fn delivery_is_sent_again(visitor: &Visitor<'_>, office: &Office, call: &str) -> Result<()> {
    let browser = visitor.browser;
    visitor.open(call).await?;
    let delivery = visitor.address_of("a[href^='/deliveries/']").await?;
    visitor.open(&delivery).await?;
    visitor.page_is_sound("delivery").await?;
    let id = browser.texts("#delivery dd").await?.get(1).cloned().context("no id of the event")?;
    let times = || {
        let received = office.far_end.received();
        received.iter().filter(|it| it.header("webhook-id") == Some(id.as_str())).count()
    };
    let before = times();
    ensure!(before > 0, "it was never sent");
    browser.click("form[action$='/replay'] button").await?;
    browser.shows("#notice", "It will be sent again.").await?;
    until("it arrives once more", MOVE_LIMIT, async || (times() > before).then_some(())).await
}

async fn other_pages_are_sound(visitor: &Visitor<'_>) -> Result<()> {
    let pages = [
        "/pbxes",
        "/pbxes/new",
        "/integrations/new",
        "/deliveries",
        "/users",
        "/keys",
        "/health",
        "/profile",
    ];
    for path in pages {
        visitor.open(path).await?;
        visitor.page_is_sound(&path.trim_start_matches('/').replace('/', "-")).await?;
    }
    visitor.open("/pbxes").await?;
    visitor.browser.click("#pbxes tbody a").await?;
    visitor.browser.shows("#setup-lines", "[hookswitch]").await?;
    visitor.page_is_sound("pbx").await
}

async fn leaves(visitor: &Visitor<'_>) -> Result<()> {
    visitor.browser.click(".hs-bar > .hs-menu > summary").await?;
    visitor.browser.click("form[action='/logout'] button").await?;
    visitor.browser.shows("h1", "Log in").await?;
    visitor.open("/live").await?;
    visitor.browser.shows("h1", "Log in").await
}
