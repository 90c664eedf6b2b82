//! Servers that a test needs and that not every machine has: found by environment variables,
//! which `make test` sets. Without them the test is left out, and says so.

use std::{fs::OpenOptions, io::Write};

/// The private PostgreSQL server, as `postgres://…`.
pub const POSTGRES: &str = "TEST_POSTGRES_URL";
/// Folder with a Debian that has Asterisk 16.
pub const ASTERISK_16: &str = "TEST_ASTERISK_16";
/// Folder with a Debian that has Asterisk 22.
pub const ASTERISK_22: &str = "TEST_ASTERISK_22";
/// The program `chromedriver`; Chromium is beside it.
pub const CHROMEDRIVER: &str = "TEST_CHROMEDRIVER";

/// File to which tests that were left out are noted, one line each, so that `make test` can list
/// them at the end: a test that passes has no place on the screen.
const SKIPPED_FILE: &str = "TEST_SKIPPED_FILE";

/// The value of `variable`, or `None` after it was made known that `test` is left out.
#[must_use]
pub fn needs(variable: &str, test: &str) -> Option<String> {
    let found = environment(variable).filter(|it| !it.is_empty());
    if found.is_none() {
        skipped(test, &format!("{variable} is not set; `make test` sets it where it can"));
    }
    found
}

/// Makes known that `test` is left out, and why.
#[expect(clippy::print_stdout, reason = "whoever runs the test by hand is to see it")]
pub fn skipped(test: &str, reason: &str) {
    let line = format!("SKIPPED: {test}: {reason}");
    println!("{line}");
    let Some(path) = environment(SKIPPED_FILE) else { return };
    if let Ok(mut file) = OpenOptions::new().append(true).create(true).open(path) {
        // One write, so that lines of tests that run at the same time do not mix.
        let _ = file.write_all(format!("{line}\n").as_bytes());
    }
}

#[expect(clippy::disallowed_methods, reason = "test servers are given by the environment")]
fn environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}
