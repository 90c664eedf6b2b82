//! Whatever breaks, no call is lost, none is doubled, and every event reaches its endpoint in
//! order: the real program under the load of a simulated phone system.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use simulator::random::Random;
use tempfile::TempDir;
use testkit::{POSTGRES, Pushed, needs, skipped, until};
use tokio::time::sleep;

use crate::{
    office::{Office, PBX},
    support::{self, calls_of, hookswitch, pushes_to},
};

/// How often the hub is killed in one run.
const KILLS: u32 = 30;

/// How long the hub lives between two kills, in milliseconds: from hardly in step to a while.
const LIFE_MS: (u32, u32) = (150, 900);

/// What SIGTERM may take, by the promise to whoever runs the hub.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn thirty_kills_lose_no_call_and_no_delivery() {
    let mut office = Office::open(hookswitch(), 20.0, 1, "").await.unwrap();
    kill_again_and_again(&mut office, 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_kills_lose_nothing_on_postgres() {
    let Some(url) = needs(POSTGRES, "thirty kills of the hub on PostgreSQL") else { return };
    let url = new_database(&url).unwrap();
    let mut office = Office::open(hookswitch().storage(url), 20.0, 2, "").await.unwrap();
    kill_again_and_again(&mut office, 2).await.unwrap();
}

/// The moments follow from `seed`, so that a run that failed can be had again.
async fn kill_again_and_again(office: &mut Office, seed: u64) -> Result<()> {
    let mut random = Random::new(seed);
    let mut since_us = office.now_us();
    let mut lives = Vec::new();
    for _ in 0..KILLS {
        // The only way to be somewhere in the middle of things is to let time pass.
        let life_ms = random.between(LIFE_MS.0, LIFE_MS.1);
        sleep(Duration::from_millis(life_ms.into())).await;
        lives.push((since_us, office.now_us()));
        office.hub.kill().await?;
        office.hub.start().await?;
        office.link_is_up().await?;
        since_us = office.now_us();
    }
    office.calls_end(40).await?;
    let calls = office.close().await?;
    lives.push((since_us, office.now_us()));
    ensure!(calls.len() > 200, "only {} calls: no load worth the name", calls.len());
    let (whole, inexact) = office.whole_within(&lives, &calls);
    ensure!(whole > 20, "only {whole} calls were touched by no kill");
    ensure!(inexact.is_empty(), "calls that no kill touched are wrong:\n{}", inexact.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_link_is_made_again_and_no_call_stays_open() {
    let office = Office::open(hookswitch(), 20.0, 3, "").await.unwrap();
    for _ in 0..5 {
        office.calls_end(10).await.unwrap();
        let logins = office.pbx.counts().logins;
        office.pbx.drop_connections();
        let again = async || (office.pbx.counts().logins > logins).then_some(());
        until("the hub logs in again", support::LINK_LIMIT, again).await.unwrap();
        office.link_is_up().await.unwrap();
    }
    office.calls_end(40).await.unwrap();
    office.close().await.unwrap();
}

/// A cable is pulled: the socket stays, and nothing comes any more.
#[tokio::test(flavor = "multi_thread")]
async fn silent_link_is_noticed_and_made_again() {
    let office = Office::open(hookswitch(), 20.0, 8, "").await.unwrap();
    office.calls_end(10).await.unwrap();
    let logins = office.pbx.counts().logins;
    office.pbx.half_open();
    let again = async || (office.pbx.counts().logins > logins).then_some(());
    until("the hub notices the silence", support::LINK_LIMIT, again).await.unwrap();
    office.link_is_up().await.unwrap();
    office.calls_end(40).await.unwrap();
    office.close().await.unwrap();
}

/// The PBX crashes: nobody ever reports the ends of its calls, and the hub concludes them.
#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_phone_system_that_crashed_are_closed() {
    let office = Office::open(hookswitch(), 20.0, 4, "").await.unwrap();
    office.calls_end(10).await.unwrap();
    office.pbx.restart();
    office.link_is_up().await.unwrap();
    office.calls_end(40).await.unwrap();
    let calls = office.close().await.unwrap();
    let concluded = calls.values().filter(|it| it["estimated"] == true).count();
    assert!(concluded > 0, "no call's end was concluded");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_endpoint_keeps_its_deliveries_and_delays_nobody() {
    let dead = pushes_to("dead", "http://127.0.0.1:9/nobody-listens");
    let office = Office::open(hookswitch(), 20.0, 5, &dead).await.unwrap();
    office.calls_end(60).await.unwrap();
    office.close().await.unwrap();

    let api = office.hub.api();
    let integrations = api.list("/api/v1/integrations").await.unwrap();
    let id_of =
        |name: &str| integrations.iter().find(|it| it["name"] == name).unwrap()["id"].clone();
    let deliveries_to = async |name: &str, status: &str| {
        let id = id_of(name);
        let id = id.as_str().unwrap();
        api.list(&format!("/api/v1/deliveries?integration={id}&status={status}"))
            .await
            .unwrap()
            .len()
    };
    assert_eq!(deliveries_to("dead", "delivered").await, 0);
    assert_eq!(deliveries_to("dead", "dead").await, 0, "given up long before the age for it");
    let delivered = async || (deliveries_to("far-end", "pending").await == 0).then_some(());
    until("all is delivered to the other", support::KNOWN_LIMIT, delivered).await.unwrap();
    assert_eq!(deliveries_to("dead", "pending").await, deliveries_to("far-end", "delivered").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_in_good_order_and_nothing_is_sent_twice() {
    let mut office = Office::open(hookswitch(), 20.0, 6, "").await.unwrap();
    office.calls_end(20).await.unwrap();
    let status = office.hub.terminate(DRAIN_LIMIT).await.unwrap();
    assert!(status.success(), "{status}");
    office.hub.start().await.unwrap();
    office.link_is_up().await.unwrap();
    office.calls_end(40).await.unwrap();
    office.close().await.unwrap();
    assert_eq!(Pushed::read(&office.far_end.bodies()).repeated(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_stops_nothing_for_good() {
    let small = match SmallDisk::mount() {
        Ok(small) => small,
        Err(error) => {
            skipped("a full disk", &format!("{error:#}"));
            return;
        }
    };
    let office = Office::open(hookswitch().data_dir(small.folder()), 10.0, 7, "").await.unwrap();
    office.calls_end(20).await.unwrap();
    small.fill().unwrap();
    let api = office.hub.api();
    let not_ready = async || {
        (api.request(http::Method::GET, "/readyz", None).await.ok()?.status == 503).then_some(())
    };
    until("the hub says that it cannot store", support::LINK_LIMIT, not_ready).await.unwrap();
    assert_eq!(api.request(http::Method::GET, "/healthz", None).await.unwrap().status, 200);
    let known = calls_of(&api, PBX).await.unwrap().len();
    office.calls_end(20).await.unwrap();

    small.clear().unwrap();
    let more = async || (calls_of(&api, PBX).await.ok()?.len() > known).then_some(());
    until("the hub stores calls again", support::LINK_LIMIT, more).await.unwrap();
    office.calls_end(20).await.unwrap();
    office.close().await.unwrap();
}

/// A file system of a few megabytes, in memory; gone when dropped.
struct SmallDisk {
    folder: TempDir,
}

/// Room for the database of a few hundred calls and its log, and quick to fill.
const SMALL_DISK_BYTES: usize = 16 * 1024 * 1024;

impl SmallDisk {
    fn mount() -> Result<SmallDisk> {
        let folder = TempDir::new()?;
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={SMALL_DISK_BYTES}"), "tmpfs"])
            .arg(folder.path())
            .output()
            .context("mount")?;
        let message = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "a small file system cannot be mounted: {}",
            message.trim()
        );
        Ok(SmallDisk { folder })
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }

    /// Leaves not a single byte.
    fn fill(&self) -> Result<()> {
        use std::io::Write;
        let mut file = fs::File::create(self.ballast())?;
        for size in [64 * 1024, 4096, 1] {
            let block = vec![0; size];
            while file.write_all(&block).is_ok() {}
        }
        Ok(())
    }

    fn clear(&self) -> Result<()> {
        Ok(fs::remove_file(self.ballast())?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the hub that is being killed may still have a file open.
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

/// A database of its own on the test server, so that other tests are not met there.
fn new_database(server: &str) -> Result<String> {
    let name = format!("faults_{}", std::process::id());
    let output = Command::new("psql")
        .args([server, "-qc", &format!("create database {name}")])
        .output()
        .context("psql")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (base, _) = server.rsplit_once('/').context("no database in the URL")?;
    Ok(format!("{base}/{name}"))
}
