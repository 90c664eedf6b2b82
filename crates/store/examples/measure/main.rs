//! Measures the store: what a commit costs, and how long a page of the history takes.
//!
//! `cargo run --release -p store --example measure -- commit --dir DIR [--secs S]
//! [--free-dir /dev/shm] [--postgres URL]`: `--free-dir` is a directory where syncs cost nothing.
//!
//! `cargo run --release -p store --example measure -- history --url sqlite:FILE|postgres://…
//! [--calls N] [--rounds N]`: fills the database first unless it is filled already.

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

mod commit;
mod history;
mod site;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a run time");
    match std::env::args().nth(1).as_deref() {
        Some("commit") => runtime.block_on(commit::measure()),
        Some("history") => runtime.block_on(history::measure()),
        _ => println!("what is to be measured? `commit` or `history`"),
    }
}
