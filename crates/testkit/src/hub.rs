//! The real program `hookswitch serve`, over a temporary folder, as a test needs it: started,
//! asked, killed, started again.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use http::{Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::{Api, until};

/// The longest that a start may take; the goal is a tenth of a second, but the machine that runs
/// tests is busy, and a start after a crash has work to do.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How many lines of the hub's log are shown when a test fails.
const LOG_LINES_SHOWN: usize = 60;

/// How a hub is to be started.
#[derive(Debug)]
pub struct HubSetup {
    program: PathBuf,
    data: Option<PathBuf>,
    storage_url: Option<String>,
}

impl HubSetup {
    /// `program` is what Cargo says at compile time: `env!("CARGO_BIN_EXE_hookswitch")`.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> HubSetup {
        HubSetup { program: program.into(), data: None, storage_url: None }
    }

    /// Keeps the data in `folder` instead of a temporary one, such as a file system that is full.
    #[must_use]
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> HubSetup {
        self.data = Some(folder.into());
        self
    }

    /// Sets `storage.url`, such as `postgres://…`.
    #[must_use]
    pub fn storage(mut self, url: impl Into<String>) -> HubSetup {
        self.storage_url = Some(url.into());
        self
    }

    /// Writes the configuration and makes an `admin` key; nothing runs yet, so that `apply` can
    /// fill the configuration first.
    ///
    /// # Errors
    ///
    /// When `hookswitch key add` fails.
    pub async fn prepare(self) -> Result<TestHub> {
        let home = tempfile::Builder::new().prefix("hookswitch-test-").tempdir()?;
        let data = self.data.unwrap_or_else(|| home.path().join("data"));
        fs::create_dir_all(&data)?;
        let address = free_address()?;
        let storage =
            self.storage_url.map(|url| format!("[storage]\nurl = {url:?}\n")).unwrap_or_default();
        fs::write(
            home.path().join("hookswitch.toml"),
            format!(
                "[server]\nlisten = \"{address}\"\n{storage}\
                 [delivery]\nallow_networks = [\"127.0.0.0/8\"]\n\
                 [log]\nlevel = \"info\"\n"
            ),
        )?;
        let mut hub =
            TestHub { program: self.program, home, data, address, key: String::new(), child: None };
        hub.key =
            hub.run(&["key", "add", "--name", "test", "--scope", "admin"]).await?.trim().to_owned();
        Ok(hub)
    }

    /// [`HubSetup::prepare`], then [`TestHub::start`].
    ///
    /// # Errors
    ///
    /// When either fails.
    pub async fn start(self) -> Result<TestHub> {
        let mut hub = self.prepare().await?;
        hub.start().await?;
        Ok(hub)
    }
}

/// One hub of a test. When it is dropped the process is killed and the folder removed; when the
/// test is failing, the end of the hub's log is shown first.
#[derive(Debug)]
pub struct TestHub {
    program: PathBuf,
    home: TempDir,
    data: PathBuf,
    address: SocketAddr,
    key: String,
    child: Option<Child>,
}

impl TestHub {
    /// Starts the program and waits until `/readyz` says yes.
    ///
    /// # Errors
    ///
    /// When it ends instead, or is not ready within 30 s; the log is part of the message.
    pub async fn start(&mut self) -> Result<()> {
        self.spawn()?;
        self.ready().await
    }

    /// Starts the program and does not wait.
    ///
    /// # Errors
    ///
    /// When the process cannot be started.
    pub fn spawn(&mut self) -> Result<()> {
        if self.child.is_some() {
            bail!("the hub runs already");
        }
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_path())?;
        let mut command = self.command(&["serve"]);
        self.at_its_place(&mut command);
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("hookswitch serve")?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until `/readyz` says yes.
    ///
    /// # Errors
    ///
    /// When the program ends instead, or is not ready within 30 s.
    pub async fn ready(&mut self) -> Result<()> {
        let api = Api::new(self.address, None);
        let waiting = until("the hub is ready", START_LIMIT, async || {
            let answer = api.request(Method::GET, "/readyz", None).await.ok()?;
            (answer.status == StatusCode::OK).then_some(())
        });
        let child = self.child.as_mut().context("the hub does not run")?;
        let outcome = tokio::select! {
            ready = waiting => ready,
            ended = child.wait() => Err(anyhow::anyhow!("the hub ended: {:?}", ended)),
        };
        outcome.with_context(|| self.log_tail())
    }

    /// Runs another command of the program: asks the hub while it runs, else works on its data.
    /// Gives stdout.
    ///
    /// # Errors
    ///
    /// When it does not exit 0; its messages are part of the error.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.command(arguments);
        if self.child.is_some() {
            command.args(["--server", &self.url()]);
        } else {
            self.at_its_place(&mut command);
        }
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            bail!("hookswitch {}: {}: {message}", arguments.join(" "), output.status);
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Makes the stored configuration what the declarative `toml` says; the hub may run or not.
    ///
    /// # Errors
    ///
    /// When `hookswitch apply` refuses it.
    pub async fn apply(&self, toml: &str) -> Result<String> {
        let file = self.home.path().join("apply.toml");
        fs::write(&file, toml)?;
        let file = file.to_str().context("a path that is no text")?;
        self.run(&["apply", file]).await
    }

    /// SIGKILL, as a crash or a power cut of the process would be; waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub async fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the hub does not run")?;
        child.kill().await?;
        Ok(())
    }

    /// SIGTERM; gives how the process ended.
    ///
    /// # Errors
    ///
    /// When it is still there after `limit`.
    pub async fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        let mut child = self.child.take().context("the hub does not run")?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(pid.context("the hub is gone already")?, Signal::TERM)?;
        timeout(limit, child.wait())
            .await
            .with_context(|| format!("still there {limit:?} after SIGTERM\n{}", self.log_tail()))?
            .context("waiting for the end")
    }

    /// A client with the `admin` key of this hub.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(self.address, Some(self.key.clone()))
    }

    /// The same as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that the hub printed so far, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("HOOKSWITCH_KEY", &self.key);
        command
    }

    fn at_its_place(&self, command: &mut Command) {
        command.arg("--config").arg(self.home.path().join("hookswitch.toml"));
        command.arg("--data-dir").arg(&self.data);
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("hub.log")
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for TestHub {
    #[expect(clippy::print_stderr, reason = "a failing test shows what the hub had to say")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the hub's log ends ---\n{}\n---", self.log_tail());
        }
    }
}

/// A loopback address that nobody listens on now.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
