//! The program `hookswitch`.

use std::process::ExitCode;

fn main() -> ExitCode {
    hub::cli::run()
}
