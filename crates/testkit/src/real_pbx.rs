//! A real Asterisk, through the kit in `tests/kit`: configured, started, and called by scripted
//! telephones.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// How long Asterisk may take to start; less than a second on a quiet machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long one scenario may take; the kit itself gives up after 60 s.
const SCENARIO_LIMIT: Duration = Duration::from_secs(90);

/// The SIP driver that the telephones are connected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// `chan_pjsip`, Asterisk 12 and later.
    Pjsip,
    /// `chan_sip`, up to Asterisk 20.
    Sip,
}

/// One Asterisk of a test; stopped when dropped.
#[derive(Debug)]
pub struct RealPbx {
    folder: PathBuf,
    base_port: u16,
    out: TempDir,
}

impl RealPbx {
    /// Configures and starts the Asterisk in the Debian at `folder` (the value of
    /// `TEST_ASTERISK_16` or `TEST_ASTERISK_22`); its ports lie from `base_port` on, up to 900
    /// above.
    ///
    /// # Errors
    ///
    /// When it does not come up within a minute.
    pub async fn start(folder: &str, driver: Driver, base_port: u16) -> Result<RealPbx> {
        let folder = PathBuf::from(folder);
        let driver = match driver {
            Driver::Pjsip => "pjsip",
            Driver::Sip => "sip",
        };
        // One left behind by a run that was killed would answer with the old configuration.
        tool("pbx-stop", &folder, &[]).await?;
        let base = base_port.to_string();
        tool("pbx-configure", &folder, &["--base", &base, "--tech", driver]).await?;
        tool("pbx-start", &folder, &[]).await?;
        Ok(RealPbx { folder, base_port, out: TempDir::new()? })
    }

    /// Where AMI listens, on 127.0.0.1.
    #[must_use]
    pub fn ami_port(&self) -> u16 {
        self.base_port + 38
    }

    /// Puts lines at the end of its `manager.conf`, as an administrator pastes them, and makes
    /// them count.
    ///
    /// # Errors
    ///
    /// When they cannot be written, or Asterisk does not read them.
    pub async fn paste_into_manager_conf(&self, lines: &str) -> Result<()> {
        let file = self.folder.join("etc/asterisk-kit/manager.conf");
        let before = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        fs::write(&file, format!("{before}\n{lines}"))?;
        tool("pbx-cli", &self.folder, &["manager", "reload"]).await
    }

    /// Places the calls of one scenario and says what really took place, measured on the phones.
    ///
    /// # Errors
    ///
    /// When the scenario did not take its intended course.
    pub async fn play(&self, scenario: &str) -> Result<Value> {
        self.begin(scenario).await?.finish().await
    }

    /// Begins a scenario in which the hub has a part: when this returns, the phones are ready.
    ///
    /// # Errors
    ///
    /// When the kit does not start.
    pub async fn begin(&self, scenario: &str) -> Result<Scenario> {
        let mut child = Command::new("python3")
            .arg(kit().join("bin/pbx-run-scenario"))
            .arg(&self.folder)
            .arg(self.out.path())
            .arg(scenario)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("python3")?;
        let output = child.stdout.take().context("no output of the kit")?;
        let expected = self.out.path().join(format!("{scenario}.expected.json"));
        let mut scenario = Scenario { child, lines: BufReader::new(output).lines(), expected };
        match timeout(START_LIMIT, scenario.lines.next_line())
            .await
            .context("the kit is silent")??
        {
            Some(line) if line.starts_with("ready") => Ok(scenario),
            other => bail!("the kit does not start: {other:?}"),
        }
    }
}

impl Drop for RealPbx {
    fn drop(&mut self) {
        // Quick: it signals the one process that was started, and waits for its end.
        let _ = std::process::Command::new(kit().join("bin/pbx-stop"))
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

/// A scenario under way.
#[derive(Debug)]
pub struct Scenario {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    expected: PathBuf,
}

impl Scenario {
    /// Waits for its end and gives what took place (the kit's `NAME.expected.json`).
    ///
    /// # Errors
    ///
    /// When it did not take its intended course.
    pub async fn finish(mut self) -> Result<Value> {
        let mut said = String::new();
        let ended = timeout(SCENARIO_LIMIT, async {
            while let Some(line) = self.lines.next_line().await? {
                said.push_str(&line);
                said.push('\n');
            }
            self.child.wait().await
        });
        let status = ended.await.context("the scenario does not end")??;
        if !status.success() {
            bail!("the scenario did not take its course: {said}");
        }
        let text = fs::read_to_string(&self.expected).with_context(|| said)?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// Runs one of the kit's programs to its end.
async fn tool(name: &str, folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(kit().join("bin").join(name));
    // Its output goes nowhere: Asterisk inherits it, and a pipe would stay open as long as that.
    command
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = timeout(START_LIMIT, command.kill_on_drop(true).status())
        .await
        .with_context(|| format!("{name} does not end"))??;
    if !status.success() {
        bail!(
            "{name} {}: {status}; see its log in {}/var/lib/asterisk-kit/log",
            folder.display(),
            folder.display()
        );
    }
    Ok(())
}

/// The kit of this checkout.
fn kit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/kit")
}
