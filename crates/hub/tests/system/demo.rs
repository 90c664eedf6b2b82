//! What a newcomer sees first: the two programs that need nothing but the binary.

use std::{collections::HashMap, net::SocketAddr, process::Stdio, time::Duration};

use anyhow::{Context, Result};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Api, until};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStdout, Command},
};

/// How long the demonstration may take to show a whole call.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// The demonstration as a process, with a place of its own for what it writes.
struct Demo {
    child: Child,
    stdout: BufReader<ChildStdout>,
    scratch: TempDir,
    hub: Api,
    business: Api,
}

/// What stands behind a word of the introduction.
fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.trim().strip_prefix(word)?.split_whitespace().next()
}

/// The event in a delivery.
fn body(delivery: &Value) -> Value {
    serde_json::from_str(delivery["body"].as_str().unwrap_or_default()).unwrap_or_default()
}

fn address(url: &str) -> Result<SocketAddr> {
    Ok(url.strip_prefix("http://").context("no http:// address")?.parse()?)
}

impl Demo {
    async fn start() -> Result<Demo> {
        let scratch = TempDir::new()?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_hookswitch"))
            .args(["demo", "--listen", "127.0.0.1:0"])
            .env("TMPDIR", scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("no stdout")?);
        let (mut open, mut delivered, mut key) = (None, None, None);
        while key.is_none() {
            let mut line = String::new();
            anyhow::ensure!(stdout.read_line(&mut line).await? > 0, "the introduction ends");
            open = open.or(after(&line, "Open").map(address).transpose()?);
            delivered = delivered.or(after(&line, "Delivered").map(address).transpose()?);
            let bearer = line.split_once("Bearer ").and_then(|it| it.1.split('\'').next());
            key = bearer.map(str::to_owned);
        }
        let hub = Api::new(open.context("no address of the hub")?, key);
        let business = Api::new(delivered.context("no address of the business system")?, None);
        Ok(Demo { child, stdout, scratch, hub, business })
    }

    /// What the business system has received, oldest first.
    async fn received(&self) -> Result<Vec<Value>> {
        let list = self.business.get("/received").await?;
        let items = list["items"].as_array().context("no list")?;
        Ok(items.iter().rev().cloned().collect())
    }

    /// SIGTERM; gives the exit code.
    async fn end(&mut self) -> Result<Option<i32>> {
        let pid = self.child.id().context("it has ended already")?;
        Command::new("kill").arg(pid.to_string()).status().await?;
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).await?;
        Ok(self.child.wait().await?.code())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn demonstration_shows_calls_takes_a_dial_and_leaves_nothing_behind() {
    let mut demo = Demo::start().await.unwrap();
    let dial = json!({ "number": "0612341596", "extension": "203" });
    let link_up = async || {
        let answer = demo.hub.request(Method::POST, "/api/v1/dial", Some(&dial)).await.ok()?;
        (answer.status == 202).then(|| answer.json())
    };
    let request = until("the dial is taken", CALL_LIMIT, link_up).await.unwrap();

    let dialled = async || {
        let calls = demo.hub.list("/api/v1/calls?extension=203").await.ok()?;
        calls.into_iter().find(|it| it["dial_request"] == request["id"] && it["state"] == "talking")
    };
    let call = until("the number that was clicked answers", CALL_LIMIT, dialled).await.unwrap();
    assert_eq!(call["direction"], "outbound");
    assert_eq!(call["to"]["number"], "+390612341596");

    let whole_call = async || {
        let received = demo.received().await.ok()?;
        let ended = |it: &Value| body(it)["call"]["outcome"] == "answered";
        received.iter().any(ended).then_some(received)
    };
    let received = until("an answered call ends", CALL_LIMIT, whole_call).await.unwrap();
    assert!(received.iter().all(|it| it["signature"] == "valid"), "{received:#?}");
    let mut last: HashMap<String, u64> = HashMap::new();
    for event in received.iter().map(body) {
        let sequence = event["sequence"].as_u64().unwrap();
        let before = last.insert(event["call"]["id"].to_string(), sequence).unwrap_or(0);
        assert!(before < sequence, "out of order: {event}");
    }

    assert_eq!(demo.end().await.unwrap(), Some(0));
    let left = std::fs::read_dir(demo.scratch.path()).unwrap().count();
    assert_eq!(left, 0, "something is left behind");
}

#[tokio::test]
async fn simulated_load_ends_by_itself_and_tells_what_was() {
    let scratch = TempDir::new().unwrap();
    let ends = scratch.path().join("ends.jsonl");
    let output = Command::new(env!("CARGO_BIN_EXE_hookswitch"))
        .args(["simulate", "--listen", "127.0.0.1:0", "--at-once", "--calls", "5", "--rate", "50"])
        .args(["--mix", "busy", "--ring-ms", "50", "--ends"])
        .arg(&ends)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = stdout.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert!(lines[0]["listening"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(lines[1]["ended"], 5);
    let ends = std::fs::read_to_string(ends).unwrap();
    assert_eq!(ends.lines().count(), 5);
    let end: Value = serde_json::from_str(ends.lines().next().unwrap()).unwrap();
    assert_eq!((&end["outcome"], &end["kind"]), (&json!("busy"), &json!("busy")));
    assert_eq!(end["reported"], false, "nobody listened");
}

#[tokio::test]
async fn simulate_refuses_what_makes_no_sense_with_exit_code_2() {
    for (arguments, message) in [
        (["--listen", "0.0.0.0:0"], "not a loopback address"),
        (["--rate", "0"], "from 0.001 to 100000"),
        (["--mix", "answred"], "there are answered"),
        (["--talk-ms", "9-3"], "the smaller one first"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hookswitch"));
        let output = command.arg("simulate").args(arguments).output().await.unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
    }
}
