//! One durable write of each kind in turn, twenty at a time, so that a disk whose speed drifts is
//! the same for both: a file's blocks overwritten and synced, and a transaction of one event with
//! its delivery in SQLite (WAL, synchronous FULL).

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Parser;
use reference::{
    durable::{Outbox, Overwritten},
    latency::Latencies,
};

#[derive(Parser)]
struct Arguments {
    /// A folder on the disk to be measured.
    #[arg(long)]
    dir: PathBuf,
    /// How long, in seconds.
    #[arg(long, default_value_t = 4.0)]
    secs: f64,
}

/// Writes of one kind before the other kind's turn.
const TURN: usize = 20;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut file = Overwritten::create(&arguments.dir)?;
    let mut outbox = Outbox::create(&arguments.dir, "interleave", "full")?;
    let (mut overwrites, mut commits) = (Latencies::default(), Latencies::default());
    let end = Instant::now() + Duration::from_secs_f64(arguments.secs);
    while Instant::now() < end {
        for _ in 0..TURN {
            let began = Instant::now();
            file.write()?;
            overwrites.record(began.elapsed());
        }
        for _ in 0..TURN {
            let began = Instant::now();
            outbox.add(1)?;
            commits.record(began.elapsed());
        }
    }
    println!(r#"{{"overwrite":{{{}}},"commit":{{{}}}}}"#, overwrites.fields(), commits.fields());
    Ok(())
}
