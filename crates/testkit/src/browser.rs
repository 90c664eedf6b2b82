//! A real Chromium, driven over WebDriver.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result};
use fantoccini::{
    Client, ClientBuilder, Locator,
    wd::{Capabilities, WebDriverCompatibleCommand},
};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::until;

/// How long the driver may take to listen, and the browser to open its window.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long a page may take to show what a test waits for.
const SHOW_LIMIT: Duration = Duration::from_secs(10);

/// The eye that a page is looked at with.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Width of the page in CSS pixels.
    pub width: u32,
    /// Height of the page in CSS pixels.
    pub height: u32,
    /// Whether the user prefers dark.
    pub dark: bool,
}

impl Look {
    /// A desk: 1280 by 900, light.
    pub const DESK: Look = Look { width: 1280, height: 900, dark: false };
    /// A telephone: 390 by 844, light.
    pub const PHONE: Look = Look { width: 390, height: 844, dark: false };

    /// The same, dark.
    #[must_use]
    pub fn dark(self) -> Look {
        Look { dark: true, ..self }
    }
}

/// One browser with a profile of its own; gone when dropped.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    /// Kept so that the process lives as long as the browser is used.
    _driver: Child,
    _profile: TempDir,
    screenshots: PathBuf,
}

impl Browser {
    /// Starts `driver` (the value of `TEST_CHROMEDRIVER`) on a free port and opens a window.
    /// Screenshots go to `screenshots`.
    ///
    /// # Errors
    ///
    /// When either does not come up within 30 s.
    pub async fn start(driver: &str, screenshots: &Path) -> Result<Browser> {
        let profile = tempfile::Builder::new().prefix("hookswitch-browser-").tempdir()?;
        let mut child = Command::new(driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Chromium's own crash and cache folders stay out of the user's home.
            .env("HOME", profile.path())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| driver.to_owned())?;
        let port =
            timeout(START_LIMIT, port_of(&mut child)).await.context("chromedriver is silent")??;
        let capabilities = capabilities(profile.path());
        let client = timeout(
            START_LIMIT,
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities)
                .connect(&format!("http://127.0.0.1:{port}")),
        )
        .await
        .context("the browser does not open")??;
        let screenshots = screenshots.to_owned();
        Ok(Browser { client, _driver: child, _profile: profile, screenshots })
    }

    /// From now on pages are this wide, and light or dark.
    ///
    /// # Errors
    ///
    /// When the browser does not obey.
    pub async fn look(&self, look: Look) -> Result<()> {
        let size = json!({ "width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await?;
        let scheme = if look.dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media).await
    }

    /// Opens a page and waits until it is loaded.
    ///
    /// # Errors
    ///
    /// When it cannot be loaded.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.client.goto(url).await.with_context(|| url.to_owned())
    }

    /// Types into the field with this `name`, over what stood there.
    ///
    /// # Errors
    ///
    /// When no such field appears.
    pub async fn fill(&self, name: &str, text: &str) -> Result<()> {
        let field = self
            .client
            .wait()
            .at_most(SHOW_LIMIT)
            .for_element(Locator::Css(&format!("[name={name:?}]")))
            .await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Clicks on the first element that `css` selects.
    ///
    /// # Errors
    ///
    /// When none appears.
    pub async fn click(&self, css: &str) -> Result<()> {
        let element = self.client.wait().at_most(SHOW_LIMIT).for_element(Locator::Css(css)).await?;
        Ok(element.click().await?)
    }

    /// The texts of all elements that `css` selects, as a person sees them.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn texts(&self, css: &str) -> Result<Vec<String>> {
        let script =
            "return Array.from(document.querySelectorAll(arguments[0]), it => it.innerText)";
        let found = self.client.execute(script, vec![json!(css)]).await?;
        Ok(serde_json::from_value(found)?)
    }

    /// Waits until an element that `css` selects shows `text`.
    ///
    /// # Errors
    ///
    /// When it does not within 10 s; the message has the text of the page.
    pub async fn shows(&self, css: &str, text: &str) -> Result<()> {
        let waited = until(&format!("{css} shows {text:?}"), SHOW_LIMIT, async || {
            self.texts(css).await.ok()?.iter().any(|it| it.contains(text)).then_some(())
        })
        .await;
        match waited {
            Ok(()) => Ok(()),
            Err(error) => {
                let page = self.texts("body").await.unwrap_or_default().join("\n");
                Err(error.context(format!("the page reads:\n{page}")))
            }
        }
    }

    /// Keeps a picture of the whole page as `NAME.png` in the screenshots' folder.
    ///
    /// # Errors
    ///
    /// When it cannot be taken or written.
    pub async fn screenshot(&self, name: &str) -> Result<()> {
        std::fs::create_dir_all(&self.screenshots)?;
        let picture = self.client.screenshot().await?;
        Ok(std::fs::write(self.screenshots.join(format!("{name}.png")), picture)?)
    }

    /// Errors on the browser's console since the last time this was asked: failed loads, broken
    /// scripts, breaches of the content security policy.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn console_errors(&self) -> Result<Vec<String>> {
        let log = self
            .client
            .issue_cmd(DriverCommand { path: "se/log", body: json!({ "type": "browser" }) })
            .await?;
        let errors = log.as_array().into_iter().flatten().filter(|it| it["level"] == "SEVERE");
        Ok(errors.map(|it| it["message"].as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Whether the page is wider than the window, so that a person would scroll sideways.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn scrolls_sideways(&self) -> Result<bool> {
        let script = "const it = document.scrollingElement; return it.scrollWidth > it.clientWidth";
        Ok(self.client.execute(script, Vec::new()).await? == Value::Bool(true))
    }

    /// The client, for what has no name here.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Closes the window in an orderly way.
    ///
    /// # Errors
    ///
    /// When the browser is gone already.
    pub async fn close(self) -> Result<()> {
        Ok(self.client.clone().close().await?)
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Result<()> {
        let body = json!({ "cmd": command, "params": parameters });
        self.client.issue_cmd(DriverCommand { path: "goog/cdp/execute", body }).await?;
        Ok(())
    }
}

/// Nothing is fetched that no page asked for, and nothing is kept: the tests run without a
/// network, and Chromium's sandbox cannot run as root.
fn capabilities(profile: &Path) -> Capabilities {
    let profile = format!("--user-data-dir={}", profile.join("profile").display());
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        &profile,
    ];
    let mut capabilities = Capabilities::new();
    capabilities.insert("goog:chromeOptions".to_owned(), json!({ "args": arguments }));
    capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
    capabilities
}

/// Reads the line in which the driver says its port, and goes on reading so that it never stalls.
async fn port_of(driver: &mut Child) -> Result<u16> {
    let output = driver.stdout.take().context("no output of chromedriver")?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, port)) = line.rsplit_once("successfully on port ") {
            let port = port.trim_end_matches('.').parse().with_context(|| line.clone())?;
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(port);
        }
    }
    anyhow::bail!("chromedriver ended without naming its port")
}

/// A command that Chromium's driver knows beyond the standard: `POST /session/ID/PATH`.
#[derive(Debug)]
struct DriverCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for DriverCommand {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
