//! Chores of the project: `cargo xtask tidy`.

mod tidy;

use std::{env, path::Path, process::ExitCode};

use anyhow::{Result, bail};

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line speaks on the terminal"
)]
fn main() -> Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    match env::args().nth(1).as_deref() {
        Some("tidy") => {
            let breaches = tidy::check(&root)?;
            for breach in &breaches {
                eprintln!("{breach}");
            }
            println!("tidy: {} breaches", breaches.len());
            Ok(if breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        _ => bail!("usage: cargo xtask tidy"),
    }
}
