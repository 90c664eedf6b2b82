//! Writes a synthetic AMI stream to a file and prints what it holds, as one JSON object.

use std::{fs::File, io::BufWriter, path::PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use reference::stream::{self, Part};

#[derive(Parser)]
struct Arguments {
    /// Where the stream goes.
    #[arg(long)]
    out: PathBuf,
    /// How many calls; 14,137 are 200 MB.
    #[arg(long, default_value_t = 14_137)]
    calls: u64,
    /// How many of them run at a time.
    #[arg(long, default_value_t = 50)]
    in_flight: usize,
    /// Leaves every call in conversation.
    #[arg(long)]
    until_answered: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let file = File::create(&arguments.out)
        .with_context(|| format!("cannot create {}", arguments.out.display()))?;
    let mut out = BufWriter::new(file);
    let part = if arguments.until_answered { Part::UntilAnswered } else { Part::Whole };
    let counts = stream::write(&mut out, arguments.calls, arguments.in_flight, part)?;
    out.into_inner()?.sync_all()?;
    println!(
        r#"{{"calls":{},"answered":{},"events":{},"bytes":{}}}"#,
        counts.calls, counts.answered, counts.events, counts.bytes
    );
    Ok(())
}
