//! What the least outbox costs: events with their deliveries in transactions of `--batch`, marked
//! done in a transaction of the same size.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Parser;
use reference::{durable::Outbox, machine::cpu_time};

#[derive(Parser)]
struct Arguments {
    /// A folder on the disk to be measured.
    #[arg(long)]
    dir: PathBuf,
    /// How long, in seconds.
    #[arg(long, default_value_t = 3.0)]
    secs: f64,
    /// Events per transaction.
    #[arg(long, default_value_t = 1000)]
    batch: u16,
    /// SQLite's `synchronous`: `full` or `off`.
    #[arg(long, default_value = "full")]
    sync: String,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut outbox = Outbox::create(&arguments.dir, "outbox", &arguments.sync)?;
    let (began, cpu_before) = (Instant::now(), cpu_time());
    let end = began + Duration::from_secs_f64(arguments.secs);
    let mut rows = 0u64;
    while Instant::now() < end {
        outbox.add(i64::from(arguments.batch))?;
        outbox.mark_done(i64::from(arguments.batch))?;
        rows += u64::from(arguments.batch);
    }
    let (wall, cpu) = (began.elapsed().as_secs_f64(), (cpu_time() - cpu_before).as_secs_f64());
    println!(
        r#"{{"rows":{rows},"rows_per_s":{:.0},"cpu_us_per_row":{:.3}}}"#,
        rows as f64 / wall,
        cpu * 1e6 / rows as f64
    );
    Ok(())
}
