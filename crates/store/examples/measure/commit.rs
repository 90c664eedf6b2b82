//! What a commit costs, beside what the disk costs: one event at a time, interleaved with plain
//! overwrites that are synced, and a thousand events at a time.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, Instant},
};

use store::StorageUrl;

use crate::site::{Calls, Site, argument, cpu, mean, quantile};

/// Operations of each kind before it is the other's turn, so that a disk whose speed drifts
/// treats both the same.
const INTERLEAVED: usize = 20;
const OVERWRITE_BYTES: usize = 700;
const OVERWRITTEN_BYTES: u64 = 32 << 20;
/// Events of one transaction at full load.
const GROUP: usize = 1_000;
const GROUPS: usize = 120;

pub(crate) async fn measure() {
    let directory = argument("dir").unwrap_or_else(|| ".".to_owned());
    let secs: f64 = argument("secs").and_then(|it| it.parse().ok()).unwrap_or(5.0);
    single(Path::new(&directory), Duration::from_secs_f64(secs)).await;
    let full = groups(&sqlite(&directory)).await;
    if let Some(free) = argument("free-dir") {
        let ratio = full / groups(&sqlite(&free)).await;
        println!("{{\"full_over_off\":{ratio:.2}}}");
    }
    if let Some(url) = argument("postgres") {
        let postgres = groups(&StorageUrl::Postgres(url)).await;
        println!("{{\"postgres_over_sqlite\":{:.2}}}", postgres / full);
    }
}

fn sqlite(directory: &str) -> StorageUrl {
    let path = Path::new(directory).join(format!("commit-{}.db", std::process::id()));
    StorageUrl::Sqlite(path)
}

fn remove(url: &StorageUrl) {
    if let StorageUrl::Sqlite(path) = url {
        for ending in ["", "-wal", "-shm", ".lock"] {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            let _ = std::fs::remove_file(name);
        }
    }
}

/// One event with one delivery per commit; the outcome of the one before rides along.
async fn single(directory: &Path, length: Duration) {
    let url = sqlite(&directory.to_string_lossy());
    let mut site = Site::open(&url).await;
    let plain = directory.join(format!("overwrite-{}", std::process::id()));
    let mut file = File::create(&plain).expect("the directory can be written");
    file.write_all(&vec![1; OVERWRITTEN_BYTES as usize]).expect("there is room");
    file.sync_all().expect("it is synced");
    let (mut overwrites, mut commits, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    let mut calls = Calls::new();
    let mut updates = Vec::new().into_iter();
    let end = Instant::now() + length;
    while Instant::now() < end {
        for _ in 0..INTERLEAVED {
            overwrites.push(overwrite(&mut file));
        }
        for _ in 0..INTERLEAVED {
            let update = loop {
                match updates.next() {
                    Some(update) => break update,
                    None => updates = calls.next().into_iter(),
                }
            };
            let before = site.store.writer().counters().busy;
            let begun = Instant::now();
            site.store.writer().submit(site.turn([update])).await.expect("it is open");
            let commit = site.commits.recv().await.expect("it is open");
            waits.push(begun.elapsed());
            commits.push(site.store.writer().counters().busy - before);
            let delivery = &commit.events[0].deliveries[0].id;
            site.store.writer().record(site.delivered(delivery)).await.expect("it is open");
        }
    }
    let us = |it: Duration| it.as_secs_f64() * 1e6;
    let (commit, plain_write) = (us(mean(&commits)), us(mean(&overwrites)));
    println!(
        "{{\"overwrite_us\":{plain_write:.1},\"commit_us\":{commit:.1},\
         \"commit_over_overwrite\":{:.3},\"commit_p99_us\":{:.1},\"submit_to_subscriber_p50_us\":{:.1}}}",
        commit / plain_write,
        us(quantile(&mut commits, 0.99)),
        us(quantile(&mut waits, 0.5))
    );
    site.store.close().await;
    let _ = std::fs::remove_file(plain);
    remove(&url);
}

fn overwrite(file: &mut File) -> Duration {
    let begun = Instant::now();
    let at = file.stream_position().unwrap_or(0);
    if OVERWRITTEN_BYTES < at + OVERWRITE_BYTES as u64 {
        file.seek(SeekFrom::Start(0)).expect("it can be sought");
    }
    file.write_all(&[7; OVERWRITE_BYTES]).expect("it can be written");
    file.sync_data().expect("it is synced");
    begun.elapsed()
}

/// A thousand events at a time, each with a delivery that is marked as done in a later commit.
/// Gives events per second.
async fn groups(url: &StorageUrl) -> f64 {
    let mut site = Site::open(url).await;
    let mut calls = Calls::new();
    let mut updates: Vec<_> = Vec::new();
    while updates.len() < GROUPS * GROUP {
        updates.extend(calls.next());
    }
    updates.truncate(GROUPS * GROUP);
    let mut events = 0u64;
    let before = (cpu(), site.store.writer().counters());
    let begun = Instant::now();
    let mut groups = updates.chunks(GROUP);
    let mut waiting = 0;
    loop {
        while waiting < 2
            && let Some(group) = groups.next()
        {
            let turn = site.turn(group.iter().cloned());
            site.store.writer().submit(turn).await.expect("it is open");
            waiting += 1;
        }
        if waiting == 0 {
            break;
        }
        let mut count = 0;
        while count < GROUP {
            let commit = site.commits.recv().await.expect("it is open");
            for committed in &commit.events {
                let delivery = &committed.deliveries[0].id;
                site.store.writer().record(site.delivered(delivery)).await.expect("it is open");
            }
            count += commit.events.len();
        }
        waiting -= count / GROUP;
        events += count as u64;
    }
    let wall = begun.elapsed();
    let spent = cpu() - before.0;
    let after = site.store.writer().counters();
    let rate = events as f64 / wall.as_secs_f64();
    println!(
        "{{\"rows\":{events},\"rows_per_s\":{rate:.0},\"cpu_us_per_row\":{:.3},\
         \"writer_us_per_row\":{:.3},\"rows_per_commit\":{},\"store\":\"{url}\"}}",
        spent.as_secs_f64() * 1e6 / events as f64,
        (after.busy - before.1.busy).as_secs_f64() * 1e6 / events as f64,
        (after.events - before.1.events) / (after.commits - before.1.commits).max(1)
    );
    site.store.close().await;
    remove(url);
    rate
}
